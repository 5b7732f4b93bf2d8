namespace Workerman.EventStreams;

/// <summary>
/// Subscribers whose next events are not in the stream's cache: they are read from the log that the stream stands on, while the
/// others go on. And what becomes of all when that log has lost events, or is another one.
/// </summary>
internal sealed partial class EventHub
{
    /// <summary>Those in <see cref="SubscriberState.Reading"/>.</summary>
    private readonly SubscriptionSet _reading = new();

    /// <summary>The generation of the log whose places the hub works with.</summary>
    private int _generation;

    private StartingPoint _start;

    /// <summary>Whether the generation before had the same epoch: only events between two places are missing.</summary>
    private bool _keepsEpoch;

    /// <summary>Adds one of which only the log can say where it begins.</summary>
    /// <param name="subscription">The subscription.</param>
    /// <param name="lastId">The id of the last event that its client has had.</param>
    /// <param name="options">What it wants.</param>
    /// <param name="isMoved">Whether its client is in the middle of the stream already.</param>
    public void AddUnplaced(Subscription subscription, string? lastId, SubscribeOptions options, bool isMoved)
    {
        lock (_log.Gate) subscription.Enter(this, _log.At(_log.Head, "", isGap: false));
        subscription.Unplace();
        ShareSelection(subscription);
        subscription.LastSent = Loop.Now;
        MoveTo(subscription, SubscriberState.Reading);
        Volatile.Write(ref _count, _count + 1);
        ArmKeepAlive();
        Locate(subscription, lastId, options, isMoved);
    }

    /// <summary>Whether its places are those of a log that is no more: it is yet to be told.</summary>
    private bool IsStale(Subscription subscription) => subscription.Generation != (byte)_generation;

    private void Locate(Subscription subscription, string? lastId, SubscribeOptions options, bool isMoved) =>
        OnPage(_stream.Follower!.LocateAsync(lastId, options.FromOldest, () => subscription.IsActive), page =>
        {
            if (subscription.State != SubscriberState.Reading) return;
            StartingPoint start = page.Start;
            bool isCurrent;
            lock (_log.Gate)
            {
                isCurrent = page.Start.Generation == _log.Generation;
                if (options.FromLatestPerKey && (start.IsGap || string.IsNullOrEmpty(lastId)))
                    start = _log.LocateNewest(start.IsGap);
            }
            if (!isCurrent)
            {
                Locate(subscription, lastId, options, isMoved);
                return;
            }
            subscription.Place(start);
            _stream.CountStart(isMoved ? null : lastId, start.IsGap);
            Tell(subscription, _stream.Opening(subscription, lastId, start, isMoved, hasRetry: true));
            HandOutPage(subscription, start.BeginsWithNewest ? [] : page.Events);
        });

    /// <summary>Has the events read that follow for one that is further back than the cache.</summary>
    private void Read(Subscription subscription, LogFollower follower)
    {
        MoveTo(subscription, SubscriberState.Reading);
        long after = subscription.Cursor;
        OnPage(follower.ReadAfterAsync(after, _generation, () => subscription.IsActive), page =>
        {
            // It has been placed anew if its places have become others.
            if (subscription.State != SubscriberState.Reading || subscription.Generation != (byte)page.Start.Generation
                || subscription.Cursor != after) return;
            if (page.Start.IsGap)
            {
                string lastId = new EventPlace(_log.Epoch, after).ToString();
                ReadOnlySpan<byte> opening = _stream.Opening(subscription, lastId, page.Start, hasRetry: true);
                subscription.Cursor = subscription.Known = page.Start.After;
                _stream.CountStart(lastId: null, isGap: true);
                Tell(subscription, opening);
            }
            HandOutPage(subscription, page.Events);
        });
    }

    /// <summary>Goes on, on the loop, once a page has been read; not if the stream or the loop has ended by then.</summary>
    private void OnPage(Task<LogPage?> reading, Action<LogPage> next) =>
        reading.ContinueWith(
            done =>
            {
                if (done is { IsCompletedSuccessfully: true, Result: { } page }) Loop.Post(() => next(page));
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private void Tell(Subscription subscription, ReadOnlySpan<byte> opening)
    {
        if (!opening.IsEmpty) Send(subscription, opening);
    }

    private void HandOutPage(Subscription subscription, PublishedEvent[] events)
    {
        if (subscription.State != SubscriberState.Reading) return;
        if (events.Length > 0) HandOut(subscription, events);
        if (subscription.State != SubscriberState.Reading) return;
        MoveTo(subscription, subscription.Connection.BufferIsEmpty ? SubscriberState.CatchingUp : SubscriberState.BackPressured);
        Wake();
    }

    /// <summary>The log has lost events, or is another one: what was under way is of no use.</summary>
    private void BeginPlacing()
    {
        ReleaseWindow();
        lock (_log.Gate)
        {
            _generation = _log.Generation;
            _keepsEpoch = _log.KeepsEpoch;
            _start = _log.At(_log.Start.Number, _log.Start.ToString(), isGap: true);
        }
        _after = _to = _start.After;
        _idOnlyAt = _heartbeatAt = _oldestThatFitsAt = -1;
        _phase = Phase.Placing;
    }

    /// <summary>Tells subscribers of the gap, and places them where the log begins that there is now.</summary>
    /// <returns>Whether that has been done for all.</returns>
    private bool PlaceAnew(long deadline)
    {
        foreach (SubscriptionSet set in new[] { _live, _catchingUp, _backPressured, _reading })
        {
            for (int i = set.Count - 1; i >= 0; i--)
            {
                if (i >= set.Count || !IsStale(set[i]) || set[i].Generation == (byte)_log.Generation) continue;
                PlaceAnew(set[i]);
                if (System.Diagnostics.Stopwatch.GetTimestamp() > deadline) return false;
            }
        }
        return true;
    }

    private void PlaceAnew(Subscription subscription)
    {
        bool isPlaced = subscription.IsPlaced;
        // It has had, from the log itself, what this process has missed.
        if (isPlaced && _keepsEpoch && subscription.Generation == (byte)(_generation - 1) && !subscription.IsConflated
            && subscription.Cursor >= _start.After)
        {
            subscription.MoveToGeneration(_generation);
            return;
        }
        string lastId = _log.IdBefore(subscription.Known);
        subscription.Place(_start);
        if (!isPlaced)
        {
            // Nothing was sent to it: where it begins is asked of the log that there is now.
            subscription.Unplace();
            return;
        }
        _stream.CountStart(lastId: null, isGap: true);
        if (subscription.State == SubscriberState.BackPressured) BeginToCount(subscription);
        else if (subscription.State == SubscriberState.Reading && !subscription.Connection.BufferIsEmpty)
            MoveTo(subscription, SubscriberState.BackPressured);
        else MoveTo(subscription, SubscriberState.CatchingUp);
        Tell(subscription, _stream.Opening(subscription, lastId, _start, hasRetry: true));
    }
}
