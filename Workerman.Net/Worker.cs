using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Logging;
using Workerman.Protocols.Http;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// An HTTP worker, and the static face of the library (PHP: <c>Workerman\Worker</c>). Make workers, set their callbacks, then
/// <see cref="RunAll"/>.
/// </summary>
/// <param name="address">Where to listen, for example <c>http://0.0.0.0:8080</c>; null for nowhere.</param>
/// <param name="options">Settings of its sockets and protocol.</param>
public partial class Worker(string? address = null, WorkerOptions? options = null) : Worker<Request>(address, options)
{
    /// <summary>
    /// How long stopping may take before open connections are cut off; 2 seconds, up to 24 days (PHP: <c>$stopTimeout</c>).
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or longer.</exception>
    public static TimeSpan StopTimeout { get; set => field = RunOptions.CheckStopTimeout(value); } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The event loop to use: <c>typeof(EpollLoop)</c>, <c>typeof(SocketLoop)</c>, or null for the best there is (PHP:
    /// <c>$eventLoopClass</c>).
    /// </summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public static Type? EventLoopClass { get; set => field = RunOptions.CheckEventLoop(value); }

    /// <summary>What the statics say now: whatever begins here is given it, and hands it on.</summary>
    /// <param name="options">What a run has of its own.</param>
    internal static ServerSettings ReadSettings(RunOptions? options = null) => new(
        options?.Logger is { } logger ? new GuardedLogger(logger, LogQueue.Shared) : _logger,
        options?.EventLoopClass ?? EventLoopClass,
        options?.StopTimeout ?? StopTimeout)
    {
        Files = _files
    };

    /// <summary>
    /// The workers that have been made and not been run yet, and those that run (PHP: <c>getAllWorkers()</c>). Any thread.
    /// </summary>
    public static IReadOnlyList<WorkerBase> GetAllWorkers() => WorkerRegistry.Workers;

    /// <summary>
    /// Where the workers are in their life; of several runs at once the one that runs counts (PHP: <c>getStatus()</c>). Any
    /// thread.
    /// </summary>
    public static WorkerStatus GetStatus() => WorkerRegistry.Status;

    /// <summary>
    /// A snapshot of all open connections of the process, those of all workers and loops, and the client connections (PHP:
    /// <c>TcpConnection::$connections</c>, which are those of one process). Any thread.
    /// </summary>
    public static ConnectionCollection GetAllConnections()
    {
        var all = new ConnectionCollection();
        WorkerRegistry.CopyConnectionsTo(all);
        LoopClients.ForAll(all.Add);
        return all;
    }

    /// <summary>
    /// Runs all workers until Ctrl+C, SIGTERM or <see cref="StopAll"/>, then stops them gracefully (PHP: <c>runAll()</c>). What
    /// keeps it from starting is one line on the log and exit code 1.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no worker, or one is set up in a way that cannot work.</exception>
    public static void RunAll()
    {
        ServerSettings settings = ReadSettings();
        try
        {
            var run = WorkerRun.Open(settings, WorkerRegistry.Workers);
            ConsoleLines.Print(run.Banner, isError: false);
            using var signals = new StopSignals(run.Stop, run.Abort);
            run.RunAsync().GetAwaiter().GetResult();
        }
        catch (WorkerStartException e)
        {
            ReportStartFailure(settings, e);
            Environment.ExitCode = 1;
        }
    }

    /// <summary>
    /// Runs all workers until <paramref name="cancellationToken"/> or <see cref="StopAll"/>, then stops them gracefully. They
    /// listen when it returns; its task ends when they have stopped. For hosts and tests: no banner, no signals.
    /// </summary>
    /// <exception cref="WorkerStartException">A worker cannot start; none stays open.</exception>
    /// <exception cref="InvalidOperationException">There is no worker, or one is set up in a way that cannot work.</exception>
    public static Task RunAllAsync(CancellationToken cancellationToken = default) =>
        WorkerRun.Open(ReadSettings(), WorkerRegistry.Workers).RunUntilAsync(cancellationToken);

    /// <summary>
    /// Starts these workers and no others, with settings of their own, beside whatever else runs in the process: for programs
    /// that have a host of their own, or several. When its task has ended they listen, and <c>OnWorkerStart</c> has returned on
    /// each of their loops. No banner, no signals. Any thread, but not in a callback of a worker.
    /// </summary>
    /// <param name="workers">The workers; none that has been run. They may be made while they are listed: if that throws, those
    /// that were made so far are forgotten.</param>
    /// <param name="options">Settings; null for what the statics of this class say.</param>
    /// <param name="cancellationToken">Gives the start up; it says nothing once they run.</param>
    /// <exception cref="WorkerStartException">A worker cannot start; none stays open.</exception>
    /// <exception cref="InvalidOperationException">There is no worker, one has been run already, or one is set up in a way that
    /// cannot work.</exception>
    /// <exception cref="OperationCanceledException">It was given up; none stays open.</exception>
    public static Task<RunningWorkers> StartAsync(
        IEnumerable<WorkerBase> workers, RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(workers);
        return RunningWorkers.StartAsync(ReadSettings(options), workers, cancellationToken);
    }

    /// <summary>
    /// Stops all workers that run, gracefully within <see cref="StopTimeout"/> (PHP: <c>stopAll()</c>). Any thread.
    /// </summary>
    public static void StopAll() => WorkerRegistry.StopRuns();
}
