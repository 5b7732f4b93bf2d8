using System.Buffers;

namespace Workerman.EventStreams;

/// <summary>
/// Subscribers whose peers do not read: counts what waits for them, and applies <see cref="SlowSubscribers"/> when that is too
/// much.
/// </summary>
internal sealed partial class EventHub
{
    private long _oldestThatFits;
    private long _oldestThatFitsAt = -1;

    /// <summary>
    /// The sequence after which no more bytes of events wait than <see cref="EventStreamOptions.MaxBacklogSize"/> for one that
    /// wants everything; looked up once for all of them.
    /// </summary>
    private long OldestThatFits()
    {
        if (_oldestThatFitsAt == _to) return _oldestThatFits;
        _oldestThatFitsAt = _to;
        return _oldestThatFits = _log.OldestWithin(_to, _options.MaxBacklogSize, _generation);
    }

    private static void BeginToCount(Subscription subscription)
    {
        subscription.Pending = subscription.PendingSize = 0;
        subscription.Examined = subscription.Position;
    }

    /// <summary>
    /// Counts what waits for each back-pressured subscriber, and disconnects those that are too slow if that is the policy. With
    /// the other policies they lose events only when they read again.
    /// </summary>
    private void ExamineBackPressured()
    {
        for (int i = _backPressured.Count - 1; i >= 0; i--)
        {
            if (i >= _backPressured.Count) continue;
            Subscription subscription = _backPressured[i];
            if (IsStale(subscription)) continue;
            Examine(subscription);
            if (subscription.State != SubscriberState.BackPressured) continue;
            if (_options.SlowSubscribers == SlowSubscribers.Disconnect && (IsTooSlow(subscription) || HasLost(subscription)))
                Disconnect(subscription);
        }
    }

    /// <summary>
    /// Applies the policy to one that reads again, or that lacks events which the log no longer has: it goes on where it was,
    /// skips events, or is disconnected.
    /// </summary>
    private void ApplyPolicy(Subscription subscription)
    {
        if (subscription.State == SubscriberState.Inactive || IsStale(subscription)) return;
        Examine(subscription);
        if (subscription.State == SubscriberState.Inactive || !(IsTooSlow(subscription) || HasLost(subscription))) return;
        if (_options.SlowSubscribers == SlowSubscribers.Disconnect) Disconnect(subscription);
        else Skip(subscription);
    }

    /// <summary>
    /// Destroys the connection. The client may connect again, and resumes by id; what is in the socket's buffer may still reach
    /// it.
    /// </summary>
    private void Disconnect(Subscription subscription)
    {
        Remove(subscription);
        subscription.Connection.Destroy();
    }

    /// <summary>
    /// Counts the events that wait for a subscriber and that it wants. As long as none waits, its cursor moves past those that it
    /// does not want.
    /// </summary>
    private void Examine(Subscription subscription)
    {
        long at = Math.Max(subscription.Examined, subscription.Position);
        if (subscription.IsPlain)
        {
            subscription.Pending = Math.Max(0, _to - subscription.Position);
            return;
        }
        if (at >= _to) return;
        PublishedEvent?[] piece = ArrayPool<PublishedEvent?>.Shared.Rent(256);
        while (at < _to && subscription.State != SubscriberState.Inactive)
        {
            int count = _log.Copy(at, _to, int.MaxValue, piece, _generation);
            if (count == 0) break;
            if (count < 0)
            {
                // These are no longer in the log, so it is not known which of them it wanted: all count.
                long first = Math.Min(_log.First - 1, _to);
                subscription.Pending += first - at;
                at = first;
                continue;
            }
            foreach (PublishedEvent? published in piece.AsSpan(0, count))
            {
                if (subscription.Wants(published!)) CountPending(subscription, published!);
                else if (subscription.Pending == 0 && !subscription.IsConflated) subscription.Cursor = published!.Sequence;
            }
            at = piece[count - 1]!.Sequence;
        }
        ArrayPool<PublishedEvent?>.Shared.Return(piece, clearArray: true);
        subscription.Examined = at;
    }

    private static void CountPending(Subscription subscription, PublishedEvent published)
    {
        subscription.Pending++;
        if (published.Sequence > subscription.Joined) subscription.PendingSize += published.Bytes.Length;
    }

    /// <summary>
    /// Whether too many events wait for it, or too many bytes of them, unless one event has them all. Those that are replayed to
    /// it do not count.
    /// </summary>
    private bool IsTooSlow(Subscription subscription)
    {
        if (subscription.Pending > _options.MaxBacklog + Math.Max(0, subscription.Joined - subscription.Position)) return true;
        return subscription.IsPlain
            ? subscription.Pending > 1 && Math.Max(subscription.Position, subscription.Joined) < OldestThatFits()
            : subscription.Pending > 1 && subscription.PendingSize > _options.MaxBacklogSize;
    }

    /// <summary>Whether it lacks events that are gone; not if it can have them from the log that the stream stands on.</summary>
    private bool HasLost(Subscription subscription) =>
        _stream.Follower is null && subscription.Pending > 0 && subscription.Position < _log.First - 1;

    /// <summary>
    /// Skips the oldest events, as many as are too many; with <see cref="SlowSubscribers.NewestPerKey"/> the newest of each key
    /// are kept.
    /// </summary>
    private void Skip(Subscription subscription)
    {
        long target = NewestThatFit(subscription, out long skipped);
        long conflated = subscription.Conflated?.Count ?? 0;
        subscription.SkipsSuperseded = _options.SlowSubscribers == SlowSubscribers.NewestPerKey;
        if (subscription.BeginsWithNewest)
        {
            // It has those of each key still before it, and of what came after them it loses the oldest.
            subscription.ResumeAfter = target;
            CountDropped(subscription, skipped);
            return;
        }
        PublishedEvent[] newest = subscription.SkipsSuperseded
            ? [.. _log.NewestPerKey(subscription.Cursor, target, subscription.Wanted, _generation).Where(subscription.Wants)]
            : [];
        if (subscription.State == SubscriberState.Inactive) return;
        CountDropped(subscription, Math.Max(0, conflated + skipped - newest.Length));
        if (newest.Length > 0)
        {
            subscription.Conflated = newest;
            subscription.ResumeAfter = target;
        }
        else
        {
            subscription.Conflated = null;
            subscription.Cursor = target;
        }
    }

    /// <summary>
    /// The sequence after which no more events wait for it than <see cref="EventStreamOptions.MaxBacklog"/>, and no more bytes
    /// than <see cref="EventStreamOptions.MaxBacklogSize"/>; the newest in any case.
    /// </summary>
    private long NewestThatFit(Subscription subscription, out long skipped)
    {
        long start = Math.Max(subscription.Position, _log.First - 1);
        if (subscription.IsPlain)
        {
            long target = Math.Min(_to, Math.Max(Math.Max(start, _to - _options.MaxBacklog), OldestThatFits()));
            skipped = target - subscription.Position;
            return target;
        }
        var waiting = new Queue<PublishedEvent>();
        long size = 0;
        long fits = start;
        PublishedEvent?[] piece = new PublishedEvent?[256];
        for (int count; start < _to && (count = _log.Copy(start, _to, int.MaxValue, piece, _generation)) > 0;
            start = piece[count - 1]!.Sequence)
        {
            foreach (PublishedEvent? published in piece.AsSpan(0, count))
            {
                if (!subscription.Wants(published!)) continue;
                waiting.Enqueue(published!);
                size += published!.Bytes.Length;
                while (waiting.Count > _options.MaxBacklog || (waiting.Count > 1 && size > _options.MaxBacklogSize))
                {
                    PublishedEvent oldest = waiting.Dequeue();
                    size -= oldest.Bytes.Length;
                    fits = oldest.Sequence;
                }
            }
        }
        skipped = Math.Max(0, subscription.Pending - waiting.Count);
        return fits;
    }

    /// <summary>
    /// Hands out a piece of the newest events of keys, which come before the place where it goes on in the log.
    /// </summary>
    private void HandOutConflated(Subscription subscription, ArraySegment<PublishedEvent> conflated)
    {
        int count = 0;
        long size = 0;
        while (count < conflated.Count && count < 256 && (count == 0 || size + conflated[count].Bytes.Length <= WriteLimit))
            size += conflated[count++].Bytes.Length;
        bool isLast = count == conflated.Count;
        subscription.Conflated = isLast ? default(ArraySegment<PublishedEvent>?) : conflated[count..];
        long cursor = isLast ? subscription.ResumeAfter : conflated[count - 1].Sequence;
        HandOut(subscription, conflated.AsSpan(0, count));
        if (subscription.State != SubscriberState.Inactive) subscription.Cursor = cursor;
    }
}
