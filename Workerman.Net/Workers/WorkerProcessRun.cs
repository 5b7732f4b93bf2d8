using System.Diagnostics;
using System.Runtime.Versioning;
using Workerman.Hosting;
using Workerman.Logging;
using Workerman.Supervision;

namespace Workerman.Workers;

/// <summary>
/// The workers in a process of their own, under a master: it follows the master's orders, hands over to the process that replaces
/// it, and takes over from the one that it replaces. One in its process. Orders come on the thread of the master's channel.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class WorkerProcessRun(MasterLink link, List<WorkerBase> workers, string howToStop, bool isDaemon) : IMasterOrders
{
    private readonly ServerSettings _settings = Worker.ReadSettings();
    private readonly DaemonOutput _output = new(Worker.Files);
    /// <summary>A new process that cannot start does not save this one: it asks again.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(1);

    /// <summary>The other process hangs if it has not taken all by then.</summary>
    private static readonly TimeSpan HandOverTime = TimeSpan.FromSeconds(30);

    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private long? _askedAt;
    private bool _wasChecked;
    private TaskCompletionSource? _handOver;
    private readonly TaskCompletionSource _hold = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WorkerRun _run = null!;
    private RunReport _report = null!;

    /// <returns>The exit code.</returns>
    /// <exception cref="WorkerStartException">A worker cannot start.</exception>
    /// <exception cref="InvalidOperationException">One is set up in a way that cannot work.</exception>
    public int Run(bool takesOver)
    {
        try
        {
            var rights = WorkerRights.Prepare(_settings.Files);
            _run = WorkerRun.Open(_settings, workers);
            foreach (string address in InheritedSockets.CloseRest()) link.SendUnused(address);
            foreach (Listener listener in Listener.All.Where(listener => !listener.IsInherited))
                link.SendSocket(listener.Address, (int)listener.Socket.Handle);
            rights.Drop();
            if (isDaemon && Environment.IsPrivilegedProcess) SupervisionLog.RunsAsRoot(_settings.Logger);
            if (isDaemon && !takesOver && Worker.IsDaemonSilent) SupervisionLog.GoesNowhere(_settings.Logger);
            using var report = new RunReport(_run, "");
            _report = report;
            report.Tick = () =>
            {
                _output.Tend(false);
                CheckLimits(report.TotalRequests);
            };
            using var signals =
                new StopSignals(_settings.Logger, _run.Stop, _run.Abort, reload: () => link.AskReload("a signal"));
            Task running = _run.RunAsync(takesOver ? _hold.Task : null);
            Task<bool> begun = _run.Begun;
            if (Task.WaitAny(running, begun) == 1 && begun.Result)
            {
                if (isDaemon) _output.Redirect();
                link.SendReady(_run.Banner(howToStop));
            }
            link.Follow(this);
            running.GetAwaiter().GetResult();
            // Loops that have given all away end at once, while it is still on its way.
            if (_handOver?.Task.Wait(HandOverTime) is false) SupervisionLog.HandOverBroke(_settings.Logger);
            return ExitCode.Done;
        }
        finally
        {
            _settings.Logger.Queue.Flush(_settings.StopTimeout);
        }
    }

    /// <summary>Asks to be replaced, once, when it has done or taken enough. About once a second.</summary>
    private void CheckLimits(long requests)
    {
        long memory = Worker.MemoryLimit > 0 ? ProgramReport.MemoryOf(Environment.ProcessId) : 0;
        // One that is too large from the beginning would be replaced by its like, again and again: it is given time.
        if (!_wasChecked && memory > Worker.MemoryLimit)
        {
            SupervisionLog.LimitTooLow(_settings.Logger, memory / 1024 / 1024, Worker.MemoryLimit / 1024 / 1024);
            _askedAt = Stopwatch.GetTimestamp();
        }
        _wasChecked = true;
        string? reason = Worker.MaxRequests > 0 && requests >= Worker.MaxRequests ? $"{requests} requests (Worker.MaxRequests)"
            : memory > Worker.MemoryLimit ? $"{memory / 1024 / 1024} MiB (Worker.MemoryLimit)"
            : Worker.MaxLifetime != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(_startedAt) > Worker.MaxLifetime
                ? $"{(long)Worker.MaxLifetime.TotalSeconds} s (Worker.MaxLifetime)"
            : null;
        if (reason is null || _askedAt is { } asked && Stopwatch.GetElapsedTime(asked) < AskAgain) return;
        _askedAt = Stopwatch.GetTimestamp();
        link.AskReload(reason);
    }

    void IMasterOrders.Stop(StopOrder order)
    {
        _hold.TrySetResult();
        _run.Stop(TimeSpan.FromSeconds(order.TimeoutSeconds));
    }

    void IMasterOrders.HandOver(StopOrder order, Channel channel)
    {
        var deadline = TimeSpan.FromSeconds(order.TimeoutSeconds);
        // Counted from when all that can move has moved.
        _handOver = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new HandoverSender(channel, _run, Worker.ReloadWindow, () =>
        {
            _ = AbortAfter(deadline);
            _handOver.SetResult();
        }).Start();
    }

    void IMasterOrders.TakeOver(Channel? channel)
    {
        if (channel is null)
        {
            Serve();
            return;
        }
        new Thread(() => new HandoverReceiver(channel, _run).Run(Serve))
        {
            IsBackground = true,
            Name = "workerman take over",
        }.Start();
    }

    private async Task AbortAfter(TimeSpan deadline)
    {
        await Task.Delay(deadline).ConfigureAwait(false);
        _run.Abort();
    }

    private void Serve()
    {
        _hold.TrySetResult();
        link.SendServing();
    }

    void IMasterOrders.OnReloaded()
    {
        _settings.Logger.ReopenFile();
        _output.Reopen();
        foreach (WorkerBase worker in _run.Workers) worker.TellOfReload();
    }

    ControlReply IMasterOrders.Answer(ControlRequest request) => _report.Answer(request);

    void IMasterOrders.OnMasterGone()
    {
        if (_run.Status == WorkerStatus.Shutdown) return;
        SupervisionLog.MasterGone(_settings.Logger);
        _hold.TrySetResult();
        _run.Stop();
    }
}
