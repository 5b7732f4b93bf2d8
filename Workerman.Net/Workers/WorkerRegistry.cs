using Workerman.Connection;
using Workerman.Hosting;

namespace Workerman.Workers;

/// <summary>
/// Which workers and which runs of them there are in the process: what the statics of <see cref="Worker"/> tell. Nothing inside
/// the library goes by it. Any thread.
/// </summary>
internal static class WorkerRegistry
{
    private static readonly Lock Gate = new();
    private static readonly List<WorkerBase> All = [];
    private static readonly List<WorkerRun> Runs = [];

    /// <summary>Those on a loop, also the ones that were made there.</summary>
    private static readonly HashSet<WorkerBase> OnLoops = [];

    /// <summary>Where the workers are noted that are made on this thread meanwhile.</summary>
    [ThreadStatic]
    private static List<WorkerBase>? _made;

    /// <summary>The workers that have been made and not been run yet, and those that run.</summary>
    public static List<WorkerBase> Workers
    {
        get
        {
            lock (Gate) return [.. All];
        }
    }

    /// <summary>Where they are in their life; of several runs at once the one that runs counts.</summary>
    public static WorkerStatus Status
    {
        get
        {
            lock (Gate)
            {
                return Runs.Count == 0 ? WorkerStatus.Initial
                    : Runs.Exists(run => run.Status == WorkerStatus.Running) ? WorkerStatus.Running
                    : Runs.Max(run => run.Status);
            }
        }
    }

    public static void Add(WorkerBase worker)
    {
        _made?.Add(worker);
        lock (Gate) All.Add(worker);
    }

    /// <summary>
    /// Notes the workers that are made on this thread until <see cref="EndNoting"/>: whoever fails to make all that it wants
    /// leaves none behind for a run of others.
    /// </summary>
    public static List<WorkerBase> BeginNoting() => _made = [];

    public static void EndNoting() => _made = null;

    public static void Remove(IReadOnlyCollection<WorkerBase> workers)
    {
        lock (Gate) All.RemoveAll(workers.Contains);
    }

    public static void Add(WorkerRun run)
    {
        lock (Gate) Runs.Add(run);
    }

    public static void Remove(WorkerRun run)
    {
        lock (Gate) Runs.Remove(run);
    }

    public static void StopRuns()
    {
        WorkerRun[] runs;
        lock (Gate) runs = [.. Runs];
        foreach (WorkerRun run in runs) run.Stop();
    }

    /// <summary>A worker begins on its first loop.</summary>
    public static void AddOnLoop(WorkerBase worker)
    {
        lock (Gate) OnLoops.Add(worker);
    }

    /// <summary>A worker has ended on its last loop.</summary>
    public static void RemoveOnLoop(WorkerBase worker)
    {
        lock (Gate) OnLoops.Remove(worker);
    }

    /// <summary>A worker of a run by its address, be it one that was made on a loop; null if none has begun.</summary>
    public static WorkerBase? FindOnLoop(string address, ServerSettings run)
    {
        lock (Gate) return OnLoops.FirstOrDefault(worker => worker.Address == address && ReferenceEquals(worker.Settings, run));
    }

    /// <summary>The open connections of the process, of all workers that run and of clients, by loop. For copies.</summary>
    public static IEnumerable<ConnectionCollection> AllConnections()
    {
        WorkerBase[] workers;
        lock (Gate) workers = [.. OnLoops];
        return workers.OfType<StreamWorker>().SelectMany(static worker => worker.ConnectionsOfAllLoops)
            .Concat(LoopClients.OfAllLoops);
    }
}
