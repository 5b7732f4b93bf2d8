using System.ComponentModel;
using System.Diagnostics;
using Workerman.Events;
using Workerman.Handover;

namespace Workerman.Hosting;

/// <summary>
/// Runs a set of workers from opening their sockets to their end: a thread for each loop, the graceful stop and its deadline. It
/// knows neither console nor signals. Any thread.
/// </summary>
internal sealed class ServerHost(IReadOnlyList<IHostedWorker> workers, ServerSettings settings)
{
    /// <summary>Time for an aborted loop to end its turn; after that its thread is not waited for.</summary>
    private static readonly TimeSpan AbortGrace = TimeSpan.FromMilliseconds(500);

    /// <summary>Time that the log has in any case to be written to its end.</summary>
    private static readonly TimeSpan LogGrace = TimeSpan.FromMilliseconds(200);

    private readonly List<LoopThread> _threads = [];
    private readonly TaskCompletionSource _deadline = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _stoppedAt;
    private volatile bool _runs;

    public string LoopName { get; private set; } = "";

    public WorkerStatus Status =>
        Volatile.Read(ref _stoppedAt) != 0 ? WorkerStatus.Shutdown : _runs ? WorkerStatus.Running : WorkerStatus.Starting;

    /// <summary>What is left of the time that stopping may take, at least <see cref="LogGrace"/>.</summary>
    public TimeSpan TimeLeft
    {
        get
        {
            TimeSpan all = settings.StopTimeout + AbortGrace;
            TimeSpan left = Volatile.Read(ref _stoppedAt) is not 0 and var began ? all - Stopwatch.GetElapsedTime(began) : all;
            return left < LogGrace ? LogGrace : left;
        }
    }

    /// <summary>Opens all sockets and makes all loops; if one fails, none stays open.</summary>
    /// <exception cref="WorkerStartException">A socket or a loop cannot be made, or too few descriptors are left to serve; one
    /// line with cause and cure.</exception>
    public void Open()
    {
        try
        {
            foreach (IHostedWorker worker in workers) worker.OpenListeners();
            foreach (IHostedWorker worker in workers)
            {
                for (int id = 0; id < worker.Count; id++) _threads.Add(new LoopThread(MakeLoop(), worker, id, settings));
            }
            DescriptorWatch.Prepare();
        }
        catch
        {
            foreach (LoopThread thread in _threads) thread.Discard();
            CloseListeners();
            throw;
        }
    }

    /// <summary>Starts all loops and ends when they have ended.</summary>
    /// <exception cref="WorkerStartException">A worker could not begin; the others were stopped.</exception>
    public async Task RunAsync()
    {
        _runs = true;
        foreach (LoopThread thread in _threads) thread.Start();
        Task all = Task.WhenAll(_threads.ConvertAll(EndOf));
        try
        {
            await Task.WhenAny(all, _deadline.Task).ConfigureAwait(false);
            if (all.IsCompleted) await all.ConfigureAwait(false);
        }
        finally
        {
            CloseListeners();
            foreach (LoopThread thread in _threads.Where(thread => !thread.Ended.IsCompleted))
                Log.LoopHangs(settings.Logger, thread.Name);
            Log.Stopped(settings.Logger);
        }
    }

    /// <summary>Stops gracefully within the stop timeout. Further calls do nothing.</summary>
    public void Stop()
    {
        if (Interlocked.CompareExchange(ref _stoppedAt, Stopwatch.GetTimestamp(), 0) != 0) return;
        // Before anything else, so that the deadline holds whatever fails below.
        _ = EnforceDeadlineAsync();
        Log.Stopping(settings.Logger);
        foreach (LoopThread thread in _threads) thread.RequestStop();
    }

    /// <summary>Has each loop hand over to another process; it ends when its last connection is closed.</summary>
    /// <returns>How many loops there are, each of which is done once.</returns>
    public int HandOver(HandoverPlan plan)
    {
        foreach (LoopThread thread in _threads) thread.RequestHandOver(plan);
        return _threads.Count;
    }

    /// <summary>Stops without waiting for answers that are still to be sent.</summary>
    public void Abort()
    {
        Stop();
        foreach (LoopThread thread in _threads) thread.Abort();
    }

    private EventLoop MakeLoop()
    {
        try
        {
            EventLoop loop = EventLoopFactory.Create(settings.LoopType);
            LoopName = loop.Name;
            return loop;
        }
        catch (Win32Exception e)
        {
            throw new WorkerStartException(
                $"Cannot make an event loop: {e.Message}. Cure: raise the limit of open files (ulimit -n).", e);
        }
    }

    /// <summary>
    /// The end of one loop. If it has failed, the others are stopped: a server that serves only in part is hard to see.
    /// </summary>
    private async Task EndOf(LoopThread thread)
    {
        try
        {
            await thread.Ended.ConfigureAwait(false);
        }
        catch
        {
            Stop();
            throw;
        }
    }

    private async Task EnforceDeadlineAsync()
    {
        await Task.Delay(settings.StopTimeout).ConfigureAwait(false);
        foreach (LoopThread thread in _threads) thread.Abort();
        await Task.Delay(AbortGrace).ConfigureAwait(false);
        _deadline.TrySetResult();
    }

    private void CloseListeners()
    {
        foreach (IHostedWorker worker in workers) worker.CloseListeners();
    }
}
