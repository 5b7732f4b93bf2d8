using System.Diagnostics;
using Workerman.Events;

namespace Workerman.EventStreams;

/// <summary>
/// The subscriptions of one loop that end at a time (<see cref="SubscribeOptions.ExpiresAt"/>): it looks once a second which have
/// come to it. It has no timer, because an application may delete all timers of its loop. Belongs to the loop's thread.
/// </summary>
internal sealed class SubscriptionExpiry
{
    private static readonly long Budget = Stopwatch.Frequency / 100;

    /// <summary>Where neither the stream nor the client says how long to wait.</summary>
    private static readonly TimeSpan DefaultRetry = TimeSpan.FromSeconds(1);

    [ThreadStatic]
    private static SubscriptionExpiry? _current;

    private readonly IEventLoop _loop;
    private readonly Dictionary<Subscription, long> _ends = [];

    /// <summary>The same in their order; the number tells apart those of one time.</summary>
    private readonly SortedSet<(long End, long Number, Subscription Subscription)> _order =
        new(Comparer<(long End, long Number, Subscription Subscription)>.Create(static (a, b) =>
            a.End != b.End ? a.End.CompareTo(b.End) : a.Number.CompareTo(b.Number)));

    private SubscriptionExpiry(IEventLoop loop)
    {
        _loop = loop;
        loop.AddTick(EndExpired);
    }

    /// <summary>Those of the loop that runs on this thread.</summary>
    public static SubscriptionExpiry Of(IEventLoop loop)
    {
        // A thread may run one loop after another.
        if (_current?._loop != loop) _current = new SubscriptionExpiry(loop);
        return _current;
    }

    /// <summary>Ends a subscription at a time; at once if that has passed.</summary>
    public void Add(Subscription subscription, DateTimeOffset end)
    {
        if (!subscription.IsActive) return;
        if (end <= DateTimeOffset.UtcNow)
        {
            End(subscription);
            return;
        }
        subscription.Expires = true;
        _ends.Add(subscription, end.UtcTicks);
        _order.Add((end.UtcTicks, subscription.Connection.Id, subscription));
    }

    /// <summary>It has ended before.</summary>
    public void Remove(Subscription subscription)
    {
        if (_ends.Remove(subscription, out long end)) _order.Remove((end, subscription.Connection.Id, subscription));
    }

    private static void End(Subscription subscription) => subscription.End(subscription.Stream.Options.Retry ?? DefaultRetry);

    private void EndExpired()
    {
        long now = DateTimeOffset.UtcNow.UtcTicks;
        long deadline = Stopwatch.GetTimestamp() + Budget;
        while (_order.Count > 0 && _order.Min is var first && first.End <= now)
        {
            Remove(first.Subscription);
            End(first.Subscription);
            if (Stopwatch.GetTimestamp() <= deadline) continue;
            _loop.Post(EndExpired);
            return;
        }
    }
}
