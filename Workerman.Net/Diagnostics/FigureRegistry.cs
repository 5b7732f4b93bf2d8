namespace Workerman.Diagnostics;

/// <summary>
/// All figures of the process: those of loops that live, and the sum of those that have ended. Any thread; one lock, which no
/// request takes.
/// </summary>
internal static class FigureRegistry
{
    private static readonly Lock Gate = new();
    private static readonly HashSet<TrafficFigures> Live = [];
    private static FigureTotals _past;

    /// <summary>A worker begins on a loop, or a loop is made.</summary>
    public static void Add(TrafficFigures figures)
    {
        lock (Gate) Live.Add(figures);
    }

    /// <summary>A worker has ended on a loop that may live on.</summary>
    public static void Retire(TrafficFigures figures)
    {
        lock (Gate)
        {
            if (!Live.Remove(figures)) return;
            figures.IsRetired = true;
            _past.AddPast(figures);
        }
    }

    /// <summary>A loop has ended, and with it all that was on it.</summary>
    public static void Retire(LoopFigures loop)
    {
        TrafficFigures[] ended;
        lock (Gate) ended = [.. Live.Where(figures => figures.Loop == loop)];
        foreach (TrafficFigures figures in ended) Retire(figures);
        loop.Release();
    }

    /// <summary>What was begun on a loop fails after the loop has ended.</summary>
    public static void AddLateException()
    {
        lock (Gate) _past.Exceptions++;
    }

    /// <summary>All there is and has been.</summary>
    public static FigureTotals Sum()
    {
        lock (Gate)
        {
            FigureTotals totals = _past;
            foreach (TrafficFigures figures in Live)
            {
                if (figures is LoopFigures loop) totals.AddLoop(loop);
                else totals.Add(figures);
            }
            return totals;
        }
    }

    /// <summary>The sums of the workers that run, by name: workers may share one.</summary>
    public static Dictionary<string, FigureTotals> SumByWorker()
    {
        WorkerFigures[] workers;
        lock (Gate) workers = [.. Live.Select(static figures => figures.Worker).OfType<WorkerFigures>().Distinct()];
        var sums = new Dictionary<string, FigureTotals>();
        foreach (WorkerFigures worker in workers)
        {
            FigureTotals totals = worker.Sum();
            if (sums.TryGetValue(worker.Name, out FigureTotals others)) totals.Add(others);
            sums[worker.Name] = totals;
        }
        return sums;
    }
}
