using System.Buffers;

namespace Workerman.EventStreams;

/// <summary>Those who do not read: what waits for them, and what becomes of them when that is too much.</summary>
internal sealed partial class EventHub
{
    /// <summary>Looks at all who are blocked. Those who may be behind without end are left alone until they read again.</summary>
    private void ExamineBackPressured()
    {
        for (int i = _backPressured.Count - 1; i >= 0; i--)
        {
            if (i >= _backPressured.Count) continue;
            Subscription subscription = _backPressured[i];
            Examine(subscription);
            if (subscription.State != SubscriberState.BackPressured) continue;
            if (_options.SlowSubscribers == SlowSubscribers.Disconnect && (IsTooSlow(subscription) || HasLost(subscription)))
                Disconnect(subscription);
        }
    }

    /// <summary>One that was blocked, or has lost events, goes on: where it was, or where the policy lets it.</summary>
    private void ApplyPolicy(Subscription subscription)
    {
        if (subscription.State == SubscriberState.Inactive) return;
        Examine(subscription);
        if (subscription.State == SubscriberState.Inactive || !(IsTooSlow(subscription) || HasLost(subscription))) return;
        if (_options.SlowSubscribers == SlowSubscribers.Disconnect) Disconnect(subscription);
        else Skip(subscription);
    }

    /// <summary>It comes back when it can, and resumes by id. What the system holds for it may still arrive.</summary>
    private void Disconnect(Subscription subscription)
    {
        Remove(subscription);
        subscription.Connection.Destroy();
    }

    /// <summary>
    /// Counts what waits for one who does not want everything; what it does not want is passed over while nothing waits.
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
            int count = _log.Copy(at, _to, int.MaxValue, piece);
            if (count < 0)
            {
                // Nobody can tell any more which of these it wanted.
                long first = Math.Min(_log.First - 1, _to);
                subscription.Pending += first - at;
                at = first;
                continue;
            }
            foreach (PublishedEvent? published in piece.AsSpan(0, count))
            {
                if (subscription.Wants(published!)) subscription.Pending++;
                else if (subscription.Pending == 0 && subscription.Conflated is null) subscription.Cursor = published!.Sequence;
            }
            at = piece[count - 1]!.Sequence;
        }
        ArrayPool<PublishedEvent?>.Shared.Return(piece, clearArray: true);
        subscription.Examined = at;
    }

    /// <summary>What is replayed to it does not make it slow.</summary>
    private bool IsTooSlow(Subscription subscription) =>
        subscription.Pending > _options.MaxBacklog + Math.Max(0, subscription.Joined - subscription.Position);

    private bool HasLost(Subscription subscription) => subscription.Pending > 0 && subscription.Position < _log.First - 1;

    /// <summary>Leaves out what is too much, but for the newest of each key where that is the policy.</summary>
    private void Skip(Subscription subscription)
    {
        long target = NewestThatFit(subscription, out long skipped);
        long conflated = subscription.Conflated?.Count ?? 0;
        subscription.SkipsSuperseded = _options.SlowSubscribers == SlowSubscribers.NewestPerKey;
        PublishedEvent[] newest = [.. _log.NewestPerKey(subscription.Cursor, target).Where(subscription.Wants)];
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

    /// <summary>The sequence after which not more events wait for it than may.</summary>
    private long NewestThatFit(Subscription subscription, out long skipped)
    {
        long start = Math.Max(subscription.Position, _log.First - 1);
        if (subscription.IsPlain)
        {
            long target = Math.Min(_to, Math.Max(start, _to - _options.MaxBacklog));
            skipped = target - subscription.Position;
            return target;
        }
        var waiting = new Queue<long>();
        long fits = start;
        PublishedEvent?[] piece = new PublishedEvent?[256];
        for (int count; start < _to && (count = _log.Copy(start, _to, int.MaxValue, piece)) > 0;
            start = piece[count - 1]!.Sequence)
        {
            foreach (PublishedEvent? published in piece.AsSpan(0, count))
            {
                if (!subscription.Wants(published!)) continue;
                waiting.Enqueue(published!.Sequence);
                if (waiting.Count > _options.MaxBacklog) fits = waiting.Dequeue();
            }
        }
        skipped = Math.Max(0, subscription.Pending - waiting.Count);
        return fits;
    }

    /// <summary>A piece of the newest events of keys, from before the place where the log goes on.</summary>
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
