using System.Diagnostics.Metrics;

namespace Workerman.EventStreams;

/// <summary>The figures of a stream: what its hubs have counted, those that have ended included. Any thread.</summary>
public sealed partial class EventStream
{
    private long _delivered;
    private long _dropped;
    private long _replayed;
    private long _resumed;
    private long _gaps;

    /// <summary>How many subscribers are connected. Any thread, like all figures.</summary>
    public int Subscribers
    {
        get
        {
            int count = 0;
            foreach (EventHub hub in _hubs) count += hub.Count;
            return count;
        }
    }

    /// <summary>How many events were published.</summary>
    public long Published => _log.Head;

    /// <summary>How many events were handed to connections, counted for each.</summary>
    public long Delivered => Sum(ref _delivered, static hub => hub.Delivered);

    /// <summary>
    /// How many events were skipped for subscribers that were too slow, counted for each, when it reads again. Those of one that
    /// is disconnected are not counted: it may still resume.
    /// </summary>
    public long Dropped => Sum(ref _dropped, static hub => hub.Dropped);

    /// <summary>
    /// How many subscriptions went on where they were, by the id of the last event that they had. Those that have moved here from
    /// another process are not counted.
    /// </summary>
    public long Resumed => Volatile.Read(ref _resumed);

    /// <summary>
    /// How many of the events that were delivered were replayed: published before the one that got them has subscribed.
    /// </summary>
    public long Replayed => Sum(ref _replayed, static hub => hub.Replayed);

    /// <summary>
    /// How many subscribers were told of a gap (<see cref="EventStreamOptions.GapEvent"/>), counted each time.
    /// </summary>
    public long Gaps => Volatile.Read(ref _gaps);

    /// <summary>
    /// How many events the slowest subscriber is behind; of events that it does not want only those count that come after one
    /// which waits for it.
    /// </summary>
    public long Lag
    {
        get
        {
            long head = _log.Head;
            long lag = 0;
            foreach (EventHub hub in _hubs) lag = Math.Max(lag, head - hub.Slowest);
            return lag;
        }
    }

    /// <summary>
    /// Called for each that has subscribed, on the loop of its connection, once it is active: it may be gone again by then.
    /// Assigning replaces the one before; null for none.
    /// </summary>
    public Action<Subscription>? OnSubscribed { get; set; }

    /// <summary>
    /// Called for each that has left, by itself or with its connection, on the loop of its connection, also where
    /// <see cref="OnSubscribed"/> was called; not for one that goes on in another process after a reload. Assigning replaces the
    /// one before; null for none.
    /// </summary>
    public Action<Subscription>? OnUnsubscribed { get; set; }

    /// <summary>Who is subscribed; see <see cref="EventStreamOptions.Presence"/>.</summary>
    /// <param name="topic">A topic, for those that have asked for it, by its name or by a pattern; those that want all topics
    /// are not among them. Null for all subscribers.</param>
    /// <returns>A snapshot: one that is in it may leave.</returns>
    /// <exception cref="InvalidOperationException">The stream does not keep it.</exception>
    public IReadOnlyList<Subscription> GetSubscriptions(string? topic = null) => PresenceOrThrow().Of(topic);

    /// <summary>How many are subscribed to a topic; see <see cref="GetSubscriptions"/>.</summary>
    /// <exception cref="InvalidOperationException">The stream does not keep it.</exception>
    public int CountSubscriptions(string? topic = null) => PresenceOrThrow().CountOf(topic);

    /// <summary>Figures by topic; null if they are not asked for.</summary>
    internal TopicFigures? ByTopic { get; }

    /// <summary>A subscriber begins.</summary>
    /// <param name="lastId">The id that it has come with.</param>
    /// <param name="isGap">Whether it is told of a gap.</param>
    internal void CountStart(string? lastId, bool isGap)
    {
        if (isGap) Interlocked.Increment(ref _gaps);
        else if (!string.IsNullOrEmpty(lastId)) Interlocked.Increment(ref _resumed);
    }

    internal void OnLeft(Subscription subscription)
    {
        _presence?.Remove(subscription);
        if (!subscription.Moves && OnUnsubscribed is { } unsubscribed)
            subscription.Connection.Loop.Post(() => unsubscribed(subscription));
    }

    private Presence PresenceOrThrow() => _presence ?? throw new InvalidOperationException(
        "This stream keeps no list of its subscribers. Cure: set EventStreamOptions.Presence.");

    private long Sum(ref long ofThePast, Func<EventHub, long> figure)
    {
        lock (_log.Gate) return ofThePast + _hubs.Sum(figure);
    }
}

/// <summary>
/// The figures of all streams as <see cref="System.Diagnostics.Metrics"/>: meter <c>Workerman.EventStreams</c>, each measurement
/// tagged <c>stream</c> with the stream's name. They are read only when a listener asks for them, and the time that events take
/// is only taken while somebody listens. A stream that is completed and has no subscribers, or was collected, is left out. Any
/// thread.
/// </summary>
internal static class StreamMeter
{
    public const string Name = "Workerman.EventStreams";

    private static readonly Lock Gate = new();
    private static readonly List<WeakReference<EventStream>> Known = [];

    static StreamMeter()
    {
        // The meter is referenced by its instruments.
        var meter = new Meter(Name);
        Delay = meter.CreateHistogram("workerman.event_stream.delay", "s",
            "From the call of Publish until an event was handed to the connections of a loop.", tags: null,
            new InstrumentAdvice<double>
            {
                HistogramBucketBoundaries =
                    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
            });
        meter.CreateObservableUpDownCounter("workerman.event_stream.subscribers",
            static () => Measure(static stream => stream.Subscribers), "{subscriber}", "Subscribers that are connected.");
        meter.CreateObservableCounter("workerman.event_stream.published", static () => Measure(static stream => stream.Published),
            "{event}", "Events that were published.");
        meter.CreateObservableCounter("workerman.event_stream.delivered", static () => Measure(static stream => stream.Delivered),
            "{event}", "Events that were handed to connections, counted for each.");
        meter.CreateObservableCounter("workerman.event_stream.dropped", static () => Measure(static stream => stream.Dropped),
            "{event}", "Events that were skipped for subscribers that were too slow, counted for each.");
        meter.CreateObservableCounter("workerman.event_stream.resumed", static () => Measure(static stream => stream.Resumed),
            "{subscription}", "Subscriptions that went on where they were, by an id.");
        meter.CreateObservableCounter("workerman.event_stream.replayed", static () => Measure(static stream => stream.Replayed),
            "{event}", "Events that were handed to connections and older than their subscriptions, counted for each.");
        meter.CreateObservableCounter("workerman.event_stream.gaps", static () => Measure(static stream => stream.Gaps),
            "{gap}", "Times that a subscriber was told that events are missing.");
        meter.CreateObservableCounter("workerman.event_stream.topic.published",
            static () => MeasureByTopic(static figure => figure.Published), "{event}",
            "Events that were published on a topic, where figures by topic are asked for.");
        meter.CreateObservableCounter("workerman.event_stream.topic.delivered",
            static () => MeasureByTopic(static figure => figure.Delivered), "{event}",
            "Events of a topic that were handed to connections, counted for each, where figures by topic are asked for.");
        meter.CreateObservableGauge("workerman.event_stream.lag", static () => Measure(static stream => stream.Lag), "{event}",
            "Events that the slowest subscriber is behind.");
        meter.CreateObservableGauge("workerman.event_stream.log.connected",
            static () => MeasureLogs(static (_, log) => log.IsConnected ? 1 : 0), null,
            "Whether the stream's log can be reached: 1 or 0.");
        meter.CreateObservableGauge("workerman.event_stream.log.behind",
            static () => MeasureLogs(static (stream, _) => stream.LogBehind), "{event}",
            "Events of the stream's log that have not come to this process.");
        meter.CreateObservableCounter("workerman.event_stream.log.gap_reads",
            static () => MeasureLogs(static (_, log) => log.GapReads), "{read}", "Reads of events that the log had not told.");
        meter.CreateObservableUpDownCounter("workerman.event_stream.log.pending",
            static () => MeasureLogs(static (_, log) => log.Pending), "{event}", "Events that wait to be added to the log.");
    }

    /// <summary>How long events take, per loop; in seconds.</summary>
    public static Histogram<double> Delay { get; }

    /// <summary>Of those that stand on a log which they share.</summary>
    private static List<Measurement<long>> MeasureLogs(Func<EventStream, EventLogStatus, long> figure) =>
    [
        .. Measured().Where(static stream => stream.LogStatus is not null)
            .Select(stream => new Measurement<long>(figure(stream, stream.LogStatus ?? default), StreamTag(stream.Name))),
    ];

    public static void Add(EventStream stream)
    {
        lock (Gate)
        {
            Known.RemoveAll(static reference => !reference.TryGetTarget(out _));
            Known.Add(new WeakReference<EventStream>(stream));
        }
    }

    /// <summary>The tag that says of which stream a measurement is.</summary>
    public static KeyValuePair<string, object?> StreamTag(string name) => new("stream", name);

    /// <summary>The tag that says of which topic a measurement is.</summary>
    public static KeyValuePair<string, object?> TopicTag(string topic) => new("topic", topic);

    /// <summary>All that there are, in the order in which they were made.</summary>
    public static List<EventStream> Streams()
    {
        var all = new List<EventStream>();
        lock (Gate)
        {
            foreach (WeakReference<EventStream> reference in Known)
            {
                if (reference.TryGetTarget(out EventStream? stream)) all.Add(stream);
            }
        }
        return all;
    }

    private static List<Measurement<long>> Measure(Func<EventStream, long> figure) =>
        [.. Measured().Select(stream => new Measurement<long>(figure(stream), StreamTag(stream.Name)))];

    private static List<Measurement<long>> MeasureByTopic(Func<TopicFigure, long> figure) =>
    [
        .. Measured().Where(static stream => stream.ByTopic is not null).SelectMany(stream => stream.ByTopic!.All.Select(topic =>
            new Measurement<long>(figure(topic), StreamTag(stream.Name), TopicTag(topic.Name)))),
    ];

    private static IEnumerable<EventStream> Measured() =>
        Streams().Where(static stream => !stream.IsCompleted || stream.Subscribers > 0);
}
