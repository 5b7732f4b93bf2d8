using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Handover;
using Workerman.Protocols.Http;
using Workerman.Tests.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.Handover;

/// <summary>
/// Open event streams that go from one server to another: what their clients see, which is nothing but the next events.
/// Descriptors are Linux's.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class StreamMovingTests(Type loopType)
{
    [SetUp]
    public void OnlyOnLinux()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("descriptors are given away on Linux");
    }

    [Test]
    public async Task TheClientSeesTheNextEventAndNothingElse()
    {
        var closed = new TaskCompletionSource();
        await using StreamServer old = Make(setUp: worker => worker.OnClose = _ => closed.TrySetResult());
        await using StreamServer next = Make();
        using EventClient client = await old.Subscribe();
        Assert.That(client.Next().Id, Is.Not.Null, "what every new client is told");
        string before = old.Stream.Publish("before");
        Assert.That(client.Next(), Is.EqualTo(new Block(null, "before", before, null, null)));
        Assert.That(await Handovers.Go(old, next), Is.EqualTo(1));
        await closed.Task.WaitAsync(Wait.Limit);
        await Wait.Until(() => next.Stream.Subscribers == 1, "the subscription");
        Assert.That((old.Stream.Subscribers, old.Server.Main.Connections.Count), Is.EqualTo((0, 0)));
        string after = old.Stream.Publish("after");
        Assert.That(client.Next(), Is.EqualTo(new Block(null, "after", after, null, null)));
        Assert.That(NumberOf(after), Is.EqualTo(NumberOf(before) + 1));
        next.Stream.Complete(TimeSpan.FromSeconds(7));
        Assert.That(client.ToEnd(), Is.EqualTo(new[] { new Block(null, null, null, 7000, null) }), "and an end in order");
    }

    /// <summary>
    /// Clients of all kinds on two loops, while four threads publish: each gets each event that it wants once, in order.
    /// </summary>
    [Test]
    public async Task NothingIsLostOrDoubledWhileOthersPublish([Values(1, 2, 3, 4, 5, 6)] int seed)
    {
        const int Threads = 4;
        const int Count = 600;
        string[] queries = ["", "?topic=0", "?topic=1&topic=2", "?filter=even", "?topic=3&filter=even"];
        await using StreamServer old = Make(Options, ByQuery, count: 2);
        await using StreamServer next = Make(Options, ByQuery, count: 2);
        List<(EventClient Client, string Query, Task<List<Block>> Seen)> clients = [];
        for (int i = 0; i < 3 * queries.Length; i++)
        {
            string query = queries[i % queries.Length];
            var client = new EventClient(old.Server.EndPoint, query: query);
            clients.Add((client, query, Task.Run(() => ReadUntilEnd(client))));
        }
        await Wait.Until(() => old.Stream.Subscribers == clients.Count, "all subscriptions");
        int handOverAt = new Random(seed).Next(Threads * Count);
        Task[] publishers = [.. Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < Count; i++)
                old.Stream.Publish(new ServerSentEvents { Data = $"{thread} {i}" }, topic: $"{thread}", key: $"{i % 10}");
        }))];
        await Wait.Until(() => old.Stream.Published >= Math.Min(handOverAt, Threads * Count), "some events");
        Assert.That(await Handovers.Go(old, next), Is.EqualTo(clients.Count));
        await Task.WhenAll(publishers).WaitAsync(Wait.Limit);
        old.Stream.Publish(new ServerSentEvents { Data = "end" });
        foreach ((EventClient client, string query, Task<List<Block>> seen) in clients)
        {
            List<Block> blocks = await seen.WaitAsync(Wait.Limit);
            Assert.That(blocks.Select(block => block.Event), Is.All.Null, "no gap");
            Assert.That(blocks.Select(block => NumberOf(block.Id!)), Is.Ordered.And.Unique);
            for (int thread = 0; thread < Threads; thread++)
            {
                string mark = $"{thread} ";
                bool wants = !query.Contains("topic", StringComparison.Ordinal)
                    || query.Contains($"topic={thread}", StringComparison.Ordinal);
                bool even = query.Contains("even", StringComparison.Ordinal);
                IEnumerable<int> wanted = Enumerable.Range(0, wants ? Count : 0).Where(i => !even || i % 2 == 0);
                Assert.That(blocks.Select(block => block.Data!).Where(data => data.StartsWith(mark, StringComparison.Ordinal)),
                    Is.EqualTo(wanted.Select(i => mark + i)), query);
            }
            client.Dispose();
        }
        Assert.That(next.Server.Log.Text, Does.Not.Contain("[Error]").And.Not.Contain("[Warning]"));
    }

    /// <summary>From process to process, each time in the middle: no step adds anything.</summary>
    [Test]
    public async Task MovesAsOftenAsItHasTo()
    {
        StreamServer current = Make();
        using EventClient client = await current.Subscribe();
        client.Next();
        List<Block> seen = [];
        for (int i = 0; i < 10; i++)
        {
            current.Stream.Publish($"{2 * i}");
            StreamServer next = Make();
            Assert.That(await Handovers.Go(current, next), Is.EqualTo(1));
            current.Stream.Publish($"{2 * i + 1}");
            await Wait.Until(() => next.Stream.Subscribers == 1, "the subscription");
            await current.DisposeAsync();
            current = next;
        }
        for (int i = 0; i < 20; i++) seen.Add(client.Next());
        Assert.That(seen.Select(block => block.Data), Is.EqualTo(Enumerable.Range(0, 20).Select(i => $"{i}")));
        await current.DisposeAsync();
    }

    [Test]
    public async Task OnesThatDoNotReadMoveWithWhatIsUnsent()
    {
        await using StreamServer old = Make();
        await using StreamServer next = Make();
        using EventClient client = await old.Subscribe(receiveBufferSize: 4096);
        int published = 0;
        string filler = new('x', 20_000);
        Subscription subscription = old.Subscriptions[0];
        while (await Handovers.QueueOf(subscription) == 0)
            await Handovers.PublishAndWait(old, subscription, $"{published++} {filler}");
        for (int i = 0; i < 5; i++) old.Stream.Publish($"{published++} {filler}");
        Assert.That(await Handovers.Go(old, next), Is.EqualTo(1));
        await Wait.Until(() => next.Stream.Subscribers == 1, "the subscription");
        Assert.That(await Handovers.QueueOf(next.Subscriptions[0]), Is.Positive, "what was unsent");
        next.Stream.Publish($"{published++} {filler}");
        Assert.That(client.Data(published).Select(data => data[..data.IndexOf(' ')]),
            Is.EqualTo(Enumerable.Range(0, published).Select(i => $"{i}")));
    }

    /// <summary>
    /// One that is being given the newest events of keys in place of those that it was too slow for, and has had a part of them.
    /// </summary>
    [Test]
    public async Task OneThatIsConflatedGoesOnAfterWhatItHasHad()
    {
        var options = new EventStreamOptions
        { SlowSubscribers = SlowSubscribers.NewestPerKey, MaxBacklog = 20, ReplayCount = 10 };
        await using StreamServer old = Make(options);
        await using StreamServer next = Make(options);
        using EventClient client = await old.Subscribe(receiveBufferSize: 4096);
        string filler = new('x', 20_000);
        Subscription subscription = old.Subscriptions[0];
        int published = 0;
        while (await Handovers.QueueOf(subscription) == 0)
            await Handovers.PublishAndWait(old, subscription, $"{published++} {filler}");
        for (int i = 0; i < 300; i++)
            old.Stream.Publish(new ServerSentEvents { Data = $"{published++} {filler}" }, key: $"{i % 100}");
        // It reads a little, until it is being given them.
        List<string> seen = [];
        while (subscription.Dropped == 0) seen.Add(client.NextEvent().Data!);
        Assert.That(await Handovers.Go(old, next), Is.EqualTo(1));
        await Wait.Until(() => next.Stream.Subscribers == 1, "the subscription");
        old.Stream.Publish("last");
        while (seen.Count == 0 || seen[^1] != "last")
        {
            Block block = client.NextEvent();
            Assert.That(block.Event, Is.Null, "no gap");
            seen.Add(block.Data!);
        }
        int[] numbers = [.. seen.SkipLast(1).Select(data => int.Parse(data.AsSpan(0, data.IndexOf(' ')), null))];
        Assert.That(numbers, Is.Ordered.And.Unique);
        Assert.That(numbers.TakeLast(100), Is.EqualTo(Enumerable.Range(published - 100, 100)), "the newest of each key");
    }

    [Test]
    public async Task PlaceThatIsNoLongerKeptIsToldOf()
    {
        await using StreamServer old = Make();
        await using StreamServer next = Make(new() { ReplayCount = 2, MaxBacklog = 1, MaxLogSize = 64 * 1024 });
        using EventClient client = await old.Subscribe();
        client.Next();
        string last = old.Stream.Publish("last");
        Assert.That(client.Next().Data, Is.EqualTo("last"));
        Handovers.MoveLogs(old.Group, next.Group);
        List<MovedSubscription> moved = await Handovers.Take(old.Server.Workers, TimeSpan.Zero);
        string[] ids = [.. Enumerable.Range(0, 10).Select(i => old.Stream.Publish($"{i} {new string('x', 30_000)}"))];
        await Handovers.Adopt(next.Server, moved.Single());
        Assert.That(client.Next(), Is.EqualTo(new Block("gap", last, null, null, null)));
        Assert.That(client.Next(), Is.EqualTo(new Block(null, null, ids[^3], null, null)));
        Assert.That(client.Data(2).Select(data => data[..1]), Is.EqualTo(new[] { "8", "9" }));
    }

    /// <summary>More than replay and backlog keep is published before it is there again, and is kept for it.</summary>
    [Test]
    public async Task WhatIsPublishedOnTheWayIsKept()
    {
        var options = new EventStreamOptions { ReplayCount = 2, MaxBacklog = 2 };
        await using StreamServer old = Make(options);
        await using StreamServer next = Make(options);
        using EventClient client = await old.Subscribe();
        client.Next();
        Handovers.MoveLogs(old.Group, next.Group);
        List<MovedSubscription> moved = await Handovers.Take(old.Server.Workers, TimeSpan.Zero);
        for (int i = 0; i < 1000; i++) old.Stream.Publish($"{i}");
        await Handovers.Adopt(next.Server, moved.Single());
        Assert.That(client.Data(1000), Is.EqualTo(Enumerable.Range(0, 1000).Select(i => $"{i}")));
    }

    [Test]
    public async Task OfStreamsWithOneNameEachGoesOnWithItsOwn()
    {
        var (group, other) = (new StreamGroup(), new StreamGroup());
        EventStream[] before = [new("same", null, group), new("same", null, group)];
        EventStream[] after = [new("same", null, other), new("same", null, other)];
        await using TestServer old = Server((connection, request) => Choose(before, connection, request));
        await using TestServer next = Server((connection, request) => Choose(after, connection, request));
        EventClient[] clients = [new(old.EndPoint, query: "?stream=0"), new(old.EndPoint, query: "?stream=1")];
        foreach (EventClient client in clients) client.ReadHead();
        await Wait.Until(() => before.All(stream => stream.Subscribers == 1), "both");
        Assert.That(await Handovers.Go(old, group, next, other), Is.EqualTo(2));
        for (int i = 0; i < 2; i++) before[i].Publish($"of {i}");
        for (int i = 0; i < 2; i++)
        {
            Assert.That(clients[i].NextEvent().Data, Is.EqualTo($"of {i}"));
            clients[i].Dispose();
        }
    }

    [Test]
    public async Task AnotherStreamThanBeforeIsAGap()
    {
        var (group, other) = (new StreamGroup(), new StreamGroup());
        var before = new EventStream("old", null, group);
        var after = new EventStream("new", null, other);
        await using TestServer old = Server((connection, request) => before.Subscribe(connection, request));
        await using TestServer next = Server((connection, request) => after.Subscribe(connection, request));
        using var client = new EventClient(old.EndPoint);
        client.ReadHead();
        client.Next();
        string last = before.Publish("last");
        Assert.That(client.Next().Id, Is.EqualTo(last));
        string only = after.Publish("of another");
        Assert.That(await Handovers.Go(old, group, next, other), Is.EqualTo(1));
        Assert.That(client.Next(), Is.EqualTo(new Block("gap", last, null, null, null)));
        Assert.That(client.Next().Id, Is.EqualTo(after.Log.IdFor(0)));
        Assert.That(client.Next(), Is.EqualTo(new Block(null, "of another", only, null, null)));
    }

    [Test]
    public async Task AnIdThatTheApplicationNamesDoesNotCount()
    {
        await using StreamServer old = Make();
        await using StreamServer next = Make(choose: request => new()
        {
            LastEventId = new string('x', 5000),
            FromOldest = true,
            Headers = new() { ["X-Late"] = "no head" },
        });
        string[] ids = [.. Enumerable.Range(0, 3).Select(i => old.Stream.Publish($"{i}"))];
        using EventClient client = await old.Subscribe(ids[1]);
        Assert.That(client.Next().Data, Is.EqualTo("2"));
        Assert.That(await Handovers.Go(old, next), Is.EqualTo(1));
        old.Stream.Publish("3");
        Assert.That(client.Next().Data, Is.EqualTo("3"));
    }

    [Test]
    public async Task QuietTopicsKeepTheIdThatTheClientKnows()
    {
        var options = new EventStreamOptions { Heartbeat = TimeSpan.FromMilliseconds(100) };
        await using StreamServer old = Make(options);
        await using StreamServer next = Make(options);
        using EventClient client = await old.Subscribe(query: "?topic=quiet");
        client.Next();
        string noise = old.Stream.Publish(new ServerSentEvents { Data = "noise" }, "loud");
        Assert.That(await Handovers.Go(old, next), Is.EqualTo(1));
        while (client.Next().Id != noise) continue;
        old.Stream.Publish(new ServerSentEvents { Data = "at last" }, "quiet");
        Assert.That(client.NextEvent().Data, Is.EqualTo("at last"));
    }

    /// <summary>The application names them anew.</summary>
    [Test]
    public async Task TopicsAndPatternsAreWhatTheNewProcessIsTold()
    {
        await using StreamServer old = Make();
        await using StreamServer next = Make();
        using EventClient client = await old.Subscribe(query: "?topic=a&pattern=b/*");
        client.Next();
        old.Stream.Publish(new ServerSentEvents { Data = "1" }, ["x", "b/1"]);
        Assert.That(client.NextEvent().Data, Is.EqualTo("1"));
        Assert.That(await Handovers.Go(old, next), Is.EqualTo(1));
        foreach ((string data, string topics) in new[] { ("no", "b"), ("2", "x b/2"), ("no", "b/2/x x"), ("3", "x a") })
            old.Stream.Publish(new ServerSentEvents { Data = data }, topics.Split(' '));
        Assert.That(client.Data(2), Is.EqualTo(new[] { "2", "3" }));
    }

    [Test]
    public async Task OverAUnixSocketToo()
    {
        using var folder = new TemporaryFolder();
        var (group, other) = (new StreamGroup(), new StreamGroup());
        var before = new EventStream("news", null, group);
        var after = new EventStream("news", null, other);
        string[] addresses = [$"unix://{folder.PathOf("old")}", $"unix://{folder.PathOf("new")}"];
        var worker = new Worker(addresses[0]) { OnMessage = (connection, request) => before.Subscribe(connection, request) };
        await using TestServer old = TestServer.Start(loopType, worker);
        await using TestServer next = TestServer.Start(loopType,
            new Worker(addresses[1]) { OnMessage = (connection, request) => after.Subscribe(connection, request) });
        using var client = new RawClient(new UnixDomainSocketEndPoint(folder.PathOf("old")));
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        client.ReadUntil("\n\n");
        Assert.That(await Handovers.Go(old, group, next, other, address: addresses[1]), Is.EqualTo(1));
        string id = before.Publish("moved");
        Assert.That(client.ReadUntil("\n\n"), Is.EqualTo($"id: {id}\ndata: moved\n\n"));
        await old.Run.WaitAsync(Wait.Limit);
        Assert.That(File.Exists(folder.PathOf("old")), "the new process listens there");
    }

    [Test]
    public async Task AddressesThatAProxyHasNamedGoAlong()
    {
        static void Trust(Worker worker) => worker.Options.ProxyProtocol.TrustedProxies.Add("127.0.0.1");
        await using StreamServer old = Make(setUp: Trust);
        var address = new TaskCompletionSource<string>();
        await using StreamServer middle = Make(setUp: Trust);
        await using StreamServer next = Make(setUp: worker =>
        {
            Trust(worker);
            worker.OnConnect = connection =>
                address.TrySetResult($"{connection.RemoteAddress} {connection.LocalAddress} {connection.Status}");
        });
        using RawClient client = old.Server.Connect();
        client.Send("PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\n\n");
        Assert.That(await Handovers.Go(old, middle), Is.EqualTo(1));
        await Wait.Until(() => middle.Stream.Subscribers == 1, "the subscription");
        Assert.That(await Handovers.Go(middle, next), Is.EqualTo(1));
        Assert.That(await address.Task.WaitAsync(Wait.Limit), Is.EqualTo("192.0.2.1:4660 198.51.100.2:80 Established"));
        old.Stream.Publish("x");
        Assert.That(client.ReadUntil("\n\n"), Does.Contain("data: x\n"));
    }

    /// <summary>In the middle of what it has already: it is in the socket's buffer, and stays there.</summary>
    [Test]
    public async Task BytesThatThePeerSendsMeanwhileHarmNothing()
    {
        await using StreamServer old = Make();
        await using StreamServer next = Make();
        using EventClient client = await old.Subscribe();
        client.Next();
        client.Raw.Send("GET /pipelined HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(await Handovers.Go(old, next), Is.EqualTo(1));
        client.Raw.Send("GET /pipelined HTTP/1.1\r\nHost: a\r\n\r\n");
        old.Stream.Publish("x");
        Assert.That(client.Next().Data, Is.EqualTo("x"));
    }

    [Test]
    public async Task PeersThatAreGoneMeanwhileAreForgotten([Values] bool reset)
    {
        await using StreamServer old = Make();
        var closed = new SemaphoreSlim(0);
        await using StreamServer next = Make(setUp: worker => worker.OnClose = _ => closed.Release());
        EventClient client = await old.Subscribe();
        Handovers.MoveLogs(old.Group, next.Group);
        List<MovedSubscription> moved = await Handovers.Take(old.Server.Workers, TimeSpan.Zero);
        if (reset) client.Raw.Reset();
        client.Dispose();
        old.Stream.Publish("for nobody");
        await Handovers.Adopt(next.Server, moved.Single());
        Assert.That(await closed.WaitAsync(Wait.Limit), "its end");
        await Wait.Until(() => next.Stream.Subscribers == 0 && next.Server.Main.Balancer.Connections == 0, "nothing left");
        Assert.That(next.Server.Log.Text, Does.Not.Contain("[Error]"));
    }

    [Test]
    public async Task ASubscriberThatIsThereTooEarlyIsSentBack()
    {
        await using StreamServer old = Make();
        await using StreamServer next = Make();
        old.Stream.Publish("old");
        using EventClient early = await next.Subscribe();
        next.Stream.Publish("new");
        Handovers.MoveLogs(old.Group, next.Group);
        Assert.That(early.ToEnd()[^1].Retry, Is.Zero);
        using EventClient back = await next.Subscribe(early.LastEventId ?? "unknown");
        Assert.That(back.Data(3).Skip(1), Is.EqualTo(new[] { "old", "new" }), "after a gap, because its id has changed");
    }

    private static EventStreamOptions Options => new() { ReplayCount = 10_000, MaxBacklog = 10_000 };

    private static SubscribeOptions ByQuery(Request request) => new()
    {
        Topics = [.. request.GetValues("topic")],
        Filter = request.Get("filter") is null ? null : one => IsEven(one.Data!),
    };

    private static bool IsEven(string data) =>
        !data.Contains(' ', StringComparison.Ordinal) || int.Parse(data.AsSpan(data.IndexOf(' ') + 1), null) % 2 == 0;

    private StreamServer Make(EventStreamOptions? options = null, Func<Request, SubscribeOptions>? choose = null, int count = 1,
        Action<Worker>? setUp = null) => new(loopType, options, choose, count, "news", new StreamGroup(), setUp);

    private TestServer Server(Action<TcpConnection, Request> onMessage) => TestServer.Http(loopType, onMessage);

    private static void Choose(EventStream[] streams, TcpConnection connection, Request request) =>
        streams[int.Parse(request.Get("stream")!, null)].Subscribe(connection, request);

    private static long NumberOf(string id) => long.Parse(id.AsSpan(id.IndexOf('-') + 1), CultureInfo.InvariantCulture);

    private static List<Block> ReadUntilEnd(EventClient client)
    {
        var reader = new ResumingReader(client.Raw.Socket, null);
        var events = new List<Block>();
        while (events.Count == 0 || events[^1].Data != "end")
        {
            if (!reader.TryRead(events)) Assert.Fail($"the stream has ended after {events.Count} events");
        }
        return events;
    }
}
