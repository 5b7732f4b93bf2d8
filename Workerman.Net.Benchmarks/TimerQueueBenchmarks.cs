using BenchmarkDotNet.Attributes;
using Workerman.Events;

namespace Workerman.Benchmarks;

/// <summary>The timer queue while many others are armed: add and delete, and fire and arm again.</summary>
[MemoryDiagnoser]
public class TimerQueueBenchmarks
{
    private TimerQueue _queue = null!;
    private long _nextId;
    private long _now;

    /// <summary>Timers that are armed meanwhile.</summary>
    [Params(1_000, 1_000_000)]
    public int Armed { get; set; }

    /// <summary>Arms the others and checks that they come in order.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        var random = new Random(1);
        _queue = new TimerQueue();
        for (int i = 0; i < 1000; i++) Arm(random.Next(1000));
        long last = 0;
        for (int i = 0; i < 1000; i++)
        {
            long due = _queue.NextDue!.Value;
            Verify.Equal(_queue.TryTakeDue(due, _queue.LastSequence, out LoopTimer? timer) && due >= last, true, "order");
            // A persistent timer stays known until it is deleted.
            Verify.Equal(_queue.Remove(timer!.Id), true, "deletion");
            last = due;
        }
        Verify.Equal(_queue.Count, 0, "count");
        for (int i = 0; i < Armed; i++) Arm(random.Next(1_000_000_000));
    }

    /// <summary>One more timer, gone before it fires: a timeout that was not needed.</summary>
    [Benchmark]
    public bool AddAndDelete() => _queue.Remove(Arm(_now + 500_000_000));

    /// <summary>The next one fires and is armed again: a repeating timer.</summary>
    [Benchmark]
    public bool FireAndRearm()
    {
        _now = _queue.NextDue!.Value;
        bool taken = _queue.TryTakeDue(_now, _queue.LastSequence, out LoopTimer? timer);
        _queue.Rearm(timer!, _now + 1_000_000_000);
        return taken;
    }

    private long Arm(long due)
    {
        long id = ++_nextId;
        _queue.Add(new LoopTimer(id, 0, static () => { }, persistent: true), due);
        return id;
    }
}
