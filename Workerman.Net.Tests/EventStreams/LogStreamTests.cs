using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Event streams that stand on a log which they share, as on two nodes: on every loop.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class LogStreamTests(Type loopType)
{
    [Test]
    public async Task AllNodesSendTheSameWithTheSameIds()
    {
        var log = new MemoryEventLog();
        await using StreamServer one = Node(log);
        await using StreamServer other = Node(log);
        await Task.WhenAll(one.Stream.Ready, other.Stream.Ready);
        using EventClient a = await one.Subscribe();
        using EventClient b = await other.Subscribe();
        List<string> ids = [];
        for (int i = 0; i < 20; i++)
            ids.Add(await (i % 2 == 0 ? one : other).Stream.PublishAsync(new ServerSentEvents { Data = $"{i}" }));
        foreach (EventClient client in new[] { a, b })
        {
            Block[] events = [.. Enumerable.Range(0, 20).Select(_ => client.NextEvent())];
            Assert.That(events.Select(block => block.Data), Is.EqualTo(Enumerable.Range(0, 20).Select(i => $"{i}")));
            Assert.That(events.Select(block => block.Id), Is.EqualTo(ids));
        }
        // Cut off on one, it resumes on the other.
        using EventClient resumed = await other.Subscribe(ids[12]);
        Assert.That(resumed.Data(7), Is.EqualTo(Enumerable.Range(13, 7).Select(i => $"{i}")));
    }

    [Test]
    public async Task FurtherBackThanTheCacheIsReadFromTheLog()
    {
        var log = new MemoryEventLog(new() { ReplayCount = 2000 });
        for (int i = 0; i < 1500; i++) await log.AppendAsync(new EventRecord { Data = $"{i}", Id = i == 3 ? "own" : null });
        await using StreamServer server = Node(log, new() { ReplayCount = 10, MaxBacklog = 10 });
        await server.Stream.Ready;
        EventPlace first = (await log.ReadAsync(null, 1)).End;
        using EventClient far = await server.Subscribe(first.ToString());
        using EventClient own = await server.Subscribe("own");
        await server.Stream.PublishAsync("live", default);
        string[] all = [.. Enumerable.Range(0, 1500).Select(i => $"{i}"), "live"];
        Assert.That(far.Data(1500), Is.EqualTo(all[1..]));
        Assert.That(own.Data(1497), Is.EqualTo(all[4..]));
    }

    [Test]
    public async Task FilterAndTopicsHoldForWhatIsReadFromTheLog()
    {
        var log = new MemoryEventLog(new() { ReplayCount = 2000 });
        for (int i = 0; i < 1000; i++)
            await log.AppendAsync(new EventRecord { Data = $"{i}", Topics = [i % 100 == 0 ? "a" : "b"] });
        await using StreamServer server = Node(log, new() { ReplayCount = 10, MaxBacklog = 10 });
        await server.Stream.Ready;
        using EventClient client = await server.Subscribe((await log.ReadAsync(null, 1)).End.ToString(), "?topic=a");
        Assert.That(client.Data(9), Is.EqualTo(Enumerable.Range(1, 9).Select(i => $"{i}00")));
    }

    [Test]
    public async Task WhatTheLogHasRemovedIsToldByGap()
    {
        var log = new MemoryEventLog(new() { ReplayCount = 2000 });
        for (int i = 0; i < 100; i++) await log.AppendAsync(new EventRecord { Data = $"{i}" });
        string id = (await log.ReadAsync(null, 5)).End.ToString();
        await log.TrimAsync((await log.ReadAsync(null, 40)).End);
        await using StreamServer server = Node(log, new() { ReplayCount = 10, MaxBacklog = 10 });
        using EventClient client = await server.Subscribe(id);
        Assert.That(client.NextEvent(), Has.Property("Event").EqualTo("gap").And.Property("Data").EqualTo(id));
        Assert.That(client.Data(60), Is.EqualTo(Enumerable.Range(40, 60).Select(i => $"{i}")));
    }

    [Test]
    public async Task IdThatIsNoneOfTheLogGetsWhatCanBeReplayed()
    {
        var log = new MemoryEventLog(new() { ReplayCount = 2000 });
        for (int i = 0; i < 100; i++) await log.AppendAsync(new EventRecord { Data = $"{i}" });
        await using StreamServer server = Node(log, new() { ReplayCount = 10, MaxBacklog = 10 });
        await server.Stream.Ready;
        using EventClient client = await server.Subscribe("unknown");
        Assert.That(client.NextEvent(), Has.Property("Event").EqualTo("gap"));
        Assert.That(client.Data(10), Is.EqualTo(Enumerable.Range(90, 10).Select(i => $"{i}")));
    }

    [Test]
    public async Task OldestIsThatOfTheLog()
    {
        var log = new MemoryEventLog(new() { ReplayCount = 2000 });
        for (int i = 0; i < 700; i++) await log.AppendAsync(new EventRecord { Data = $"{i}" });
        await using StreamServer server =
            Node(log, new() { ReplayCount = 10, MaxBacklog = 10 }, _ => new() { FromOldest = true });
        using EventClient client = await server.Subscribe();
        Assert.That(client.Data(700), Is.EqualTo(Enumerable.Range(0, 700).Select(i => $"{i}")));
    }

    [Test]
    public async Task NewestOfEachKeyIsThatOfTheLog()
    {
        var log = new MemoryEventLog(new() { ReplayCount = 2000 });
        for (int i = 0; i < 700; i++) await log.AppendAsync(new EventRecord { Data = $"{i}", Key = $"{i / 100}" });
        await using StreamServer server =
            Node(log, new() { ReplayCount = 10, MaxBacklog = 10, LatestPerKey = true }, _ => new() { FromLatestPerKey = true });
        using EventClient client = await server.Subscribe();
        Assert.That(client.Data(7), Is.EqualTo(Enumerable.Range(0, 7).Select(i => $"{i * 100 + 99}")));
        await server.Stream.PublishAsync("live", default);
        Assert.That(client.Data(1), Is.EqualTo(new[] { "live" }));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task SubscribersWaitForALogThatIsNotThereYet(bool resumes)
    {
        var log = new TroubledLog { IsReachable = false };
        EventPlace before = await log.Inner.AppendAsync(new EventRecord { Data = "before" });
        await log.Inner.AppendAsync(new EventRecord { Data = "missed" });
        await using StreamServer server = Node(log, new() { Heartbeat = TimeSpan.FromMilliseconds(40) });
        using EventClient client = await server.Subscribe(resumes ? before.ToString() : null);
        Assert.That(client.Next().Comment, Is.Empty, "it is kept alive");
        Assert.That(server.Stream.Ready.IsCompleted, Is.False);
        Assert.That(() => server.Stream.LastId, Throws.InvalidOperationException.With.Message.Contains("Ready"));
        Assert.That(server.Stream.LogStatus!.Value.IsConnected, Is.False);
        log.IsReachable = true;
        if (resumes) Assert.That(client.Data(1), Is.EqualTo(new[] { "missed" }));
        else await Wait.Until(() => client.Next().Id is not null, "the id to resume by");
        await log.Inner.AppendAsync(new EventRecord { Data = "live" });
        Assert.That(client.Data(1), Is.EqualTo(new[] { "live" }));
    }

    [Test]
    public async Task OneThatSubscribesBeforeTheLogIsHeardGetsWhatIsPublishedAfter()
    {
        var log = new TroubledLog { IsHeard = false };
        await log.Inner.AppendAsync(new EventRecord { Data = "before" });
        await using StreamServer server = Node(log);
        using EventClient client = await server.Subscribe();
        Assert.That(server.Subscriptions[0].IsPlaced, Is.False);
        for (int i = 0; i < 3; i++) await server.Stream.PublishAsync($"{i}", default);
        log.IsHeard = true;
        Assert.That(client.Data(3), Is.EqualTo(new[] { "0", "1", "2" }));
    }

    [Test]
    public async Task PatternsHoldForThoseThatOnlyTheLogCanPlace()
    {
        var log = new MemoryEventLog();
        await log.AppendAsync(new EventRecord { Data = "b", Topics = ["b/1"] });
        await log.AppendAsync(new EventRecord { Data = "a", Topics = ["a/1"] });
        await using StreamServer server = Node(log, choose: _ => new() { TopicPatterns = ["a/*"], FromOldest = true });
        for (int i = 0; i < 2; i++)
        {
            using (EventClient client = await server.Subscribe()) Assert.That(client.Data(1), Is.EqualTo(new[] { "a" }));
            await Wait.Until(() => server.Stream.Subscribers == 0, "it to leave");
        }
    }

    [Test]
    public async Task OneWhosePlaceCannotBeFoundAtFirstIsNotForgotten()
    {
        var log = new TroubledLog { Failures = 1 };
        await using StreamServer server = Node(log);
        await server.Stream.Ready;
        using EventClient client = await server.Subscribe("unknown");
        Assert.That(client.NextEvent().Event, Is.EqualTo("gap"));
        await server.Stream.PublishAsync("live", default);
        Assert.That(client.Data(1), Is.EqualTo(new[] { "live" }));
    }

    [Test]
    public async Task OneThatIsAheadOfItsNodeIsNotToldOfAGap()
    {
        var log = new TroubledLog();
        await using StreamServer server = Node(log);
        await server.Stream.Ready;
        log.HoldsBack = true;
        EventPlace[] places = new EventPlace[3];
        for (int i = 0; i < 3; i++) places[i] = await log.Inner.AppendAsync(new EventRecord { Data = $"{i}" });
        // Another node has sent it the second event already.
        using EventClient client = await server.Subscribe(places[1].ToString());
        Assert.That(client.Data(1), Is.EqualTo(new[] { "2" }));
        log.HoldsBack = false;
        await log.Inner.AppendAsync(new EventRecord { Data = "3" });
        Assert.That(client.Data(1), Is.EqualTo(new[] { "3" }));
    }

    [Test]
    public async Task NewEpochIsToldByGapToAll()
    {
        var log = new TroubledLog();
        await using StreamServer server = Node(log, choose: request => new()
        {
            Topics = [.. request.GetValues("topic")],
            Filter = request.Get("filter") is null ? null : published => published.Data != "no",
        });
        using EventClient plain = await server.Subscribe();
        using EventClient topic = await server.Subscribe(query: "?topic=t");
        using EventClient filtered = await server.Subscribe(query: "?filter=1");
        for (int i = 0; i < 5; i++) await server.Stream.PublishAsync($"{i}", default);
        EventClient[] all = [plain, topic, filtered];
        string[] last = new string[3];
        for (int i = 0; i < 3; i++)
        {
            Assert.That(all[i].Data(5), Has.Length.EqualTo(5));
            last[i] = all[i].LastEventId!;
        }
        log.Lose();
        await server.Stream.PublishAsync("new", default);
        for (int i = 0; i < 3; i++)
        {
            Assert.That(all[i].NextEvent(), Has.Property("Event").EqualTo("gap").And.Property("Data").EqualTo(last[i]));
            Block first = all[i].NextEvent();
            Assert.That((first.Data, first.Id == last[i]), Is.EqualTo(("new", false)));
        }
        // And one that comes with an id of the epoch that is no more.
        using EventClient late = await server.Subscribe(last[0]);
        Assert.That(late.NextEvent().Event, Is.EqualTo("gap"));
        Assert.That(late.NextEvent().Data, Is.EqualTo("new"));
    }

    [Test]
    public async Task ClientThatDoesNotReadIsToldOfANewEpochToo()
    {
        var log = new TroubledLog();
        await using StreamServer server = Node(log, new() { SlowSubscribers = SlowSubscribers.DropOldest, MaxBacklog = 5 });
        using EventClient client = await server.Subscribe(receiveBufferSize: 4096);
        Subscription subscription = server.Subscriptions[0];
        string large = new('x', 50_000);
        // The buffers of sockets are as large as the system makes them.
        for (int i = 0; i < 1000 && subscription.State != SubscriberState.BackPressured; i++)
            await server.Stream.PublishAsync(large, default);
        Assert.That(subscription.State, Is.EqualTo(SubscriberState.BackPressured));
        log.Lose();
        await server.Stream.PublishAsync("new", default);
        List<string?> events = [];
        while (events.Count == 0 || events[^1] != "new")
        {
            Block block = client.NextEvent();
            events.Add(block.Event == "gap" ? "gap" : block.Data);
        }
        Assert.That(events.Where(text => text!.Length < 10), Is.EqualTo(new[] { "gap", "new" }));
    }

    [Test]
    public async Task PublishAsksNobody()
    {
        var stream = new EventStream("remote", new() { Log = new TroubledLog() });
        Assert.That(() => stream.Publish("a"), Throws.InvalidOperationException.With.Message.Contains("PublishAsync"));
        string id = await stream.PublishAsync("b", default);
        Assert.That((await stream.ReadAsync()).Events.Single().Id, Is.EqualTo(id));
        var local = new EventStream("local", new() { Log = new MemoryEventLog() });
        await local.Ready;
        id = local.Publish("c");
        Assert.That((await local.ReadAsync()).LastId, Is.EqualTo(id));
        var embedded = new EventStream("embedded");
        await embedded.Ready;
        id = await embedded.PublishAsync(new ServerSentEvents { Data = "d" }, "topic", "key");
        Assert.That(id, Is.EqualTo(embedded.LastId));
        Assert.That(embedded.LogStatus, Is.Null);
    }

    [Test]
    public async Task WhatCannotBePublishedIsRefusedBeforeTheLogIsAsked()
    {
        var log = new MemoryEventLog();
        var stream = new EventStream("remote", new() { Log = log, MaxEventSize = 1024 });
        Assert.That(async () => await stream.PublishAsync(new string('x', 2000), default), Throws.ArgumentException);
        Assert.That(async () => await stream.PublishAsync(new ServerSentEvents { Id = "" }), Throws.ArgumentException);
        foreach (string half in new[] { "a\ud800", "\udc00b", "\ud800\ud800\udc00", "\udc00\ud800" })
        {
            var message = new ServerSentEvents { Data = "x" };
            Assert.That(async () => await stream.PublishAsync(message, half), Throws.ArgumentException);
            Assert.That(async () => await stream.PublishAsync(message, "t", half), Throws.ArgumentException);
            Assert.That(async () => await stream.PublishAsync(message, ["t", half]), Throws.ArgumentException);
        }
        await stream.PublishAsync(new ServerSentEvents { Data = "x" }, "\ud83d\ude00a\ud83d\ude00", "\ufffd");
        Assert.That((await log.ReadAsync(null, 10)).Events, Has.Count.EqualTo(1));
        stream.Complete();
        Assert.That(async () => await stream.PublishAsync("late", default), Throws.InvalidOperationException);
        Assert.That((await log.ReadAsync(null, 10)).Events, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task PagesOfTheLogAreRead()
    {
        var log = new MemoryEventLog(new() { ReplayCount = 2000 });
        for (int i = 0; i < 300; i++) await log.AppendAsync(new EventRecord { Data = $"{i}" });
        var stream = new EventStream("reader", new() { Log = log, ReplayCount = 5, MaxBacklog = 5 });
        List<string?> read = [];
        EventPage page = await stream.ReadAsync(limit: 100);
        for (; ; page = await stream.ReadAsync(page.LastId, 100))
        {
            Assert.That(page.IsGap, Is.False);
            read.AddRange(page.Events.Select(published => published.Data));
            if (page.IsLast) break;
        }
        Assert.That(read, Is.EqualTo(Enumerable.Range(0, 300).Select(i => $"{i}")));
        Assert.That((await stream.ReadAsync("unknown")).IsGap);
    }

    private StreamServer Node(IEventLog log, EventStreamOptions? options = null, Func<Request, SubscribeOptions>? choose = null)
    {
        options ??= new EventStreamOptions();
        options.Log = log;
        return new StreamServer(loopType, options, choose);
    }
}
