using Workerman.Protocols;

namespace Workerman.EventStreams;

/// <summary>
/// Limits and habits of an <see cref="EventStream"/>. All are on by default. A stream takes a copy when it is made and owns that:
/// what is set here afterwards changes nothing.
/// </summary>
public sealed class EventStreamOptions
{
    private const int Million = 1_000_000;

    /// <summary>
    /// The log that the stream stands on; null, the default, for one in the memory of this process. With one that several
    /// processes share, what any of them publishes reaches the subscribers of all, and a client resumes at any. What the stream
    /// keeps in memory (<see cref="ReplayCount"/>, <see cref="ReplayAge"/>) is a cache of its newest events: a client that
    /// resumes further back gets what the log has.
    /// </summary>
    public IEventLog? Log { get; set; }

    /// <summary>
    /// How long a client waits before it connects again, as it is told when it subscribes; null to leave it to the client
    /// (browsers: some seconds). Zero or more, to the millisecond.
    /// </summary>
    public TimeSpan? Retry { get; set => field = RetryTime(value); }

    /// <summary>Events that can be replayed to a client that connects again; 1,000, 0 to 1,000,000.</summary>
    public int ReplayCount { get; set => field = Setting.InRange(value, 0, Million); } = 1000;

    /// <summary>
    /// How old an event that is replayed may be; 5 minutes, <see cref="Timeout.InfiniteTimeSpan"/> for any age.
    /// </summary>
    public TimeSpan ReplayAge { get; set => field = MillisecondOrMore(value); } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Name of the event that tells a client that connects again that events are missing, because the id that it sent is too old
    /// or not known. Its data is that id; the events that can be replayed follow. <c>gap</c>.
    /// </summary>
    /// <exception cref="ArgumentException">It is empty or has a line break.</exception>
    public string GapEvent
    {
        get;
        set => field = EventName(value);
    } = "gap";

    /// <summary>
    /// Events that may wait for a subscriber that has not read what was sent to it; 1,000, 1 to 1,000,000. Beyond:
    /// <see cref="SlowSubscribers"/>.
    /// </summary>
    public int MaxBacklog { get; set => field = Setting.InRange(value, 1, Million); } = 1000;

    /// <summary>
    /// Bytes of the events that may wait for a subscriber that has not read what was sent to it; 16 MiB, 64 KiB to 2 GiB. A
    /// single event may be larger. Beyond: <see cref="SlowSubscribers"/>.
    /// </summary>
    public int MaxBacklogSize { get; set => field = Setting.InRange(value, 64 * 1024); } = 16 * 1024 * 1024;

    /// <summary>
    /// Bytes that an event may have as it is sent; 1 MiB, 1 KiB to 1 GiB. Beyond, <c>Publish</c> throws. Each line of its data
    /// counts with the name of its field.
    /// </summary>
    public int MaxEventSize { get; set => field = Setting.InRange(value, 1024, 1024 * 1024 * 1024); } = 1024 * 1024;

    /// <summary>
    /// Characters that an id may have, one that is published and one that a client sends as <c>Last-Event-ID</c>; 1,024, 64 to
    /// 65,536. A client that sends a longer one is answered with 400. It comes in a header field, whose head has a limit too.
    /// </summary>
    public int MaxIdLength { get; set => field = Setting.InRange(value, 64, 65_536); } = 1024;

    /// <summary>
    /// Topics that a subscription may name, its patterns included; 100, 1 to 1,000,000. A client for which more are named is
    /// answered with 400.
    /// </summary>
    public int MaxTopics { get; set => field = Setting.InRange(value, 1, Million); } = 100;

    /// <summary>
    /// Topics that an event may have; 100, 1 to 10,000. Beyond, <c>Publish</c> throws. They are kept with the event, and do not
    /// count in <see cref="MaxLogSize"/>.
    /// </summary>
    public int MaxTopicsPerEvent { get; set => field = Setting.InRange(value, 1, 10_000); } = 100;

    /// <summary>
    /// Characters that a topic may have; 1,024, 1 to 1,000,000. Beyond, <c>Publish</c> throws, and a client for which a longer
    /// one is named is answered with 400.
    /// </summary>
    public int MaxTopicLength { get; set => field = Setting.InRange(value, 1, Million); } = 1024;

    /// <summary>
    /// What happens to a subscriber for which more than <see cref="MaxBacklog"/> events wait, or more than
    /// <see cref="MaxBacklogSize"/> bytes; by default it is disconnected.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no policy.</exception>
    public SlowSubscribers SlowSubscribers
    {
        get;
        set => field = Enum.IsDefined(
            value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "There is no such policy.");
    }

    /// <summary>
    /// Whether the newest event of each key is kept, for subscribers that begin with those
    /// (<see cref="SubscribeOptions.FromLatestPerKey"/>); false. With <see cref="SlowSubscribers.NewestPerKey"/> they are kept in
    /// any case.
    /// </summary>
    public bool LatestPerKey { get; set; }

    /// <summary>
    /// Whether the stream keeps a list of its subscribers that any thread may ask for
    /// (<see cref="EventStream.GetSubscriptions"/>); false. It takes memory for each of them, and for each of their topics.
    /// </summary>
    public bool Presence { get; set; }

    /// <summary>
    /// Topics that are measured by themselves, in the instruments <c>workerman.event_stream.topic.published</c> and
    /// <c>workerman.event_stream.topic.delivered</c>, and as the tag <c>topic</c> of <c>workerman.event_stream.delay</c>; 0, the
    /// default, which turns it off, to 10,000. Those that come first are; all others are measured together as <c>_OTHER</c>,
    /// because whoever collects measurements keeps a row for each. An event with several topics counts for each of them, and its
    /// delay for the first. It costs a look-up for each topic of an event.
    /// </summary>
    public int MeasuredTopics { get; set => field = Setting.InRange(value, 0, 10_000); }

    /// <summary>
    /// Keys whose newest event is remembered for <see cref="SlowSubscribers.NewestPerKey"/> and <see cref="LatestPerKey"/>;
    /// 10,000, 1 to 1,000,000. Beyond, the key whose last event is the oldest is removed. The same key in two topics is two keys,
    /// and a key of an event with several topics counts once for each of them.
    /// </summary>
    public int MaxKeys { get; set => field = Setting.InRange(value, 1, Million); } = 10_000;

    /// <summary>
    /// Bytes that all events kept for replay and for subscribers that are catching up may have together; 64 MiB, 64 KiB to 2 GiB.
    /// Beyond, the oldest are removed even if subscribers still wait for them. The newest is kept in any case. The newest events
    /// of <see cref="MaxKeys"/> keys may have as much once more.
    /// </summary>
    public int MaxLogSize { get; set => field = Setting.InRange(value, 64 * 1024); } = 64 * 1024 * 1024;

    /// <summary>
    /// How long a subscriber is sent nothing before it is sent a keep-alive comment; 15 seconds,
    /// <see cref="Timeout.InfiniteTimeSpan"/> for never. It may be a quarter of that time later. Proxies close connections that
    /// are silent, and a client notices only by it that its connection is lost.
    /// </summary>
    public TimeSpan Heartbeat { get; set => field = MillisecondOrMore(value); } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Name of an event that is sent in place of the keep-alive comment; null, the default, for the comment. A comment is hidden
    /// from the page by <c>EventSource</c>: with an event it sees that the connection is alive. Its data is empty, and its id is
    /// the one that the client resumes by.
    /// </summary>
    /// <exception cref="ArgumentException">It is empty or has a line break.</exception>
    public string? HeartbeatEvent { get; set => field = value is null ? null : EventName(value); }

    /// <summary>
    /// How long a subscriber's system may not acknowledge what was sent before the connection counts as lost; 60 seconds, at
    /// least 1 millisecond, <see cref="Timeout.InfiniteTimeSpan"/> for what the system does by itself (Linux: a quarter of an
    /// hour). With <see cref="Heartbeat"/> it finds peers that are gone without having closed the connection. Linux:
    /// <c>TCP_USER_TIMEOUT</c>; Windows and macOS, in whole seconds: <c>TCP_MAXRT</c>, <c>TCP_RXT_CONNDROPTIME</c>; elsewhere
    /// without effect.
    /// </summary>
    public TimeSpan PeerTimeout { get; set => field = MillisecondOrMore(value); } = TimeSpan.FromSeconds(60);

    /// <summary>A monotonic clock in milliseconds, for the age of events.</summary>
    internal Func<long> Clock { get; set; } = static () => Environment.TickCount64;

    internal bool KeepsNewestPerKey => LatestPerKey || SlowSubscribers == SlowSubscribers.NewestPerKey;

    internal EventStreamOptions Copy() => (EventStreamOptions)MemberwiseClone();

    /// <summary>A time for a <c>retry</c> field, which has whole milliseconds.</summary>
    internal static TimeSpan? RetryTime(TimeSpan? value)
    {
        if (value is not { } time) return null;
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero, nameof(value));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(time.TotalMilliseconds, int.MaxValue, nameof(value));
        return time;
    }

    private static string EventName(string value)
    {
        ArgumentException.ThrowIfNullOrEmpty(value);
        if (value.AsSpan().IndexOfAny('\r', '\n') >= 0)
            throw new ArgumentException("An event's name has a line break, which would start a field of its own; remove it.",
                nameof(value));
        return value;
    }

    private static TimeSpan MillisecondOrMore(TimeSpan value)
    {
        if (value != Timeout.InfiniteTimeSpan) ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromMilliseconds(1));
        return value;
    }
}
