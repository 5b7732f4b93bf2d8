using System.Net;
using System.Text;
using System.Text.Json;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of the pages components/workerman-http-client, http/SSE, fiber and appendices/event of Workerman's manual, in
/// C#, with local servers in the places of those out on the internet. What waits is awaited: PHP's callbacks, fibers and
/// coroutines are async methods.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HttpClientPageTests(Type loopType)
{
    private const string Client = "HttpClient of .NET, awaited; one for all requests";
    private const string Await = "a coroutine is an async method; it goes on on the loop that it began on";

    private static readonly HttpClient Http = new(new SocketsHttpHandler
    {
        // PHP: max_conn_per_addr, keepalive_timeout, connect_timeout; and timeout below.
        MaxConnectionsPerServer = 128,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(15),
        ConnectTimeout = TimeSpan.FromSeconds(30),
    })
    {
        Timeout = TimeSpan.FromSeconds(30),
    };

    /// <summary>The first, the fourth and the last: GET, POST and a request with all its parts, and what fails.</summary>
    [ManualPage("components/workerman-http-client.md", Different = Client)]
    [Test]
    public async Task GetPostAndRequest()
    {
        using var output = new EventQueue();
        await using TestServer site = TestServer.Http(loopType, (connection, request) =>
            connection.Send($"{request.Method} {string.Join(',', request.Post().Select(pair => $"{pair.Key}={pair.Value}"))}"));
        Uri refused = new($"http://127.0.0.1:{Peer.UnusedPort()}/");
        var worker = new Worker();
        worker.OnWorkerStart = worker => Timer.DelayAsync(0, async () =>
        {
            using (HttpResponseMessage response = await Http.GetAsync(site.Uri))
                output.Add($"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");

            using (HttpResponseMessage response = await Http.PostAsync(site.Uri, Form()))
                output.Add($"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");

            using var request = new HttpRequestMessage(HttpMethod.Post, site.Uri)
            {
                Version = HttpVersion.Version11,
                Headers = { Connection = { "keep-alive" } },
                Content = Form(),
            };
            using (HttpResponseMessage response = await Http.SendAsync(request))
                output.Add(await response.Content.ReadAsStringAsync());
            try
            {
                await Http.GetStringAsync(refused);
            }
            catch (HttpRequestException e)
            {
                output.Add($"{e.HttpRequestError}");
            }
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That((output.Next(), output.Next(), output.Next(), output.Next()), Is.EqualTo(
            ("200 GET ", "200 POST key1=value1,key2=value2", "POST key1=value1,key2=value2", "ConnectionError")));

        static FormUrlEncodedContent Form() => new([new("key1", "value1"), new("key2", "value2")]);
    }

    /// <summary>The second: a file and a field.</summary>
    [ManualPage("components/workerman-http-client.md", Different = Client)]
    [Test]
    public async Task UploadAFile()
    {
        await using TestServer site = TestServer.Http(loopType, (connection, request) =>
            connection.Send($"{request.File("file")!.Name} {request.File("file")!.Size} {request.Post("json")}"));
        using var multipart = new MultipartFormDataContent
        {
            { new ByteArrayContent(new byte[1000]), "file", "program.cs" },
            { new StringContent(JsonSerializer.Serialize(new { a = 1, b = 2 })), "json" },
        };
        using HttpResponseMessage response = await Http.PostAsync(site.Uri, multipart);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo("program.cs 1000 {\"a\":1,\"b\":2}"));
    }

    /// <summary>The third: what a language model sends is handed on piece by piece.</summary>
    [ManualPage("components/workerman-http-client.md", Different = Client)]
    [Test]
    public async Task StreamIsHandedOnAsItComes()
    {
        var goOn = new TaskCompletionSource();
        await using TestServer model = TestServer.Start(loopType, new Worker("http://127.0.0.1:0")
        {
            OnMessageAsync = async (connection, request) =>
            {
                Assert.That(request.Header("authorization"), Is.EqualTo("Bearer key"));
                connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, "Hello"));
                await goOn.Task;
                connection.Send(new Chunk(" world"));
                connection.Send(new Chunk(""));
            },
        });
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessageAsync = async (connection, request) =>
        {
            using var question = new HttpRequestMessage(HttpMethod.Post, model.Uri)
            {
                Headers = { { "Authorization", "Bearer key" } },
                Content = new StringContent("""{"model":"gpt","stream":true}""", Encoding.UTF8, "application/json"),
            };
            using HttpResponseMessage answer = await Http.SendAsync(question, HttpCompletionOption.ResponseHeadersRead);
            connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, " "));
            await using Stream body = await answer.Content.ReadAsStreamAsync();
            byte[] buffer = new byte[4096];
            // The progress of PHP's client.
            for (int count; (count = await body.ReadAsync(buffer)) > 0;) connection.Send(new Chunk(buffer.AsMemory(0, count)));
            connection.Send(new Chunk(""));
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        Assert.That(client.ReadUntil("Hello\r\n"), Is.EqualTo("1\r\n \r\n5\r\nHello\r\n"), "before the model has gone on");
        goOn.SetResult();
        Assert.That(client.ReadUntil("0\r\n\r\n"), Is.EqualTo("6\r\n world\r\n0\r\n\r\n"));
    }

    /// <summary>fiber, all three, and event: a request out of a callback, a second's wait, and the answer.</summary>
    [ManualPage("fiber.md", Different = Await)]
    [ManualPage("appendices/event.md", Different = Await)]
    [Test]
    public async Task AnswerAfterARequestElsewhereAndAWait()
    {
        await using TestServer site = TestServer.Http(loopType, (connection, _) => connection.Send("from elsewhere"));
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessageAsync = async (connection, request) =>
        {
            int thread = Environment.CurrentManagedThreadId;
            string page = await Http.GetStringAsync(site.Uri);
            // The page's second.
            await Timer.Sleep(0.005);
            connection.Send($"{page}, {(thread == Environment.CurrentManagedThreadId ? "same" : "another")} thread");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(await Http.GetStringAsync(server.Uri), Is.EqualTo("from elsewhere, same thread"));
    }

    /// <summary>SSE: an event from time to time, until the client is gone.</summary>
    [ManualPage("http/SSE.md")]
    [Test]
    public async Task EventsOfATimer()
    {
        using var output = new EventQueue();
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessage = (connection, request) =>
        {
            // Who accepts text/event-stream asks for events.
            if (request.Header("accept") == "text/event-stream")
            {
                // First the head.
                connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }, "\r\n"));
                // The page's two seconds.
                long timerId = 0;
                timerId = Timer.Add(0.005, () =>
                {
                    // When the connection is closed, so is the timer.
                    if (connection.Status != ConnectionStatus.Established)
                    {
                        output.Add($"{Timer.Del(timerId)}");
                        return;
                    }
                    connection.Send(new ServerSentEvents { Event = "message", Data = "hello", Id = "1" });
                });
                return;
            }
            connection.Send("ok");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(await Http.GetStringAsync(server.Uri), Is.EqualTo("ok"));
        using (RawClient client = server.Connect())
        {
            client.Send("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
            const string Event = "event: message\nid: 1\ndata: hello\n\n";
            client.ReadUntil(Event);
            client.ReadUntil(Event);
        }
        Assert.That(output.Next(), Is.EqualTo("True"));
    }
}
