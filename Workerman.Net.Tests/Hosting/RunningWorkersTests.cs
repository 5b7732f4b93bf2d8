using System.Net;
using Workerman.Hosting;
using Workerman.Tests.Support;
using Workerman.Workers;

namespace Workerman.Tests.Hosting;

/// <summary><c>Worker.StartAsync</c>: chosen workers with settings of their own, beside all others of the process.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class RunningWorkersTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    private readonly TestServer.MemoryLogger _log = new();

    [Test]
    public async Task ThoseThatAreChosenRunWithSettingsOfTheirOwn()
    {
        string? loop = null;
        var other = new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { } };
        var worker = new Worker("http://127.0.0.1:0") { Count = 2, OnMessage = (connection, _) => connection.Send("yes") };
        worker.OnWorkerStart = _ => loop = Workerman.Events.EventLoop.Current!.GetType().Name;
        RunningWorkers run = await Worker.StartAsync([worker], Options());
        Assert.That((loop, run.Status, other.LocalEndPoint),
            Is.EqualTo((loopType.Name, WorkerStatus.Running, (IPEndPoint?)null)));
        Assert.That(run.Workers, Is.EqualTo(new[] { worker }));
        Assert.That(Answer(worker), Is.EqualTo("yes"));
        run.Stop();
        run.Stop();
        Wait.For(run.Completion);
        Assert.That((run.Status, worker.LocalEndPoint), Is.EqualTo((WorkerStatus.Initial, (IPEndPoint?)null)));
        Assert.That(_log.Text, Does.Contain("Stopping").And.Contain("Stopped"));
        WorkerRegistry.Remove([other]);
    }

    [Test]
    public async Task WhatCannotRunIsSaidAndLeavesNothing()
    {
        Assert.That(await Fails<InvalidOperationException>([]), Does.Contain("There is no worker to run"));
        Worker free = Make();
        Assert.That(await Fails<InvalidOperationException>([free, free]), Does.Contain("runs already, or has been run"));
        Assert.That(await Fails<InvalidOperationException>([free]), Does.Contain("Cure: make a new one."));
        List<WorkerBase> made = [];
        IEnumerable<WorkerBase> Making()
        {
            made.Add(Make());
            yield return made[0];
            _ = new Worker("http://127.0.0.1:0");
            throw new NotSupportedException("on purpose");
        }
        Assert.That(await Fails<NotSupportedException>(Making()), Is.EqualTo("on purpose"));
        Assert.That(Worker.GetAllWorkers(), Has.None.SameAs(made[0]).And.None.SameAs(free));
        Assert.That(await Fails<WorkerStartException>([Make(), new Worker("http://127.0.0.1:99999")]), Does.Contain("no port"));
    }

    [Test]
    public async Task StartThatIsGivenUpLeavesNothingThoughACallbackHangs()
    {
        using var release = new ManualResetEventSlim();
        using var giveUp = new CancellationTokenSource();
        Worker worker = Make();
        worker.OnWorkerStart = _ =>
        {
            giveUp.Cancel();
            release.Wait(Wait.Limit);
        };
        await Assert.CatchAsync<OperationCanceledException>(() =>
            Worker.StartAsync([worker], Options(TimeSpan.FromHours(1)), giveUp.Token).WaitAsync(Wait.Limit));
        Assert.That(worker.LocalEndPoint, Is.Null);
        release.Set();
        Worker late = Make();
        await Assert.CatchAsync<OperationCanceledException>(() => Worker.StartAsync([late], Options(), giveUp.Token));
        WorkerRegistry.Remove([late]);
    }

    [Test]
    public async Task CallbackThatHangsHoldsNeitherTheQuestionNorTheEnd()
    {
        using var release = new ManualResetEventSlim();
        var entered = new TaskCompletionSource<int>();
        Worker worker = Make();
        worker.Name = "stuck";
        worker.Count = 2;
        worker.OnMessage = (_, _) =>
        {
            entered.SetResult(worker.Id);
            release.Wait(Wait.Limit);
        };
        RunningWorkers run = await Worker.StartAsync([worker], Options(TimeSpan.FromHours(1)));
        Assert.That(await run.FindStuckLoopsAsync(Wait.Limit), Is.Empty);
        using var client = new RawClient(worker.LocalEndPoint!);
        client.Send(Get);
        int id = Wait.For(entered.Task);
        var limit = TimeSpan.FromMilliseconds(50);
        IReadOnlyList<string> stuck = await run.FindStuckLoopsAsync(limit);
        // On a busy machine the other may have no time to answer in so short a time.
        while (stuck.Count > 1 && limit < Wait.Limit) stuck = await run.FindStuckLoopsAsync(limit *= 2);
        Assert.That(stuck, Is.EqualTo(new[] { $"workerman stuck {id}" }));
        using var impatient = new CancellationTokenSource();
        Task question = run.FindStuckLoopsAsync(Wait.Limit, impatient.Token);
        await impatient.CancelAsync();
        await Assert.CatchAsync<OperationCanceledException>(() => question);
        Assert.Throws<ArgumentOutOfRangeException>(() => run.FindStuckLoopsAsync(TimeSpan.Zero));
        run.Stop();
        Assert.That(run.Status, Is.EqualTo(WorkerStatus.Shutdown));
        run.Abort();
        Wait.For(run.Completion);
        Assert.That(_log.Text, Does.Contain($"Loop workerman stuck {id} did not stop in time"));
        release.Set();
    }

    /// <summary>Why the others were stopped is told, though one of them does not end.</summary>
    [Test]
    public async Task FailureIsToldThoughAnotherLoopHangs()
    {
        using var release = new ManualResetEventSlim();
        Worker worker = Make();
        worker.Count = 2;
        worker.OnWorkerStart = _ =>
        {
            if (worker.Id == 0) throw new InvalidOperationException("on purpose");
            release.Wait(Wait.Limit);
        };
        Assert.That(await Fails<WorkerStartException>([worker]), Does.Contain("on purpose"));
        release.Set();
    }

    [Test]
    public async Task StopInOnWorkerStartIsAnEndInOrder()
    {
        Worker worker = Make();
        worker.OnWorkerStart = _ => worker.Stop();
        RunningWorkers run = await Worker.StartAsync([worker], Options());
        Wait.For(run.Completion);
        Assert.That(run.Status, Is.EqualTo(WorkerStatus.Initial));
        Assert.That(await run.FindStuckLoopsAsync(TimeSpan.FromSeconds(1)), Is.Empty, "what has ended is not stuck");
    }

    /// <summary>Where a socket or another loop could not be made.</summary>
    [Test]
    public void LoopThatIsNeverStartedBeginsNothing()
    {
        int begun = 0;
        Worker worker = Make();
        worker.OnWorkerStart = _ => begun++;
        ServerSettings settings = TestServer.Settings(loopType);
        worker.TryTake(settings);
        new LoopThread(Workerman.Events.EventLoopFactory.Create(loopType), worker, 0, settings).Discard();
        Assert.That(begun, Is.Zero);
        WorkerRegistry.Remove([worker]);
    }

    [Test]
    public async Task WrongSettingsAreRefused()
    {
        var options = new RunOptions();
        Assert.Throws<ArgumentException>(() => options.EventLoopClass = typeof(string));
        Assert.Throws<ArgumentOutOfRangeException>(() => options.StopTimeout = TimeSpan.FromTicks(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => options.StopTimeout = TimeSpan.FromDays(25));
        options.StopTimeout = TimeSpan.FromMilliseconds(int.MaxValue);
        options.StopTimeout = null;
        await Assert.ThrowsAsync<ArgumentNullException>(() => Worker.StartAsync(null!));
    }

    private static Worker Make() => new("http://127.0.0.1:0") { OnMessage = (_, _) => { } };

    private RunOptions Options(TimeSpan? stopTimeout = null) => new()
    {
        Logger = _log,
        EventLoopClass = loopType,
        StopTimeout = stopTimeout ?? TimeSpan.FromSeconds(2)
    };

    private async Task<string> Fails<T>(IEnumerable<WorkerBase> workers)
        where T : Exception
    {
        Task start = Worker.StartAsync(workers, Options(TimeSpan.FromMilliseconds(100))).WaitAsync(Wait.Limit);
        return (await Assert.ThrowsAsync<T>(() => start))!.Message;
    }

    private static string Answer(Worker worker)
    {
        using var client = new RawClient(worker.LocalEndPoint!);
        return client.Send(Get).ReadResponse().Body;
    }
}
