using System.Text.Json;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual page http/request in C#, run against a real client. The one of the session id is with the
/// sessions.
/// </summary>
[ManualPage("http/request.md", Different = "what takes no argument is a property")]
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class RequestPageTests(Type loopType)
{
    [Test]
    public async Task GetTheRequestObject()
    {
        await using TestServer server = Serve((connection, request) => connection.Send("hello"));
        Assert.That(await Get(server), Is.EqualTo("hello"));
    }

    [Test]
    public async Task GetTheWholeGetArray()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            IReadOnlyDictionary<string, string> get = request.Get();
            connection.Send(Export(get));
        });
        Assert.That(await Get(server), Is.Empty);
        Assert.That(await Get(server, "?name=jerry&age=12"), Is.EqualTo("name=jerry;age=12"));
    }

    [Test]
    public async Task GetOneValueOfTheGetArray()
    {
        await using TestServer server = Serve((connection, request) => connection.Send(request.Get("name") ?? "null"));
        Assert.That(await Get(server, "?name=jerry&age=12"), Is.EqualTo("jerry"));
        Assert.That(await Get(server), Is.EqualTo("null"));
    }

    [Test]
    public async Task GetOneValueOfTheGetArrayWithADefault()
    {
        await using TestServer server = Serve((connection, request) => connection.Send(request.Get("name", "tom")));
        Assert.That((await Get(server), await Get(server, "?name=jerry")), Is.EqualTo(("tom", "jerry")));
    }

    [Test]
    public async Task PostTheWholeArray()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            IReadOnlyDictionary<string, string> post = request.Post();
            connection.Send(Export(post));
        });
        Assert.That(await Post(server, new FormUrlEncodedContent([new("name", "jerry m"), new("age", "12")])),
            Is.EqualTo("name=jerry m;age=12"));
        Assert.That(await Get(server), Is.Empty);
    }

    [Test]
    public async Task PostOneValueWithAndWithoutADefault()
    {
        await using TestServer server =
            Serve((connection, request) => connection.Send($"{request.Post("name") ?? "null"} {request.Post("name", "tom")}"));
        Assert.That(await Post(server, new FormUrlEncodedContent([new("name", "jerry")])), Is.EqualTo("jerry jerry"));
        Assert.That(await Post(server, new FormUrlEncodedContent([])), Is.EqualTo("null tom"));
    }

    [Test]
    public async Task RawBody()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            using JsonDocument post = JsonDocument.Parse(request.RawBody);
            connection.Send($"hello {post.RootElement.GetProperty("name")}");
        });
        Assert.That(await Post(server, new StringContent("{\"name\":\"tom\"}")), Is.EqualTo("hello tom"));
    }

    [Test]
    public async Task HeaderWholeOneAndDefault()
    {
        await using TestServer server = Serve((connection, request) =>
            connection.Send($"{request.Header()["x-name"]} {request.Header("x-name")} {request.Header("none", "localhost")} "
                + $"{request.Header("none") ?? "null"}"));
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Add("X-Name", "tom");
        Assert.That(await client.GetStringAsync(server.Uri), Is.EqualTo("tom tom localhost null"));
    }

    [Test]
    public async Task HeaderDecidesWhetherTheConnectionIsClosed()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            if (request.Header("connection") == "keep-alive") connection.Send("hello");
            else connection.Close("hello");
        });
        foreach (bool close in new[] { false, true })
        {
            using var client = new HttpClient();
            using var request = new HttpRequestMessage(HttpMethod.Get, server.Uri);
            if (close) request.Headers.ConnectionClose = true;
            else request.Headers.Connection.Add("keep-alive");
            using HttpResponseMessage response = await client.SendAsync(request);
            Assert.That((await response.Content.ReadAsStringAsync(), response.Headers.ConnectionClose == true),
                Is.EqualTo(("hello", close)));
        }
    }

    [Test]
    public async Task CookieWholeOneAndDefault()
    {
        await using TestServer server = Serve((connection, request) =>
            connection.Send($"{Export(request.Cookie())} {request.Cookie("name")} {request.Cookie("none", "tom")}"));
        using var browser = new Browser(server.Uri);
        browser.Cookies.Add(server.Uri, new System.Net.Cookie("name", "jerry"));
        browser.Cookies.Add(server.Uri, new System.Net.Cookie("age", "12"));
        Assert.That(await browser.Get(), Is.EqualTo("name=jerry;age=12 jerry tom"));
    }

    [Test]
    public async Task UploadedFilesWhole()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            IReadOnlyDictionary<string, UploadedFile> files = request.File();
            connection.Send(string.Join(';', files.Select(f => $"{f.Key}: {f.Value.Name} {f.Value.Size} {(int)f.Value.Error} "
                + $"{f.Value.ContentType} {File.ReadAllText(f.Value.TmpName)}")));
        });
        using var form = new MultipartFormDataContent
        {
            { new StringContent("jpeg"), "avatar", "123.jpg" },
            { new StringContent("text"), "anotherfile", "456.txt" },
        };
        Assert.That(await Post(server, form), Is.EqualTo(
            "avatar: 123.jpg 4 0 text/plain; charset=utf-8 jpeg;anotherfile: 456.txt 4 0 text/plain; charset=utf-8 text"));
        Assert.That(await Get(server), Is.Empty, "without files the array is empty");
    }

    [Test]
    public async Task UploadedFileIsMovedToItsPlace()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        string place = Path.Combine(folder, "123.jpg");
        await using TestServer server = Serve((connection, request) =>
        {
            UploadedFile? file = request.File("avatar");
            if (file is { Error: UploadError.Ok })
            {
                File.Move(file.TmpName, place);
                connection.Send("ok");
                return;
            }
            connection.Send("upload fail");
        });
        using var form = new MultipartFormDataContent { { new ByteArrayContent([1, 2, 3]), "avatar", "me.jpg" } };
        Assert.That(await Post(server, form), Is.EqualTo("ok"));
        Assert.That(await File.ReadAllBytesAsync(place), Is.EqualTo(new byte[] { 1, 2, 3 }));
        Assert.That(await Get(server), Is.EqualTo("upload fail"));
        Directory.Delete(folder, recursive: true);
    }

    [Test]
    public async Task HostWithAndWithoutThePort()
    {
        await using TestServer server =
            Serve((connection, request) => connection.Send($"{request.Host} {request.HostWithoutPort}"));
        Assert.That(await Get(server, "?name=tom"), Is.EqualTo($"127.0.0.1:{server.EndPoint.Port} 127.0.0.1"));
    }

    [Test]
    public async Task Method([Values("GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")] string method)
    {
        await using TestServer server = Serve((connection, request) => connection.Send(request.Method));
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(new HttpMethod(method), server.Uri);
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo(method));
    }

    [Test]
    public async Task UriPathAndQueryString()
    {
        await using TestServer server =
            Serve((connection, request) => connection.Send($"{request.Uri} {request.Path} {request.QueryString}"));
        Assert.That(await Get(server, "user/get.php?uid=10&type=2"),
            Is.EqualTo("/user/get.php?uid=10&type=2 /user/get.php uid=10&type=2"));
    }

    [Test]
    public async Task ProtocolVersion([Values("1.0", "1.1")] string version)
    {
        await using TestServer server = Serve((connection, request) => connection.Send(request.ProtocolVersion));
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, server.Uri) { Version = new Version(version) };
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo(version));
    }

    private TestServer Serve(Action<TcpConnection, Request> onMessage) => TestServer.Http(loopType, onMessage);

    private static string Export(IReadOnlyDictionary<string, string> array) =>
        string.Join(';', array.Select(element => $"{element.Key}={element.Value}"));

    private static async Task<string> Get(TestServer server, string path = "")
    {
        using var client = new HttpClient();
        return await client.GetStringAsync(new Uri(server.Uri, path));
    }

    private static async Task<string> Post(TestServer server, HttpContent content)
    {
        using var client = new HttpClient();
        using HttpResponseMessage response = await client.PostAsync(server.Uri, content);
        return await response.Content.ReadAsStringAsync();
    }
}
