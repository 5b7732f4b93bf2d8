using Microsoft.Extensions.Logging;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Logging;

namespace Workerman;

/// <summary>
/// Where the library logs to, and what becomes of what a daemon prints. A run keeps what is set when it starts; set them on one
/// thread.
/// </summary>
public partial class Worker
{
    private static LogFileSettings _files = new();

    /// <summary>The files of the log, and of what a daemon prints.</summary>
    internal static LogFileSettings Files => _files;

    private static GuardedLogger _logger = new(_files.MakeLogger(), LogQueue.Shared);

    /// <summary>For clients on loops of the application's own: what their peers can cause.</summary>
    private static LimitedLogger _peerLog = new(_logger);

    /// <summary>
    /// Where the library logs to; by default lines on the console, or in <see cref="LogFile"/> (PHP: <c>Worker::log</c>). The
    /// library calls it on a thread of its own, one line after another, with the <see cref="ExecutionContext"/> of where the line
    /// arose: one that is slow or blocks holds no loop. Only its <see cref="ILogger.IsEnabled"/> is called there and then. A run
    /// keeps the one that is set when it starts, and in a callback this is the one of its run.
    /// </summary>
    public static ILogger Logger
    {
        get => (LoopThread.Current?.Settings.Logger ?? _logger).Inner;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            LogTo(value);
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

    /// <summary>Whether a daemon's log goes nowhere: it is the console's, and what is printed is not kept.</summary>
    internal static bool IsDaemonSilent => _logger.Inner is ConsoleLogger && _files.StdoutFile is null;

    /// <summary>
    /// The file of the log; null, the default, for the console (PHP: <c>$logFile</c>). A logger that the application has set
    /// (<see cref="Logger"/>) takes its place. It is made with mode 0640, and its folder too if only that is missing; if it
    /// cannot be opened the workers do not start. Lines are appended whole, on Linux also those of several processes. While it
    /// cannot be written, because the disk is full for example, lines are dropped, standard error is told once, and the log says
    /// how many when it can be written again. Other programs may rename it (logrotate(8)): the next line makes a new one. A
    /// relative path is taken from the folder that is current when it is set.
    /// </summary>
    /// <exception cref="ArgumentException">It is no path of a file.</exception>
    public static string? LogFile
    {
        get => _files.LogFile;
        set => Use(_files with { LogFile = LogFileSettings.CheckPath(value) });
    }

    /// <summary>
    /// Bytes from which on <see cref="LogFile"/> and <see cref="StdoutFile"/> are renamed, to a name that ends in <c>.1</c>, and
    /// begun anew; 10 MiB, at least 0, which means never. (PHP: no limit.)
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public static long LogFileMaxSize
    {
        get => _files.MaxSize;
        set => Use(_files with { MaxSize = LogFileSettings.CheckMaxSize(value) });
    }

    /// <summary>
    /// How many files that were renamed are kept, from <c>.1</c>, the newest, on; 5, 1 to 1,000.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is another number.</exception>
    public static int LogFileCount
    {
        get => _files.Count;
        set => Use(_files with { Count = LogFileSettings.CheckCount(value) });
    }

    /// <summary>
    /// Where standard output and standard error of a daemon go; null, the default, for nowhere (<c>/dev/null</c>; PHP:
    /// <c>$stdoutFile</c>). Not in the foreground. It is rotated as <see cref="LogFile"/> is. Linux.
    /// </summary>
    /// <exception cref="ArgumentException">It is no path of a file.</exception>
    public static string? StdoutFile
    {
        get => _files.StdoutFile;
        set => Use(_files with { StdoutFile = LogFileSettings.CheckPath(value) });
    }

    /// <summary>
    /// Has no effect, and is there for programs that are ported (PHP: <c>$statusFile</c>): the status of a running program is
    /// asked for over its control socket, and no file is written.
    /// </summary>
    public static string? StatusFile { get; set; }

    /// <summary>
    /// Where what lives on a loop logs to: where its run does; on a loop of the application's own, and on none (null), where the
    /// library does.
    /// </summary>
    internal static ILogger LoggerOf(IEventLoop? loop) => (loop as EventLoop)?.Logger ?? _peerLog;

    /// <summary>Says why a run cannot start: in the log, and on standard error where the log is a file.</summary>
    internal static void ReportStartFailure(ServerSettings settings, WorkerStartException failure)
    {
        Log.StartFailed(settings.Logger, failure.Message);
        if (settings.Logger.HasOpenFile) ConsoleLines.Print(failure.Message, isError: true);
        settings.Logger.Queue.Flush(settings.StopTimeout);
    }

    private static void Use(LogFileSettings files)
    {
        _files = files;
        if (_logger.Inner is LineLogger) LogTo(files.MakeLogger());
    }

    private static void LogTo(ILogger logger)
    {
        _logger = new GuardedLogger(logger, LogQueue.Shared);
        _peerLog = new LimitedLogger(_logger);
    }
}
