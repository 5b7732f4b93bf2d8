namespace Workerman.Diagnostics;

/// <summary>
/// The figures of one worker on all its loops, those that have ended included. Owned by the worker; any thread.
/// </summary>
/// <param name="name">The worker's name, as it is when it is asked for.</param>
internal sealed class WorkerFigures(Func<string> name)
{
    private readonly Lock _gate = new();

    /// <summary>Replaced when it changes, so that reading takes no lock.</summary>
    private volatile LoopShare[] _loops = [];

    public string Name => name();

    /// <summary>Its loops, in the order of their numbers.</summary>
    public IReadOnlyList<LoopShare> Loops => _loops;

    /// <summary>The worker begins on a loop.</summary>
    public void Add(LoopShare share)
    {
        lock (_gate) _loops = [.. _loops.Append(share).OrderBy(static each => each.Id)];
        FigureRegistry.Add(share.Traffic);
    }

    public FigureTotals Sum()
    {
        var totals = new FigureTotals();
        foreach (LoopShare share in _loops) share.AddTo(ref totals);
        return totals;
    }
}

/// <summary>
/// The part that a worker has of a loop. What is the loop's own, its clients and timers, counts for the worker that the loop was
/// started for, so that the sum over all workers has it once. Immutable; any thread.
/// </summary>
/// <param name="Id">Number of the loop among the worker's.</param>
/// <param name="Traffic">What the worker does there.</param>
/// <param name="Loop">The loop.</param>
/// <param name="OwnsLoop">Whether the loop was started for the worker.</param>
internal sealed record LoopShare(int Id, TrafficFigures Traffic, LoopFigures Loop, bool OwnsLoop)
{
    public void AddTo(ref FigureTotals totals)
    {
        totals.Add(Traffic);
        if (OwnsLoop) totals.AddLoop(Loop);
        else totals.AddLag(Loop.Lag);
    }
}
