using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Clients that do not read: what they cost, whom they delay, and what becomes of them under each policy.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SlowSubscriberTests(Type loopType)
{
    private static readonly string Filler = new('x', 4000);
    private static readonly string LargeFiller = new('x', 20_000);

    /// <summary>Publishes until the socket of the first subscriber is full.</summary>
    private static async Task<int> Stall(StreamServer server, string? topic = null)
    {
        int published = 0;
        Subscription first = server.Subscriptions[0];
        while (first.Connection.SendBufferQueueSize == 0)
        {
            server.Stream.Publish(new ServerSentEvents { Data = $"{published++} {LargeFiller}" }, topic);
            await Wait.Until(() => first.Delivered == published, "the delivery");
            // It is counted before it is sent, and only the loop knows when it has been.
            var sent = new TaskCompletionSource();
            first.Connection.Loop.Post(sent.SetResult);
            Wait.For(sent.Task);
        }
        return published;
    }

    private static int NumberOf(Block block) => int.Parse(block.Data!.AsSpan(0, block.Data!.IndexOf(' ')), null);

    [Test]
    public async Task StalledClientDelaysNobodyAndGrowsNothing()
    {
        await using var server =
            new StreamServer(loopType, new() { SlowSubscribers = SlowSubscribers.DropOldest, MaxBacklog = 50, ReplayCount = 20 });
        using EventClient stalled = await server.Subscribe(receiveBufferSize: 4096);
        int before = await Stall(server);
        using EventClient live = await server.Subscribe();
        int published = before;
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < 30; i++) server.Stream.Publish($"{published++} {Filler}");
            for (int i = 0; i < 30; i++) Assert.That(NumberOf(live.NextEvent()), Is.EqualTo(published - 30 + i));
            Assert.That(server.Subscriptions[0].Connection.SendBufferQueueSize, Is.InRange(1, 70_000),
                "what waits at the connection");
        }
        await Wait.Until(() => server.Stream.Lag >= 600, "its lag");
        Assert.That(server.Stream.Log.Count, Is.EqualTo(70));
        Assert.That(server.Subscriptions.Select(subscription => subscription.Lag >= 600), Is.EqualTo(new[] { true, false }));
        // It reads again: what it had on the way, then the newest that fit, without a hole but the one.
        var seen = new List<int>();
        while (seen.Count == 0 || seen[^1] < published - 1) seen.Add(NumberOf(stalled.NextEvent()));
        int[] holes = [.. Enumerable.Range(1, seen.Count - 1).Where(i => seen[i] != seen[i - 1] + 1)];
        Assert.That(holes, Has.Length.EqualTo(1));
        Assert.That(seen.Count - holes[0], Is.EqualTo(50));
        Assert.That(server.Stream.Dropped, Is.EqualTo(published - seen.Count));
        Assert.That(server.Subscriptions[0].Dropped, Is.EqualTo(published - seen.Count));
        await Wait.Until(() => server.Stream.Lag == 0, "no lag");
    }

    [Test]
    public async Task TooSlowIsDisconnectedAndResumesWithoutLoss()
    {
        await using var server = new StreamServer(loopType, new() { MaxBacklog = 30, ReplayCount = 10_000 });
        EventClient stalled = await server.Subscribe(receiveBufferSize: 4096);
        int published = await Stall(server);
        for (int i = 0; i < 30; i++) server.Stream.Publish($"{published++} {Filler}");
        using EventClient other = await server.Subscribe();
        Assert.That(server.Stream.Subscribers, Is.EqualTo(2), "so many may wait");
        server.Stream.Publish($"{published++} {Filler}");
        await Wait.Until(() => server.Stream.Subscribers == 1, "the disconnection");
        Assert.That(NumberOf(other.NextEvent()), Is.EqualTo(published - 1));
        List<int> seen = [];
        var client = new ResumingReader(stalled);
        seen.AddRange(client.ReadToEnd().Select(NumberOf));
        stalled.Dispose();
        using EventClient back = await server.Subscribe(client.LastEventId);
        while (seen.Count < published) seen.Add(NumberOf(back.Next()));
        Assert.That(seen, Is.EqualTo(Enumerable.Range(0, published)));
        Assert.That(server.Stream.Dropped, Is.Zero);
    }

    [Test]
    public async Task NewestPerKeyArrivesInOrderAlsoFromBeyondTheLog()
    {
        await using var server = new StreamServer(loopType,
            new() { SlowSubscribers = SlowSubscribers.NewestPerKey, MaxBacklog = 20, ReplayCount = 0 });
        using EventClient stalled = await server.Subscribe(receiveBufferSize: 4096);
        int before = await Stall(server);
        int published = before;
        void Publish(string key, string? topic = null) =>
            server.Stream.Publish(new ServerSentEvents { Data = $"{published++} {key}" }, topic, key == "none" ? null : key);
        Publish("rare");
        Publish("rare", "another topic");
        for (int i = 0; i < 300; i++) Publish($"k{i % 3}");
        Publish("none");
        Publish("k0");
        await Wait.Until(() => server.Stream.Log.Count == 20, "the log to let go");
        List<(int Number, string Key)> seen = [];
        while (seen.Count == 0 || seen[^1].Number < published - 1)
        {
            string[] parts = stalled.NextEvent().Data!.Split(' ');
            seen.Add((int.Parse(parts[0], null), parts[1]));
        }
        (int, string)[] late = [.. seen.Where(item => item.Number >= before)];
        int k = before + 2;
        Assert.That(late, Is.EqualTo(new[] { (before, "rare"), (before + 1, "rare"), (k + 298, "k1"), (k + 299, "k2"),
            (k + 300, "none"), (k + 301, "k0") }));
        Assert.That(server.Stream.Dropped, Is.EqualTo(published - seen.Count));
        // One that has caught up gets everything again.
        await Wait.Until(() => server.Stream.Lag == 0, "no lag");
        for (int i = 0; i < 10; i++) Publish("k0");
        Assert.That(stalled.Data(10), Has.Length.EqualTo(10));
    }

    [Test]
    public async Task KeysAreForgottenBeyondTheirLimit()
    {
        await using var server = new StreamServer(loopType,
            new() { SlowSubscribers = SlowSubscribers.NewestPerKey, MaxBacklog = 5, ReplayCount = 0, MaxKeys = 2 });
        using EventClient stalled = await server.Subscribe(receiveBufferSize: 4096);
        await Stall(server);
        foreach (string key in new[] { "a", "b", "c", "b" })
            server.Stream.Publish(new ServerSentEvents { Data = key }, null, key);
        for (int i = 0; i < 10; i++) server.Stream.Publish($"unkeyed {i}");
        var late = new List<string>();
        while (late.LastOrDefault() != "unkeyed 9")
        {
            if (stalled.NextEvent().Data is { Length: < 20 } data) late.Add(data);
        }
        Assert.That(late, Is.EqualTo(new[] { "c", "b", "unkeyed 5", "unkeyed 6", "unkeyed 7", "unkeyed 8", "unkeyed 9" }));
    }

    /// <summary>
    /// More keys than fit into one write, and a second stall while they are on their way: each arrives once, the newest.
    /// </summary>
    [Test]
    public async Task ManyKeysLeaveInPiecesAndStallAgain()
    {
        const int Keys = 1000;
        await using var server =
            new StreamServer(loopType, new() { SlowSubscribers = SlowSubscribers.NewestPerKey, MaxBacklog = 5, ReplayCount = 0 });
        using EventClient stalled = await server.Subscribe(receiveBufferSize: 4096);
        int published = await Stall(server);
        int before = published;
        void PublishAll(string version)
        {
            for (int key = 0; key < Keys; key++, published++)
                server.Stream.Publish(new ServerSentEvents { Data = $"{published} {version} {key} {Filler}" }, null, $"{key}");
        }
        PublishAll("first");
        // It begins to read, has some of them, and new versions of all come.
        long dropped = server.Stream.Dropped;
        var seen = new List<(int Number, string Version, int Key)>();
        void Read()
        {
            string[] parts = stalled.NextEvent().Data!.Split(' ');
            if (int.Parse(parts[0], null) >= before) seen.Add((int.Parse(parts[0], null), parts[1], int.Parse(parts[2], null)));
        }
        while (seen.Count < 20) Read();
        PublishAll("second");
        while (seen[^1].Number < published - 1) Read();
        Assert.That(dropped, Is.Zero);
        Assert.That(seen.Select(item => item.Number), Is.Ordered.Ascending);
        Assert.That(seen.Where(item => item.Version == "second").Select(item => item.Key), Is.EqualTo(Enumerable.Range(0, Keys)));
        await Wait.Until(() => server.Stream.Lag == 0, "no lag");
        Assert.That(server.Stream.Delivered + server.Stream.Dropped, Is.EqualTo(published));
    }

    [Test]
    public async Task WhatIsNotWantedMakesNobodySlow()
    {
        await using var server = new StreamServer(loopType, new() { MaxBacklog = 5, ReplayCount = 0 });
        using EventClient stalled = await server.Subscribe(query: "?topic=a", receiveBufferSize: 4096);
        using EventClient noisy = await server.Subscribe(query: "?topic=b");
        int published = await Stall(server, "a");
        for (int i = 0; i < 100; i++) server.Stream.Publish(new ServerSentEvents { Data = $"{i} noise" }, "b");
        Assert.That(noisy.Data(100), Has.Length.EqualTo(100));
        Assert.That(server.Stream.Subscribers, Is.EqualTo(2));
        await Wait.Until(() => server.Stream.Lag == 0, "nothing waits for it");
        server.Stream.Publish(new ServerSentEvents { Data = $"{published} a" }, "a");
        for (int i = 0; i <= published; i++) Assert.That(NumberOf(stalled.NextEvent()), Is.EqualTo(i));
        Assert.That(server.Stream.Dropped, Is.Zero);
    }

    [TestCase(30)]
    [TestCase(1000)]
    public async Task DroppedOfATopicIsCountedExactly(int replayCount)
    {
        await using var server = new StreamServer(loopType,
            new() { SlowSubscribers = SlowSubscribers.DropOldest, MaxBacklog = 20, ReplayCount = replayCount });
        using EventClient stalled = await server.Subscribe(query: "?topic=a", receiveBufferSize: 4096);
        int before = await Stall(server, "a");
        int published = before;
        for (int i = 0; i < 200; i++)
        {
            server.Stream.Publish(new ServerSentEvents { Data = $"{published++} a" }, "a");
            server.Stream.Publish(new ServerSentEvents { Data = "noise" }, "b");
            // So that each is seen while it is in the log: what nobody has seen counts for everybody.
            if (i % 5 == 0) await Wait.Until(() => server.Subscriptions[0].Examined == server.Stream.Published, "the round");
        }
        await Wait.Until(() => server.Subscriptions[0].Examined == server.Stream.Published, "the round");
        var seen = new List<int>();
        while (seen.Count == 0 || seen[^1] < published - 1) seen.Add(NumberOf(stalled.NextEvent()));
        Assert.That(seen.Count(number => number >= before), Is.LessThanOrEqualTo(20).And.GreaterThan(10));
        Assert.That(server.Stream.Dropped, Is.EqualTo(published - seen.Count));
    }

    [TestCase(SlowSubscribers.Disconnect)]
    [TestCase(SlowSubscribers.DropOldest)]
    [TestCase(SlowSubscribers.NewestPerKey)]
    public async Task WhoKeepsUpGetsEveryEventOfABurst(SlowSubscribers policy)
    {
        await using var server = new StreamServer(loopType, new() { SlowSubscribers = policy, MaxBacklog = 1, ReplayCount = 0 });
        using EventClient client = await server.Subscribe();
        await Wait.Until(() => server.Stream.Subscribers == 1, "the subscriber");
        for (int i = 0; i < 2000; i++) server.Stream.Publish(new ServerSentEvents { Data = $"{i}" }, null, "key");
        Assert.That(client.Data(2000), Is.EqualTo(Enumerable.Range(0, 2000).Select(i => $"{i}")));
        Assert.That(server.Stream.Dropped, Is.Zero);
    }

    [Test]
    public async Task EventLargerThanTheLogIsDelivered()
    {
        await using var server = new StreamServer(loopType, new() { MaxLogSize = 64 * 1024 });
        using EventClient client = await server.Subscribe();
        string large = new('x', 300_000);
        server.Stream.Publish(large);
        Assert.That(client.NextEvent().Data, Has.Length.EqualTo(large.Length));
    }
}
