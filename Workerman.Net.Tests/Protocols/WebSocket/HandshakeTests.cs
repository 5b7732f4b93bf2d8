using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>The opening handshake (RFC 6455 section 4.2), on a port of its own and beside HTTP and event streams.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HandshakeTests(Type loopType)
{
    private const string Usual = "GET / HTTP/1.1|Host: a|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Version: 13|"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

    private static IEnumerable<TestCaseData> Refused
    {
        get
        {
            yield return Case("no Upgrade", 426, Usual.Replace("|Upgrade: websocket", "", StringComparison.Ordinal));
            yield return Case("another Upgrade", 426, Usual.Replace("websocket", "h2c", StringComparison.Ordinal));
            yield return Case("no Connection", 400, Usual.Replace("|Connection: Upgrade", "", StringComparison.Ordinal));
            yield return Case("POST", 405, Usual.Replace("GET", "POST", StringComparison.Ordinal));
            yield return Case("HTTP/1.0", 400, Usual.Replace("HTTP/1.1", "HTTP/1.0", StringComparison.Ordinal));
            yield return Case("version 8", 426, Usual.Replace(": 13", ": 8", StringComparison.Ordinal));
            yield return Case("no version", 426, Usual.Replace("|Sec-WebSocket-Version: 13", "", StringComparison.Ordinal));
            yield return Case("no key", 400,
                Usual.Replace("|Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", StringComparison.Ordinal));
            yield return Case("a short key", 400, Usual.Replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhl", StringComparison.Ordinal));
            yield return Case("a key that is no base64", 400,
                Usual.Replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j*Q==", StringComparison.Ordinal));
            yield return Case("no Host", 400, Usual.Replace("|Host: a", "", StringComparison.Ordinal));
        }
    }

    [TestCaseSource(nameof(Refused))]
    public async Task WhatIsNoHandshakeIsRefusedWithWhatIsWrong(int status, string head)
    {
        bool asked = false;
        await using TestServer server = Start(worker => worker.OnWebSocketConnect = (_, _) => asked = true);
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            client.Send(head.Replace("|", "\r\n", StringComparison.Ordinal) + "\r\n\r\n", fragmentation);
            (int told, string answer, _) = client.ReadResponse();
            Assert.That(told, Is.EqualTo(status), answer);
            if (status == 426) Assert.That(answer, Does.Contain("Upgrade: websocket\r\n"));
            if (head.Contains(": 8", StringComparison.Ordinal))
                Assert.That(answer, Does.Contain("Sec-WebSocket-Version: 13\r\n"));
            Assert.That(client.IsAtEnd());
        }
        Assert.That(asked, Is.False);
    }

    [Test]
    public async Task ApplicationRefusesWithAnAnswerOfItsOwn()
    {
        await using TestServer server = Start(worker => worker.OnWebSocketConnect = (connection, request) =>
        {
            if (request.Header("origin") != "https://good.example") connection.Send(new Response(403, null, "not from there"));
        });
        using (var bad = new FrameClient(server.EndPoint, "Origin: https://evil.example\r\n", open: false))
        {
            (int status, _, string body) = bad.Client.ReadResponse();
            Assert.That((status, body), Is.EqualTo((403, "not from there")));
        }
        using var good = new FrameClient(server.EndPoint, "Origin: https://good.example\r\n");
        Assert.That(good.Send(FrameClient.TextFrame("in")).ReadText(), Is.EqualTo("in"));
    }

    [Test]
    public async Task ApplicationThatClosesInTheHandshakeAnswersNothing()
    {
        await using TestServer server = Start(worker => worker.OnWebSocketConnect = (connection, _) => connection.Close());
        using var client = new FrameClient(server.EndPoint, open: false);
        Assert.That(client.Client.ReadToEnd(), Is.Empty);
    }

    [Test]
    public async Task ConnectionsOwnCallbacksComeBeforeTheWorkers()
    {
        var order = new List<string>();
        await using TestServer server = Start(worker =>
        {
            worker.OnConnect = connection =>
            {
                connection.OnWebSocketConnect = (_, request) => order.Add($"connect {request.Path}");
                connection.OnWebSocketConnected = (own, _) =>
                {
                    order.Add("connected");
                    own.Send("welcome");
                };
                connection.OnWebSocketClose = (_, code, _) => order.Add($"close {code}");
            };
            worker.OnWebSocketConnect = (_, _) => order.Add("the worker's");
            worker.OnWebSocketClose = (_, _, _) => order.Add("the worker's");
        });
        using var client = new FrameClient(server.EndPoint, path: "/chat");
        Assert.That(client.ReadText(), Is.EqualTo("welcome"));
        client.Send(FrameClient.CloseFrame(1000)).ReadClose();
        Assert.That(order, Is.EqualTo(new[] { "connect /chat", "connected", "close 1000" }));
    }

    [Test]
    public async Task SubprotocolIsOneThatTheClientOffers()
    {
        var chosen = new TaskCompletionSource<string?>();
        await using TestServer server = Start(worker =>
        {
            worker.OnWebSocketConnect = (_, request) =>
            {
                request.UpgradeHeaders["Sec-WebSocket-Protocol"] = "chat.v2";
                request.UpgradeHeaders["X-Server"] = "ours";
            };
            worker.OnWebSocketConnected = (connection, _) => chosen.SetResult(connection.Subprotocol);
        });
        using (var offers = new FrameClient(server.EndPoint, "Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n"))
            Assert.That(offers.Head, Does.Contain("Sec-WebSocket-Protocol: chat.v2\r\n").And.Contain("X-Server: ours\r\n"));
        Assert.That(Wait.For(chosen.Task), Is.EqualTo("chat.v2"));
        using var offersNone = new FrameClient(server.EndPoint, open: false);
        Assert.That(offersNone.Client.ReadResponse().Status, Is.EqualTo(500));
        Assert.That(server.Log.Text, Does.Contain("does not offer the subprotocol 'chat.v2'"));
    }

    [Test]
    public async Task PagesEventsAndWebSocketsShareAPort()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.IsWebSocketUpgrade)
            {
                bool open = connection.UpgradeToWebSocket(request, (own, message) => own.Send($"{request.Path} {message.Text}"));
                if (open) connection.Send("welcome");
            }
            else if (request.Header("accept") == "text/event-stream")
            {
                connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }));
                connection.Send(new ServerSentEvents { Data = "event" });
            }
            else
            {
                connection.Send("page");
            }
        });
        using RawClient page = server.Connect();
        Assert.That(page.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("page"));
        using RawClient events = server.Connect();
        Assert.That(events.Send("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n").ReadUntil("data: event\n\n"),
            Does.StartWith("HTTP/1.1 200 "));
        using var socket = new FrameClient(server.EndPoint, path: "/ws");
        Assert.That(socket.ReadText(), Is.EqualTo("welcome"));
        Assert.That(socket.Send(FrameClient.TextFrame("hi")).ReadText(), Is.EqualTo("/ws hi"));
        Assert.That(socket.Send(FrameClient.CloseFrame(3001)).ReadClose().Code, Is.EqualTo(3001));
        using RawClient wrong = server.Connect();
        Assert.That(wrong.Send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n").ReadResponse().Status, Is.EqualTo(400));
    }

    [Test]
    public async Task AnHttpWorkersCallbacksHoldForItsWebSocketsToo()
    {
        var told = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using TestServer server = TestServer.Http(loopType,
            (connection, request) => connection.UpgradeToWebSocket(request, (own, message) => own.Send(message)), worker =>
            {
                worker.OnWebSocketPing = (_, bytes) => told.Enqueue($"ping {bytes.Length}");
                worker.OnWebSocketPong = (_, bytes) => told.Enqueue($"pong {bytes.Length}");
                worker.OnWebSocketClose = (_, code, _) => told.Enqueue($"close {code}");
            });
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.Frame(0x80 | FrameClient.Ping, "a"u8)).Send(FrameClient.Frame(0x80 | FrameClient.Pong, "ab"u8))
            .Send(FrameClient.TextFrame("echo"));
        Assert.That(client.ReadFrame().First, Is.EqualTo(0x80 | FrameClient.Pong));
        Assert.That(client.ReadText(), Is.EqualTo("echo"));
        Assert.That(client.Send(FrameClient.CloseFrame(3001)).ReadClose().Code, Is.EqualTo(3001));
        Assert.That(told, Is.EqualTo(new[] { "ping 1", "pong 2", "close 3001" }));
    }

    [Test]
    public async Task UpgradeAfterAnAwaitReadsWhatCameMeanwhile()
    {
        var goOn = new TaskCompletionSource();
        await using TestServer server = TestServer.Start(loopType, new Worker("http://127.0.0.1:0")
        {
            Name = "test",
            OnMessageAsync = async (connection, request) =>
            {
                await goOn.Task;
                connection.UpgradeToWebSocket(request, (own, message) => own.Send(message));
            },
        });
        using var client = new FrameClient(server.EndPoint, open: false);
        client.Send(FrameClient.TextFrame("early"));
        goOn.SetResult();
        client.Client.ReadUntil("\r\n\r\n");
        Assert.That(client.ReadText(), Is.EqualTo("early"));
    }

    [Test]
    public async Task RequestThatHasItsAnswerIsNotUpgraded()
    {
        var refused = new TaskCompletionSource<string>();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            connection.Send("answered");
            refused.SetResult(
                Assert.Throws<InvalidOperationException>(() => connection.UpgradeToWebSocket(request, (_, _) => { }))!.Message);
        });
        using var client = new FrameClient(server.EndPoint, open: false);
        Assert.That(client.Client.ReadResponse().Body, Is.EqualTo("answered"));
        Assert.That(Wait.For(refused.Task), Does.Contain("answered already"));
    }

    [Test]
    public async Task NewSessionGoesWithTheAnswer()
    {
        await using TestServer server = Start(worker =>
        {
            worker.Options.Http.Session.Handler = new MemorySessionHandler();
            worker.OnWebSocketConnect = (_, request) => request.Session.Set("name", "joe");
        });
        using var client = new FrameClient(server.EndPoint);
        Assert.That(client.Head, Does.Contain("Set-Cookie: "));
    }

    private TestServer Start(Action<Worker<string>> setUp)
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, text) => connection.Send(text)
        };
        setUp(worker);
        return TestServer.Start(loopType, worker);
    }

    private static TestCaseData Case(string name, int status, string head) =>
        new TestCaseData(status, head).SetArgDisplayNames(name);
}
