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
    private static readonly Lock Gate = new();
    private static readonly List<WorkerBase> Registered = [];
    private static readonly List<ServerHost> Hosts = [];

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

    /// <summary>The event loop to use: <c>typeof(EpollLoop)</c>, <c>typeof(SocketLoop)</c>, or null for the best there is (PHP: <c>$eventLoopClass</c>).</summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public static Type? EventLoopClass
    {
        get;
        set
        {
            if (value is not null && value != typeof(EpollLoop) && value != typeof(SocketLoop))
                throw new ArgumentException($"{value} is no event loop of this library; use typeof(EpollLoop) or typeof(SocketLoop).", nameof(value));
            field = value;
        }
    }

    /// <summary>
    /// Where the library logs to; by default lines on the console (PHP: <c>Worker::log</c>). The library calls it on a thread of
    /// its own, one line after another, with the <see cref="ExecutionContext"/> of where
    /// the line arose: one that is slow or blocks holds no loop. Only its <see cref="ILogger.IsEnabled"/> is called there and
    /// then.
    /// </summary>
    public static ILogger Logger
    {
        get => SafeLogger.Inner;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            SafeLogger = new GuardedLogger(value);
        }
    }

    /// <summary>
    /// How many characters of log lines may wait for a log that does not take them (a pipe that nobody reads, a slow
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

    /// <summary>The logger as the library itself uses it: it neither throws nor blocks.</summary>
    internal static GuardedLogger SafeLogger { get; private set; } = new(new ConsoleLogger());

    /// <summary>The workers that have been made and not been run yet, and those that run (PHP: <c>getAllWorkers()</c>).</summary>
    public static IReadOnlyList<WorkerBase> GetAllWorkers()
    {
        lock (Gate) return [.. Registered];
    }

    /// <summary>
    /// Where the workers are in their life; of several runs at once the one that runs counts (PHP: <c>getStatus()</c>). Any
    /// thread.
    /// </summary>
    public static WorkerStatus GetStatus()
    {
        lock (Gate)
        {
            return Hosts.Count == 0 ? WorkerStatus.Initial
                : Hosts.Exists(host => host.Status == WorkerStatus.Running) ? WorkerStatus.Running
                : Hosts.Max(host => host.Status);
        }
    }

    /// <summary>
    /// A snapshot of all open connections of the process, those of all workers and loops, and the client connections (PHP:
    /// <c>TcpConnection::$connections</c>, which are those of one
    /// process). Any thread.
    /// </summary>
    public static ConnectionCollection GetAllConnections()
    {
        var all = new ConnectionCollection();
        CopyRunningTo(all);
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
        try
        {
            ServerHost host = OpenHost(out List<WorkerBase> workers);
            ConsoleLines.Print(Banner.Format(host.LoopName, workers.ConvertAll(RowOf)), isError: false);
            using var signals = new StopSignals(host.Stop, host.Abort);
            RunHostAsync(host, workers).GetAwaiter().GetResult();
        }
        catch (WorkerStartException e)
        {
            Log.StartFailed(SafeLogger, e.Message);
            LogQueue.Shared.Flush(StopTimeout);
            Environment.ExitCode = 1;
        }
    }

    /// <summary>
    /// Runs all workers until <paramref name="cancellationToken"/> or <see cref="StopAll"/>, then stops them gracefully. They listen
    /// when it returns; its task ends when they have stopped. For hosts and tests: no banner, no signals.
    /// </summary>
    /// <exception cref="WorkerStartException">A worker cannot start; none stays open.</exception>
    /// <exception cref="InvalidOperationException">There is no worker, or one is set up in a way that cannot work.</exception>
    public static Task RunAllAsync(CancellationToken cancellationToken = default)
    {
        ServerHost host = OpenHost(out List<WorkerBase> workers);
        return RunUntilCanceledAsync(host, workers, cancellationToken);
    }

    /// <summary>Stops all workers that run, gracefully within <see cref="StopTimeout"/> (PHP: <c>stopAll()</c>). Any thread.</summary>
    public static void StopAll()
    {
        ServerHost[] hosts;
        lock (Gate) hosts = [.. Hosts];
        foreach (ServerHost host in hosts) host.Stop();
    }

    internal static void Register(WorkerBase worker)
    {
        lock (Gate) Registered.Add(worker);
    }

    private static ServerHost OpenHost(out List<WorkerBase> workers)
    {
        if (LoopThread.Current is not null) throw new InvalidOperationException("This is a callback, so workers run already. To run another one on this loop, make it here and call its Listen().");
        lock (Gate) workers = Registered.FindAll(worker => worker.TryTake());
        if (workers.Count == 0) throw new InvalidOperationException("There is no worker to run (each runs once); make one first: new Worker(\"http://0.0.0.0:8080\").");
        var host = new ServerHost(workers, EventLoopClass, StopTimeout, SafeLogger);
        try
        {
            host.Open();
        }
        catch
        {
            Forget(workers);
            throw;
        }
        lock (Gate) Hosts.Add(host);
        return host;
    }

    private static async Task RunHostAsync(ServerHost host, List<WorkerBase> workers)
    {
        try
        {
            await host.RunAsync().ConfigureAwait(false);
        }
        finally
        {
            lock (Gate) Hosts.Remove(host);
            Forget(workers);
            await LogQueue.Shared.FlushAsync(host.TimeLeft).ConfigureAwait(false);
        }
    }

    private static async Task RunUntilCanceledAsync(ServerHost host, List<WorkerBase> workers, CancellationToken cancellationToken)
    {
        // Registered first: a token that is cancelled already stops the host as soon as it runs.
        Task run = RunHostAsync(host, workers);
        using CancellationTokenRegistration registration = cancellationToken.Register(host.Stop);
        await run.ConfigureAwait(false);
    }

    private static void Forget(List<WorkerBase> workers)
    {
        lock (Gate) Registered.RemoveAll(workers.Contains);
    }

    private static BannerRow RowOf(WorkerBase worker) => new(
        worker.HasAddress ? worker.Scheme : worker.Address, Environment.UserName, worker.Name, worker.HasAddress ? $"{worker.Scheme}://{worker.Bound}" : worker.Address, worker.Count);
}
