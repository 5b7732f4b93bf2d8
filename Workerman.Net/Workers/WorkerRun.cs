using Workerman.Diagnostics;
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

    public WorkerStatus Status => _host.Status;

    /// <summary>What the console shows of it.</summary>
    public string Banner => Hosting.Banner.Format(_host.LoopName, _workers.ConvertAll(RowOf));

    /// <summary>Opens the sockets of those of the workers that have not been run yet; if one fails, none stays open.</summary>
    /// <exception cref="WorkerStartException">One line with address, cause and cure.</exception>
    /// <exception cref="InvalidOperationException">There is no worker, or one is set up in a way that cannot work.</exception>
    public static WorkerRun Open(ServerSettings settings, List<WorkerBase> workers)
    {
        if (LoopThread.Current is not null)
        {
            throw new InvalidOperationException("This is a callback, so workers run already. "
                + "To run another one on this loop, make it here and call its Listen().");
        }
        List<WorkerBase> taken = workers.FindAll(worker => worker.TryTake(settings));
        if (taken.Count == 0)
        {
            throw new InvalidOperationException("There is no worker to run (each runs once); "
                + "make one first: new Worker(\"http://0.0.0.0:8080\").");
        }
        ServerMeter.Prepare();
        var run = new WorkerRun(settings, taken);
        try
        {
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

    /// <summary>Ends when all workers have.</summary>
    /// <exception cref="WorkerStartException">A worker could not begin; the others were stopped.</exception>
    public async Task RunAsync()
    {
        try
        {
            await _host.RunAsync().ConfigureAwait(false);
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

    /// <summary>Stops without waiting for what is still to be sent.</summary>
    public void Abort() => _host.Abort();

    private static BannerRow RowOf(WorkerBase worker) => worker.HasAddress
        ? new(worker.Scheme, Environment.UserName, worker.Name, $"{worker.Scheme}://{worker.Bound}", worker.Count)
        : new(worker.Address, Environment.UserName, worker.Name, worker.Address, worker.Count);
}
