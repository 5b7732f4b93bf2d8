using System.Diagnostics;

namespace Workerman.Diagnostics;

/// <summary>
/// Looks at the loops from a thread of its own, and reports what holds one for longer than it may. There is one thread for the
/// process, and only while loops are watched; the loops read no clock for it. Any thread; one lock, which no loop takes while it
/// runs.
/// </summary>
internal static class SlowCallbackWatch
{
    /// <summary>How often it looks within the time that a callback may take.</summary>
    private const int LooksPerLimit = 8;

    private static readonly TimeSpan MaxInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MinInterval = TimeSpan.FromMilliseconds(2);

    private static readonly object Gate = new();
    private static readonly List<WatchedLoop> Loops = [];
    private static Thread? _thread;

    /// <summary>Watches a loop until the result is disposed of.</summary>
    /// <param name="figures">The loop's.</param>
    /// <param name="state">The loop.</param>
    /// <param name="limit">How long a callback may take; infinite: it is not watched.</param>
    /// <param name="log">Where it is reported.</param>
    public static IDisposable? Watch(LoopFigures figures, ILoopState state, TimeSpan limit, ISlowCallbackLog log)
    {
        if (limit == Timeout.InfiniteTimeSpan) return null;
        var watched = new WatchedLoop(figures.Running, state, limit, log);
        lock (Gate)
        {
            Loops.Add(watched);
            if (_thread is null) Start();
            else Monitor.Pulse(Gate);
        }
        return watched;
    }

    public static void Remove(WatchedLoop watched)
    {
        lock (Gate)
        {
            Loops.Remove(watched);
            Monitor.Pulse(Gate);
        }
    }

    /// <summary>How long it waits between two looks, for a limit.</summary>
    public static TimeSpan IntervalFor(TimeSpan limit)
    {
        TimeSpan interval = limit / LooksPerLimit;
        return interval > MaxInterval ? MaxInterval : interval < MinInterval ? MinInterval : interval;
    }

    private static void Start()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "workerman watch" };
        // Without the context of whoever starts the first loop.
        _thread.UnsafeStart();
    }

    private static void Run()
    {
        while (true)
        {
            WatchedLoop[] loops;
            lock (Gate)
            {
                if (Loops.Count > 0) Monitor.Wait(Gate, Loops.Min(static loop => loop.Interval));
                if (Loops.Count == 0)
                {
                    _thread = null;
                    return;
                }
                loops = [.. Loops];
            }
            foreach (WatchedLoop loop in loops) loop.Look(Stopwatch.GetTimestamp(), Debugger.IsAttached);
        }
    }
}
