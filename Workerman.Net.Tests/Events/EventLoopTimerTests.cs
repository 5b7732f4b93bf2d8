using System.Diagnostics;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Events;

/// <summary>What every loop promises about timers.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class EventLoopTimerTests(Type loopType)
{
    private LoopRunner _runner = null!;

    private EventLoop Loop => _runner.Loop;

    [SetUp]
    public void Start() => _runner = new LoopRunner(loopType);

    [TearDown]
    public void Stop() => _runner.Dispose();

    [Test]
    public void FiresNotBeforeItsTime([Values(0, 1, 7, 30)] int milliseconds)
    {
        var fired = new TaskCompletionSource<long>();
        long start = 0;
        _runner.Do(() =>
        {
            start = Stopwatch.GetTimestamp();
            Loop.AddTimer(TimeSpan.FromMilliseconds(milliseconds), () => fired.SetResult(Stopwatch.GetTimestamp()),
                persistent: false);
        });
        Assert.That(Stopwatch.GetElapsedTime(start, Wait.For(fired.Task)).TotalMilliseconds,
            Is.GreaterThanOrEqualTo(milliseconds));
    }

    [Test]
    public void FiresInTheOrderOfDeadlines()
    {
        var order = new List<int>();
        var done = new TaskCompletionSource();
        _runner.Do(() =>
        {
            foreach (int delay in new[] { 30, 10, 20, 40 })
            {
                Loop.AddTimer(TimeSpan.FromMilliseconds(delay), () =>
                {
                    order.Add(delay);
                    if (delay == 40) done.SetResult();
                }, persistent: false);
            }
        });
        Wait.For(done.Task);
        Assert.That(order, Is.EqualTo(new[] { 10, 20, 30, 40 }));
    }

    [Test]
    public void OneShotTimerFiresOnceAndIsGone()
    {
        int count = 0;
        var later = new TaskCompletionSource();
        _runner.Do(() =>
        {
            Loop.AddTimer(TimeSpan.Zero, () => count++, persistent: false);
            Loop.AddTimer(TimeSpan.FromMilliseconds(20), later.SetResult, persistent: false);
        });
        Wait.For(later.Task);
        Assert.That(_runner.Ask(() => (count, Loop.TimerCount)), Is.EqualTo((1, 0)));
    }

    [Test]
    public void RepeatingTimerIsArmedFromWhenItRan()
    {
        var starts = new List<long>();
        var done = new TaskCompletionSource();
        _runner.Do(() => Loop.AddTimer(TimeSpan.FromMilliseconds(10), () =>
        {
            starts.Add(Stopwatch.GetTimestamp());
            // Late by far more than an interval: what was missed is not made up for in a burst.
            if (starts.Count == 1) Spin(45);
            if (starts.Count == 5) done.TrySetResult();
        }, persistent: true));
        Wait.For(done.Task);
        // The second comes at once, being late; the third, fourth and fifth each an interval after the one before.
        Assert.That(_runner.Ask(() => Stopwatch.GetElapsedTime(starts[1], starts[4]).TotalMilliseconds), Is.GreaterThan(20));
    }

    /// <summary>They begin apart; the same time of the loop is the same turn.</summary>
    [Test]
    public void TimersOfOneIntervalComeToFireInOneTurn()
    {
        long[] lastRun = new long[2];
        var together = new TaskCompletionSource();
        void Ran(int timer)
        {
            lastRun[timer] = Loop.Now;
            if (lastRun[0] == lastRun[1]) together.TrySetResult();
        }

        _runner.Do(() =>
        {
            Loop.AddTimer(TimeSpan.FromMilliseconds(40), () => Ran(0), persistent: true);
            Loop.AddTimer(TimeSpan.FromMilliseconds(13),
                () => Loop.AddTimer(TimeSpan.FromMilliseconds(40), () => Ran(1), persistent: true), persistent: false);
        });
        Wait.For(together.Task);
    }

    [Test]
    public void DeletesItselfInItsOwnCallback()
    {
        int count = 0;
        var later = new TaskCompletionSource();
        _runner.Do(() =>
        {
            long id = 0;
            id = Loop.AddTimer(TimeSpan.Zero, () =>
            {
                count++;
                Assert.That(Loop.DeleteTimer(id));
                Assert.That(Loop.DeleteTimer(id), Is.False, "it is gone");
            }, persistent: true);
            Loop.AddTimer(TimeSpan.FromMilliseconds(20), later.SetResult, persistent: false);
        });
        Wait.For(later.Task);
        Assert.That(_runner.Ask(() => (count, Loop.TimerCount)), Is.EqualTo((1, 0)));
        Assert.That(_runner.Errors, Is.Empty);
    }

    [Test]
    public void DeletesAnotherThatIsDueInTheSameTurn()
    {
        bool fired = false;
        var later = new TaskCompletionSource();
        _runner.Do(() =>
        {
            long victim = 0;
            Loop.AddTimer(TimeSpan.FromMilliseconds(5), () => Loop.DeleteTimer(victim), persistent: false);
            victim = Loop.AddTimer(TimeSpan.FromMilliseconds(5), () => fired = true, persistent: false);
            Loop.AddTimer(TimeSpan.FromMilliseconds(25), later.SetResult, persistent: false);
            Spin(8);
        });
        Wait.For(later.Task);
        Assert.That(_runner.Ask(() => fired), Is.False);
    }

    [Test]
    public void CallbackThatDeletesAllEndsEvenItself()
    {
        int count = 0;
        var done = new TaskCompletionSource();
        _runner.Do(() =>
        {
            Loop.AddTimer(TimeSpan.FromMilliseconds(1), () =>
            {
                count++;
                Loop.DeleteAllTimers();
                Loop.AddTimer(TimeSpan.FromMilliseconds(20), done.SetResult, persistent: false);
            }, persistent: true);
            Loop.AddTimer(TimeSpan.FromMilliseconds(5), () => count += 100, persistent: true);
        });
        Wait.For(done.Task);
        Assert.That(_runner.Ask(() => (count, Loop.TimerCount)), Is.EqualTo((1, 0)));
    }

    [Test]
    public void ThrowingCallbackIsReportedAndTheTimerGoesOn()
    {
        int count = 0;
        var done = new TaskCompletionSource();
        _runner.Do(() => Loop.AddTimer(TimeSpan.FromMilliseconds(1), () =>
        {
            if (++count == 3) done.SetResult();
            throw new InvalidOperationException($"run {count}");
        }, persistent: true));
        Wait.For(done.Task);
        Assert.That(_runner.Ask(() => _runner.Errors.Take(2).Select(e => e.Message).ToList()),
            Is.EqualTo(new[] { "run 1", "run 2" }));
    }

    [Test]
    public void DeletesFromAnotherThread()
    {
        long id = _runner.Ask(() => Loop.AddTimer(TimeSpan.FromHours(1), () => { }, persistent: true));
        Assert.That(Loop.DeleteTimer(id), "the loop takes the order");
        Assert.That(_runner.Ask(() => Loop.TimerCount), Is.Zero);
    }

    /// <summary>walkor/workerman issue 789: a timer slower than its interval kept signals and sockets waiting for ever.</summary>
    [Test]
    public void SlowOrZeroIntervalTimersStarveNeitherSocketsNorPostedWorkNorStop([Values(0, 1)] int interval)
    {
        using var pair = new SocketPair();
        var read = new TaskCompletionSource();
        var posted = new TaskCompletionSource();
        _runner.Do(() =>
        {
            Loop.AddTimer(TimeSpan.FromMilliseconds(interval), () => Spin(3), persistent: true);
            Loop.AddTimer(TimeSpan.Zero, () => { }, persistent: true);
            var handler = new RecordingHandler();
            ILoopSocket watch = Loop.Watch(pair.Near, handler);
            handler.Readable = () =>
            {
                watch.Dispose();
                read.TrySetResult();
            };
        });
        pair.Far.Send("x"u8);
        Loop.Post(posted.SetResult);
        Wait.For(read.Task);
        Wait.For(posted.Task);
        // Stop: TearDown fails if the loop does not end.
    }

    [Test]
    public void TimerThatArmsAZeroTimerStarvesNobody()
    {
        var posted = new TaskCompletionSource();
        _runner.Do(() =>
        {
            void Again() => Loop.AddTimer(TimeSpan.Zero, Again, persistent: false);
            Again();
        });
        Loop.Post(posted.SetResult);
        Wait.For(posted.Task);
    }

    [Test]
    public void NegativeIntervalIsRefused() => _runner.Do(() =>
        Assert.Throws<ArgumentOutOfRangeException>(
            () => Loop.AddTimer(TimeSpan.FromMilliseconds(-1), () => { }, persistent: false)));

    [Test]
    public void LongestIntervalDoesNotOverflow()
    {
        bool fired = false;
        _runner.Do(() => Loop.AddTimer(TimeSpan.MaxValue, () => fired = true, persistent: true));
        _runner.Do(() => { });
        Assert.That(_runner.Ask(() => (fired, Loop.TimerCount)), Is.EqualTo((false, 1)));
    }

    [Test]
    public void HeartbeatsSurviveDeletingAllTimers()
    {
        var beat = new TaskCompletionSource();
        _runner.Do(() =>
        {
            Loop.AddTick(() => beat.TrySetResult());
            Loop.DeleteAllTimers();
        });
        Wait.For(beat.Task);
    }

    private static void Spin(int milliseconds)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < milliseconds) Thread.SpinWait(50);
    }
}
