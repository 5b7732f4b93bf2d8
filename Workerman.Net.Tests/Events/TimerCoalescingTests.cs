using Workerman.Events;

namespace Workerman.Tests.Events;

/// <summary>
/// When a repeating timer is due again: on the multiples of its interval, after a few runs that come a little later.
/// </summary>
internal sealed class TimerCoalescingTests
{
    private static readonly long Millisecond = LoopClock.FromMilliseconds(1);

    [Test]
    public void TimerOnTheBeatStaysThereThoughItIsLate([Values(4, 50, 2000, 3_600_000)] long milliseconds,
        [Values(0, 10, 49)] int percent)
    {
        long interval = milliseconds * Millisecond;
        Assert.That(TimerCoalescing.Next(7 * interval, (7 * interval) + (interval * percent / 100), interval),
            Is.EqualTo(8 * interval));
    }

    [Test]
    public void TimerOffTheBeatReachesItWithPeriodsThatAreHardlyLonger([Values(1, 7, 50, 160)] int milliseconds,
        [Random(1, 1000, 5)] int phase)
    {
        long interval = milliseconds * Millisecond;
        long due = (100 * interval) + (interval * phase / 1000);
        int runs = 0;
        for (; due % interval != 0; runs++)
        {
            long next = TimerCoalescing.Next(due, due, interval);
            Assert.That(next - due, Is.GreaterThanOrEqualTo(interval).And.LessThanOrEqualTo(interval * 5 / 4)
                .And.LessThanOrEqualTo(interval + (10 * Millisecond)));
            due = next;
        }
        Assert.That(runs, Is.LessThanOrEqualTo(17));
    }

    [Test]
    public void TimerThatIsLateCountsFromWhenItRanAndMakesUpForNothing()
    {
        long interval = 50 * Millisecond;
        long ran = (10 * interval) + (30 * Millisecond);
        Assert.That(TimerCoalescing.Next(10 * interval, ran, interval),
            Is.GreaterThanOrEqualTo(ran + interval).And.LessThan(ran + (interval * 5 / 4)));
    }

    [Test]
    public void TimerWithoutAnIntervalIsDueAtOnce() => Assert.That(TimerCoalescing.Next(5, 9, 0), Is.EqualTo(9));
}
