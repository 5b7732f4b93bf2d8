using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>The static face of the timers.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class TimerTests(Type loopType)
{
    [Test]
    public void OutsideALoopItSaysWhereItBelongs()
    {
        Assert.That(Assert.Throws<InvalidOperationException>(() => Timer.Add(1, () => { }))!.Message,
            Does.Contain("OnWorkerStart"));
        Assert.Throws<InvalidOperationException>(() => Timer.Repeat(1, () => { }));
        Assert.Throws<InvalidOperationException>(() => Timer.Delay(1, () => { }));
        Assert.Throws<InvalidOperationException>(() => _ = Timer.Sleep(1));
        Assert.Throws<InvalidOperationException>(Timer.DelAll);
        Assert.That(Timer.Del(123), Is.False);
    }

    [Test]
    public void AddsRepeatsDelaysAndDeletes()
    {
        using var runner = new LoopRunner(loopType);
        var done = new TaskCompletionSource();
        int added = 0, repeated = 0, delayed = 0, once = 0;
        runner.Do(() =>
        {
            void Check()
            {
                if (added >= 3 && repeated >= 3) done.TrySetResult();
            }
            Timer.Add(0.001, () => { added++; Check(); });
            Timer.Repeat(0.001, () => { repeated++; Check(); });
            Timer.Delay(0.001, () => delayed++);
            Timer.Add(0.001, () => once++, persistent: false);
        });
        Wait.For(done.Task);
        Assert.That(runner.Ask(() => (delayed, once, runner.Loop.TimerCount)), Is.EqualTo((1, 1, 2)));
        runner.Do(Timer.DelAll);
        Assert.That(runner.Ask(() => runner.Loop.TimerCount), Is.Zero);
    }

    [Test]
    public void DelWorksFromAnyThreadAndOnAnotherLoop()
    {
        using var one = new LoopRunner(loopType);
        using var two = new LoopRunner(loopType);
        long id = one.Ask(() => Timer.Add(3600, () => { }));
        Assert.That(two.Ask(() => Timer.Del(id)));
        Assert.That(one.Ask(() => one.Loop.TimerCount), Is.Zero);
        long other = two.Ask(() => Timer.Add(3600, () => { }));
        Assert.That(Timer.Del(other));
        Assert.That(two.Ask(() => (two.Loop.TimerCount, Timer.Del(other))), Is.EqualTo((0, false)));
        Assert.That(other, Is.Not.EqualTo(id));
    }

    [Test]
    public void SleepComesBackToTheLoop()
    {
        using var runner = new LoopRunner(loopType);
        var done = new TaskCompletionSource<bool>();
        runner.Do(() => _ = Nap());
        Assert.That(Wait.For(done.Task));

        async Task Nap()
        {
            await Timer.Sleep(0.01);
            done.SetResult(runner.Loop.IsCurrent);
        }
    }

    [TestCase(-1)]
    [TestCase(double.NaN)]
    [TestCase(double.NegativeInfinity)]
    public void TimeIsZeroOrMore(double seconds)
    {
        using var runner = new LoopRunner(loopType);
        runner.Do(() => Assert.Throws<ArgumentOutOfRangeException>(() => Timer.Add(seconds, () => { })));
        runner.Do(() => Assert.Throws<ArgumentNullException>(() => Timer.Add(1, null!)));
        runner.Do(() => Timer.Del(Timer.Add(double.PositiveInfinity, () => { })));
    }
}
