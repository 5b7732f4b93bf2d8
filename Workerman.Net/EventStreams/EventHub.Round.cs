using System.Buffers;
using System.Diagnostics;
using Workerman.Connection;
using Workerman.Handover;

namespace Workerman.EventStreams;

/// <summary>
/// A round: what was published since the last one goes to all live subscribers, in one write each, for most of them the same
/// bytes; then those that are catching up get a piece of what they lack. After <see cref="Budget"/> it yields to the loop's other
/// work and goes on in the next turn.
/// </summary>
internal sealed partial class EventHub
{
    /// <summary>Bytes that one write has at most, unless a single event is larger.</summary>
    private const int WriteLimit = 64 * 1024;

    private static readonly long Budget = Stopwatch.Frequency / 100;

    private readonly PublishedEvent?[] _window = new PublishedEvent?[SharedSelections.MostEvents];
    private int _windowCount;
    private ArraySegment<byte> _shared;

    /// <summary>The same as frames of WebSockets, once one of them wants it; otherwise null.</summary>
    private byte[]? _sharedFrames;

    private byte[]? _rented;

    /// <summary>What one subscriber is handed, until it has been written.</summary>
    private readonly byte[][] _pieces = new byte[256][];

    private Phase _phase = Phase.Idle;
    private bool _hasIndividual;
    private int _next;
    private long _after;
    private long _to;
    private bool _more;
    private EventStream.Completion? _ending;
    private long _idOnlyAt = -1;
    private byte[] _idOnly = [];

    private enum Phase
    {
        /// <summary>Between two rounds.</summary>
        Idle,

        /// <summary>Live subscribers get what is new: first those that want everything, the very same bytes.</summary>
        Live,

        /// <summary>Then the other live subscribers, one by one, because their filters call the application.</summary>
        Individual,

        /// <summary>Those that are catching up get a piece each.</summary>
        CatchingUp,

        /// <summary>The stream is completed: all subscriptions are ended.</summary>
        Ending,

        /// <summary>The places of the log have become others: all subscribers are told of a gap, and placed anew.</summary>
        Placing,
    }

    private void Run()
    {
        // Reset before the log is read, so what is published from here on wakes the hub again.
        Interlocked.Exchange(ref _woken, 0);
        if (_count == 0 && _phase == Phase.Idle) return;
        if (_abandoned)
        {
            EndAbandoned();
            return;
        }
        if (_generation != _log.Generation) BeginPlacing();
        // The event that woke the hub may have been published after that round began, and then needs the next one.
        bool goesOn = _phase != Phase.Idle;
        long deadline = Stopwatch.GetTimestamp() + Budget;
        if (_phase == Phase.Placing && PlaceAnew(deadline)) _phase = Phase.Idle;
        if (_phase == Phase.Idle) BeginRound();
        if (_phase == Phase.Live && ServeLive(deadline)) BeginPhase(Phase.Individual, _live);
        if (_phase == Phase.Individual && ServeIndividually(deadline))
        {
            MeasureDelay();
            BeginPhase(Phase.CatchingUp, _catchingUp);
        }
        if (_phase == Phase.CatchingUp && ServeCatchingUp(deadline)) EndRound();
        if (_phase == Phase.Ending) EndAll(deadline);
        if (_phase != Phase.Idle || _more || goesOn) Wake();
    }

    private void BeginRound()
    {
        _more = false;
        // Read before the log: nothing is published after the completion, so the log then has all events.
        _ending = _stream.Ending;
        _after = Math.Max(_to, _log.First - 1);
        long head = _log.Head;
        _windowCount = Math.Max(0, _log.Copy(_after, head, WriteLimit, _window, _generation));
        _to = _windowCount == 0 ? _after : _window[_windowCount - 1]!.Sequence;
        _more = _to < head;
        _hasIndividual = false;
        _selections?.Begin(_after + 1);
        _deliveredBefore = _delivered;
        JoinWindow();
        ArmKeepAlive();
        BeginPhase(Phase.Live, _live);
    }

    /// <summary>Joins all new events into one piece, which is what most subscribers get.</summary>
    private void JoinWindow()
    {
        if (_windowCount == 0) return;
        _shared = _window[0]!.Bytes;
        if (_windowCount == 1) return;
        int size = 0;
        foreach (PublishedEvent? published in _window.AsSpan(0, _windowCount)) size += published!.Bytes.Length;
        // Subscribers who do not read refer to a large one for as long as they do not.
        byte[] joined = size >= UnsentBytes.LeastReferenced
            ? GC.AllocateUninitializedArray<byte>(size)
            : _rented = ArrayPool<byte>.Shared.Rent(size);
        int length = 0;
        foreach (PublishedEvent? published in _window.AsSpan(0, _windowCount))
        {
            published!.Bytes.CopyTo(joined, length);
            length += published.Bytes.Length;
        }
        _shared = new ArraySegment<byte>(joined, 0, length);
    }

    private void BeginPhase(Phase phase, SubscriptionSet set)
    {
        _phase = phase;
        _next = set.Count - 1;
    }

    /// <summary>
    /// The next of a set, from its end to its beginning (see <see cref="SubscriptionSet"/>); null if there is none.
    /// </summary>
    private Subscription? Next(SubscriptionSet set)
    {
        _next = Math.Min(_next, set.Count - 1);
        return _next < 0 ? null : set[_next--];
    }

    private bool ServeLive(long deadline)
    {
        if (_windowCount == 0) return true;
        bool served = ShareWithLive(deadline);
        _batch.Flush();
        if (served && _stream.ByTopic is { } byTopic) CountShared(byTopic);
        return served;
    }

    private bool ShareWithLive(long deadline)
    {
        while (Next(_live) is { } subscription)
        {
            if (subscription.Cursor >= _to) continue;
            if (subscription.SharesBytes && subscription.Cursor == _after) Share(subscription);
            else _hasIndividual = true;
            if (Stopwatch.GetTimestamp() > deadline && _next >= 0) return false;
        }
        return true;
    }

    private bool ServeIndividually(long deadline)
    {
        if (!_hasIndividual) return true;
        bool served = HandOutToLive(deadline);
        if (_sharedFrames is not null) _batch.Flush();
        return served;
    }

    private bool HandOutToLive(long deadline)
    {
        while (Next(_live) is { } subscription)
        {
            if (subscription.Cursor >= _to) continue;
            if (subscription.Cursor == _after)
            {
                if (subscription is { IsPlain: true, IsWebSocket: true }) ShareFrames(subscription);
                else HandOut(subscription, _window.AsSpan(0, _windowCount));
            }
            else
            {
                // Only if the log had to remove events that it has not had yet.
                MoveTo(subscription, SubscriberState.CatchingUp);
            }
            if (Stopwatch.GetTimestamp() > deadline && _next >= 0) return false;
        }
        return true;
    }

    private void Advance(Subscription subscription)
    {
        subscription.Cursor = subscription.Known = _to;
        CountDelivered(subscription, _windowCount);
    }

    /// <summary>Most get the very same bytes, which all of them refer to.</summary>
    private void Share(Subscription subscription)
    {
        Advance(subscription);
        subscription.LastSent = Loop.Now;
        if (!subscription.Connection.FeedShared(_shared)) Remove(subscription);
    }

    /// <summary>WebSockets that want everything get the very same frames.</summary>
    private void ShareFrames(Subscription subscription)
    {
        _sharedFrames ??= JoinFrames();
        Advance(subscription);
        if (_stream.ByTopic is { } byTopic) CountWindow(byTopic, 1);
        subscription.LastSent = Loop.Now;
        if (!subscription.CanBeFed || !subscription.Connection.FeedShared(_sharedFrames)) Remove(subscription);
    }

    private byte[] JoinFrames()
    {
        if (_windowCount == 1) return EventFrames.Of(_window[0]!);
        byte[][] frames = [.. _window.Take(_windowCount).Select(static published => EventFrames.Of(published!))];
        byte[] joined = GC.AllocateUninitializedArray<byte>(frames.Sum(static frame => frame.Length));
        int length = 0;
        foreach (byte[] frame in frames)
        {
            frame.CopyTo(joined, length);
            length += frame.Length;
        }
        return joined;
    }

    private bool ServeCatchingUp(long deadline)
    {
        while (Next(_catchingUp) is { } subscription)
        {
            if (subscription.Cursor < _to) HandOutPiece(subscription);
            if (subscription.State == SubscriberState.CatchingUp) MoveIfCaughtUp(subscription);
            if (Stopwatch.GetTimestamp() > deadline && _next >= 0) return false;
        }
        return true;
    }

    /// <summary>Makes one that has caught up live.</summary>
    private void MoveIfCaughtUp(Subscription subscription)
    {
        // One that comes from another process of the same log may be further than this one.
        if (subscription.Cursor < _to || subscription.IsConflated)
        {
            _more = true;
            return;
        }
        MoveTo(subscription, SubscriberState.Live);
    }

    /// <summary>Hands one that is catching up a piece of what it lacks.</summary>
    private void HandOutPiece(Subscription subscription)
    {
        if (subscription.Conflated is { } conflated)
        {
            HandOutConflated(subscription, conflated);
            return;
        }
        PublishedEvent?[] piece = ArrayPool<PublishedEvent?>.Shared.Rent(256);
        int count = subscription.BeginsWithNewest
            ? _log.CopyNewest(subscription.Cursor, subscription.ResumeAfter, subscription.Wanted, WriteLimit,
                piece.AsSpan(0, 256), _generation)
            : _log.Copy(subscription.Cursor, _to, WriteLimit, piece, _generation);
        if (count == 0 && _generation != _log.Generation)
        {
            _more = true;
        }
        else if (count == 0)
        {
            // It has had the newest of each key.
            subscription.BeginsWithNewest = false;
            subscription.Cursor = subscription.ResumeAfter;
        }
        else if (count < 0 && _stream.Follower is { } follower)
        {
            Read(subscription, follower);
        }
        else if (count < 0)
        {
            BeginToCount(subscription);
            ApplyPolicy(subscription);
        }
        else
        {
            HandOut(subscription, piece.AsSpan(0, count));
        }
        ArrayPool<PublishedEvent?>.Shared.Return(piece, clearArray: true);
    }

    /// <summary>
    /// Hands a subscriber those of the events that it wants. They follow its cursor in the log, and fit into one write.
    /// </summary>
    private void HandOut(Subscription subscription, ReadOnlySpan<PublishedEvent?> events)
    {
        PublishedEvent? last = null;
        int count = 0;
        int skipped = 0;
        int replayed = 0;
        long joined = subscription.Joined;
        TopicFigures? byTopic = _stream.ByTopic;
        foreach (PublishedEvent? published in events)
        {
            if (!subscription.Wants(published!)) continue;
            if (subscription.SkipsSuperseded && published!.IsSuperseded)
            {
                skipped++;
                continue;
            }
            last = published!;
            _pieces[count++] = subscription.IsWebSocket ? EventFrames.Of(last) : last.Bytes;
            if (last.Sequence <= joined) replayed++;
            byTopic?.CountDelivered(last, 1);
        }
        if (replayed > 0) Volatile.Write(ref _replayed, _replayed + replayed);
        // A filter is the application's, and may have ended the subscription.
        if (subscription.State != SubscriberState.Inactive)
            Conclude(subscription, events[^1]!.Sequence, last, _pieces.AsSpan(0, count), skipped);
        _pieces.AsSpan(0, count).Clear();
    }

    private void Conclude(Subscription subscription, long cursor, PublishedEvent? last, ReadOnlySpan<byte[]> pieces, int skipped)
    {
        subscription.Cursor = cursor;
        if (skipped > 0) CountDropped(subscription, skipped);
        if (last is not null)
        {
            subscription.Known = last.Sequence;
            CountDelivered(subscription, pieces.Length);
            subscription.LastSent = Loop.Now;
            if (!subscription.CanBeFed || !subscription.Connection.Feed(pieces)) Remove(subscription);
        }
        // The events that it does not want would make the id that it resumes by too old.
        else if (cursor - subscription.Known > _options.ReplayCount / 2)
        {
            SendIdOnly(subscription);
        }
    }

    private void ReleaseWindow()
    {
        _shared = default;
        _sharedFrames = null;
        if (_rented is not null) ArrayPool<byte>.Shared.Return(_rented);
        _rented = null;
        _window.AsSpan(0, _windowCount).Clear();
        _windowCount = 0;
    }

    private void EndRound()
    {
        ReleaseWindow();
        ExamineBackPressured();
        long floor = _to;
        for (int i = 0; i < _catchingUp.Count; i++) floor = Math.Min(floor, _catchingUp[i].Position);
        // Under the lock, because a new subscriber that begins further back lowers the floor there. What was kept for this round
        // may be removed now.
        lock (_log.Gate)
        {
            _floor = floor;
            _stream.Trim();
        }
        long slowest = floor;
        for (int i = 0; i < _backPressured.Count; i++) slowest = Math.Min(slowest, _backPressured[i].Cursor);
        Volatile.Write(ref _slowest, slowest);
        _phase = _ending is not null && !_more ? Phase.Ending : Phase.Idle;
    }

    private void EndAbandoned()
    {
        foreach (SubscriptionSet set in new[] { _live, _catchingUp, _backPressured, _reading })
        {
            while (set.Count > 0) set[set.Count - 1].EndNow(TimeSpan.Zero);
        }
        _phase = Phase.Idle;
    }

    private void EndAll(long deadline)
    {
        EventStream.Completion ending = _ending!;
        // One that is catching up has just subscribed, and first gets what it missed: the next round ends it.
        // One that waits for the log that the stream stands on resumes in another process.
        while (_live.Count + _backPressured.Count + _reading.Count > 0)
        {
            SubscriptionSet set = _live.Count > 0 ? _live : _backPressured.Count > 0 ? _backPressured : _reading;
            set[set.Count - 1].EndNow(ending.Window == TimeSpan.Zero
                ? ending.Retry
                : (ending.Retry ?? TimeSpan.Zero) + HandoverPlan.RandomTime(ending.Window));
            if (Stopwatch.GetTimestamp() > deadline) return;
        }
        _phase = Phase.Idle;
    }
}
