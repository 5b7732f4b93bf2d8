using System.Runtime.ExceptionServices;
using Workerman.Connection;
using Workerman.Protocols.WebSocket;

namespace Workerman.EventStreams;

/// <summary>
/// One subscriber of an <see cref="EventStream"/>: its connection, what it wants, and its position in the log. It holds no
/// events, except with <see cref="SlowSubscribers.NewestPerKey"/> those that it gets after having been too slow. Its figures may
/// be read, and its methods called, on any thread; the rest belongs to its hub, on the connection's loop.
/// </summary>
public sealed class Subscription : IFeedSource
{
    private readonly Func<PublishedEvent, bool>? _filter;
    private EventHub? _hub;
    private long _delivered;
    private long _dropped;
    private long _cursor;
    private Flags _flags;

    internal Subscription(EventStream stream, TcpConnection connection, SubscribeOptions options, bool isWebSocket = false)
    {
        Stream = stream;
        Connection = connection;
        _filter = options.Filter;
        Wanted = WantedTopics.Of(options);
        IsPlain = _filter is null && !Wanted.Any;
        IsWebSocket = isWebSocket;
        SharesBytes = IsPlain && !isWebSocket;
    }

    /// <summary>The stream that it is subscribed to.</summary>
    public EventStream Stream { get; }

    /// <summary>The connection that the events go to.</summary>
    public TcpConnection Connection { get; }

    /// <summary>The topics that it wants; none, and no <see cref="TopicPatterns"/>, for all.</summary>
    public IReadOnlyCollection<string> Topics => Wanted.Topics;

    /// <summary>The patterns of topics that it wants besides; made anew for each call.</summary>
    public IReadOnlyCollection<string> TopicPatterns => [.. Wanted.Patterns.Select(static pattern => pattern.Text)];

    /// <summary>Whether it gets events. It ends with its connection, if not earlier.</summary>
    public bool IsActive => Volatile.Read(ref _hub) is not null;

    /// <summary>How many events were handed to its connection.</summary>
    public long Delivered { get => Volatile.Read(ref _delivered); internal set => Volatile.Write(ref _delivered, value); }

    /// <summary>How many events it missed because it was too slow, counted when it reads again.</summary>
    public long Dropped { get => Volatile.Read(ref _dropped); internal set => Volatile.Write(ref _dropped, value); }

    /// <summary>How many events it is behind; see <see cref="EventStream.Lag"/>.</summary>
    public long Lag => IsActive ? Math.Max(0, Stream.Published - Cursor) : 0;

    /// <summary>Sequence of the last event that was handed to the connection, or skipped because it is not wanted.</summary>
    internal long Cursor { get => Volatile.Read(ref _cursor); set => Volatile.Write(ref _cursor, value); }

    /// <summary>Whether it wants everything.</summary>
    internal bool IsPlain { get => Has(Flags.Plain); private init => Set(Flags.Plain, value); }

    /// <summary>Whether its connection is a WebSocket, and gets frames.</summary>
    internal bool IsWebSocket { get => Has(Flags.WebSocket); private init => Set(Flags.WebSocket, value); }

    /// <summary>Whether it gets the bytes of a round as they are: it wants everything, and is no WebSocket.</summary>
    internal bool SharesBytes { get => Has(Flags.SharesBytes); private init => Set(Flags.SharesBytes, value); }

    /// <summary>
    /// Whether its connection may be sent something, as far as its protocol goes: nothing follows the close frame of a WebSocket
    /// (RFC 6455 section 5.5.1).
    /// </summary>
    internal bool CanBeFed => !IsWebSocket || Connection.Protocol is WebSocketProtocol { TakesMessages: true };

    /// <summary>The topics that it wants, as it compares them. Its hub has those share one object that want the same.</summary>
    internal WantedTopics Wanted { get; set; }

    /// <summary>
    /// Sequence of the newest event when it subscribed. Those before it are replayed, and do not count for its being too slow.
    /// </summary>
    internal long Joined { get; private set; }

    /// <summary>Whether it is known where it begins: otherwise the log that its stream stands on is being asked.</summary>
    internal bool IsPlaced => Joined >= 0;

    /// <summary>Which generation of the log its places are of, as far as a byte tells (<see
    /// cref="EventLog.Generation"/>).</summary>
    internal byte Generation { get; private set; }

    /// <summary>When something was sent last, on the loop's clock.</summary>
    internal long LastSent { get; set; }

    /// <summary>Sequence that the client would resume after, by the last id it was sent.</summary>
    internal long Known { get; set; }

    /// <summary>While it is back-pressured: the sequence up to which the events that wait for it were counted.</summary>
    internal long Examined { get; set; }

    /// <summary>While it is back-pressured: how many of the events that were counted it wants.</summary>
    internal long Pending { get; set; }

    /// <summary>
    /// While it is back-pressured: bytes of the events that were counted and are no replay. Not kept where it wants everything.
    /// </summary>
    internal long PendingSize { get; set; }

    /// <summary>Whether it was too slow, and is not live again yet: it gets no event whose key has a newer one.</summary>
    internal bool SkipsSuperseded { get => Has(Flags.SkipsSuperseded); set => Set(Flags.SkipsSuperseded, value); }

    /// <summary>
    /// The newest events of keys that it gets before it goes on in the log after <see cref="ResumeAfter"/>; null for none.
    /// </summary>
    internal ArraySegment<PublishedEvent>? Conflated { get; set; }

    /// <summary>
    /// Whether it has just subscribed, and gets the newest events of keys first: those after <see cref="Cursor"/>, before it goes
    /// on in the log after <see cref="ResumeAfter"/>.
    /// </summary>
    internal bool BeginsWithNewest { get => Has(Flags.BeginsWithNewest); set => Set(Flags.BeginsWithNewest, value); }

    internal long ResumeAfter { get; set; }

    /// <summary>Whether it gets newest events of keys before it goes on in the log.</summary>
    internal bool IsConflated => BeginsWithNewest || Conflated is not null;

    /// <summary>Sequence after which it goes on in the log.</summary>
    internal long Position => IsConflated ? ResumeAfter : Cursor;

    /// <summary>How its hub serves it. Only <see cref="EventHub.MoveTo"/> changes it.</summary>
    internal SubscriberState State { get; set; }

    /// <summary>Whether it ends at a time, and its loop knows of that.</summary>
    internal bool Expires { get => Has(Flags.Expires); set => Set(Flags.Expires, value); }

    /// <summary>Whether it is on its way to another process: its end here is not told.</summary>
    internal bool Moves { get => Has(Flags.Moves); set => Set(Flags.Moves, value); }

    /// <summary>Its place in the set of those in its state.</summary>
    internal int Index { get; set; }

    /// <summary>
    /// Leaves the stream; the connection stays open, for events of your own (<c>connection.Send</c>), until it is closed.
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

    /// <summary>Leaves the stream and closes the connection, once everything has been sent; a WebSocket with 1000.</summary>
    /// <param name="retry">How long the client is to wait before it connects again; null to leave it as it is. Zero or more, to
    /// the millisecond.</param>
    public void End(TimeSpan? retry = null)
    {
        _ = EventStreamOptions.RetryTime(retry);
        if (Connection.Loop.IsCurrent) EndNow(retry);
        else Connection.Loop.Post(() => EndNow(retry));
    }

    void IFeedSource.OnBackPressured(TcpConnection connection) => _hub?.OnBackPressured(this);

    void IFeedSource.OnDrained(TcpConnection connection) => _hub?.OnDrained(this);

    void IFeedSource.OnGone(TcpConnection connection) => _hub?.Remove(this);

    /// <summary>Makes it a subscriber of a hub, at the place where it begins.</summary>
    internal void Enter(EventHub hub, in StartingPoint start)
    {
        Place(start);
        Connection.Source = this;
        Volatile.Write(ref _hub, hub);
    }

    /// <summary>Sets the place from which on it gets events.</summary>
    internal void Place(in StartingPoint start)
    {
        BeginsWithNewest = start.BeginsWithNewest;
        Cursor = Known = BeginsWithNewest ? 0 : start.After;
        ResumeAfter = start.After;
        Joined = start.Head;
        Generation = (byte)start.Generation;
        SkipsSuperseded = false;
        Conflated = null;
    }

    /// <summary>Its place means the same in the next generation of the log.</summary>
    internal void MoveToGeneration(int generation) => Generation = (byte)generation;

    /// <summary>The place is not known yet.</summary>
    internal void Unplace() => Joined = -1;

    internal void Leave()
    {
        Connection.Source = null;
        Conflated = null;
        BeginsWithNewest = false;
        if (Expires) SubscriptionExpiry.Of(Connection.Loop).Remove(this);
        Volatile.Write(ref _hub, null);
    }

    /// <summary>As <see cref="End"/>, on the loop.</summary>
    internal void EndNow(TimeSpan? retry)
    {
        if (_hub is not { } hub) return;
        hub.Remove(this);
        if (retry is not null && CanBeFed) Connection.Feed(EventBlocks.Retry(retry, IsWebSocket));
        Connection.Close();
    }

    internal bool Wants(PublishedEvent published)
    {
        if (IsPlain) return true;
        if (Wanted.Any && !Wanted.Want(published)) return false;
        if (_filter is null) return true;
        try
        {
            return _filter(published);
        }
        catch (Exception e)
        {
            // Thrown again on the loop, whose error handler logs it. The event is not sent, because the filter may have been
            // meant to exclude it.
            var failure = ExceptionDispatchInfo.Capture(e);
            Connection.Loop.Post(failure.Throw);
            return false;
        }
    }

    private bool Has(Flags flag) => (_flags & flag) != 0;

    private void Set(Flags flag, bool value) => _flags = value ? _flags | flag : _flags & ~flag;

    /// <summary>What it has yes or no for, in one byte: there may be a million subscriptions.</summary>
    [System.Flags]
    private enum Flags : byte
    {
        None = 0,
        Plain = 1,
        SkipsSuperseded = 2,
        BeginsWithNewest = 4,
        Expires = 8,
        Moves = 16,
        WebSocket = 32,
        SharesBytes = 64,
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

    /// <summary>What it gets next is being read from the log that the stream stands on.</summary>
    Reading,
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
