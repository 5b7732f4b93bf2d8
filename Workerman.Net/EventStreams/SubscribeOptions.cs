using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>What one subscriber of an <see cref="EventStream"/> wants. Do not change it after <c>Subscribe</c>.</summary>
public sealed class SubscribeOptions
{
    /// <summary>
    /// The topics that it wants; none, and no <see cref="TopicPatterns"/>, for all. It gets events without a topic in any case.
    /// </summary>
    public IReadOnlyCollection<string> Topics
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(value), "Leave the topics away to subscribe to all.");
    } = [];

    /// <summary>
    /// Patterns of topics that it wants besides: <c>orders/*/paid</c>. A topic is a row of segments between <c>/</c>, or between
    /// <c>.</c> where the pattern has no <c>/</c>; <c>*</c> stands for one segment, and <c>**</c> at the end for one or more. A
    /// <c>*</c> that is not a whole segment, or a <c>**</c> before the end, makes <c>Subscribe</c> throw a
    /// <see cref="BadRequestException"/>, so that the client is answered with 400. They count as topics for
    /// <see cref="EventStreamOptions.MaxTopics"/> and <see cref="EventStreamOptions.MaxTopicLength"/>. A client that may choose
    /// them may ask for everything: see <see cref="Filter"/>.
    /// </summary>
    public IReadOnlyCollection<string> TopicPatterns
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(value), "Leave the patterns away for none.");
    } = [];

    /// <summary>
    /// Whether it gets an event of its topics; null: yes. Called on the connection's loop, possibly more than once for an event.
    /// If it throws, the event is not sent, and the exception is logged.
    /// </summary>
    public Func<PublishedEvent, bool>? Filter { get; init; }

    /// <summary>
    /// The id of the last event that the client has seen, in place of the header field <c>Last-Event-ID</c>; null to go by that.
    /// Empty: none.
    /// </summary>
    public string? LastEventId { get; init; }

    /// <summary>
    /// Whether a client without an id first gets all events that can be replayed (<see cref="EventStreamOptions.ReplayCount"/>,
    /// <see cref="EventStreamOptions.ReplayAge"/>); otherwise it begins with what is published from now on. One that resumes by
    /// an id goes on where it was, in any case.
    /// </summary>
    public bool FromOldest { get; init; }

    /// <summary>
    /// Whether a client without an id first gets the newest event of each key, in the order in which they were published, and
    /// then what is published from now on: for a dashboard, or prices. So does one whose id is too old, after the gap event. The
    /// stream has to keep them (<see cref="EventStreamOptions.LatestPerKey"/>); it counts before <see cref="FromOldest"/>.
    /// </summary>
    public bool FromLatestPerKey { get; init; }

    /// <summary>
    /// When the subscription ends, as a token does that the client has shown; null for never. Within a second of it the client is
    /// told to connect again after <see cref="EventStreamOptions.Retry"/>, or after 1 second where that is not set, and its
    /// connection is closed. It resumes by its id, if the application lets it.
    /// </summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>
    /// Header fields of the answer besides those of an event stream, for instance for CORS; they may also replace
    /// <c>Cache-Control</c> and <c>X-Accel-Buffering</c>. The stream itself sets those that say how the answer is framed or
    /// coded: with one of them <c>Subscribe</c> throws an <see cref="ArgumentException"/>.
    /// </summary>
    public ResponseHeaders Headers { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = [];

    /// <summary>The fields that the stream sets itself: its type, its framing (RFC 9112 section 6.3), its connection.</summary>
    private static readonly HashSet<string> StreamsOwn = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Upgrade", "Content-Type", "Content-Length", "Content-Encoding", "Content-Range",
        "Transfer-Encoding", "Trailer",
    };

    /// <exception cref="ArgumentException">It has a header field that the stream sets itself.</exception>
    internal void Check()
    {
        foreach ((string name, _) in Headers)
        {
            if (StreamsOwn.Contains(name))
                throw new ArgumentException($"SubscribeOptions.Headers has {name}, "
                    + "which the event stream sets itself (it goes on until its connection ends); remove it.", "options");
        }
    }
}
