using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>What one subscriber of an <see cref="EventStream"/> wants. Not changed any more once it is handed over.</summary>
public sealed class SubscribeOptions
{
    /// <summary>The topics that it wants; none for all. Events without a topic come in any case.</summary>
    public IReadOnlyCollection<string> Topics
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(value), "Leave the topics away to subscribe to all.");
    } = [];

    /// <summary>
    /// Whether it gets an event that its topics let through; null: yes. Called on the connection's loop, perhaps more than once
    /// for an event. An event on which it throws is not sent, and the exception is logged.
    /// </summary>
    public Func<PublishedEvent, bool>? Filter { get; init; }

    /// <summary>
    /// The id of the last event that the client has seen, in place of the header field <c>Last-Event-ID</c>; null to go by that.
    /// Empty: none.
    /// </summary>
    public string? LastEventId { get; init; }

    /// <summary>
    /// Whether a client that comes without an id is first given all that can be replayed
    /// (<see cref="EventStreamOptions.ReplayCount"/>, <see cref="EventStreamOptions.ReplayAge"/>); otherwise it begins with what
    /// is published from now on. One that comes back goes on where it was, in any case.
    /// </summary>
    public bool FromOldest { get; init; }

    /// <summary>
    /// Header fields of the answer besides those of an event stream, for CORS perhaps; they may also replace <c>Cache-Control</c>
    /// and <c>X-Accel-Buffering</c>. Those that say how the answer is framed or coded are the stream's own: with one of them
    /// <c>Subscribe</c> throws an <see cref="ArgumentException"/>.
    /// </summary>
    public ResponseHeaders Headers { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = [];

    /// <summary>What would contradict the stream: its type, its framing (RFC 9112 section 6.3), its connection.</summary>
    private static readonly HashSet<string> StreamsOwn = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Upgrade", "Content-Type", "Content-Length", "Content-Encoding", "Content-Range",
        "Transfer-Encoding", "Trailer",
    };

    /// <exception cref="ArgumentException">A header field is not for the application to set.</exception>
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
