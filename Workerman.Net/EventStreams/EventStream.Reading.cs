namespace Workerman.EventStreams;

/// <summary>Some events of a stream in their order, and where to read on. Immutable; any thread.</summary>
public sealed class EventPage
{
    internal EventPage(IReadOnlyList<PublishedEvent> events, string lastId, bool isGap, bool isLast)
    {
        Events = events;
        LastId = lastId;
        IsGap = isGap;
        IsLast = isLast;
    }

    /// <summary>The events; none if there are no newer ones.</summary>
    public IReadOnlyList<PublishedEvent> Events { get; }

    /// <summary>
    /// The id to read on after: that of the last event of the page, or the one that was given if there is none.
    /// </summary>
    public string LastId { get; }

    /// <summary>
    /// Whether events may be missing before the first one, because the id that was given is too old, or not known.
    /// </summary>
    public bool IsGap { get; }

    /// <summary>Whether the stream had no newer event when the page was read.</summary>
    public bool IsLast { get; }
}

/// <summary>
/// What a stream has, without subscribing to it: for a page that is rendered with the state it shows, and then goes on from
/// there. Any thread.
/// </summary>
public sealed partial class EventStream
{
    /// <summary>
    /// An id by which a client resumes after everything that is published so far: that of the newest event, or one that stands
    /// before the first. What a page shows is read after this, so that the client, which subscribes with it, misses nothing.
    /// </summary>
    public string LastId
    {
        get
        {
            lock (_log.Gate)
            {
                if (Follower is not null && !_log.IsReady)
                    throw new InvalidOperationException(
                        "The stream has not heard from its log. Cure: await EventStream.Ready first.");
                return _log.IdFor(_log.Head);
            }
        }
    }

    /// <summary>
    /// Reads events that can be replayed (<see cref="EventStreamOptions.ReplayCount"/>,
    /// <see cref="EventStreamOptions.ReplayAge"/>), from the oldest to the newest.
    /// </summary>
    /// <param name="after">The id after which to read; null or empty to begin with the oldest. One that is too old, or not
    /// known, begins with the oldest too, and is told by <see cref="EventPage.IsGap"/>.</param>
    /// <param name="limit">Events to read at most; 1 to 1,000,000.</param>
    public EventPage Read(string? after = null, int limit = 100)
    {
        CheckLimit(limit);
        lock (_log.Gate)
        {
            StartingPoint start = Follower is null || string.IsNullOrEmpty(after) ? _log.Locate(after, fromOldest: true)
                : _log.TryLocateCached(after, fromOldest: true, out StartingPoint cached) ? cached : _log.LocateUnknown();
            PublishedEvent[] events = _log.Range(start.After, (int)Math.Min(limit, start.Head - start.After));
            string lastId = events.Length > 0 ? events[^1].Id : start.Id;
            return new EventPage(events, lastId, start.IsGap, start.After + events.Length == start.Head);
        }
    }

    private static void CheckLimit(int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1_000_000);
    }
}
