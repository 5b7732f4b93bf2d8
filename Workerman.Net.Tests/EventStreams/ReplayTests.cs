using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Coming back: by which ids, what is replayed, and what is told when some is missing.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ReplayTests(Type loopType)
{
    [Test]
    public async Task ResumesAfterTheLastIdWithoutAnythingElse()
    {
        await using var server = new StreamServer(loopType);
        string[] ids = [.. Enumerable.Range(0, 10).Select(i => server.Stream.Publish($"{i}"))];
        using EventClient client = await server.Subscribe(ids[6]);
        string last = server.Stream.Publish("10");
        Assert.That(Enumerable.Range(0, 4).Select(_ => client.Next()), Is.EqualTo(new[]
        {
            new Block(null, "7", ids[7], null, null), new Block(null, "8", ids[8], null, null),
            new Block(null, "9", ids[9], null, null),
            new Block(null, "10", last, null, null),
        }));
    }

    [Test]
    public async Task ResumesByIdsOfTheApplication()
    {
        await using var server = new StreamServer(loopType);
        foreach (string id in new[] { "a", "\u00e9 \u20ac", "c" })
            server.Stream.Publish(new ServerSentEvents { Id = id, Data = "after " + id });
        using EventClient client = await server.Subscribe("\u00e9 \u20ac");
        Assert.That(client.Next().Data, Is.EqualTo("after c"));
        using EventClient fresh = await server.Subscribe();
        Assert.That(fresh.Next(), Is.EqualTo(new Block(null, null, "c", null, null)), "the bookmark is the id of the newest");
    }

    [Test]
    public async Task BookmarkSavesWhatIsPublishedBeforeTheFirstEventCame()
    {
        await using var server = new StreamServer(loopType);
        server.Stream.Publish("old");
        EventClient client = await server.Subscribe();
        client.Next();
        client.Dispose();
        server.Stream.Publish("missed");
        using EventClient back = await server.Subscribe(client.LastEventId);
        Assert.That(back.Next().Data, Is.EqualTo("missed"));
    }

    [Test]
    public async Task IdThatHasLeftTheRingIsToldOf()
    {
        await using var server = new StreamServer(loopType, new() { ReplayCount = 5, GapEvent = "lost" });
        string[] ids = [.. Enumerable.Range(0, 20).Select(i => server.Stream.Publish($"{i}"))];
        using EventClient known = await server.Subscribe(ids[14]);
        Assert.That(known.Next().Data, Is.EqualTo("15"), "the last id that everything can be replayed after");
        using EventClient client = await server.Subscribe(ids[13]);
        Assert.That(client.Next(), Is.EqualTo(new Block("lost", ids[13], null, null, null)));
        Assert.That(client.Next(), Is.EqualTo(new Block(null, null, ids[14], null, null)),
            "cut off from here on it would lose nothing more");
        Assert.That(client.Data(5), Is.EqualTo(new[] { "15", "16", "17", "18", "19" }));
    }

    [TestCase("somebody else's")]
    [TestCase("abc-3")]
    [TestCase("-1")]
    public async Task UnknownIdIsToldOfAndEverythingIsReplayed(string id)
    {
        await using var server = new StreamServer(loopType);
        server.Stream.Publish("0");
        server.Stream.Publish("1");
        using EventClient client = await server.Subscribe(id);
        Assert.That(client.Next(), Is.EqualTo(new Block("gap", id, null, null, null)));
        Assert.That(client.Data(2), Is.EqualTo(new[] { "0", "1" }));
    }

    [Test]
    public async Task IdsOfAnotherStreamOrOfTheFutureAreUnknown()
    {
        await using var server = new StreamServer(loopType);
        string other = new EventStream().Publish("of another stream");
        string own = server.Stream.Publish("0");
        foreach (string id in new[] { other, own[..^1] + "2", own[..^1] + "99999999999999999999" })
        {
            using EventClient client = await server.Subscribe(id);
            Assert.That(client.Next().Event, Is.EqualTo("gap"), id);
        }
    }

    [Test]
    public async Task EventsGrowTooOld()
    {
        long now = 0;
        var options =
            new EventStreamOptions { ReplayAge = TimeSpan.FromMilliseconds(1000), Clock = () => Volatile.Read(ref now) };
        await using var server = new StreamServer(loopType, options);
        string[] ids = [.. Enumerable.Range(0, 4).Select(i =>
        {
            string id = server.Stream.Publish($"{i}");
            Interlocked.Add(ref now, 400);
            return id;
        })];
        // Ages: 1600, 1200, 800, 400.
        using EventClient known = await server.Subscribe(ids[1]);
        Assert.That(known.Next().Data, Is.EqualTo("2"));
        using EventClient late = await server.Subscribe(ids[0]);
        Assert.That(late.Next().Event, Is.EqualTo("gap"));
        Assert.That(late.Data(2), Is.EqualTo(new[] { "2", "3" }));
    }

    [Test]
    public async Task WithoutReplayAnIdIsGoodOnlyWhileItIsTheNewest()
    {
        await using var server = new StreamServer(loopType, new() { ReplayCount = 0 });
        string first = server.Stream.Publish("1");
        using EventClient known = await server.Subscribe(first);
        string second = server.Stream.Publish("2");
        Assert.That(known.Next().Data, Is.EqualTo("2"));
        using EventClient late = await server.Subscribe(first);
        Assert.That(late.Next().Event, Is.EqualTo("gap"));
        Assert.That(late.Next().Id, Is.EqualTo(second));
    }

    [Test]
    public async Task ExplicitIdTakesThePlaceOfTheHeader()
    {
        await using var server = new StreamServer(loopType, null, request => new() { LastEventId = request.Get("last") });
        string id = server.Stream.Publish("1");
        server.Stream.Publish("2");
        using EventClient byQuery = await server.Subscribe("unknown", $"?last={id}");
        Assert.That(byQuery.Next().Data, Is.EqualTo("2"));
        using EventClient fromNowOn = await server.Subscribe("unknown", "?last=");
        Assert.That(fromNowOn.Next().IsEvent, Is.False);
        using EventClient byHeader = await server.Subscribe(id);
        Assert.That(byHeader.Next().Data, Is.EqualTo("2"));
    }

    [Test]
    public async Task WhoAsksForTheOldestIsGivenAllThatIsKept()
    {
        await using var server = new StreamServer(loopType, new() { ReplayCount = 3 },
            request => new() { FromOldest = true, Topics = [.. request.GetValues("topic")] });
        string[] ids = [.. Enumerable.Range(0, 6)
            .Select(i => server.Stream.Publish(new ServerSentEvents { Data = $"{i}" }, i == 4 ? "b" : "a"))];
        using EventClient fresh = await server.Subscribe();
        Assert.That(fresh.Next(), Is.EqualTo(new Block(null, null, ids[2], null, null)),
            "cut off from here on it would lose nothing, and nothing is missing that it knew of");
        Assert.That(fresh.Data(3), Is.EqualTo(new[] { "3", "4", "5" }));
        using EventClient cut = await server.Subscribe(ids[2]);
        Assert.That(cut.Next().Data, Is.EqualTo("3"), "the bookmark is as good as the event's own id");
        using EventClient back = await server.Subscribe(ids[4]);
        Assert.That(back.Next().Data, Is.EqualTo("5"), "it has an id and goes by it");
        using EventClient topic = await server.Subscribe(query: "?topic=a");
        Assert.That(topic.Data(2), Is.EqualTo(new[] { "3", "5" }));
        server.Stream.Publish("6");
        Assert.That(new[] { fresh, cut, back, topic }.Select(client => client.Data(client == cut ? 3 : 1)[^1]),
            Is.All.EqualTo("6"));
    }

    [Test]
    public async Task WhoAsksForTheOldestOfAStreamWithoutEventsBeginsWithTheFirst()
    {
        await using var server = new StreamServer(loopType, new() { ReplayCount = 0 }, _ => new() { FromOldest = true });
        using EventClient client = await server.Subscribe();
        string id = server.Stream.Publish("first");
        Assert.That(client.NextEvent(), Is.EqualTo(new Block(null, "first", id, null, null)));
        using EventClient later = await server.Subscribe();
        Assert.That(later.Next(), Is.EqualTo(new Block(null, null, id, null, null)), "nothing is kept");
    }

    [Test]
    public async Task ReplayHasTopicsToo()
    {
        await using var server = new StreamServer(loopType);
        string start = server.Stream.Publish("start");
        for (int i = 0; i < 600; i++) server.Stream.Publish(new ServerSentEvents { Data = $"{i}" }, i % 3 == 0 ? "a" : "b");
        using EventClient client = await server.Subscribe(start, "?topic=a");
        Assert.That(client.Data(200), Is.EqualTo(Enumerable.Range(0, 600).Where(i => i % 3 == 0).Select(i => $"{i}")));
    }

    /// <summary>
    /// A megabyte of replay to one who begins to read late: none of it counts as slowness, and what comes live meanwhile follows.
    /// </summary>
    [Test]
    public async Task LongReplayMakesNobodySlow()
    {
        await using var server = new StreamServer(loopType, new() { ReplayCount = 3000, MaxBacklog = 5 });
        string start = server.Stream.Publish("start");
        for (int i = 0; i < 2500; i++) server.Stream.Publish($"{i} {new string('x', 1000)}");
        using EventClient client = await server.Subscribe(start, receiveBufferSize: 4096);
        await Wait.Until(() => server.Subscriptions[0].Connection.SendBufferQueueSize > 0, "a full socket");
        for (int i = 2500; i < 2505; i++) server.Stream.Publish($"{i} live");
        Assert.That(client.Data(2505).Select(data => data[..data.IndexOf(' ')]),
            Is.EqualTo(Enumerable.Range(0, 2505).Select(i => $"{i}")));
        Assert.That(server.Stream.Dropped, Is.Zero);
    }

    [Test]
    public async Task IdOfAQuietTopicStaysGood()
    {
        await using var server = new StreamServer(loopType, new() { ReplayCount = 10, Heartbeat = Timeout.InfiniteTimeSpan });
        using EventClient client = await server.Subscribe(query: "?topic=quiet");
        string before = client.Next().Id!;
        for (int i = 0; i < 100; i++) server.Stream.Publish(new ServerSentEvents { Data = "noise" }, "busy");
        await Wait.Until(() => server.Stream.Lag == 0, "the end of the round");
        Subscription subscription = server.Subscriptions[0];
        Assert.That(subscription.Delivered, Is.Zero);
        // As many bookmarks as rounds needed; the last is what it comes back with, and not further back than half of the ring.
        while (!(client.Next().Id is { } id && int.Parse(id.AsSpan(before.Length - 1), null) >= 95))
        {
        }
        using EventClient back = await server.Subscribe(client.LastEventId, "?topic=quiet");
        server.Stream.Publish(new ServerSentEvents { Data = "at last" }, "quiet");
        Assert.That(back.Next().Data, Is.EqualTo("at last"), "and no gap before it");
    }
}
