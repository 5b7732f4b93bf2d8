using Workerman.Hosting;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// Workers that <see cref="Worker.StartAsync"/> has started together, until they have ended: to stop them, to wait for their end,
/// to ask how they are. The workers themselves do the work; other runs of the process are not touched. Any thread.
/// </summary>
public sealed class RunningWorkers
{
    private readonly WorkerRun _run;

    private RunningWorkers(WorkerRun run, Task ended)
    {
        _run = run;
        Completion = ended;
    }

    /// <summary>The workers, in the order in which they were given.</summary>
    public IReadOnlyList<WorkerBase> Workers => _run.Workers;

    /// <summary>Where they are in their life; <see cref="WorkerStatus.Initial"/> when they have ended.</summary>
    public WorkerStatus Status => Completion.IsCompleted ? WorkerStatus.Initial : _run.Status;

    /// <summary>
    /// Ends when all workers have, and the log is written. It fails if one of their loops broke: the others were stopped then.
    /// </summary>
    public Task Completion { get; }

    /// <summary>Stops them gracefully within the stop timeout. Further calls do nothing.</summary>
    public void Stop() => _run.Stop();

    /// <summary>
    /// Stops them without waiting for what is still to be sent; a callback that does not return is left behind.
    /// </summary>
    public void Abort() => _run.Abort();

    /// <summary>
    /// Which loops do not come to their next turn within a limit, because a callback holds them: their names, each with its
    /// worker's and a number; none if all is well. What it costs a loop is one posted call.
    /// </summary>
    /// <param name="limit">How long a loop may take.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="OperationCanceledException">The waiting was ended.</exception>
    public Task<IReadOnlyList<string>> FindStuckLoopsAsync(TimeSpan limit, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(limit, TimeSpan.Zero);
        return _run.FindStuckLoopsAsync(limit, cancellationToken);
    }

    internal static async Task<RunningWorkers> StartAsync(
        ServerSettings settings, IEnumerable<WorkerBase> workers, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var run = WorkerRun.OpenAll(settings, workers);
        Task ended = run.RunAsync();
        Task<bool> begun = run.Begun;
        using (cancellationToken.Register(run.Abort)) await Task.WhenAny(begun, ended).ConfigureAwait(false);
        if (cancellationToken.IsCancellationRequested) run.Abort();
        else if (begun.IsCompletedSuccessfully && begun.Result) return new RunningWorkers(run, ended);
        await ended.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        // Stopped before all had begun.
        return new RunningWorkers(run, ended);
    }
}
