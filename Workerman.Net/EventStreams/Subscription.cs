using System.Runtime.ExceptionServices;
using Workerman.Connection;

namespace Workerman.EventStreams;

/// <summary>
/// One subscriber of an <see cref="EventStream"/>: its connection, what it wants, and how far it has come. It holds no events but
/// those that <see cref="SlowSubscribers.NewestPerKey"/> owes it. Its figures may be read, and its methods called, on any thread;
/// the rest belongs to its hub, on the connection's loop.
/// </summary>
public sealed class Subscription : IFeedSource
{
    private readonly IReadOnlyCollection<string> _topics;
    private readonly Func<PublishedEvent, bool>? _filter;
    private EventHub? _hub;
    private long _delivered;
    private long _dropped;
    private long _cursor;

    internal Subscription(EventStream stream, TcpConnection connection, SubscribeOptions options)
    {
        Stream = stream;
        Connection = connection;
        _filter = options.Filter;
        // A few are compared faster than looked up.
        _topics = options.Topics.Count > 8 ? options.Topics.ToHashSet(StringComparer.Ordinal) : options.Topics.ToArray();
        if (_topics.Contains(null!))
            throw new ArgumentException("A topic is null; leave the topics away to subscribe to all.", nameof(options));
        IsPlain = _filter is null && _topics.Count == 0;
    }

    /// <summary>What it is subscribed to.</summary>
    public EventStream Stream { get; }

    /// <summary>The connection that the events go to.</summary>
    public TcpConnection Connection { get; }

    /// <summary>Whether it gets events. It ends with its connection, at the latest.</summary>
    public bool IsActive => Volatile.Read(ref _hub) is not null;

    /// <summary>How many events were handed to its connection.</summary>
    public long Delivered { get => Volatile.Read(ref _delivered); internal set => Volatile.Write(ref _delivered, value); }

    /// <summary>How many events it missed because it was too slow, counted when it goes on.</summary>
    public long Dropped { get => Volatile.Read(ref _dropped); internal set => Volatile.Write(ref _dropped, value); }

    /// <summary>How many events it is behind; see <see cref="EventStream.Lag"/>.</summary>
    public long Lag => IsActive ? Math.Max(0, Stream.Published - Cursor) : 0;

    /// <summary>Sequence of the last event that was handed to the connection, or passed over because it is not wanted.</summary>
    internal long Cursor { get => Volatile.Read(ref _cursor); set => Volatile.Write(ref _cursor, value); }

    /// <summary>Whether it wants everything.</summary>
    internal bool IsPlain { get; }

    /// <summary>
    /// The newest event when it subscribed: what comes before is replayed, and none of it makes the subscriber slow.
    /// </summary>
    internal long Joined { get; private set; }

    /// <summary>When something was sent last, on the loop's clock.</summary>
    internal long LastSent { get; set; }

    /// <summary>Sequence that the client would resume after.</summary>
    internal long Known { get; set; }

    /// <summary>While it is blocked: up to where it was seen what waits for it.</summary>
    internal long Examined { get; set; }

    /// <summary>While it is blocked: how many of the events that were examined wait for it.</summary>
    internal long Pending { get; set; }

    /// <summary>Whether it was too slow, and has not caught up since: it gets no event that its key has a newer one of.</summary>
    internal bool SkipsSuperseded { get; set; }

    /// <summary>What it is owed before the log goes on for it at <see cref="ResumeAfter"/>; null for nothing.</summary>
    internal ArraySegment<PublishedEvent>? Conflated { get; set; }

    internal long ResumeAfter { get; set; }

    /// <summary>Sequence after which the log goes on for it.</summary>
    internal long Position => Conflated is null ? Cursor : ResumeAfter;

    /// <summary>How its hub serves it. Only <see cref="EventHub.MoveTo"/> changes it.</summary>
    internal SubscriberState State { get; set; }

    /// <summary>Its place in the set of those in its state.</summary>
    internal int Index { get; set; }

    /// <summary>
    /// Leaves the stream; the connection stays open, for events of your own (<c>connection.Send</c>) or its end.
    /// </summary>
    public void Unsubscribe()
    {
        if (!Connection.Loop.IsCurrent)
        {
            Connection.Loop.Post(Unsubscribe);
            return;
        }
        _hub?.Remove(this);
    }

    /// <summary>Leaves the stream and closes the connection, once what was sent has left.</summary>
    /// <param name="retry">How long the client is to wait before it comes back; null to leave it as it is. Zero or more, to the
    /// millisecond.</param>
    public void End(TimeSpan? retry = null)
    {
        byte[] last = EventBlocks.Retry(EventStreamOptions.RetryTime(retry));
        if (Connection.Loop.IsCurrent) End(last);
        else Connection.Loop.Post(() => End(last));
    }

    void IFeedSource.OnDrained(TcpConnection connection) => _hub?.OnDrained(this);

    void IFeedSource.OnGone(TcpConnection connection) => _hub?.Remove(this);

    internal void Enter(EventHub hub, in StartingPoint start)
    {
        Cursor = Known = start.After;
        Joined = start.Head;
        Connection.Source = this;
        Volatile.Write(ref _hub, hub);
    }

    internal void Leave()
    {
        Connection.Source = null;
        Conflated = null;
        Volatile.Write(ref _hub, null);
    }

    internal void End(ReadOnlySpan<byte> last)
    {
        if (_hub is not { } hub) return;
        hub.Remove(this);
        if (!last.IsEmpty) Connection.Feed(last);
        Connection.Close();
    }

    internal bool Wants(PublishedEvent published)
    {
        if (IsPlain) return true;
        if (_topics.Count > 0 && published.Topic is { } topic && !HasTopic(topic)) return false;
        if (_filter is null) return true;
        try
        {
            return _filter(published);
        }
        catch (Exception e)
        {
            // Through the loop's own handler, which logs it; an event that the filter could not judge may be none of this
            // subscriber's business.
            var failure = ExceptionDispatchInfo.Capture(e);
            Connection.Loop.Post(failure.Throw);
            return false;
        }
    }

    private bool HasTopic(string topic)
    {
        if (_topics is not string[] few) return _topics.Contains(topic);
        foreach (string wanted in few)
        {
            if (wanted == topic) return true;
        }
        return false;
    }
}

/// <summary>How a subscriber is served: what it has had of the log, and whether its peer reads.</summary>
internal enum SubscriberState : byte
{
    /// <summary>It has not begun, or it has left the stream or lost its connection.</summary>
    Inactive,

    /// <summary>It has every event up to where the last round ended, and gets what is new.</summary>
    Live,

    /// <summary>It lacks events, because it replays or was back-pressured: it gets a piece of the log in each round.</summary>
    CatchingUp,

    /// <summary>Its peer has not read what was sent: nothing is sent to it until it has.</summary>
    BackPressured,
}

/// <summary>
/// The subscriptions that are in one state, in no order. Each knows its index, so adding and removing take the same time however
/// many there are. It is iterated from the end: one that is removed meanwhile is replaced by the last, which was visited already.
/// Belongs to its hub, on the loop's thread.
/// </summary>
internal sealed class SubscriptionSet
{
    private Subscription[] _items = [];

    public int Count { get; private set; }

    public Subscription this[int index] => _items[index];

    public void Add(Subscription subscription)
    {
        if (Count == _items.Length) Array.Resize(ref _items, Math.Max(4, Count * 2));
        subscription.Index = Count;
        _items[Count++] = subscription;
    }

    public void Remove(Subscription subscription)
    {
        Subscription last = _items[--Count];
        _items[subscription.Index] = last;
        last.Index = subscription.Index;
        _items[Count] = null!;
        if (_items.Length > 64 && Count < _items.Length / 4) Array.Resize(ref _items, _items.Length / 2);
    }
}
