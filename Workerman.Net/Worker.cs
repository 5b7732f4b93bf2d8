using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Logging;
using Workerman.Protocols.Http;
using Workerman.Supervision;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// An HTTP worker, and the static face of the library (PHP: <c>Workerman\Worker</c>). Make workers, set their callbacks, then
/// <see cref="RunAll()"/>.
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
    /// How long stopping may take with <c>stop -g</c>, and how long the old process may take to end after <c>reload -g</c>,
    /// before open connections are cut off; 30 seconds, up to 24 days.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or longer.</exception>
    public static TimeSpan GracefulStopTimeout { get; set => field = RunOptions.CheckStopTimeout(value); } =
        TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long the process of a daemon may take until its workers listen and their <c>OnWorkerStart</c> have returned; 60
    /// seconds, up to 24 days. Then starting, or the reload, has failed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive, or longer.</exception>
    public static TimeSpan StartTimeout
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfEqual(value, TimeSpan.Zero);
            field = RunOptions.CheckStopTimeout(value);
        }
    } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Requests after which the process of a daemon's workers is replaced by a new one, in the way of <c>reload -g</c>; 0 for
    /// never (PHP programs count in <c>onMessage</c> and call <c>stopAll()</c>). Looked at about once a second.
    /// </summary>
    public static long MaxRequests
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    /// <summary>
    /// Resident bytes beyond which the process of a daemon's workers is replaced, in the way of <c>reload -g</c>; 0 for none. The
    /// new process is asked for once for each that is too large. Looked at about once a second.
    /// </summary>
    public static long MemoryLimit
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    }

    /// <summary>
    /// How long the process of a daemon's workers lives before it is replaced, in the way of <c>reload -g</c>;
    /// <see cref="Timeout.InfiniteTimeSpan"/> for ever.
    /// </summary>
    public static TimeSpan MaxLifetime
    {
        get;
        set
        {
            if (value != Timeout.InfiniteTimeSpan) ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromSeconds(1));
            field = value;
        }
    } = Timeout.InfiniteTimeSpan;

    /// <summary>
    /// The time over which clients are spread that have to connect again after a reload, because what they have cannot move to
    /// the new process: 10 seconds. Event streams over TLS are told a random <c>retry</c> within it; WebSockets and connections
    /// of other protocols are closed at a random moment within it. The old process has <see cref="StopTimeout"/>, or
    /// <see cref="GracefulStopTimeout"/>, beyond it before open connections are cut off.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or longer than 24 days.</exception>
    public static TimeSpan ReloadWindow { get; set => field = RunOptions.CheckStopTimeout(value); } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The file that says which process runs the program, and is locked by it (PHP: <c>$pidFile</c>); null for one in
    /// <c>/run</c>, or in <c>~/.local/state/workerman</c> for other users than root, that is named after the program. The socket
    /// over which it takes commands is beside it. Linux, with <see cref="RunAll(string[])"/>.
    /// </summary>
    public static string? PidFile { get; set; }

    /// <summary>
    /// The program is reloaded (PHP: <c>$onMasterReload</c>). In the master's process, which has none of the workers' state.
    /// </summary>
    public static Action? OnMasterReload { get; set; }

    /// <summary>The program has ended (PHP: <c>$onMasterStop</c>). In the master's process.</summary>
    public static Action? OnMasterStop { get; set; }

    /// <summary>
    /// A process of the workers has ended (PHP: <c>$onWorkerExit</c>), with its exit code, or 128 and the number of the signal
    /// that has ended it. In the master's process.
    /// </summary>
    public static Action<int>? OnWorkerExit { get; set; }

    /// <summary>
    /// The event loop to use: <c>typeof(EpollLoop)</c>, <c>typeof(SocketLoop)</c>, or null for the best there is (PHP:
    /// <c>$eventLoopClass</c>).
    /// </summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public static Type? EventLoopClass { get; set => field = RunOptions.CheckEventLoop(value); }

    /// <summary>
    /// How long a callback may hold its loop before the log says so, with the callback's name: once for each call, and again when
    /// it has returned; 1 second, at least 10 milliseconds, <see cref="Timeout.InfiniteTimeSpan"/> for never. A shorter time
    /// would report what happens once, such as the first use of code that is still to be compiled. It is measured by looking
    /// eight times within it, so it is exact to an eighth. Nothing is reported while a debugger is attached. A run keeps what is
    /// set when it starts.
    /// </summary>
    public static TimeSpan SlowCallbackTime
    {
        get;
        set
        {
            if (value != Timeout.InfiniteTimeSpan)
                ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromMilliseconds(10));
            field = value;
        }
    } = TimeSpan.FromSeconds(1);

    /// <summary>What the statics say now: whatever begins here is given it, and hands it on.</summary>
    /// <param name="options">What a run has of its own.</param>
    internal static ServerSettings ReadSettings(RunOptions? options = null) => new(
        options?.Logger is { } logger ? new GuardedLogger(logger, LogQueue.Shared) : _logger,
        options?.EventLoopClass ?? EventLoopClass,
        options?.StopTimeout ?? StopTimeout)
    {
        Files = _files,
        SlowCallbackTime = SlowCallbackTime
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
        foreach (ConnectionCollection connections in WorkerRegistry.AllConnections()) connections.CopyTo(all);
        return all;
    }

    /// <summary>
    /// Runs all workers until Ctrl+C, SIGTERM or <see cref="StopAll"/>, then stops them gracefully (PHP: <c>runAll()</c>). What
    /// keeps it from starting is one line on the log and exit code 1.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no worker, or one is set up in a way that cannot work.</exception>
    public static void RunAll()
    {
        int code = ProgramRun.RunHere(isQuiet: false);
        if (code != 0) Environment.ExitCode = code;
    }

    /// <summary>
    /// Does what the program's command line says (PHP: <c>runAll()</c> with <c>php start.php start -d</c> and the like):
    /// <c>start</c>, which is also done without a command, <c>start -d</c> for a daemon, <c>stop</c>, <c>restart</c>,
    /// <c>reload</c>, <c>status</c>, <c>connections</c>, <c>install</c>, <c>help</c>. It returns when the command is done, with
    /// <see cref="Environment.ExitCode"/> set: 0 done, 1 failed, 2 wrong use, 3 not running. Make all workers before: the
    /// program is started anew for the daemon and for its workers, each time with the same command line, and gets as far as this
    /// call. On other systems than Linux there is only <c>start</c>.
    /// </summary>
    /// <param name="args">The arguments of the program.</param>
    /// <exception cref="ArgumentException"><paramref name="args"/> has a null in it.</exception>
    /// <exception cref="InvalidOperationException">There is no worker, or one is set up in a way that cannot work.</exception>
    public static void RunAll(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        if (args.Contains(null!))
            throw new ArgumentException("One of the arguments is null. Cure: leave it out.", nameof(args));
        Environment.ExitCode = ProgramRun.Run(args);
    }

    /// <summary>
    /// Has the program replaced by a new process of its files, as the command <c>reload -g</c> does (in PHP programs a child
    /// calls <c>stopAll()</c> for that, which ends the whole program here). Without a master, which <c>start -d</c> has, a line
    /// in the log says that nobody can. Any thread.
    /// </summary>
    public static void Reload()
    {
        if (OperatingSystem.IsLinux() && MasterLink.Current is { } master) master.AskReload("Worker.Reload was called");
        else Log.CannotReload(ReadSettings().Logger, "Worker.Reload");
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
    /// Stops all workers that run, gracefully within <see cref="StopTimeout"/>, and with them the program, its master included
    /// (PHP: <c>stopAll()</c>, which in a child ends that process alone: see <see cref="Reload"/>). Any thread.
    /// </summary>
    public static void StopAll()
    {
        // A master would start the process again.
        if (OperatingSystem.IsLinux()) MasterLink.Current?.AskStop();
        WorkerRegistry.StopRuns();
    }
}
