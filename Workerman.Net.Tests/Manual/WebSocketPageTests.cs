using System.Globalization;
using System.Net.Security;
using System.Net.WebSockets;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual pages appendices/about-websocket, faq/how-to-broadcast, faq/heartbeat,
/// faq/secure-websocket-server, faq/secure-http-server, worker/transport and those of tcp-connection that are on websocket://, in
/// C#, against a client that is told each frame or against .NET's own. Times are shorter than on the pages.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class WebSocketPageTests(Type loopType)
{
    /// <summary>about-websocket, as it was up to version 4.1: the callback is the connection's.</summary>
    [ManualPage("appendices/about-websocket.md")]
    [ManualPage("upgrade/5.0.md")]
    [Test]
    public async Task OriginIsCheckedByTheConnectionsCallback()
    {
        var ws = new Worker<string>("websocket://127.0.0.1:0");
        ws.OnConnect = connection =>
        {
            connection.OnWebSocketConnect = (connection, request) =>
            {
                // Where the connection comes from is checked here, and it is closed if that will not do.
                if (request.Header("origin") != "https://www.workerman.net") connection.Close();
            };
        };
        await using TestServer server = Start(ws);
        AssertOnlyTheOriginMayCome(server);
    }

    /// <summary>about-websocket, as it is from version 5.0 on: the callback is the worker's, and has the request.</summary>
    [ManualPage("appendices/about-websocket.md")]
    [ManualPage("upgrade/5.0.md")]
    [Test]
    public async Task OriginIsCheckedByTheWorkersCallback()
    {
        using var dumped = new EventQueue();
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnWebSocketConnect = (connection, request) =>
        {
            if (request.Header("origin") != "https://www.workerman.net") connection.Close();
            dumped.Add($"{request.Get("room")} {request.Header("sec-websocket-version")}");
        };
        await using TestServer server = Start(worker);
        AssertOnlyTheOriginMayCome(server);
        Assert.That((dumped.Next(), dumped.Next()), Is.EqualTo(("7 13", "7 13")));
    }

    /// <summary>
    /// about-websocket: PHP sets the kind of all that follows (BINARY_TYPE_ARRAYBUFFER); here each message says what it is.
    /// </summary>
    [ManualPage("appendices/about-websocket.md", Different = "a message says itself whether it is text or bytes")]
    [Test]
    public async Task BinaryDataIsSentAsAMessageOfItsOwnKind()
    {
        var worker = new Worker<WebSocketMessage>("websocket://127.0.0.1:0");
        worker.OnMessage = (connection, message) =>
        {
            connection.Send(message.IsText ? message.Text : $"{message.Data.Length} bytes");
            connection.Send(new WebSocketMessage(new byte[] { 0xff, 0 }));
        };
        await using TestServer server = Start(worker);
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.Frame(0x80 | FrameClient.Binary, [1, 2, 3]));
        Assert.That(client.ReadText(), Is.EqualTo("3 bytes"));
        (int first, byte[] payload) = client.ReadFrame();
        Assert.That((first, payload), Is.EqualTo((0x80 | FrameClient.Binary, new byte[] { 0xff, 0 })));
    }

    /// <summary>how-to-broadcast: the time, to all, again and again.</summary>
    [ManualPage("faq/how-to-broadcast.md")]
    [Test]
    public async Task TimeIsSentToAllConnections()
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Count = 1 };
        worker.OnWorkerStart = worker =>
        {
            // The page's ten seconds.
            Timer.Add(0.02, () =>
            {
                foreach (TcpConnection connection in worker.Connections)
                    connection.Send(DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
            });
        };
        await using TestServer server = Start(worker);
        using var one = new FrameClient(server.EndPoint);
        using var two = new FrameClient(server.EndPoint);
        foreach (FrameClient client in new[] { one, two, one, two })
            Assert.That(long.Parse(client.ReadText(), null), Is.GreaterThan(1_700_000_000));
    }

    /// <summary>
    /// how-to-broadcast, the group chat; with more than one loop it is one call, which PHP needs another program for.
    /// </summary>
    [ManualPage("faq/how-to-broadcast.md")]
    [Test]
    public async Task GroupChat([Values(1, 2)] int count)
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Count = count };
        worker.OnMessage = (_, message) =>
        {
            if (count > 1)
            {
                worker.Broadcast(message);
                return;
            }
            foreach (TcpConnection connection in worker.Connections) connection.Send(message);
        };
        await using TestServer server = Start(worker);
        using var one = new FrameClient(server.EndPoint);
        using var two = new FrameClient(server.EndPoint);
        one.Send(FrameClient.TextFrame("hello"));
        foreach (FrameClient client in new[] { one, two }) Assert.That(client.ReadText(), Is.EqualTo("hello"));
    }

    /// <summary>tcp-connection/worker: a connection knows its worker, and that its connections.</summary>
    [ManualPage("tcp-connection/worker.md")]
    [Test]
    public async Task MessageIsPassedOnByTheConnectionsWorker()
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnMessage = (connection, data) =>
        {
            foreach (TcpConnection con in connection.Worker!.Connections) con.Send(data);
        };
        await using TestServer server = Start(worker);
        using var one = new FrameClient(server.EndPoint);
        using var two = new FrameClient(server.EndPoint);
        two.Send(FrameClient.TextFrame("to everybody"));
        foreach (FrameClient client in new[] { one, two }) Assert.That(client.ReadText(), Is.EqualTo("to everybody"));
    }

    /// <summary>
    /// heartbeat: who has said nothing for too long is closed. PHP hangs the time on the connection; here it is its Context.
    /// </summary>
    [ManualPage("faq/heartbeat.md")]
    [Test]
    public async Task HeartbeatClosesWhoHasSaidNothing()
    {
        // The page's 55 and 10 seconds.
        TimeSpan heartbeatTime = TimeSpan.FromSeconds(1);
        var worker = new Worker<string>("text://127.0.0.1:0");
        worker.OnMessage = (connection, _) => connection.Context = DateTime.UtcNow;
        worker.OnWorkerStart = worker => Timer.Add(0.05, () =>
        {
            DateTime now = DateTime.UtcNow;
            foreach (TcpConnection connection in worker.Connections)
            {
                // It may have said nothing yet: its time begins now.
                if (connection.Context is not DateTime last) connection.Context = now;
                else if (now - last > heartbeatTime) connection.Close();
            }
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient silent = server.Connect();
        using RawClient alive = server.Connect();
        using var stop = new CancellationTokenSource();
        Task beating = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                alive.Send("ping\n");
                await Task.Delay(50);
            }
        });
        Assert.That(silent.ReadToEnd(), Is.Empty);
        await Wait.Until(() => worker.Connections.Count == 1, "the one that beats to be alone");
        await stop.CancelAsync();
        Wait.For(beating);
    }

    /// <summary>secure-websocket-server and worker/transport: websocket and ssl together are wss.</summary>
    [ManualPage("faq/secure-websocket-server.md")]
    [ManualPage("worker/transport.md")]
    [ManualPage("faq/ssl-support.md")]
    [Test]
    public async Task WssServer()
    {
        using var folder = new TemporaryFolder();
        var options = new WorkerOptions();
        options.Tls.CertificateFile = folder.Write("server.pem", Certificates.Default.Server.ExportCertificatePem());
        options.Tls.KeyFile = folder.Write("server.key", Certificates.KeyPem(Certificates.Default.Server));
        var worker = new Worker<string>("websocket://127.0.0.1:0", options);
        // With ssl below it websocket becomes wss.
        worker.Transport = "ssl";
        worker.OnMessage = (con, _) => con.Send("ok");
        await using TestServer server = Start(worker);
        using var ws = new ClientWebSocket();
        ws.Options.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            certificate?.GetCertHashString() == Certificates.Default.Server.Thumbprint
            && (errors & SslPolicyErrors.RemoteCertificateNameMismatch) == 0;
        await ws.ConnectAsync(new Uri($"wss://localhost:{server.EndPoint.Port}"), CancellationToken.None).WaitAsync(Wait.Limit);
        await ws.SendAsync("tom"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        byte[] buffer = new byte[10];
        ValueWebSocketReceiveResult received = await ws.ReceiveAsync(buffer.AsMemory(), CancellationToken.None)
            .AsTask().WaitAsync(Wait.Limit);
        Assert.That(Encoding.UTF8.GetString(buffer, 0, received.Count), Is.EqualTo("ok"));
    }

    /// <summary>secure-http-server: http and ssl together are https.</summary>
    [ManualPage("faq/secure-http-server.md")]
    [Test]
    public async Task HttpsServer()
    {
        using var folder = new TemporaryFolder();
        var worker = new Worker("http://127.0.0.1:0") { Transport = "ssl" };
        worker.Options.Tls.CertificateFile = folder.Write("server.pem", Certificates.Default.Server.ExportCertificatePem());
        worker.Options.Tls.KeyFile = folder.Write("server.key", Certificates.KeyPem(Certificates.Default.Server));
        worker.OnMessage = (con, _) => con.Send("ok");
        await using TestServer server = TestServer.Start(loopType, worker);
        using HttpClient client = TlsServers.Http();
        Assert.That(await client.GetStringAsync(TlsServers.UriOf(server)), Is.EqualTo("ok"));
    }

    /// <summary>tcp-connection/close: with last words.</summary>
    [ManualPage("tcp-connection/close.md")]
    [Test]
    public async Task CloseWithLastWords()
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnMessage = (connection, _) => connection.Close("hello\n");
        await using TestServer server = Start(worker);
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.TextFrame("anything"));
        Assert.That(client.ReadText(), Is.EqualTo("hello\n"));
        Assert.That(client.ReadClose().Code, Is.EqualTo(1000));
    }

    /// <summary>tcp-connection/on-close: for one connection, or for all of a worker's.</summary>
    [ManualPage("tcp-connection/on-close.md")]
    [ManualPage("worker/on-close.md")]
    [Test]
    public async Task OnCloseOfAConnectionOrOfAWorker([Values] bool ofTheWorker)
    {
        using var output = new EventQueue();
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        if (ofTheWorker) worker.OnClose = _ => output.Add("connection closed");
        else worker.OnConnect = connection => connection.OnClose = _ => output.Add("connection closed");
        await using TestServer server = Start(worker);
        using (new FrameClient(server.EndPoint))
        {
        }
        Assert.That(output.Next(), Is.EqualTo("connection closed"));
    }

    /// <summary>
    /// tcp-connection/max-send-buffer-size and default-max-send-buffer-size: the limit of one connection, and of those to come.
    /// </summary>
    // Alone: the default is the process's.
    [ManualPage("tcp-connection/max-send-buffer-size.md")]
    [ManualPage("tcp-connection/default-max-send-buffer-size.md")]
    [Test]
    [NonParallelizable]
    public async Task SendBufferOfAConnectionHasALimit()
    {
        using var output = new EventQueue();
        int usual = TcpConnection.DefaultMaxSendBufferSize;
        TcpConnection.DefaultMaxSendBufferSize = 2 * 1024 * 1024;
        try
        {
            var worker = new Worker<string>("websocket://127.0.0.1:0");
            worker.OnConnect = connection =>
            {
                output.Add($"{connection.MaxSendBufferSize}");
                // The limit for this connection.
                connection.MaxSendBufferSize = 102400;
                output.Add($"{connection.MaxSendBufferSize}");
            };
            await using TestServer server = Start(worker);
            using var client = new FrameClient(server.EndPoint);
            Assert.That((output.Next(), output.Next()), Is.EqualTo(("2097152", "102400")));
        }
        finally
        {
            TcpConnection.DefaultMaxSendBufferSize = usual;
        }
    }

    /// <summary>
    /// tcp-connection/pause-recv and resume-recv: a client that has asked often enough is not read any more, until it is again.
    /// </summary>
    [ManualPage("tcp-connection/pause-recv.md")]
    [ManualPage("tcp-connection/resume-recv.md")]
    [Test]
    public async Task ReceivingPausesAfterSoManyMessages()
    {
        // The page's hundred, and its ten seconds.
        const int Limit = 10;
        using var output = new EventQueue();
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnConnect = connection => connection.Context = 0;
        worker.OnMessage = (connection, data) =>
        {
            int messageCount = (int)connection.Context! + 1;
            connection.Context = messageCount;
            output.Add(data);
            if (messageCount <= Limit) return;
            connection.PauseRecv();
            connection.Context = 0;
            Timer.Delay(0.02, () =>
            {
                output.Add("resumes");
                connection.ResumeRecv();
            });
        };
        await using TestServer server = Start(worker);
        using var client = new FrameClient(server.EndPoint);
        client.Send([.. Enumerable.Range(1, Limit + 2).SelectMany(i => FrameClient.TextFrame($"{i}"))]);
        for (int i = 1; i <= Limit + 1; i++) Assert.That(output.Next(), Is.EqualTo($"{i}"));
        Assert.That((output.Next(), output.Next()), Is.EqualTo(("resumes", "12")));
    }

    private TestServer Start<T>(Worker<T> worker)
    {
        worker.OnMessage ??= (_, _) => { };
        return TestServer.Start(loopType, worker);
    }

    private static void AssertOnlyTheOriginMayCome(TestServer server)
    {
        using var good = new FrameClient(server.EndPoint, "Origin: https://www.workerman.net\r\n", "/?room=7");
        using var bad = new FrameClient(server.EndPoint, "Origin: https://elsewhere.test\r\n", "/?room=7", open: false);
        Assert.That(bad.Client.ReadToEnd(), Is.Empty);
        good.Send(FrameClient.CloseFrame(1000)).ReadClose();
    }
}
