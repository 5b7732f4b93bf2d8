using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using Workerman.Events;
using SystemTimer = System.Threading.Timer;

namespace Workerman.Benchmarks;

/// <summary>
/// The timers of a loop and those of the runtime, <see cref="SystemTimer"/>, while others are armed: one that is added and
/// deleted again (a timeout that was not needed), and a batch that is added and fires, until the last callback ran. The
/// runtime's are measured twice: made and disposed of each time, as a timer of ours is, and kept and set again, which is the
/// cheapest that can be done with them. Ours run on one thread, theirs on the thread pool.
/// </summary>
[MemoryDiagnoser]
[GroupBenchmarksBy(BenchmarkLogicalGroupRule.ByCategory)]
[CategoriesColumn]
public class TimerBenchmarks
{
    private const int Batch = 10_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SystemTimer[] _timers = new SystemTimer[Batch];
    private readonly SystemTimer[] _kept = new SystemTimer[Batch];
    private readonly long[] _ids = new long[Batch];
    private TaskCompletionSource _ended = new();
    private SystemTimer[] _others = [];
    private EventLoop _loop = null!;
    private Thread _thread = null!;
    private Action _addAndDelete = null!;
    private Action _addAndFire = null!;
    private int _left;

    /// <summary>Timers that are armed meanwhile and do not fire.</summary>
    [Params(1_000, 1_000_000)]
    public int Armed { get; set; }

    /// <summary>Arms the others on a loop and checks that a batch is added, deleted and fired.</summary>
    [GlobalSetup(Targets = [nameof(LoopAddAndDelete), nameof(LoopAddAndFire)])]
    public void SetUpLoop()
    {
        _loop = EventLoopFactory.Create(null);
        _thread = new Thread(_loop.Run) { IsBackground = true };
        _thread.Start();
        Action fired = () => Fired(--_left);
        _addAndDelete = () =>
        {
            for (int i = 0; i < Batch; i++) _ids[i] = _loop.AddTimer(TimeSpan.FromHours(1), fired, persistent: false);
            foreach (long id in _ids)
            {
                if (_loop.DeleteTimer(id)) _left--;
            }
            _ended.SetResult();
        };
        _addAndFire = () =>
        {
            for (int i = 0; i < Batch; i++) _loop.AddTimer(TimeSpan.FromMilliseconds(1), fired, persistent: false);
        };
        var random = new Random(1);
        OnLoop(() =>
        {
            for (int i = 0; i < Armed; i++) _loop.AddTimer(Later(random), fired, persistent: false);
            _ended.SetResult();
        });
        Verify.Equal(LoopAddAndDelete(), 0, "timers that could not be deleted");
        Verify.Equal(LoopAddAndFire(), 0, "timers that did not fire");
        Verify.Equal(_loop.TimerCount, Armed, "timers that are armed");
    }

    /// <summary>Arms the others and checks that a batch is added, deleted and fired.</summary>
    [GlobalSetup(
        Targets = [nameof(SystemAddAndDelete), nameof(SystemAddAndFire), nameof(SystemSetAndUnset), nameof(SystemSetAndFire)])]
    public void SetUpSystem()
    {
        var random = new Random(1);
        TimerCallback never = _ => throw new InvalidOperationException("a timer fired too early");
        _others =
            [.. Enumerable.Range(0, Armed).Select(_ => new SystemTimer(never, null, Later(random), Timeout.InfiniteTimeSpan))];
        Verify.Equal(SystemAddAndDelete(), 0, "timers that could not be deleted");
        Verify.Equal(SystemAddAndFire(), 0, "timers that did not fire");
        for (int i = 0; i < Batch; i++) _kept[i] = new SystemTimer(SystemFired);
        Verify.Equal(SystemSetAndUnset(), 0, "timers that could not be unset");
        Verify.Equal(SystemSetAndFire(), 0, "timers that did not fire again");
    }

    /// <summary>Ends the loop.</summary>
    [GlobalCleanup(Targets = [nameof(LoopAddAndDelete), nameof(LoopAddAndFire)])]
    public void TearDown()
    {
        _loop.Stop();
        _thread.Join();
    }

    /// <summary>Disposes of the runtime's timers.</summary>
    [GlobalCleanup(
        Targets = [nameof(SystemAddAndDelete), nameof(SystemAddAndFire), nameof(SystemSetAndUnset), nameof(SystemSetAndFire)])]
    public void TearDownSystem()
    {
        foreach (SystemTimer timer in _others) timer.Dispose();
        foreach (SystemTimer timer in _kept) timer.Dispose();
    }

    /// <summary><c>AddTimer</c> and <c>DeleteTimer</c> on a loop.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Batch)]
    [BenchmarkCategory("add and delete")]
    public int LoopAddAndDelete()
    {
        _left = Batch;
        OnLoop(_addAndDelete);
        return _left;
    }

    /// <summary>A new timer of the runtime, disposed of.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    [BenchmarkCategory("add and delete")]
    public int SystemAddAndDelete()
    {
        int left = Batch;
        for (int i = 0; i < Batch; i++)
            _timers[i] = new SystemTimer(SystemFired, null, TimeSpan.FromHours(1), Timeout.InfiniteTimeSpan);
        foreach (SystemTimer timer in _timers)
        {
            timer.Dispose();
            left--;
        }
        return left;
    }

    /// <summary>A timer of the runtime that is there, set and unset.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    [BenchmarkCategory("add and delete")]
    public int SystemSetAndUnset()
    {
        int left = Batch;
        foreach (SystemTimer timer in _kept) timer.Change(TimeSpan.FromHours(1), Timeout.InfiniteTimeSpan);
        foreach (SystemTimer timer in _kept)
        {
            if (timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan)) left--;
        }
        return left;
    }

    /// <summary><c>AddTimer</c> with a millisecond, until the callback ran.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Batch)]
    [BenchmarkCategory("add and fire")]
    public int LoopAddAndFire()
    {
        _left = Batch;
        OnLoop(_addAndFire);
        return _left;
    }

    /// <summary>A new timer of the runtime with a millisecond, until the callback ran, disposed of.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    [BenchmarkCategory("add and fire")]
    public int SystemAddAndFire()
    {
        _left = Batch;
        _ended = new TaskCompletionSource();
        for (int i = 0; i < Batch; i++)
            _timers[i] = new SystemTimer(SystemFired, null, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        WaitUntilEnded();
        foreach (SystemTimer timer in _timers) timer.Dispose();
        return _left;
    }

    /// <summary>A timer of the runtime that is there, set to a millisecond, until the callback ran.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    [BenchmarkCategory("add and fire")]
    public int SystemSetAndFire()
    {
        _left = Batch;
        _ended = new TaskCompletionSource();
        foreach (SystemTimer timer in _kept) timer.Change(TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        WaitUntilEnded();
        return _left;
    }

    /// <summary>One to two hours: no run of a benchmark lasts so long that they fire.</summary>
    private static TimeSpan Later(Random random) => TimeSpan.FromHours(1) + TimeSpan.FromMilliseconds(random.Next(3_600_000));

    private void OnLoop(Action work)
    {
        _ended = new TaskCompletionSource();
        _loop.Post(work);
        WaitUntilEnded();
    }

    private void WaitUntilEnded()
    {
        if (!_ended.Task.Wait(Patience)) throw new TimeoutException($"{_left} timers did not come");
    }

    private void SystemFired(object? state) => Fired(Interlocked.Decrement(ref _left));

    private void Fired(int left)
    {
        if (left == 0) _ended.SetResult();
    }
}
