using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Handover;
using Workerman.Hosting;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Handover;

/// <summary>
/// Connections of a server that hands over, but for those that move: no request is cut, refused or left without an answer, and
/// those who have to come back do not all come at once.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ConnectionDrainTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// <summary>Longer than any test waits.</summary>
    private static readonly TimeSpan Ever = TimeSpan.FromHours(1);

    [Test]
    public async Task TheNextAnswerOfAKeptConnectionIsItsLast()
    {
        await using TestServer server = Echo();
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get).ReadResponse().Head, Does.Contain("Connection: keep-alive"));
        await HandOver(server, idleTime: Ever);
        (_, string head, string body) = client.Send(Get).ReadResponse();
        Assert.That((body, head.Contains("\r\nConnection: close\r\n", StringComparison.Ordinal)), Is.EqualTo(("/", true)));
        Assert.That(client.IsAtEnd());
        await server.Run.WaitAsync(Wait.Limit);
    }

    [Test]
    public async Task OneThatIsIdleIsClosedAndANewOneToo([Values] bool used)
    {
        await using TestServer server = Echo();
        using RawClient client = server.Connect();
        if (used) client.Send(Get).ReadResponse();
        await Wait.Until(() => server.Main.Connections.Count == 1, "the connection");
        await HandOver(server);
        Assert.That(client.IsAtEnd(), "in order, and no reset");
        await server.Run.WaitAsync(Wait.Limit);
    }

    [Test]
    public async Task ARequestIsNeverCut([ValueSource(nameof(Pieces))] string[] pieces)
    {
        await using TestServer server = Echo();
        using RawClient client = server.Connect();
        client.Send(pieces[0]);
        await Wait.Until(() => server.Main.Connections.Any(connection => connection.BytesRead == pieces[0].Length), "the first");
        TcpConnection connection = server.Main.Connections.Single();
        await HandOver(server);
        // An idle one would be closed by then.
        await Task.Delay(3 * Handovers.Moment);
        foreach (string piece in pieces[1..])
        {
            client.Send(piece);
            await LoopTurns.Pass(connection.Loop);
        }
        (_, string head, string body) = client.ReadResponse();
        Assert.That((body, head.Contains("\r\nConnection: close\r\n", StringComparison.Ordinal)), Is.EqualTo(("/body", true)));
        await server.Run.WaitAsync(Wait.Limit);
    }

    [Test]
    public async Task ARequestThatIsWithTheApplicationIsAnswered()
    {
        TcpConnection? waiting = null;
        await using TestServer server = TestServer.Http(loopType, (connection, _) => waiting = connection);
        using RawClient client = server.Connect();
        client.Send(Get);
        await Wait.Until(() => waiting is not null, "the request");
        await HandOver(server);
        await LoopTurns.Pass(waiting!.Loop);
        waiting.Send("owed");
        (_, string head, string body) = client.ReadResponse();
        Assert.That((body, head.Contains("\r\nConnection: close\r\n", StringComparison.Ordinal)), Is.EqualTo(("owed", true)));
        Assert.That(client.IsAtEnd());
    }

    /// <summary>Its head did not say that it is the last, so the client may have sent another request already.</summary>
    [Test]
    public async Task AnAnswerThatHasBegunIsFollowedByAnother([Values("chunks", "file")] string kind)
    {
        using var folder = new TemporaryFolder();
        string file = folder.PathOf("file");
        await File.WriteAllBytesAsync(file, new byte[6_000_000]);
        TcpConnection? begun = null;
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/next")
            {
                connection.Send("next");
                return;
            }
            connection.Send(kind == "file"
                ? new Response().WithFile(file)
                : new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, "one"));
            begun = connection;
        });
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 4096);
        client.Send(Get);
        string head = client.ReadUntil("\r\n\r\n");
        Assert.That(head, Does.Not.Contain("close"));
        await Wait.Until(() => begun is not null, "the answer");
        await HandOver(server);
        await LoopTurns.Pass(begun!.Loop);
        if (kind == "chunks") begun.Send(new Chunk(""));
        client.Send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        if (kind == "chunks") client.ReadUntil("0\r\n\r\n");
        else client.ReadExactly(6_000_000);
        (_, head, string body) = client.ReadResponse();
        Assert.That((body, head.Contains("\r\nConnection: close\r\n", StringComparison.Ordinal)), Is.EqualTo(("next", true)));
        await server.Run.WaitAsync(Wait.Limit);
    }

    /// <summary>More than a turn has room for, in one piece: the next that is answered is the last, and says so.</summary>
    [Test]
    public async Task OfPipelinedRequestsTheNextAnswerIsTheLast([Values] bool stops)
    {
        TestServer server = null!;
        int answered = 0;
        server = TestServer.Http(loopType, (connection, request) =>
        {
            connection.Send(request.Path);
            // At the end of its turn, with the rest of the requests still to be read.
            if (++answered == 10) connection.Loop.Post(() => Begin(server, stops));
        });
        using RawClient client = server.Connect();
        client.Send(string.Concat(Enumerable.Range(0, 1000).Select(i => $"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")));
        string head;
        int count = 0;
        do
        {
            (_, head, string body) = client.ReadResponse();
            Assert.That(body, Is.EqualTo($"/{count++}"));
        }
        while (!head.Contains("\r\nConnection: close\r\n", StringComparison.Ordinal));
        Assert.That(client.ReadToEnd(), Is.Empty);
        Assert.That(count, Is.InRange(10, 999), "in the middle");
        await server.DisposeAsync();
    }

    [Test]
    public async Task AHandshakeOfTlsGoesOnAndItsRequestIsAnswered()
    {
        await using TestServer server = TlsServers.Https(loopType, (connection, request) => connection.Send(request.Path));
        using RawClient plain = server.Connect();
        await Wait.Until(() => server.Main.Balancer.Connections == 1, "the connection");
        await HandOver(server, idleTime: Ever);
        using var tls = new System.Net.Security.SslStream(new NetworkStream(plain.Socket));
        await tls.AuthenticateAsClientAsync(TlsClient.Options()).WaitAsync(Wait.Limit);
        await tls.WriteAsync(System.Text.Encoding.ASCII.GetBytes(Get));
        using var reader = new StreamReader(tls);
        Assert.That(await reader.ReadToEndAsync().WaitAsync(Wait.Limit),
            Does.StartWith("HTTP/1.1 200 OK\r\n").And.Contain("Connection: close\r\n").And.EndWith("\r\n\r\n/"));
        await server.Run.WaitAsync(Wait.Limit);
    }

    [Test]
    public async Task WebSocketsAreToldToComeBackLater([Values] bool beside)
    {
        WorkerBase worker = beside
            ? new Worker("http://127.0.0.1:0")
            {
                OnMessage = (connection, request) => connection.UpgradeToWebSocket(request, (_, _) => { }),
            }
            : new Worker<string>("websocket://127.0.0.1:0") { OnMessage = (_, _) => { } };
        await using TestServer server = TestServer.Start(loopType, worker);
        FrameClient[] clients = [.. Enumerable.Range(0, 5).Select(_ => new FrameClient(server.EndPoint))];
        await HandOver(server, window: TimeSpan.FromMilliseconds(100));
        foreach (FrameClient client in clients)
        {
            Assert.That(client.ReadClose(), Is.EqualTo((CloseCode.ServiceRestart, "")));
            client.Dispose();
        }
        await server.Run.WaitAsync(Wait.Limit);
    }

    /// <summary>Of many over a long window, some are closed early and others are still open: they are spread.</summary>
    [Test]
    public async Task TheMomentsAreSpreadOverTheWindow()
    {
        var closed = new System.Collections.Concurrent.ConcurrentBag<long>();
        ServerSettings settings = TestServer.Settings(loopType, TimeSpan.FromMilliseconds(100));
        await using TestServer server = TestServer.Raw(settings, (_, _) => { },
            worker => worker.OnClose = _ => closed.Add(Environment.TickCount64));
        RawClient[] clients = [.. Enumerable.Range(0, 200).Select(_ => server.Connect())];
        await Wait.Until(() => server.Main.Connections.Count == 200, "all");
        await HandOver(server, window: TimeSpan.FromMinutes(2));
        await Wait.Until(() => !closed.IsEmpty, "the first");
        await LoopTurns.Pass(server.Main.Connections.First().Loop);
        Assert.That(closed, Has.Count.LessThan(100), "of two minutes hardly any time has passed");
        foreach (RawClient client in clients) client.Dispose();
    }

    [Test]
    public async Task OtherProtocolsAreClosedWhenWhatWasSentHasLeft()
    {
        await using TestServer server = TestServer.Start(loopType,
            new Worker<string>("text://127.0.0.1:0") { OnMessage = (connection, line) => connection.Send(line) });
        using RawClient client = server.Connect();
        string line = new('x', 2_000_000);
        client.Send("a\n").ReadUntil("a\n");
        TcpConnection connection = server.Main.Connections.Single();
        var sent = new TaskCompletionSource();
        connection.Loop.Post(() =>
        {
            connection.Send(line);
            Begin(server, stops: false);
            sent.SetResult();
        });
        await sent.Task;
        Assert.That(client.ReadToEnd(), Is.EqualTo(line + "\n"));
        await server.Run.WaitAsync(Wait.Limit);
    }

    [Test]
    public async Task PeriodicTimersEndAndOthersGoOn()
    {
        var calls = new List<string>();
        var fired = new TaskCompletionSource();
        TestServer server = null!;
        server = TestServer.Http(loopType, (connection, _) =>
        {
            Timer.Repeat(0.001, () => calls.Add("periodic"));
            Timer.Delay(0.05, () =>
            {
                calls.Add("once");
                connection.Send("late");
                fired.SetResult();
            });
            Begin(server, stops: false);
        }, worker => worker.OnWorkerStop = _ => calls.Add("stop"));
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("late"));
        await fired.Task;
        await server.DisposeAsync();
        Assert.That(calls.SkipWhile(call => call != "stop"), Is.EqualTo(new[] { "stop", "once" }));
    }

    [Test]
    public async Task AStopHastensAndAnAbortEndsIt([Values] bool abort)
    {
        await using TestServer server = TestServer.Start(loopType,
            new Worker<string>("text://127.0.0.1:0") { OnMessage = (_, _) => { } },
            new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { } });
        using RawClient client = server.Connect();
        client.Send("a\n");
        await Wait.Until(() => server.Main.Connections.Count == 1, "the connection");
        await HandOver(server, window: Ever, idleTime: Ever);
        if (abort) server.Workers.Abort();
        else server.Workers.Stop();
        Assert.That(client.ReadToEnd(), Is.Empty);
        await server.Run.WaitAsync(Wait.Limit);
    }

    [Test]
    public async Task LoopsThatHaveStoppedAreDoneAtOnce()
    {
        TestServer server = Echo();
        await server.DisposeAsync();
        Assert.That(await Handovers.Take(server.Workers, TimeSpan.Zero), Is.Empty);
    }

    [Test]
    public async Task DatagramsAreNotReceivedAndPendingRepliesLeave()
    {
        var goOn = new TaskCompletionSource();
        var worker = new UdpWorker<string>("udp://127.0.0.1:0");
        worker.OnMessageAsync = async (connection, text) =>
        {
            if (text == "slow") await goOn.Task;
            connection.Send($"re: {text}");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new UdpClientSocket(server.EndPoint);
        Assert.That(client.Send("quick").Receive(), Is.EqualTo("re: quick"));
        client.Send("slow");
        client.Send("behind");
        Assert.That(client.Receive(), Is.EqualTo("re: behind"));
        await HandOver(server);
        worker.ResumeAccept();
        client.Send("for the new process");
        await Task.Delay(2 * Handovers.Moment);
        Assert.That(server.Run.IsCompleted, Is.False, "a reply is pending");
        goOn.SetResult();
        Assert.That(client.Receive(), Is.EqualTo("re: slow"));
        await server.Run.WaitAsync(Wait.Limit);
        Assert.That(client.Socket.Available, Is.Zero);
    }

    [Test]
    public async Task OfAUnixSocketTheFileStays()
    {
        if (!Socket.OSSupportsUnixDomainSockets) Assert.Ignore("this system has no Unix sockets");
        using var folder = new TemporaryFolder();
        string path = folder.PathOf("app.sock");
        await using TestServer server =
            TestServer.Start(loopType, new Worker($"unix://{path}") { Count = 2, OnMessage = (_, _) => { } });
        await HandOver(server);
        await server.Run.WaitAsync(Wait.Limit);
        Assert.That(File.Exists(path));
    }

    /// <summary>Clients that go on asking while two loops hand over: each request that was begun has its answer.</summary>
    [Test]
    public async Task NoRequestOfABusyClientIsLost([Values(1, 2, 3)] int seed)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/now") connection.Send(request.Path);
            else Timer.Delay(0.002, () => connection.Send(request.Path));
        }, worker => worker.Count = 2);
        var random = new Random(seed);
        Task<int>[] clients = [.. Enumerable.Range(0, 16).Select(_ => Task.Run(() => AskUntilTheLastAnswer(server)))];
        // One that waits in the backlog is for the new process.
        await Wait.Until(() => server.Main.Balancer.Connections == clients.Length, "all");
        await Task.Delay(random.Next(30));
        await HandOver(server, idleTime: Ever);
        int[] counts = await Task.WhenAll(clients).WaitAsync(Wait.Limit);
        Assert.That(counts, Is.All.GreaterThan(0));
        await server.Run.WaitAsync(Wait.Limit);
    }

    private static IEnumerable<string[]> Pieces =>
    [
        ["G", "ET /body HTTP/1.1\r\nHost: a\r\n\r\n"],
        ["GET /body HTTP/1.1\r\nHo", "st: a\r\n", "\r\n"],
        ["POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo", "d", "y"],
        ["POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nb", "o\r\n", "0\r\n\r\n"],
    ];

    private static int AskUntilTheLastAnswer(TestServer server)
    {
        using RawClient client = server.Connect();
        for (int count = 1; ; count++)
        {
            string path = count % 2 == 0 ? "/now" : "/later";
            (_, string head, string body) = client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
            Assert.That(body, Is.EqualTo(path));
            if (head.Contains("\r\nConnection: close\r\n", StringComparison.Ordinal)) return count;
        }
    }

    private TestServer Echo() => TestServer.Http(loopType, (connection, request) => connection.Send(request.Path));

    private static void Begin(TestServer server, bool stops)
    {
        if (stops) server.Workers.Stop();
        else server.Workers.HandOver(Handovers.Plan());
    }

    private static async Task HandOver(TestServer server, TimeSpan? window = null, TimeSpan? idleTime = null) =>
        Assert.That(await Handovers.Take(server.Workers, window ?? TimeSpan.Zero, idleTime), Is.Empty);
}
