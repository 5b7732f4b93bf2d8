using System.Runtime.Versioning;
using Workerman.Hosting;
using Workerman.Logging;
using Workerman.Supervision;

namespace Workerman.Workers;

/// <summary>
/// Runs the workers in the process that a user, or systemd, has started, until they are stopped: without a master, so that nobody
/// starts them again. For the main thread.
/// </summary>
internal static class ForegroundRun
{
    /// <param name="isQuiet">Whether there is no banner.</param>
    /// <param name="name">The name of the program.</param>
    /// <param name="pidFile">Its pid file, beside which it takes commands; null for a program that takes none.</param>
    /// <returns>The exit code.</returns>
    public static int Run(bool isQuiet, string name = "", string? pidFile = null)
    {
        ServerSettings settings = Worker.ReadSettings();
        try
        {
            if (OperatingSystem.IsLinux()) return RunOnLinux(settings, isQuiet, name, pidFile);
            RunUntilStopped(WorkerRun.Open(settings, WorkerRegistry.Workers), settings, isQuiet, static _ => null);
            return ExitCode.Done;
        }
        catch (WorkerStartException e)
        {
            Worker.ReportStartFailure(settings, e);
            return ExitCode.Failed;
        }
    }

    [SupportedOSPlatform("linux")]
    private static int RunOnLinux(ServerSettings settings, bool isQuiet, string name, string? pidFile)
    {
        // Before anything is started that is not to have what systemd says to this process alone.
        _ = Systemd.Current;
        using PidFile? held = pidFile is null ? null : PidFile.Take(pidFile);
        InheritedSockets.AddFromSystemd();
        var rights = WorkerRights.Prepare(settings.Files with { StdoutFile = null });
        var run = WorkerRun.Open(settings, WorkerRegistry.Workers);
        foreach (string socket in InheritedSockets.CloseRest()) SupervisionLog.SocketUnwanted(settings.Logger, socket);
        // While it may still make files where root may.
        using ForegroundControl? control = held is null ? null : new ForegroundControl(run, settings, name, held);
        rights.Drop();
        RunUntilStopped(run, settings, isQuiet, running => SystemdReport.Begin(run, running));
        return ExitCode.Done;
    }

    private static void RunUntilStopped(WorkerRun run, ServerSettings settings, bool isQuiet, Func<Task, IDisposable?> begin)
    {
        TimeSpan graceful = Worker.GracefulStopTimeout;
        using var signals = new StopSignals(settings.Logger, run.Stop, run.Abort, reload: null, () => run.Stop(graceful));
        // Who reads the banner may send a signal at once.
        if (!isQuiet) ConsoleLines.Print(run.Banner(Banner.CtrlC), isError: false);
        Task running = run.RunAsync();
        using IDisposable? report = begin(running);
        running.GetAwaiter().GetResult();
    }
}

/// <summary>
/// Tells systemd of workers that run without a master: when they have begun, when they stop, and between that they are alive, but
/// not while one of their loops is in one callback for longer than systemd waits. Any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SystemdReport : IDisposable
{
    private readonly WorkerRun _run;
    private readonly System.Threading.Timer? _watchdog;

    private SystemdReport(WorkerRun run)
    {
        _run = run;
        if (Systemd.Current.WatchdogInterval is { } interval)
            _watchdog = new System.Threading.Timer(_ => TellIfAlive(), null, TimeSpan.Zero, interval);
    }

    /// <returns>Null if systemd wants to hear nothing, or the workers cannot begin.</returns>
    public static SystemdReport? Begin(WorkerRun run, Task running)
    {
        if (!Systemd.Current.IsThere) return null;
        Task<bool> begun = run.Begun;
        if (Task.WaitAny(running, begun) == 0 || !begun.Result) return null;
        Systemd.Current.Ready("serving");
        run.Stopping.ContinueWith(static _ => Systemd.Current.Stopping(), TaskScheduler.Default);
        return new SystemdReport(run);
    }

    public void Dispose() => _watchdog?.Dispose();

    private void TellIfAlive()
    {
        TimeSpan limit = Systemd.Current.WatchdogTime!.Value;
        if (_run.Workers.All(worker => worker.LoopStatistics.All(loop => loop.Busy < limit))) Systemd.Current.Alive();
    }
}

/// <summary>Takes commands for a program that runs in the foreground. Any thread.</summary>
[SupportedOSPlatform("linux")]
internal sealed class ForegroundControl : IControlled, IDisposable
{
    private readonly WorkerRun _run;
    private readonly RunReport _report;
    private readonly ControlServer _server;

    /// <exception cref="WorkerStartException">The control socket cannot be made.</exception>
    public ForegroundControl(WorkerRun run, ServerSettings settings, string name, PidFile held)
    {
        _run = run;
        _report = new RunReport(run, name);
        _server = new ControlServer(PidFile.ControlPath(held.Path), this, settings.Logger);
        _report.Tick = () =>
        {
            held.Keep();
            _server.Keep();
        };
    }

    public void Handle(ControlRequest request, Action<ControlReply> reply)
    {
        switch (request.Command)
        {
            case "stop":
                _run.Stop(TimeSpan.FromSeconds(request.TimeoutSeconds
                    ?? (request.Graceful ? Worker.GracefulStopTimeout : Worker.StopTimeout).TotalSeconds));
                break;
            case "reload":
                reply(new ControlReply
                {
                    Ok = false,
                    Message = "This program runs in the foreground, without a master that could reload it. Cure: start -d.",
                });
                break;
            default:
                reply(_report.Answer(request));
                break;
        }
    }

    public void Dispose()
    {
        _server.Dispose();
        _report.Dispose();
    }
}
