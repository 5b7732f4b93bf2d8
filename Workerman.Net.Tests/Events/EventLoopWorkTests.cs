using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Events;

/// <summary>What every loop promises about posted and deferred work, <c>await</c> and its own end.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class EventLoopWorkTests(Type loopType)
{
    private LoopRunner _runner = null!;

    private EventLoop Loop => _runner.Loop;

    [SetUp]
    public void Start() => _runner = new LoopRunner(loopType);

    [TearDown]
    public void Stop() => _runner.Dispose();

    [Test]
    public void PostedWorkRunsOnTheLoopInOrder()
    {
        var order = new List<int>();
        for (int i = 0; i < 1000; i++)
        {
            int number = i;
            Loop.Post(() =>
            {
                Assert.That(Loop.IsCurrent);
                order.Add(number);
            });
        }
        _runner.Do(() => { });
        Assert.That(order, Is.EqualTo(Enumerable.Range(0, 1000)));
        Assert.That(_runner.Errors, Is.Empty);
        Assert.That(Loop.IsCurrent, Is.False, "this is another thread");
    }

    [Test]
    public void PostingFromManyThreadsLosesNothing()
    {
        int count = 0;
        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < 2000; i++) Loop.Post(() => count++);
        });
        Assert.That(_runner.Ask(() => count), Is.EqualTo(16_000));
    }

    [Test]
    public void WorkThatPostsItselfStarvesNobody()
    {
        var fired = new TaskCompletionSource();
        void Again() => Loop.Post(Again);
        Loop.Post(Again);
        Loop.Post(() => Loop.AddTimer(TimeSpan.FromMilliseconds(1), fired.SetResult, persistent: false));
        Wait.For(fired.Task);
    }

    [Test]
    public void ThrowingWorkIsReportedAndTheNextRuns()
    {
        Loop.Post(() => throw new InvalidOperationException("posted"));
        _runner.Do(() => { });
        Assert.That(_runner.Errors.Single().Message, Is.EqualTo("posted"));
    }

    [Test]
    public void AwaitComesBackToTheLoop()
    {
        var threads = new TaskCompletionSource<(int Before, int After)>();
        _runner.Do(() => _ = Work());
        (int before, int after) = Wait.For(threads.Task);
        Assert.That(after, Is.EqualTo(before));

        async Task Work()
        {
            int thread = Environment.CurrentManagedThreadId;
            await Task.Run(() => { });
            await Task.Delay(1);
            threads.SetResult((thread, Environment.CurrentManagedThreadId));
        }
    }

    [Test]
    public void SynchronizationContextSendsAndWaits()
    {
        SynchronizationContext context = _runner.Ask(() => SynchronizationContext.Current!);
        bool onLoop = false;
        context.Send(_ => onLoop = Loop.IsCurrent, null);
        Assert.That(onLoop);
        Assert.Throws<InvalidOperationException>(() => context.Send(_ => throw new InvalidOperationException(), null));
    }

    [Test]
    public void DeferredWorkRunsAtTheEndOfTheTurnAfterPostedWork()
    {
        var order = new List<string>();
        _runner.Do(() =>
        {
            Loop.Defer(new Deferred(() =>
            {
                order.Add("deferred");
                Loop.Defer(new Deferred(() => order.Add("deferred by deferred")));
            }));
            Loop.Post(() => order.Add("next turn"));
            order.Add("posted");
        });
        _runner.Do(() => { });
        Assert.That(order, Is.EqualTo(new[] { "posted", "deferred", "deferred by deferred", "next turn" }));
    }

    [Test]
    public void ContinuedWorkRunsOnceInEachTurnBeforeItsTimers()
    {
        var order = new List<string>();
        using var done = new ManualResetEventSlim();
        int left = 3;
        Continued? work = null;
        work = new Continued(() =>
        {
            order.Add("continued");
            if (--left == 0) done.Set();
            else Loop.ContinueNextTurn(work!);
            Loop.Post(() => order.Add("posted"));
            if (left == 1) throw new InvalidOperationException("the loop lives on");
        });
        _runner.Do(() =>
        {
            Loop.ContinueNextTurn(work);
            Loop.AddTimer(TimeSpan.Zero, () => order.Add("timer"), persistent: false);
        });
        Assert.That(done.Wait(Wait.Limit), "the loop does not wait for sockets while there is work to continue");
        _runner.Do(() => { });
        Assert.That(order, Is.EqualTo(new[] { "continued", "timer", "posted", "continued", "posted", "continued", "posted" }));
    }

    [Test]
    public void CurrentIsTheLoopOnItsThreadAndNullElsewhere()
    {
        Assert.That(_runner.Ask(() => EventLoop.Current), Is.SameAs(Loop));
        Assert.That(EventLoop.Current, Is.Null);
    }

    [Test]
    public void NeverRunsTwiceNorInsideAnother() => _runner.Do(() =>
    {
        Assert.Throws<InvalidOperationException>(Loop.Run);
        using EventLoop other = EventLoopFactory.Create(loopType);
        Assert.Throws<InvalidOperationException>(other.Run);
    });

    [Test]
    public void StoppedLoopRefusesWorkAndWhatWasPostedBeforeHasRun()
    {
        using EventLoop loop = EventLoopFactory.Create(loopType);
        int ran = 0;
        loop.Post(() =>
        {
            loop.Stop();
            loop.Post(() => ran++);
        });
        loop.Post(() => ran++);
        loop.Run();
        Assert.That(ran, Is.EqualTo(2));
        Assert.That(loop.Post(() => ran++), Is.False);
        Assert.That(loop.IsCurrent, Is.False);
        Assert.Throws<InvalidOperationException>(loop.Run);
    }

    [Test]
    public void AwaitThatOutlivesTheLoopStillReachesItsFinally()
    {
        using EventLoop loop = EventLoopFactory.Create(loopType);
        var gate = new TaskCompletionSource();
        var cleaned = new TaskCompletionSource();
        loop.Post(() => _ = Work());
        loop.Post(loop.Stop);
        loop.Run();
        gate.SetResult();
        Wait.For(cleaned.Task);

        async Task Work()
        {
            try
            {
                await gate.Task;
            }
            finally
            {
                cleaned.SetResult();
            }
        }
    }

    [Test]
    public void LoopThatNeverRanIsDisposedOf()
    {
        EventLoop loop = EventLoopFactory.Create(loopType);
        loop.Dispose();
        loop.Dispose();
        Assert.That(loop.Post(() => { }), Is.False);
    }

    private sealed class Continued(Action action) : IContinuedWork
    {
        public void Continue() => action();
    }

    private sealed class Deferred(Action action) : IDeferredWork
    {
        public void RunDeferred() => action();
    }
}
