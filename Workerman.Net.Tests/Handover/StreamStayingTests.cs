using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Handover;
using Workerman.Protocols.Http;
using Workerman.Tests.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.Handover;

/// <summary>Open event streams that cannot go from one server to another: their clients are told when to come back.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class StreamStayingTests(Type loopType)
{
    [SetUp]
    public void OnlyOnLinux()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("descriptors are given away on Linux");
    }

    [Test]
    public async Task TooMuchThatIsUnsentDoesNotMove()
    {
        var options = new EventStreamOptions { MaxEventSize = 8_000_000 };
        await using StreamServer old = Make(options);
        await using StreamServer next = Make(options);
        using EventClient client = await old.Subscribe(receiveBufferSize: 4096);
        await Handovers.PublishAndWait(old, old.Subscriptions[0], new string('x', 6_000_000));
        Assert.That(await Handovers.QueueOf(old.Subscriptions[0]), Is.GreaterThan(MovingStreams.MostUnsent));
        Assert.That(await Handovers.Go(old, next, TimeSpan.FromSeconds(5)), Is.Zero);
        List<Block> blocks = client.ToEnd();
        Assert.That(blocks[^2].Data, Has.Length.EqualTo(6_000_000), "all of what it was being sent");
        Assert.That(blocks[^1].Retry, Is.InRange(0, 5000));
    }


    /// <summary>The answer to HEAD is no stream; an answer of the application's own, and one over TLS, cannot move.</summary>
    [Test]
    public async Task WhatCannotMoveIsEndedWithARetryThatDiffers()
    {
        var stream = new EventStream("news", null, new StreamGroup());
        var window = TimeSpan.FromSeconds(1000);
        Response Own() => new(200, new() { ["Content-Type"] = "text/event-stream" }, "");
        await using TestServer server = Server((connection, request) =>
        {
            if (request.Path == "/own") connection.Send(Own());
            else stream.Subscribe(connection, request);
        });
        List<RawClient> clients = [];
        foreach (string request in Enumerable.Repeat("GET /own", 8).Append("POST /body").Append("POST /chunked"))
        {
            RawClient client = server.Connect();
            client.Send($"{request} HTTP/1.1\r\nHost: a\r\n"
                + (request.EndsWith("body", StringComparison.Ordinal) ? "Content-Length: 4\r\n\r\nbody"
                    : request.EndsWith("chunked", StringComparison.Ordinal)
                        ? "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
                    : "\r\n"));
            client.ReadUntil("\r\n\r\n");
            clients.Add(client);
        }
        using RawClient head = server.Connect();
        head.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        await Wait.Until(() => stream.Subscribers == 2, "the subscriptions");
        Assert.That(await Handovers.Take(server.Workers, window), Is.Empty);
        List<int> retries = [];
        foreach (RawClient client in clients)
        {
            var last = Block.Parse(client.ReadToEnd().TrimEnd('\n').Split("\n\n")[^1]);
            retries.Add(last.Retry!.Value);
            client.Dispose();
        }
        Assert.That(retries, Is.All.InRange(0, 1_000_000));
        Assert.That(retries.Distinct().Count(), Is.GreaterThan(5), "so that they do not come back at once");
        Assert.That(head.IsAtEnd());
    }


    [Test]
    public async Task OverTlsItIsEnded()
    {
        var stream = new EventStream("news", null, new StreamGroup());
        await using TestServer server =
            TlsServers.Https(loopType, (connection, request) => stream.Subscribe(connection, request));
        using TlsClient client = TlsClient.Connect(server.EndPoint);
        client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await Wait.Until(() => stream.Subscribers == 1, "the subscription");
        Assert.That(await Handovers.Take(server.Workers, TimeSpan.FromSeconds(9)), Is.Empty);
        var last = Block.Parse(client.ReadToEnd().TrimEnd('\n').Split("\n\n")[^1]);
        Assert.That(last.Retry, Is.InRange(0, 9000));
    }


    /// <summary>With nobody to move to, all streams end; the client comes back by its id, to whoever listens by then.</summary>
    [Test]
    public async Task WhereNothingMovesAllAreEnded()
    {
        await using StreamServer server = Make();
        using EventClient client = await server.Subscribe();
        server.Server.Workers.HandOver(Handovers.Plan(TimeSpan.FromSeconds(3)));
        Assert.That(client.ToEnd()[^1].Retry, Is.InRange(0, 3000));
        await server.Server.Run.WaitAsync(Wait.Limit);
    }


    /// <summary>A new subscription while others have moved is told to come back; its id is good for the new process.</summary>
    [Test]
    public async Task OneThatBeginsTooLateComesBack()
    {
        await using StreamServer old = Make();
        await using StreamServer next = Make();
        using RawClient late = old.Server.Connect();
        late.Send("GET / HT");
        await Wait.Until(() => old.Server.Main.Connections.Any(connection => connection.BytesRead > 0), "the beginning");
        Assert.That(await Handovers.Go(old, next), Is.Zero);
        late.Send("TP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        Block[] blocks = [.. late.ReadToEnd().Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(Block.Parse)];
        Assert.That(blocks[^1].Retry, Is.Not.Null);
        string id = blocks.Last(block => block.Id is not null).Id!;
        next.Stream.Publish("missed");
        using EventClient back = await next.Subscribe(id);
        Assert.That(back.Next().Data, Is.EqualTo("missed"));
    }


    [Test]
    public async Task WorkerThatIsNotThereIsNamed()
    {
        await using StreamServer old = Make();
        await using TestServer other = TestServer.Raw(loopType, (_, _) => { });
        using EventClient client = await old.Subscribe();
        client.Next();
        MovedSubscription moved = (await Handovers.Take(old.Server.Workers, TimeSpan.FromSeconds(2))).Single();
        Assert.That(other.Workers.Adopt(moved), Is.False);
        MovingStreams.End(moved);
        Assert.That(client.ToEnd().Single().Retry, Is.InRange(0, 2000));
    }

    private StreamServer Make(EventStreamOptions? options = null) =>
        new(loopType, options, name: "news", group: new StreamGroup());

    private TestServer Server(Action<TcpConnection, Request> onMessage) => TestServer.Http(loopType, onMessage);
}
