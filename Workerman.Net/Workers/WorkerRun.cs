using Workerman.Diagnostics;
using Workerman.Handover;
using Workerman.Hosting;

namespace Workerman.Workers;

/// <summary>
/// One run of workers with settings of its own, from the opening of their sockets to their end. What it does with sockets and
/// loops is <see cref="ServerHost"/>'s. Any thread.
/// </summary>
internal sealed class WorkerRun
{
    private readonly ServerSettings _settings;
    private readonly List<WorkerBase> _workers;
    private readonly ServerHost _host;

    private WorkerRun(ServerSettings settings, List<WorkerBase> workers)
    {
        _settings = settings;
        _workers = workers;
        _host = new ServerHost(workers, settings);
    }

    public IReadOnlyList<WorkerBase> Workers => _workers;

    public WorkerStatus Status => _host.Status;

    /// <summary>The name of its event loops.</summary>
    public string LoopName => _host.LoopName;

    /// <summary>Ends when all workers have begun on all their loops: whether all could. Once it runs.</summary>
    public Task<bool> Begun => _host.Begun;

    /// <summary>Ends when it is told to stop, by whomever.</summary>
    public Task Stopping => _host.Stopping;

    /// <summary>What the console shows of it.</summary>
    /// <param name="howToStop">How it is stopped.</param>
    public string Banner(string howToStop) => Hosting.Banner.Format(_host.LoopName, _workers.ConvertAll(RowOf), howToStop);

    /// <summary>Opens the sockets of those of the workers that have not been run yet; if one fails, none stays open.</summary>
    /// <exception cref="WorkerStartException">One line with address, cause and cure.</exception>
    /// <exception cref="InvalidOperationException">There is no worker, or one is set up in a way that cannot work.</exception>
    public static WorkerRun Open(ServerSettings settings, List<WorkerBase> workers)
    {
        ThrowIfOnLoop();
        List<WorkerBase> taken = workers.FindAll(worker => worker.TryTake(settings));
        if (taken.Count == 0) throw NoWorker();
        return OpenTaken(settings, taken);
    }

    /// <summary>
    /// Opens the sockets of these workers, which may be made while they are listed; if one fails, none stays open, and none of
    /// them waits for another run.
    /// </summary>
    /// <exception cref="WorkerStartException">One line with address, cause and cure.</exception>
    /// <exception cref="InvalidOperationException">There is no worker, one has been run already, or one is set up in a way that
    /// cannot work.</exception>
    public static WorkerRun OpenAll(ServerSettings settings, IEnumerable<WorkerBase> workers)
    {
        ThrowIfOnLoop();
        List<WorkerBase> taken = [];
        List<WorkerBase> made = WorkerRegistry.BeginNoting();
        try
        {
            foreach (WorkerBase worker in workers)
            {
                if (!worker.TryTake(settings)) throw RunAlready(worker);
                taken.Add(worker);
            }
            if (taken.Count == 0) throw NoWorker();
        }
        catch
        {
            WorkerRegistry.Remove(made);
            WorkerRegistry.Remove(taken);
            throw;
        }
        finally
        {
            WorkerRegistry.EndNoting();
        }
        return OpenTaken(settings, taken);
    }

    private static WorkerRun OpenTaken(ServerSettings settings, List<WorkerBase> taken)
    {
        ServerMeter.Prepare();
        var run = new WorkerRun(settings, taken);
        try
        {
            OpenLog(settings);
            run._host.Open();
        }
        catch
        {
            WorkerRegistry.Remove(taken);
            throw;
        }
        WorkerRegistry.Add(run);
        return run;
    }

    /// <summary>Before all else, because from here on there may be lines for it.</summary>
    private static void OpenLog(ServerSettings settings)
    {
        try
        {
            settings.Logger.OpenFile();
        }
        catch (IOException e)
        {
            throw new WorkerStartException($"{e.Message}. Cure: give the user of this program the right to write there, or set "
                + "Worker.LogFile to another path.", e);
        }
    }

    private static void ThrowIfOnLoop()
    {
        if (LoopThread.Current is not null)
        {
            throw new InvalidOperationException("This is a callback, so workers run already. "
                + "To run another one on this loop, make it here and call its Listen().");
        }
    }

    private static InvalidOperationException NoWorker() => new("There is no worker to run (each runs once); "
        + "make one first: new Worker(\"http://0.0.0.0:8080\").");

    private static InvalidOperationException RunAlready(WorkerBase worker) => new(
        $"Worker {worker.Name} runs already, or has been run, and a worker runs once. Cure: make a new one.");

    /// <summary>Ends when all workers have.</summary>
    /// <param name="hold">What the loops wait for when their workers have begun; null for nothing.</param>
    /// <exception cref="WorkerStartException">A worker could not begin; the others were stopped.</exception>
    public async Task RunAsync(Task? hold = null)
    {
        try
        {
            await _host.RunAsync(hold).ConfigureAwait(false);
        }
        finally
        {
            WorkerRegistry.Remove(this);
            WorkerRegistry.Remove(_workers);
            foreach (WorkerBase worker in _workers) worker.PeerLog.Flush();
            await _settings.Logger.Queue.FlushAsync(_host.TimeLeft).ConfigureAwait(false);
        }
    }

    /// <summary>The same, and stops when it is told to.</summary>
    public async Task RunUntilAsync(CancellationToken cancellationToken)
    {
        // It runs before the token is asked: one that is cancelled already stops it at once.
        Task run = RunAsync();
        using CancellationTokenRegistration registration = cancellationToken.Register(Stop);
        await run.ConfigureAwait(false);
    }

    /// <summary>Stops gracefully within the stop timeout.</summary>
    public void Stop() => _host.Stop();

    /// <summary>Stops gracefully within a time.</summary>
    public void Stop(TimeSpan timeout) => _host.Stop(timeout);

    /// <summary>Hands over to another process.</summary>
    /// <inheritdoc cref="ServerHost.HandOver"/>
    public int HandOver(HandoverPlan plan) => _host.HandOver(plan);

    /// <summary>Gives an event stream of the process before to the worker with its address.</summary>
    /// <returns>False if no worker of this run with that address has begun; the stream stays the caller's.</returns>
    public bool Adopt(MovedSubscription moved) =>
        WorkerRegistry.FindOnLoop(moved.Worker, _settings) is StreamWorker worker && worker.TryAdopt(moved);

    /// <summary>What another process has handed over cannot be read; this one serves without it.</summary>
    public void ReportHandover(Exception exception) => Log.HandoverFailed(_settings.Logger, exception);

    /// <summary>Stops without waiting for what is still to be sent.</summary>
    public void Abort() => _host.Abort();

    /// <summary>The names of the loops that a callback keeps from their next turn for longer than a limit.</summary>
    public Task<IReadOnlyList<string>> FindStuckLoopsAsync(TimeSpan limit, CancellationToken cancellationToken) =>
        _host.FindStuckLoopsAsync(limit, cancellationToken);

    private static BannerRow RowOf(WorkerBase worker) => worker.HasAddress
        ? new(worker.Scheme, Environment.UserName, worker.Name, $"{worker.Scheme}://{worker.Bound}", worker.Count)
        : new(worker.Address, Environment.UserName, worker.Name, worker.Address, worker.Count);
}
