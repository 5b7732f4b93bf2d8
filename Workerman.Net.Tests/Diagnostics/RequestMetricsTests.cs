using System.Diagnostics.Metrics;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Diagnostics;

/// <summary>
/// What is measured of requests: each is counted once, whatever becomes of it, and none stays active when it has ended.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class RequestMetricsTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    private TemporaryFolder? _folder;
    private string _small = "";
    private string _large = "";

    [OneTimeSetUp]
    public void MakeFiles()
    {
        _folder = new TemporaryFolder();
        _small = _folder.WriteSparse("small", 100);
        // More than the buffers of sockets hold.
        _large = _folder.WriteSparse("large", 64 * 1024 * 1024);
    }

    [OneTimeTearDown]
    public void DeleteFiles() => _folder?.Dispose();

    [Test]
    public async Task AnswerHasTheAttributesOfTheConventions()
    {
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        await using TestServer server = Start(measured, (connection, request) =>
        {
            request.Route = "/users/{id}";
            connection.Send(new Response(201));
        });
        using RawClient client = server.Connect();
        client.Send("POST /users/7?a=b HTTP/1.0\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").ReadResponse();
        Dictionary<string, object?> request = (await measured.WaitForEnds(1)).Single();
        Assert.That(request["seconds"], Is.InRange(0.0, Wait.Limit.TotalSeconds));
        request.Remove("seconds");
        Assert.That(request, Is.EquivalentTo(new Dictionary<string, object?>
        {
            ["http.request.method"] = "POST",
            ["http.response.status_code"] = 201,
            ["http.route"] = "/users/{id}",
            ["url.scheme"] = "http",
            ["network.protocol.version"] = "1.0",
        }));
    }

    [Test]
    public async Task DurationHasTheAdvisedBuckets()
    {
        Histogram<double>? found = null;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (instrument is Histogram<double> { Name: "http.server.request.duration", Meter.Name: "Workerman" } duration)
                found = duration;
        };
        listener.Start();
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send("ok"));
        await Wait.Until(() => found is not null, "the instrument");
        Assert.That(found!.Unit, Is.EqualTo("s"));
        Assert.That(found.Advice!.HistogramBucketBoundaries,
            Is.EqualTo(new[] { 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10 }));
    }

    [TestCase("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET 200")]
    [TestCase("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD 200")]
    [TestCase("PURGE / HTTP/1.1\r\nHost: a\r\n\r\n", "_OTHER 200")]
    [TestCase("GET /bytes HTTP/1.1\r\nHost: a\r\n\r\n", "GET 200")]
    [TestCase("GET /file HTTP/1.1\r\nHost: a\r\n\r\n", "GET 200")]
    [TestCase("HEAD /file HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD 200")]
    [TestCase("GET /file HTTP/1.1\r\nHost: a\r\nRange: bytes=1-2\r\n\r\n", "GET 206")]
    [TestCase("GET /file HTTP/1.1\r\nHost: a\r\nRange: bytes=900000-\r\n\r\n", "GET 416")]
    [TestCase("GET /nofile HTTP/1.1\r\nHost: a\r\n\r\n", "GET 404")]
    [TestCase("GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n", "GET 200")]
    [TestCase("GET /chunked HTTP/1.0\r\n\r\n", "GET 200")]
    [TestCase("GET /hints HTTP/1.1\r\nHost: a\r\n\r\n", "GET 204")]
    [TestCase("GET /later HTTP/1.1\r\nHost: a\r\n\r\n", "GET 200")]
    [TestCase("GET /raw HTTP/1.1\r\nHost: a\r\n\r\n", "GET")]
    [TestCase("GET /raw HTTP/1.0\r\n\r\n", "GET")]
    [TestCase("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n", "GET 500 System.FormatException")]
    [TestCase("GET /throwlater HTTP/1.1\r\nHost: a\r\n\r\n", "GET 500 System.FormatException")]
    [TestCase("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n", "GET 400")]
    [TestCase("GET /503 HTTP/1.1\r\nHost: a\r\n\r\n", "GET 503 503")]
    [TestCase("GET /chunkedthrow HTTP/1.1\r\nHost: a\r\n\r\n", "GET 200 System.FormatException")]
    [TestCase("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "PUT 200")]
    [TestCase("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", "PUT 200", "abc")]
    [TestCase("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "PUT 200")]
    [TestCase("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "PUT 400")]
    [TestCase("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", "PUT 413")]
    [TestCase("PUT /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "PUT 403")]
    [TestCase("GET / HTTP/1.1\r\n\r\n", "GET 400")]
    [TestCase("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET 505 505")]
    [TestCase("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "TRACE 501 501")]
    [TestCase("HEAD / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "HEAD 400")]
    [TestCase("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "_OTHER 400")]
    [TestCase("GET /upgrade HTTP/1.1\r\nHost: a\r\n\r\n", "GET 426")]
    public async Task EachEndIsCountedOnce(string bytes, string line, string? rest = null)
    {
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        await using TestServer server = Start(measured, Answer);
        using RawClient client = server.Connect();
        client.Send(bytes);
        if (rest is not null)
        {
            client.ReadUntil("100 Continue\r\n\r\n");
            client.Send(rest);
        }
        client.ReadUntil("\r\n\r\n");
        client.HalfClose();
        client.ReadToEnd();
        Assert.That(MeasuredRequests.Line((await measured.WaitForEnds(1))[0]), Is.EqualTo(line));
        await LoopTurnsOf(server);
        Assert.That(measured.Ended, Has.Count.EqualTo(1), "and not again with the connection");
    }

    [Test]
    public async Task PipelinedRequestsEndOneByOne()
    {
        const int Count = 200;
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        await using TestServer server = Start(measured, Answer);
        using RawClient client = server.Connect();
        client.Send(string.Concat(Enumerable.Range(0, Count).Select(i => i % 3 == 0 ? Get.Replace(" / ", " /later ") : Get)));
        for (int i = 0; i < Count; i++) client.ReadResponse();
        await measured.WaitForEnds(Count);
        Assert.That(measured.Begun, Is.EqualTo(Count));
    }

    [Test]
    public async Task RequestsOverTlsHaveTheirScheme()
    {
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        await using TestServer server = TlsServers.Https(loopType, Answer, worker => worker.Name = measured.Worker);
        using var client = TlsClient.Connect(server.EndPoint);
        client.Send(Get.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).ReadToEnd();
        Assert.That((await measured.WaitForEnds(1))[0]["url.scheme"], Is.EqualTo("https"));
    }

    [Test]
    public async Task TrustedProxyNamesTheScheme()
    {
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        await using TestServer server =
            Start(measured, Answer, worker => worker.Options.Http.TrustedProxies.Add("127.0.0.1"));
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n\r\n").ReadResponse();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\nForwarded: proto=http\r\n\r\n").ReadResponse();
        Assert.That((await measured.WaitForEnds(2)).Select(request => request["url.scheme"]),
            Is.EqualTo(new[] { "https", "http" }));
    }

    [Test]
    public async Task WebSocketIsARequestUntilItIsOpen()
    {
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        await using TestServer server = Start(measured, Answer);
        using var client = new FrameClient(server.EndPoint, path: "/upgrade");
        Assert.That(MeasuredRequests.Line((await measured.WaitForEnds(1))[0]), Is.EqualTo("GET 101"));
        using var own = new MeasuredRequests(MeasuredRequests.NewName());
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Name = own.Worker, OnMessage = (_, _) => { } };
        await using TestServer other = TestServer.Start(loopType, worker);
        using var second = new FrameClient(other.EndPoint);
        using (var refused = new RawClient(other.EndPoint)) refused.Send(Get).ReadUntil("\r\n\r\n");
        Assert.That((await own.WaitForEnds(2)).Select(MeasuredRequests.Line), Is.EqualTo(new[] { "GET 101", "GET 426" }));
    }

    [Test]
    public async Task EventStreamIsActiveUntilItsConnectionEnds([Values] bool byServer)
    {
        var stream = new EventStream(Guid.NewGuid().ToString());
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        await using TestServer server = Start(measured, (connection, request) => stream.Subscribe(connection, request));
        using RawClient client = server.Connect();
        client.Send(Get).ReadUntil("\r\n\r\n");
        await Wait.Until(() => stream.Subscribers == 1, "the subscriber");
        Assert.That((measured.Active, measured.Ended.Count), Is.EqualTo((1, 0)));
        if (byServer) stream.Complete();
        else client.Dispose();
        Assert.That(MeasuredRequests.Line((await measured.WaitForEnds(1))[0]), Is.EqualTo("GET 200"), "that is how streams end");
    }

    [TestCase("/never")]
    [TestCase("/largefile")]
    [TestCase("/openchunks")]
    [TestCase("/body")]
    public async Task ClientThatVanishesLeavesNoActiveRequest(string path)
    {
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        await using TestServer server = Start(measured, Answer);
        using (var client = new RawClient(server.EndPoint, receiveBufferSize: 4096))
        {
            client.Send(path == "/body"
                ? "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"
                : Get.Replace(" / ", $" {path} "));
            await Wait.Until(() => measured.Active == 1, "the request");
            if (path is "/largefile" or "/openchunks") client.ReadUntil("\r\n\r\n");
            client.Reset();
        }
        string status = path is "/largefile" or "/openchunks" ? " 200" : "";
        Assert.That(MeasuredRequests.Line((await measured.WaitForEnds(1))[0]),
            Is.EqualTo($"{(path == "/body" ? "PUT" : "GET")}{status} connection_closed"));
    }

    [Test]
    public async Task ClientThatVanishesWithinAHeadHasSentNoRequest()
    {
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        await using TestServer server = Start(measured, Answer);
        using (RawClient client = server.Connect()) client.Send("GET / HTTP/1.1\r\nHo");
        using (RawClient idle = server.Connect())
        {
        }
        using (RawClient other = server.Connect()) other.Send(Get).ReadResponse();
        await Wait.Until(() => server.Main.Connections.Count == 0, "all are gone");
        await measured.WaitForEnds(1);
    }

    [Test]
    public async Task NothingStaysActiveWhateverClientsDo()
    {
        const int Count = 300;
        using var measured = new MeasuredRequests(MeasuredRequests.NewName());
        var random = new Random(4711);
        string[] paths = ["/", "/file", "/largefile", "/chunked", "/openchunks", "/later", "/raw", "/throw", "/never", "/upgrade",
            "/503"];
        await using (TestServer server = Start(measured, Answer))
        {
            for (int i = 0; i < Count; i++)
            {
                using RawClient client = server.Connect();
                string requests = string.Concat(Enumerable.Range(0, random.Next(1, 6))
                    .Select(_ => $"GET {paths[random.Next(paths.Length)]} HTTP/1.1\r\nHost: a\r\n\r\n"));
                client.Send(requests[..random.Next(1, requests.Length + 1)]);
                if (random.Next(2) == 0) client.Reset();
            }
        }
        await Wait.Until(() => measured.Active == 0, "no request is active after the end of the server");
        Assert.That(measured.Ended.Count(request => MeasuredRequests.Line(request).StartsWith("GET", StringComparison.Ordinal)),
            Is.EqualTo(measured.Begun));
    }

    private void Answer(TcpConnection connection, Request request)
    {
        switch (request.Path)
        {
            case "/bytes":
                connection.Send("bytes"u8);
                break;
            case "/file":
                connection.Send(new Response().WithFile(_small));
                break;
            case "/largefile":
                connection.Send(new Response().WithFile(_large));
                break;
            case "/nofile":
                connection.Send(new Response().WithFile("/no such file"));
                break;
            case "/chunked":
                connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, "one"));
                Timer.Delay(0, () => connection.Send(new Chunk("")));
                break;
            case "/openchunks":
                connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, "one"));
                break;
            case "/chunkedthrow":
                connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, "one"));
                throw new FormatException("in the middle");
            case "/hints":
                connection.Send(new Response(103, new() { ["Link"] = "</a.css>" }));
                connection.Send(new Response(204));
                break;
            case "/later":
                Timer.Delay(0.001, () => connection.Send("later"));
                break;
            case "/raw":
                connection.SendRaw("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8);
                if (request.ProtocolVersion == "1.0") connection.Close();
                break;
            case "/throw":
                throw new FormatException("no answer");
            case "/throwlater":
                FailLater();
                break;
            case "/bad":
                throw new BadRequestException("no");
            case "/503":
                connection.Send(new Response(503));
                break;
            case "/never":
                break;
            case "/upgrade":
                connection.UpgradeToWebSocket(request, (_, _) => { });
                break;
            default:
                connection.Send(request.Path);
                break;
        }
    }

    /// <summary>An <c>async void</c> method: what it throws is answered all the same.</summary>
    private static async void FailLater()
    {
        await Task.Yield();
        throw new FormatException("late");
    }

    private static async Task LoopTurnsOf(TestServer server)
    {
        using RawClient other = server.Connect();
        int port = ((System.Net.IPEndPoint)other.Socket.LocalEndPoint!).Port;
        // The one before may still be among them, and leave at any time.
        TcpConnection? own = null;
        await Wait.Until(() => (own = server.Main.Connections.FirstOrDefault(each => each.RemotePort == port)) is not null,
            "another connection");
        await LoopTurns.Pass(own!.Loop);
    }

    private TestServer Start(MeasuredRequests measured, Action<TcpConnection, Request> onMessage, Action<Worker>? setUp = null) =>
        TestServer.Http(loopType, onMessage, worker =>
        {
            worker.Name = measured.Worker;
            worker.OnHeaders = (connection, request) =>
            {
                if (request.Path == "/refused") connection.Send(new Response(403));
            };
            setUp?.Invoke(worker);
        });
}
