using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Figures, as properties and as metrics.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class FiguresTests(Type loopType)
{
    [Test]
    public async Task MetricsSayWhatThePropertiesSay()
    {
        string name = $"stream {Guid.NewGuid()}";
        await using var server = new StreamServer(loopType, name: name);
        using EventClient first = await server.Subscribe();
        using EventClient second = await server.Subscribe();
        for (int i = 0; i < 5; i++) server.Stream.Publish($"{i}");
        first.Data(5);
        second.Data(5);
        await Wait.Until(() => server.Stream.Lag == 0, "no lag");
        EventStream stream = server.Stream;
        Assert.That((stream.Subscribers, stream.Published, stream.Delivered, stream.Dropped, stream.Lag),
            Is.EqualTo((2, 5L, 10L, 0L, 0L)));
        Assert.That(Measure(name), Is.EquivalentTo(new Dictionary<string, long>
        {
            ["workerman.event_stream.subscribers"] = 2,
            ["workerman.event_stream.published"] = 5,
            ["workerman.event_stream.delivered"] = 10,
            ["workerman.event_stream.dropped"] = 0,
            ["workerman.event_stream.resumed"] = 0,
            ["workerman.event_stream.replayed"] = 0,
            ["workerman.event_stream.gaps"] = 0,
            ["workerman.event_stream.lag"] = 0,
        }));
        stream.Complete();
        await Wait.Until(() => stream.Subscribers == 0, "the ends");
        Assert.That(Measure(name), Is.Empty, "a stream that is completed");
    }

    /// <summary>By the sequence that a subscriber comes with; -1 for none, -2 for one of another stream.</summary>
    [TestCase(-1, "", 0, 0, 0)]
    [TestCase(10, "", 0, 1, 0)]
    [TestCase(7, "", 3, 1, 0)]
    [TestCase(5, "", 5, 1, 0)]
    [TestCase(4, "", 5, 0, 1)]
    [TestCase(-2, "", 5, 0, 1)]
    [TestCase(-1, "?old=1", 5, 0, 0)]
    [TestCase(5, "?topic=even", 3, 1, 0)]
    [TestCase(7, "?topic=none", 0, 1, 0)]
    public async Task ReplaysAndGapsAreCounted(int after, string query, int replayed, int resumed, int gaps)
    {
        string name = $"stream {Guid.NewGuid()}";
        await using var server = new StreamServer(loopType, new() { ReplayCount = 5, MaxBacklog = 1 },
            request => new() { FromOldest = request.Get("old") is not null, Topics = [.. request.GetValues("topic")] },
            name: name);
        for (int i = 1; i <= 10; i++)
            server.Stream.Publish(new ServerSentEvents { Data = $"{i}" }, i % 2 == 0 ? "even" : "odd");
        string? id = after switch { -1 => null, -2 => "of another", _ => server.Stream.Log.IdFor(after) };
        using (EventClient client = await server.Subscribe(id, query))
        {
            server.Stream.Publish("live");
            while (client.NextEvent().Data != "live") continue;
        }
        EventStream stream = server.Stream;
        Assert.That((stream.Replayed, stream.Resumed, stream.Gaps), Is.EqualTo(((long)replayed, (long)resumed, (long)gaps)));
        await Wait.Until(() => stream.Subscribers == 0, "its end");
        Dictionary<string, long> measured = Measure(name);
        Assert.That((measured["workerman.event_stream.replayed"], measured["workerman.event_stream.resumed"],
            measured["workerman.event_stream.gaps"]), Is.EqualTo(((long)replayed, (long)resumed, (long)gaps)));
    }

    /// <summary>Once for each event and loop, however many subscribers it has there.</summary>
    [TestCase(0)]
    [TestCase(2)]
    public async Task TimeFromPublishToTheConnectionsIsMeasuredWhileSomebodyListens(int topics)
    {
        string name = $"stream {Guid.NewGuid()}";
        await using var server = new StreamServer(loopType, new() { MeasuredTopics = topics }, name: name);
        using EventClient first = await server.Subscribe();
        using EventClient second = await server.Subscribe(query: "?topic=a");
        server.Stream.Publish("before");
        foreach (EventClient client in new[] { first, second }) client.NextEvent();
        var measured = new ConcurrentQueue<(double Seconds, string? Topic)>();
        long begun = System.Diagnostics.Stopwatch.GetTimestamp();
        using (var listener = new MeterListener())
        {
            listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "workerman.event_stream.delay") listener.EnableMeasurementEvents(instrument);
            };
            listener.SetMeasurementEventCallback<double>((_, value, tags, _) =>
            {
                var all = tags.ToArray().ToDictionary(tag => tag.Key, tag => tag.Value as string);
                if (all["stream"] == name) measured.Enqueue((value, all.GetValueOrDefault("topic")));
            });
            listener.Start();
            foreach (string topic in (string[])["a", "b c", "c", "b"])
                server.Stream.Publish(new ServerSentEvents { Data = topic }, topic.Split(' '));
            server.Stream.Publish("end");
            foreach (EventClient client in new[] { first, second })
            {
                while (client.NextEvent().Data != "end") continue;
            }
            await Wait.Until(() => measured.Count == 5, "five measurements");
        }
        double limit = System.Diagnostics.Stopwatch.GetElapsedTime(begun).TotalSeconds;
        Assert.That(measured.Select(one => one.Seconds), Is.All.GreaterThanOrEqualTo(0).And.All.LessThanOrEqualTo(limit));
        Assert.That(measured.Select(one => one.Topic), Is.EqualTo(topics == 0
            ? new string?[5]
            : ["a", "b", "_OTHER", "b", null]));
    }

    [Test]
    public async Task FiguresByTopicAreKeptForAsManyAsAreAskedFor()
    {
        string name = $"stream {Guid.NewGuid()}";
        await using var server = new StreamServer(loopType, new() { MeasuredTopics = 2 }, name: name);
        EventClient[] clients =
            [await server.Subscribe(), await server.Subscribe(), await server.Subscribe(query: "?topic=c&topic=a")];
        foreach (string topics in (string[])["a", "b c", "c", "d", "a", ""])
            server.Stream.Publish(new ServerSentEvents { Data = "x" }, topics.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        server.Stream.Publish("end");
        foreach (EventClient client in clients)
        {
            while (client.NextEvent().Data != "end") continue;
        }
        // A late one replays: that counts for the topics too.
        using EventClient late = await server.Subscribe(server.Stream.Log.IdFor(0), "?topic=b");
        while (late.NextEvent().Data != "end") continue;
        await Wait.Until(() => server.Stream.Delivered == 2 * 7 + 6 + 3, "the count");
        Assert.That(MeasureByTopic(name), Is.EquivalentTo(new Dictionary<string, long>
        {
            ["workerman.event_stream.topic.published a"] = 2,
            ["workerman.event_stream.topic.published b"] = 1,
            ["workerman.event_stream.topic.published _OTHER"] = 3,
            ["workerman.event_stream.topic.delivered a"] = 6,
            ["workerman.event_stream.topic.delivered b"] = 4,
            ["workerman.event_stream.topic.delivered _OTHER"] = 3 + 3 + 2 + 1,
        }));
        foreach (EventClient client in clients) client.Dispose();
    }

    [Test]
    public void NoMoreTopicsAreCountedThanAreAskedForHoweverManyCountAtOnce()
    {
        var figures = new TopicFigures(10);
        Parallel.For(0, 1000, i => figures.CountPublished(
            new PublishedEvent(i, "", EventTopics.Of([$"{i % 50}", $"x{i % 50}"]), null, null, null, [], 0)));
        Assert.That(figures.All.Count(), Is.EqualTo(11));
        Assert.That(figures.All.Sum(figure => figure.Published), Is.EqualTo(2000));
        Assert.That(figures.All.Select(figure => figure.Name), Does.Contain("_OTHER"));
    }

    [Test]
    public void StreamThatIsCollectedIsNoLongerObserved()
    {
        string name = $"stream {Guid.NewGuid()}";
        MakeAndForget(name);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.That(Measure(name), Is.Empty);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MakeAndForget(string name)
    {
        var stream = new EventStream(name);
        stream.Publish("x");
        Assert.That(Measure(name), Has.Count.EqualTo(8));
        GC.KeepAlive(stream);
    }

    private static Dictionary<string, long> Measure(string name) => Measure(name, static tag => false);

    private static Dictionary<string, long> MeasureByTopic(string name) =>
        Measure(name, static tag => tag.Key == "topic").Where(static one => one.Key.Contains(' ', StringComparison.Ordinal))
            .ToDictionary();

    /// <summary>The figures of a stream by instrument, and the value of another tag if there is one.</summary>
    private static Dictionary<string, long> Measure(string name, Func<KeyValuePair<string, object?>, bool> isOther)
    {
        var measured = new Dictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Workerman.EventStreams") listener.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            var all = tags.ToArray();
            if (!all.Any(tag => tag.Key == "stream" && tag.Value is string stream && stream == name)) return;
            measured.Add(string.Join(' ', [instrument.Name, .. all.Where(isOther).Select(tag => tag.Value)]), value);
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return measured;
    }
}
