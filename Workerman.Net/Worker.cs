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
public class Worker(string? address = null, WorkerOptions? options = null) : Worker<Request>(address, options)
{
    private static GuardedLogger _logger = new(new ConsoleLogger(), LogQueue.Shared);

    /// <summary>For clients on loops of the application's own: what their peers can cause.</summary>
    private static LimitedLogger _peerLog = new(_logger);

    /// <summary>How long stopping may take before open connections are cut off; 2 seconds (PHP: <c>$stopTimeout</c>).</summary>
    public static TimeSpan StopTimeout
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
            field = value;
        }
    } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The event loop to use: <c>typeof(EpollLoop)</c>, <c>typeof(SocketLoop)</c>, or null for the best there is (PHP:
    /// <c>$eventLoopClass</c>).
    /// </summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public static Type? EventLoopClass
    {
        get;
        set
        {
            if (value is not null && value != typeof(EpollLoop) && value != typeof(SocketLoop))
                throw new ArgumentException(
                    $"{value} is no event loop of this library; use typeof(EpollLoop) or typeof(SocketLoop).", nameof(value));
            field = value;
        }
    }

    /// <summary>
    /// Where the library logs to; by default lines on the console (PHP: <c>Worker::log</c>). The library calls it on a thread
    /// of its own, one line after another, with the <see cref="ExecutionContext"/> of where the line arose: one that is slow or
    /// blocks holds no loop. Only its <see cref="ILogger.IsEnabled"/> is called there and then. A run keeps the one that is set
    /// when it starts.
    /// </summary>
    public static ILogger Logger
    {
        get => _logger.Inner;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            _logger = new GuardedLogger(value, LogQueue.Shared);
            _peerLog = new LimitedLogger(_logger);
        }
    }

    /// <summary>
    /// How many characters of log lines may wait for a log that does not take them (a pipe that is not read, a slow
    /// <see cref="Logger"/>); 1,048,576, at least 1. Beyond, lines are dropped, and one line says how many once writing goes on.
    /// </summary>
    public static long LogBufferSize
    {
        get => LogQueue.Shared.MaxSize;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            LogQueue.Shared.MaxSize = value;
        }
    }

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
    internal static ServerSettings ReadSettings() =>
        new(_logger, EventLoopClass, StopTimeout) { SlowCallbackTime = SlowCallbackTime };

    /// <summary>
    /// Where what lives on a loop logs to: where its run does; on a loop of the application's own, where the library does.
    /// </summary>
    internal static ILogger LoggerOf(IEventLoop loop) => (loop as EventLoop)?.Logger ?? _peerLog;

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
            Log.StartFailed(settings.Logger, e.Message);
            settings.Logger.Queue.Flush(settings.StopTimeout);
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
    /// Stops all workers that run, gracefully within <see cref="StopTimeout"/> (PHP: <c>stopAll()</c>). Any thread.
    /// </summary>
    public static void StopAll() => WorkerRegistry.StopRuns();
}
