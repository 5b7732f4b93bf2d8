using Workerman.Connection;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>The end of a WebSocket, from either side (RFC 6455 sections 5.5.1 and 7).</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ClosingHandshakeTests(Type loopType)
{
    [Test]
    public async Task PeersCloseIsAnsweredWithItsCodeAndTold([Values(1000, 1001, 1011, 3000, 4999)] int code,
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        var told = new TaskCompletionSource<(int, string)>();
        var closed = new TaskCompletionSource();
        await using TestServer server = Start(worker =>
        {
            worker.OnWebSocketClose = (_, told1, reason) => told.SetResult((told1, reason));
            worker.OnClose = _ => closed.SetResult();
        });
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.CloseFrame(code, "grüße"), fragmentation);
        Assert.That(client.ReadClose().Code, Is.EqualTo(code));
        Assert.That(Wait.For(told.Task), Is.EqualTo((code, "grüße")));
        client.Dispose();
        Wait.For(closed.Task);
    }

    [Test]
    public async Task CloseWithoutACodeIsAnsweredWithoutOne()
    {
        var told = new TaskCompletionSource<int>();
        await using TestServer server = Start(worker => worker.OnWebSocketClose = (_, code, _) => told.SetResult(code));
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.Frame(0x80 | FrameClient.Close, []));
        Assert.That(client.ReadClose().Code, Is.EqualTo(CloseCode.NoStatus));
        Assert.That(Wait.For(told.Task), Is.EqualTo(CloseCode.NoStatus));
    }

    [Test]
    public async Task NothingBehindAPeersCloseIsRead()
    {
        var received = new List<string>();
        await using TestServer server = Start(worker => worker.OnMessage = (_, text) => received.Add(text));
        using var client = new FrameClient(server.EndPoint);
        client.Send([.. FrameClient.TextFrame("before"), .. FrameClient.CloseFrame(1000), .. FrameClient.TextFrame("behind")]);
        client.ReadClose();
        Assert.That(received, Is.EqualTo(new[] { "before" }));
    }

    [Test]
    public async Task ApplicationClosesWithACodeOfItsOwnOrWith1000([Values("plain", "code", "last words", "end")] string how)
    {
        await using TestServer server = Start(worker => worker.OnMessage = (connection, _) =>
        {
            switch (how)
            {
                case "plain": connection.Close(); break;
                case "code": connection.CloseWebSocket(4001, "enough"); break;
                case "last words": connection.Close("bye"); break;
                default: connection.End("bye"); break;
            }
            Assert.That(connection.Send("never"), Is.EqualTo(SendResult.Dropped));
        });
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.TextFrame("go"));
        if (how is "last words" or "end") Assert.That(client.ReadText(), Is.EqualTo("bye"));
        Assert.That(client.ReadClose(), Is.EqualTo(how == "code" ? (4001, "enough") : (1000, "")));
    }

    [Test]
    public async Task ClosingFromAnotherThreadIsHandedOver()
    {
        var connected = new TaskCompletionSource<TcpConnection>();
        await using TestServer server =
            Start(worker => worker.OnWebSocketConnected = (connection, _) => connected.SetResult(connection));
        using var client = new FrameClient(server.EndPoint);
        Wait.For(connected.Task).CloseWebSocket(CloseCode.PolicyViolation, "no");
        Assert.That(client.ReadClose(), Is.EqualTo((1008, "no")));
    }

    [Test]
    public async Task StoppingServerSaysThatItGoesAway()
    {
        TestServer server = Start(_ => { });
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.TextFrame("x")).ReadText();
        ValueTask stopped = server.DisposeAsync();
        Assert.That(client.ReadClose().Code, Is.EqualTo(1001));
        client.Dispose();
        await stopped;
    }

    [Test]
    public async Task PeerThatVanishesIsClosedWithoutAWord()
    {
        var closed = new TaskCompletionSource();
        bool told = false;
        await using TestServer server = Start(worker =>
        {
            worker.OnWebSocketClose = (_, _, _) => told = true;
            worker.OnClose = _ => closed.SetResult();
        });
        var client = new FrameClient(server.EndPoint);
        client.Client.Reset();
        Wait.For(closed.Task);
        Assert.That(told, Is.False);
    }

    [Test]
    public async Task CodesThatMayNotBeSentAreRefusedToTheApplicationToo([Values(0, 999, 1005, 1006, 1015, 2000, 5000)] int code)
    {
        var refused = new TaskCompletionSource<string>();
        await using TestServer server = Start(worker => worker.OnMessage = (connection, _) =>
        {
            refused.SetResult(Assert.Throws<ArgumentOutOfRangeException>(() => connection.CloseWebSocket(code))!.Message);
            Assert.Throws<ArgumentException>(() => connection.CloseWebSocket(1000, new string('x', 124)));
            Assert.Throws<ArgumentException>(() => connection.Ping(new byte[126]));
            connection.Send("alive");
        });
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.TextFrame("go"));
        Assert.That(client.ReadText(), Is.EqualTo("alive"));
        Assert.That(Wait.For(refused.Task), Does.Contain("3000 to 4999"));
    }

    [Test]
    public async Task SilentPeerIsAskedAndThenGivenUp()
    {
        var closed = new TaskCompletionSource();
        await using TestServer server = Start(worker =>
        {
            worker.Options.WebSocket.PingInterval = TimeSpan.FromMilliseconds(400);
            worker.OnClose = _ => closed.SetResult();
        });
        using var client = new FrameClient(server.EndPoint);
        Assert.That(client.ReadFrame().First, Is.EqualTo(0x80 | FrameClient.Ping));
        client.Send(FrameClient.Frame(0x80 | FrameClient.Pong, []));
        Assert.That(client.ReadFrame().First, Is.EqualTo(0x80 | FrameClient.Ping), "who answers is asked again");
        Wait.For(closed.Task);
    }

    /// <summary>What it is sent is no sign of life of its own.</summary>
    [Test]
    public async Task PeerThatOnlyReadsIsAskedToo()
    {
        await using TestServer server = Start(worker =>
        {
            worker.Options.WebSocket.PingInterval = TimeSpan.FromMilliseconds(400);
            worker.OnWebSocketConnected = (connection, _) => Timer.Add(0.02, () => connection.Send("tick"));
        });
        using var client = new FrameClient(server.EndPoint);
        int first;
        while ((first = client.ReadFrame().First) == (0x80 | FrameClient.Text))
        {
        }
        Assert.That(first, Is.EqualTo(0x80 | FrameClient.Ping));
    }

    [Test]
    public async Task PeerThatStopsWithinAMessageIsTold()
    {
        await using TestServer server = Start(worker => worker.Options.WebSocket.MessageTimeout = TimeSpan.FromMilliseconds(100));
        using var client = new FrameClient(server.EndPoint);
        client.Send(FrameClient.Frame(FrameClient.Text, "half"u8));
        Assert.That(client.ReadClose().Code, Is.EqualTo(1008));
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
}
