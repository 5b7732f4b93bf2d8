using System.Buffers;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// The subscribers of one stream on one loop: their states, their figures and their keep-alive comments. Publishing wakes it,
/// from any thread; all else runs on the loop's thread. It exists while it has subscribers. Events are handed out in
/// <c>.Round.cs</c>, the policy for slow subscribers is in <c>.Slow.cs</c>, what comes from a log of several processes is in
/// <c>.Log.cs</c>.
/// </summary>
internal sealed partial class EventHub
{
    private readonly EventStream _stream;
    private readonly EventLog _log;
    private readonly EventStreamOptions _options;
    private readonly Action _run;
    private readonly WriteBatch _batch;

    /// <summary>Those in <see cref="SubscriberState.Live"/>.</summary>
    private readonly SubscriptionSet _live = new();

    /// <summary>Those in <see cref="SubscriberState.CatchingUp"/>.</summary>
    private readonly SubscriptionSet _catchingUp = new();

    /// <summary>Those in <see cref="SubscriberState.BackPressured"/>.</summary>
    private readonly SubscriptionSet _backPressured = new();

    /// <summary>What its subscribers want by patterns; null while none does.</summary>
    private SharedSelections? _selections;

    private volatile bool _abandoned;
    private int _woken;
    private int _count;
    private long _delivered;
    private long _dropped;
    private long _replayed;
    private long _floor;
    private long _slowest;
    private long _keepAliveTimer;
    private long _lastKeepAlive;
    private long _heartbeatAt = -1;
    private byte[] _heartbeat = [];

    public EventHub(EventStream stream, IEventLoop loop)
    {
        _stream = stream;
        _log = stream.Log;
        _options = stream.Options;
        Loop = loop;
        _run = Run;
        _batch = ConnectionBuffers.Of(loop).Batch;
        _after = _to = _floor = _slowest = _log.Head;
        _generation = _log.Generation;
    }

    public IEventLoop Loop { get; }

    public int Count => Volatile.Read(ref _count);

    public long Delivered => Volatile.Read(ref _delivered);

    public long Dropped => Volatile.Read(ref _dropped);

    public long Replayed => Volatile.Read(ref _replayed);

    /// <summary>
    /// The sequence up to which all subscribers that keep up have been served: the log may remove those events.
    /// </summary>
    public long Floor => Volatile.Read(ref _floor);

    /// <summary>The sequence that the slowest subscriber has reached; the largest one if there is no subscriber.</summary>
    public long Slowest => Count == 0 ? long.MaxValue : Volatile.Read(ref _slowest);

    /// <summary>Has a round run on the loop. Any thread.</summary>
    /// <returns>False if the loop has ended.</returns>
    public bool Wake()
    {
        if (Interlocked.Exchange(ref _woken, 1) != 0 || Loop.Post(_run)) return true;
        // So that the next publisher is told too.
        Volatile.Write(ref _woken, 0);
        return false;
    }

    /// <summary>
    /// Keeps the log from removing what comes after a sequence, where a new subscriber begins. Under the log's lock.
    /// </summary>
    public void Protect(long after) => _floor = Math.Min(_floor, after);

    public void Add(Subscription subscription, in StartingPoint start)
    {
        subscription.Enter(this, start);
        ShareSelection(subscription);
        subscription.LastSent = Loop.Now;
        Volatile.Write(ref _slowest, Math.Min(Slowest, subscription.Cursor));
        MoveTo(subscription, SubscriberState.CatchingUp);
        Volatile.Write(ref _count, _count + 1);
        ArmKeepAlive();
        Wake();
    }

    /// <summary>Those that want the same share what is found out about that.</summary>
    private void ShareSelection(Subscription subscription)
    {
        if (subscription.Wanted.Selection is { } selection)
            subscription.Wanted = WantedTopics.Of((_selections ??= new SharedSelections(_window)).Enter(selection));
    }

    /// <summary>
    /// Has it end all its subscriptions, because the log has become another one. Under the log's lock, before that happens; the
    /// next <see cref="Wake"/> does it.
    /// </summary>
    public void Abandon() => _abandoned = true;

    /// <summary>Removes one that has left, or whose connection is gone. It may happen in the middle of a round.</summary>
    public void Remove(Subscription subscription)
    {
        SubscriberState state = subscription.State;
        if (state == SubscriberState.Inactive) return;
        MoveTo(subscription, SubscriberState.Inactive);
        subscription.Leave();
        if (subscription.Wanted.Selection is { } selection) _selections!.Leave(selection);
        _stream.OnLeft(subscription);
        Volatile.Write(ref _count, _count - 1);
        // It may have been the slowest: the next round finds out which is now.
        if (subscription.Cursor <= _slowest && state != SubscriberState.Live) Wake();
        if (_count > 0) return;
        Loop.DeleteTimer(_keepAliveTimer);
        _keepAliveTimer = 0;
        _stream.Remove(this);
    }

    /// <summary>Its peer has read all that was sent.</summary>
    public void OnDrained(Subscription subscription)
    {
        if (subscription.State != SubscriberState.BackPressured) return;
        MoveTo(subscription, SubscriberState.CatchingUp);
        ApplyPolicy(subscription);
        Wake();
    }

    /// <summary>Its peer has not read all that was sent.</summary>
    public void OnBackPressured(Subscription subscription)
    {
        if (subscription.State is SubscriberState.Live or SubscriberState.CatchingUp)
            MoveTo(subscription, SubscriberState.BackPressured);
    }

    /// <summary>Changes a subscriber's state, and with it the set that it is in. Nothing else does.</summary>
    private void MoveTo(Subscription subscription, SubscriberState state)
    {
        SetOf(subscription.State)?.Remove(subscription);
        subscription.State = state;
        SetOf(state)?.Add(subscription);
        if (state == SubscriberState.Live)
        {
            subscription.SkipsSuperseded = false;
        }
        else if (state == SubscriberState.BackPressured)
        {
            BeginToCount(subscription);
        }
    }

    private SubscriptionSet? SetOf(SubscriberState state) => state switch
    {
        SubscriberState.Live => _live,
        SubscriberState.CatchingUp => _catchingUp,
        SubscriberState.BackPressured => _backPressured,
        SubscriberState.Reading => _reading,
        _ => null,
    };

    /// <summary>Arms the timer for keep-alive comments; again if the application has deleted all timers of the loop.</summary>
    private void ArmKeepAlive()
    {
        if (_options.Heartbeat == Timeout.InfiniteTimeSpan
            || (_keepAliveTimer != 0 && Loop.Now - _lastKeepAlive <= _options.Heartbeat.TotalMilliseconds)) return;
        if (_keepAliveTimer != 0) Loop.DeleteTimer(_keepAliveTimer);
        _lastKeepAlive = Loop.Now;
        _keepAliveTimer = Loop.AddTimer(_options.Heartbeat / 4, SendKeepAlives, persistent: true);
    }

    /// <summary>
    /// Sends a keep-alive comment to each live subscriber that was sent nothing for long; or, if it has passed events that it
    /// does not want, an id-only event, so that the id it resumes by does not become too old.
    /// </summary>
    private void SendKeepAlives()
    {
        _lastKeepAlive = Loop.Now;
        long latest = _lastKeepAlive - (long)_options.Heartbeat.TotalMilliseconds;
        for (int i = _live.Count - 1; i >= 0; i--)
        {
            // A send that fails may remove others too.
            if (i >= _live.Count) continue;
            Subscription subscription = _live[i];
            if (subscription.LastSent > latest) continue;
            if (_options.HeartbeatEvent is { } name) SendHeartbeat(subscription, name);
            else if (subscription.Known < subscription.Cursor) SendIdOnly(subscription);
            // A WebSocket has pings.
            else if (!subscription.IsWebSocket) Send(subscription, EventBlocks.KeepAlive);
        }
        for (int i = _reading.Count - 1; i >= 0; i--)
        {
            if (i < _reading.Count && _reading[i] is { IsWebSocket: false } one && one.LastSent <= latest)
                Send(one, _options.HeartbeatEvent is { } name ? EventBlocks.Heartbeat(name, id: null) : EventBlocks.KeepAlive);
        }
    }

    private void SendHeartbeat(Subscription subscription, string name)
    {
        long at = subscription.Cursor;
        string? id = at == _heartbeatAt && !subscription.IsWebSocket ? null : IdAt(subscription);
        subscription.Known = at;
        if (subscription.IsWebSocket)
        {
            if (id is not null) Send(subscription, EventBlocks.Heartbeat(name, id, asFrame: true));
            return;
        }
        if (at != _heartbeatAt)
        {
            _heartbeat = id is not null ? EventBlocks.Heartbeat(name, id) : EventBlocks.KeepAlive;
            _heartbeatAt = at;
        }
        Send(subscription, _heartbeat);
    }

    private void SendIdOnly(Subscription subscription)
    {
        long at = subscription.Cursor;
        string? id = at == _idOnlyAt && !subscription.IsWebSocket ? null : IdAt(subscription);
        subscription.Known = at;
        if (subscription.IsWebSocket)
        {
            if (id is not null) Send(subscription, EventBlocks.IdOnly(id, asFrame: true));
            return;
        }
        if (at != _idOnlyAt)
        {
            _idOnly = id is not null ? EventBlocks.IdOnly(id) : EventBlocks.KeepAlive;
            _idOnlyAt = at;
        }
        Send(subscription, _idOnly);
    }

    /// <summary>The id by which its client resumes; null if its place means nothing any more, of which it will be told.</summary>
    private string? IdAt(Subscription subscription) =>
        !IsStale(subscription) && _log.TryIdFor(subscription.Cursor, _generation, out string? id) ? id : null;

    /// <summary>Hands bytes to a connection.</summary>
    private void Send(Subscription subscription, ReadOnlySpan<byte> bytes)
    {
        subscription.LastSent = Loop.Now;
        if (!subscription.CanBeFed || !subscription.Connection.Feed(bytes)) Remove(subscription);
    }

    private void CountDelivered(Subscription subscription, int delivered)
    {
        subscription.Delivered += delivered;
        Volatile.Write(ref _delivered, _delivered + delivered);
    }

    private void CountDropped(Subscription subscription, long dropped)
    {
        subscription.Dropped += dropped;
        Volatile.Write(ref _dropped, _dropped + dropped);
    }
}

/// <summary>
/// What a stream sends besides what was published: blocks without data, for which a browser dispatches no event (WHATWG HTML
/// section 9.2.6), the event that tells of a gap, and the one that takes the place of a keep-alive comment. A WebSocket gets the
/// same as frames (<see cref="EventFrames"/>). Pure; any thread.
/// </summary>
internal static class EventBlocks
{
    /// <summary>A comment, which keeps the connection alive.</summary>
    public static byte[] KeepAlive { get; } = Encode(new ServerSentEvents { Comment = "" }, asFrame: false);

    /// <summary>An event without data, whose id is the one that the client resumes by.</summary>
    public static byte[] Heartbeat(string name, string? id, bool asFrame = false) =>
        Encode(new ServerSentEvents { Event = name, Id = id, Data = "" }, asFrame);

    /// <summary>Tells that events after an id are missing.</summary>
    public static byte[] Gap(string name, string? id, bool asFrame) =>
        Encode(new ServerSentEvents { Event = name, Data = id }, asFrame);

    /// <summary>Sets the id that the client resumes by.</summary>
    public static byte[] IdOnly(string id, bool asFrame = false) => Encode(new ServerSentEvents { Id = id }, asFrame);

    /// <summary>Sets how long the client waits before it connects again; empty for null.</summary>
    public static byte[] Retry(TimeSpan? time, bool asFrame = false) =>
        time is { } retry ? Encode(new ServerSentEvents { Retry = (int)retry.TotalMilliseconds }, asFrame) : [];

    private static byte[] Encode(ServerSentEvents block, bool asFrame)
    {
        if (asFrame) return EventFrames.Of(block);
        var output = new ArrayBufferWriter<byte>();
        block.WriteTo(output);
        return output.WrittenSpan.ToArray();
    }
}
