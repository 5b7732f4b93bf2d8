using Workerman.Events;
using Workerman.Hosting;

namespace Workerman.Workers;

/// <summary>The per-loop workers of one worker, from their beginning on a loop to their end there. Any thread.</summary>
internal sealed class LoopWorkerSet(WorkerBase worker)
{
    private readonly Lock _gate = new();

    /// <summary>Replaced when it changes, so that reading takes no lock.</summary>
    private volatile ILoopWorker[] _all = [];

    public ILoopWorker[] All => _all;

    /// <summary>The one on the loop that the calling code runs on; null if it runs on none of the worker's.</summary>
    public ILoopWorker? Current
    {
        get
        {
            if (EventLoop.Current is not { } loop) return null;
            foreach (ILoopWorker each in _all)
            {
                if (each.Loop == loop) return each;
            }
            return null;
        }
    }

    public void Add(ILoopWorker added)
    {
        lock (_gate)
        {
            if (_all.Length == 0) WorkerRegistry.AddOnLoop(worker);
            _all = [.. _all, added];
        }
    }

    /// <returns>Whether it was the last.</returns>
    public bool Remove(ILoopWorker removed)
    {
        lock (_gate)
        {
            _all = Array.FindAll(_all, each => each != removed);
            if (_all.Length > 0) return false;
            WorkerRegistry.RemoveOnLoop(worker);
            return true;
        }
    }

    /// <summary>
    /// Acts on each loop: at once on the one that the calling code runs on, on the others as soon as they get to it.
    /// </summary>
    public void ForEach(Action<ILoopWorker> action)
    {
        foreach (ILoopWorker each in _all) Run(each, action);
    }

    /// <summary>Acts on each loop in a turn of its own.</summary>
    public void PostToEach(Action<ILoopWorker> action)
    {
        foreach (ILoopWorker each in _all) each.Loop.Post(() => action(each));
    }

    public static void Run(ILoopWorker on, Action<ILoopWorker> action)
    {
        if (on.Loop.IsCurrent) action(on);
        else on.Loop.Post(() => action(on));
    }
}
