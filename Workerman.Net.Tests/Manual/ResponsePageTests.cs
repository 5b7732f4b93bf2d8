using System.Globalization;
using System.Net;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>The examples of the page http/response of Workerman's manual, in C#, against a real client.</summary>
[ManualPage("http/response.md")]
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ResponsePageTests(Type loopType)
{
    [Test]
    public async Task QuickResponse()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            connection.Send("this is body");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = ClientOf(server);
        using HttpResponseMessage response = await client.GetAsync("/");
        Assert.That((response.StatusCode, await response.Content.ReadAsStringAsync()),
            Is.EqualTo((HttpStatusCode.OK, "this is body")));
    }

    [Test]
    public async Task ChangingTheStatus()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            if (request.Path == "/404")
            {
                connection.Send(new Response(404, [], "<h1>Sorry, the file does not exist</h1>"));
            }
            else
            {
                connection.Send("this is body");
            }
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = ClientOf(server);
        using HttpResponseMessage missing = await client.GetAsync("/404");
        Assert.That((missing.StatusCode, await missing.Content.ReadAsStringAsync()),
            Is.EqualTo((HttpStatusCode.NotFound, "<h1>Sorry, the file does not exist</h1>")));
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("this is body"));
    }

    [Test]
    public async Task ChangingTheStatusLater()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            var response = new Response(200);
            response.WithStatus(404);
            connection.Send(response);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = ClientOf(server);
        using HttpResponseMessage response = await client.GetAsync("/");
        Assert.That((response.StatusCode, response.ReasonPhrase), Is.EqualTo((HttpStatusCode.NotFound, "Not Found")));
    }

    [Test]
    public async Task SendingHeaders()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            var response = new Response(200, new()
            {
                ["Content-Type"] = "text/html",
                ["X-Header-One"] = "Header Value",
            }, "this is body");
            connection.Send(response);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = ClientOf(server);
        using HttpResponseMessage response = await client.GetAsync("/");
        Assert.That((response.Content.Headers.ContentType!.ToString(), response.Headers.GetValues("X-Header-One").Single(),
            await response.Content.ReadAsStringAsync()),
            Is.EqualTo(("text/html", "Header Value", "this is body")));
    }

    [Test]
    public async Task AddingAndChangingHeaders()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            var response = new Response(200);
            response.Header("X-Header-Two", "Another Value");
            response.WithHeaders(new Dictionary<string, string>
            {
                ["Content-Type"] = "application/json",
                ["X-Header-One"] = "Header Value",
            });
            connection.Send(response);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = ClientOf(server);
        using HttpResponseMessage response = await client.GetAsync("/");
        Assert.That((response.Content.Headers.ContentType!.ToString(), response.Headers.GetValues("X-Header-One").Single(),
            response.Headers.GetValues("X-Header-Two").Single()),
            Is.EqualTo(("application/json", "Header Value", "Another Value")));
    }

    [Test]
    public async Task Redirection()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            if (request.Path == "/test_location")
            {
                connection.Send("arrived");
                return;
            }
            string location = "/test_location";
            var response = new Response(302, new() { ["Location"] = location });
            connection.Send(response);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = ClientOf(server);
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("arrived"));
    }

    [Test]
    public async Task SendingACookie()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            var response = new Response(200, [], "this is body");
            response.Cookie("name", "tom");
            connection.Send(response);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        var cookies = new CookieContainer();
        using var client = new HttpClient(new HttpClientHandler { CookieContainer = cookies }) { BaseAddress = server.Uri };
        Assert.That(await client.GetStringAsync("/"), Is.EqualTo("this is body"));
        Assert.That(cookies.GetCookies(server.Uri)["name"]!.Value, Is.EqualTo("tom"));
    }

    [Test]
    public async Task SendingAFile()
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("file.html", "<h1>a file</h1>");
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            // The manual's own check; the library does the same by itself.
            if (request.Header("if-modified-since") is { Length: > 0 } ifModifiedSince)
            {
                string modifiedTime = File.GetLastWriteTimeUtc(file).ToString("R", CultureInfo.InvariantCulture);
                if (modifiedTime == ifModifiedSince)
                {
                    connection.Send(new Response(304));
                    return;
                }
            }
            Response response = new Response().WithFile(file);
            connection.Send(response);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = ClientOf(server);
        using HttpResponseMessage first = await client.GetAsync("/");
        Assert.That((first.StatusCode, first.Content.Headers.ContentType!.ToString(), await first.Content.ReadAsStringAsync()),
            Is.EqualTo((HttpStatusCode.OK, "text/html; charset=utf-8", "<h1>a file</h1>")));
        client.DefaultRequestHeaders.IfModifiedSince = first.Content.Headers.LastModified;
        using HttpResponseMessage second = await client.GetAsync("/");
        Assert.That(second.StatusCode, Is.EqualTo(HttpStatusCode.NotModified));
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow);
        using HttpResponseMessage third = await client.GetAsync("/");
        Assert.That(third.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    [Test]
    public async Task SendingAFileThatIsNotThere()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            Response response = new Response().WithFile("/your/path/of/file");
            connection.Send(response);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = ClientOf(server);
        using HttpResponseMessage response = await client.GetAsync("/");
        Assert.That((response.StatusCode, await response.Content.ReadAsStringAsync()),
            Is.EqualTo((HttpStatusCode.NotFound, "<h3>404 Not Found</h3>")));
    }

    [Test]
    public async Task SendingChunks()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, "hello"));
            connection.Send(new Chunk("first piece"));
            connection.Send(new Chunk("second piece"));
            connection.Send(new Chunk("third piece"));
            connection.Send(new Chunk(""));
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = ClientOf(server);
        for (int i = 0; i < 2; i++)
        {
            using HttpResponseMessage response = await client.GetAsync("/");
            Assert.That(response.Headers.TransferEncodingChunked, Is.True);
            Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("hellofirst piecesecond piecethird piece"));
        }
    }

    private static HttpClient ClientOf(TestServer server) => new() { BaseAddress = server.Uri };
}
