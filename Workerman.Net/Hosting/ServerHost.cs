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
    private readonly TaskCompletionSource _stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _deadline = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TimeSpan _stopTimeout = settings.StopTimeout;
    private long _stoppedAt;
    private volatile bool _runs;

    public string LoopName { get; private set; } = "";

    /// <summary>Ends when all workers have begun on all their loops: whether all could. Once it runs.</summary>
    public Task<bool> Begun => AllOf(_threads.ConvertAll(thread => thread.Begun));

    /// <summary>Ends when it is told to stop, by whomever.</summary>
    public Task Stopping => _stopping.Task;

    public WorkerStatus Status =>
        Volatile.Read(ref _stoppedAt) != 0 ? WorkerStatus.Shutdown : _runs ? WorkerStatus.Running : WorkerStatus.Starting;

    /// <summary>What is left of the time that stopping may take, at least <see cref="LogGrace"/>.</summary>
    public TimeSpan TimeLeft
    {
        get
        {
            TimeSpan all = _stopTimeout + AbortGrace;
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
    /// <param name="hold">What the loops wait for when their workers have begun; null for nothing.</param>
    /// <exception cref="WorkerStartException">A worker could not begin; the others were stopped.</exception>
    public async Task RunAsync(Task? hold)
    {
        _runs = true;
        // One that could not begin stops the others: they are not to be held then.
        Task? held = hold is null ? null : Task.WhenAny(hold, _stopping.Task);
        foreach (LoopThread thread in _threads) thread.Start(held);
        Task all = Task.WhenAll(_threads.ConvertAll(EndOf));
        try
        {
            await Task.WhenAny(all, _deadline.Task).ConfigureAwait(false);
            if (all.IsCompleted) await all.ConfigureAwait(false);
            // One that has failed is the reason why the others were stopped, also if one of these hangs.
            else if (_threads.Find(static thread => thread.Ended.IsFaulted) is { } failed)
                await failed.Ended.ConfigureAwait(false);
        }
        finally
        {
            CloseListeners();
            foreach (LoopThread thread in _threads.Where(thread => !thread.Ended.IsCompleted))
                Log.LoopHangs(settings.Logger, thread.Name);
            Log.Stopped(settings.Logger);
        }
    }

    /// <summary>Stops gracefully. Further calls can only hasten it.</summary>
    /// <param name="timeout">How long it may take from now on; null for the stop timeout, or what was said before.</param>
    public void Stop(TimeSpan? timeout = null)
    {
        if (Interlocked.CompareExchange(ref _stoppedAt, Stopwatch.GetTimestamp(), 0) != 0)
        {
            // That of the call before holds, too: the sooner one ends it.
            if (timeout is { } sooner) _ = EnforceDeadlineAsync(sooner);
            return;
        }
        if (timeout is { } chosen) _stopTimeout = chosen;
        _stopping.SetResult();
        // Before anything else, so that the deadline holds whatever fails below.
        _ = EnforceDeadlineAsync(_stopTimeout);
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

    /// <summary>Stops without waiting for answers that are still to be sent, nor for callbacks that do not return.</summary>
    public void Abort()
    {
        Stop();
        _ = AbortAsync();
    }

    /// <summary>The names of the loops that a callback keeps from their next turn for longer than a limit.</summary>
    public async Task<IReadOnlyList<string>> FindStuckLoopsAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        List<Task> turns = _threads.ConvertAll(thread => thread.NextTurn());
        try
        {
            await Task.WhenAll(turns).WaitAsync(limit, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Those that have answered are told from the others below.
        }
        return [.. _threads.Where((_, i) => !turns[i].IsCompleted).Select(thread => thread.Name)];
    }

    private static async Task<bool> AllOf(List<Task<bool>> tasks) =>
        Array.TrueForAll(await Task.WhenAll(tasks).ConfigureAwait(false), static each => each);

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

    private async Task EnforceDeadlineAsync(TimeSpan time)
    {
        await Task.Delay(time).ConfigureAwait(false);
        await AbortAsync().ConfigureAwait(false);
    }

    private async Task AbortAsync()
    {
        foreach (LoopThread thread in _threads) thread.Abort();
        await Task.Delay(AbortGrace).ConfigureAwait(false);
        _deadline.TrySetResult();
    }

    private void CloseListeners()
    {
        foreach (IHostedWorker worker in workers) worker.CloseListeners();
    }
}
