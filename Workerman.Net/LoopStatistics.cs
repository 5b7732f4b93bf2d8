using Workerman.Diagnostics;

namespace Workerman;

/// <summary>
/// What one worker does on one of its loops (PHP: a process's row of <c>status</c>), and what the loop is at. Clients and timers
/// of the loop are in it where the loop was started for the worker. A snapshot that never changes; any thread, also while the
/// loop hangs.
/// </summary>
public sealed class LoopStatistics : WorkerStatistics
{
    internal LoopStatistics(LoopShare share)
        : base(Sum(share))
    {
        Id = share.Id;
        (Busy, Callback) = share.Loop.Activity;
    }

    /// <summary>Number of the loop among the worker's, from 0 on (PHP: <c>$id</c>).</summary>
    public int Id { get; }

    /// <summary>
    /// How long the loop has been in the callback that it is in; zero if it waits (PHP: status <c>idle</c>). Of a callback that
    /// has just begun it may be somewhat more.
    /// </summary>
    public TimeSpan Busy { get; }

    /// <summary>
    /// The callback that the loop is in, as in <c>OnMessage (Program.Main lambda)</c>; null if it waits. Where a program was
    /// compiled ahead of time, a method may have no name.
    /// </summary>
    public string? Callback { get; }

    private static FigureTotals Sum(LoopShare share)
    {
        var totals = new FigureTotals();
        share.AddTo(ref totals);
        return totals;
    }
}
