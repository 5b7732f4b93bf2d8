using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// What a connection has of its own: a message callback in place of its worker's, and what the application hangs on it.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class MessageCallbackTests(Type loopType)
{
    [Test]
    public async Task OnMessageTakesThePlaceOfTheWorkersFromTheNextMessageOnAndGivesItBack()
    {
        await using TestServer server = Lines(worker => worker.OnMessage = (connection, line) =>
        {
            connection.Send($"worker: {line}");
            connection.OnMessage = (own, next) =>
            {
                own.Send($"own: {next}");
                if (next == "back") own.OnMessage = null;
            };
        });
        using RawClient client = server.Connect();
        using RawClient other = server.Connect();
        client.Send("a\nb\nback\nc\n");
        Assert.That(client.ReadUntil("c\n"), Is.EqualTo("worker: a\nown: b\nown: back\nworker: c\n"));
        Assert.That(other.Send("x\n").ReadUntil("\n"), Is.EqualTo("worker: x\n"), "another connection has the worker's");
    }

    [Test]
    public async Task OnMessageMayBeSetInOnConnectAndThenTheWorkerNeedsNone()
    {
        await using TestServer server =
            Lines(worker => worker.OnConnect = connection => connection.OnMessage = (own, line) => own.Send($"own: {line}"));
        using RawClient client = server.Connect();
        Assert.That(client.Send("a\n").ReadUntil("\n"), Is.EqualTo("own: a\n"));
    }

    [Test]
    public async Task OnMessageAsyncIsAwaitedAndTheLastOneSetCounts()
    {
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send("worker"), worker => worker.OnConnect = connection =>
            {
                connection.OnMessage = (own, _) => own.Send("never");
                connection.OnMessageAsync = async (own, request) =>
                {
                    Assert.That(((TcpConnection<Request>)own).OnMessage, Is.Null);
                    await Timer.Sleep(0.001);
                    if (request.Path == "/fail") throw new InvalidOperationException("after await");
                    own.Send("own");
                };
            });
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("own"));
        Assert.That(client.Send("GET /fail HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Status, Is.EqualTo(500));
    }

    [Test]
    public async Task ARequestKnowsItsConnection()
    {
        await using TestServer server = TestServer.Http(loopType,
            (connection, request) => connection.Send($"{request.Connection == connection} {request.Connection!.Worker!.Name}"));
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("True test"));
    }

    [Test]
    public async Task AWebSocketWorkersConnectionsHaveOneToo()
    {
        var worker = new Worker<WebSocketMessage>("websocket://127.0.0.1:0");
        worker.OnConnect = connection => connection.OnMessage = (own, message) => own.Send($"own: {message.Text}");
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new System.Net.WebSockets.ClientWebSocket();
        await client.ConnectAsync(new Uri($"ws://{server.EndPoint}/"), CancellationToken.None);
        await client.SendAsync("a"u8.ToArray(), System.Net.WebSockets.WebSocketMessageType.Text, true, CancellationToken.None);
        byte[] buffer = new byte[100];
        int length = (await client.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Wait.Limit)).Count;
        Assert.That(Encoding.UTF8.GetString(buffer, 0, length), Is.EqualTo("own: a"));
    }

    [Test]
    public async Task ContextIsAClassOfTheApplicationsMadeWhenItIsAskedFor()
    {
        await using TestServer server = Lines(worker => worker.OnMessage = (connection, line) =>
        {
            if (line == "wrong")
                Assert.That(connection.GetContext<StringBuilder>,
                    Throws.InvalidOperationException.With.Message.Contains("one class of your own"));
            connection.Send($"{++connection.GetContext<Visitor>().Lines} {((Visitor)connection.Context!).Lines}");
        });
        using RawClient client = server.Connect();
        client.Send("a\nwrong\n");
        Assert.That(client.ReadUntil("2 2\n"), Is.EqualTo("1 1\n2 2\n"));
    }

    [Test]
    public async Task AWorkersContextIsOneForEachLoopUnlessItIsSetBefore()
    {
        var shared = new Visitor();
        var first = new Worker<string>("tcp://127.0.0.1:0") { Count = 2, Context = shared, Protocol = () => new LineProtocol() };
        var second = new Worker<string>("tcp://127.0.0.1:0") { Count = 2, Protocol = () => new LineProtocol() };
        var seen = new System.Collections.Concurrent.ConcurrentBag<(Visitor Shared, Visitor Own)>();
        second.OnWorkerStart = _ => seen.Add((first.GetContext<Visitor>(), second.GetContext<Visitor>()));
        await using (TestServer.Start(loopType, first, second))
        {
            await Wait.Until(() => seen.Count == 2, "the second worker's loops");
        }
        Assert.That(seen.Select(each => each.Shared), Is.All.SameAs(shared));
        Assert.That(seen.Select(each => each.Own).Distinct().Count(), Is.EqualTo(2));
    }

    /// <summary>The manual's page close-unauthed-connections: who does not say who it is in time is closed.</summary>
    [ManualPage("faq/close-unauthed-connections.md")]
    [Test]
    public async Task WhoDoesNotLogInInTimeIsClosed()
    {
        await using TestServer server = Lines(worker =>
        {
            worker.OnConnect = connection =>
                connection.GetContext<Visitor>().Deadline = Timer.Delay(0.5, () => connection.Close("too late"));
            worker.OnMessage = (connection, line) =>
            {
                if (line == "login") Timer.Del(connection.GetContext<Visitor>().Deadline);
                connection.Send($"{line} heard");
            };
        });
        using RawClient known = server.Connect();
        Assert.That(known.Send("login\n").ReadUntil("\n"), Is.EqualTo("login heard\n"));
        using RawClient silent = server.Connect();
        Assert.That(silent.ReadToEnd(), Is.EqualTo("too late\n"));
        Assert.That(known.Send("still here\n").ReadUntil("\n"), Is.EqualTo("still here heard\n"));
    }

    private TestServer Lines(Action<Worker<string>> setUp)
    {
        var worker = new Worker<string>("tcp://127.0.0.1:0") { Protocol = () => new LineProtocol() };
        setUp(worker);
        return TestServer.Start(loopType, worker);
    }

    private sealed class Visitor
    {
        public int Lines { get; set; }

        public long Deadline { get; set; }
    }
}
