using Microsoft.Extensions.Logging;

namespace Workerman.Supervision;

/// <summary>Every line that supervising logs. Any thread.</summary>
internal static partial class SupervisionLog
{
    [LoggerMessage(100, LogLevel.Information, "Master {Process} serves with worker process {Workers}")]
    public static partial void Serving(ILogger logger, int process, string workers);

    [LoggerMessage(101, LogLevel.Error, "Worker process {Process} has ended: {End}. Another one takes its place.")]
    public static partial void ProcessDied(ILogger logger, int process, string end);

    [LoggerMessage(102, LogLevel.Information, "Worker process {Process} has ended: {End}")]
    public static partial void ProcessLeft(ILogger logger, int process, string end);

    [LoggerMessage(103, LogLevel.Error, "A callback of the master failed")]
    public static partial void MasterFailed(ILogger logger, Exception exception);

    [LoggerMessage(104, LogLevel.Information, "Reloading")]
    public static partial void Reloading(ILogger logger);

    [LoggerMessage(105, LogLevel.Information, "Reloaded: worker process {Workers} serves")]
    public static partial void Reloaded(ILogger logger, string workers);

    [LoggerMessage(106, LogLevel.Error, "Reload failed, the old process goes on: {Reason}")]
    public static partial void ReloadFailed(ILogger logger, string reason);

    [LoggerMessage(107, LogLevel.Information, "Worker process {Process} asks to be replaced: {Reason}")]
    public static partial void ReloadAsked(ILogger logger, int process, string reason);

    [LoggerMessage(108, LogLevel.Information, "Master is stopping")]
    public static partial void Stopping(ILogger logger);

    [LoggerMessage(109, LogLevel.Information, "Master has stopped")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(111, LogLevel.Warning, "The control socket {Path} has refused a process of user {User}: it takes commands of "
        + "its own user and of root only.")]
    public static partial void ControlRefused(ILogger logger, string path, long user);

    [LoggerMessage(112, LogLevel.Warning, "This program runs as root: set Worker.User, or start it as another user.")]
    public static partial void RunsAsRoot(ILogger logger);

    [LoggerMessage(113, LogLevel.Warning, "The process hands over for too long; what is left of it ends with it.")]
    public static partial void HandOverBroke(ILogger logger);

    [LoggerMessage(121, LogLevel.Error, "A command has failed")]
    public static partial void CommandFailed(ILogger logger, Exception exception);

    [LoggerMessage(122, LogLevel.Warning, "From here on this daemon's log goes nowhere, because it has no terminal. Cure: set "
        + "Worker.LogFile, or a Worker.Logger; and Worker.StdoutFile for what it prints.")]
    public static partial void GoesNowhere(ILogger logger);

    [LoggerMessage(114, LogLevel.Error, "The master is gone: this worker process ends.")]
    public static partial void MasterGone(ILogger logger);

    [LoggerMessage(115, LogLevel.Warning, "No worker listens on {Socket}: it is closed. Cure: give a worker that address, or "
        + "take it out of the unit of the socket.")]
    public static partial void SocketUnwanted(ILogger logger, string socket);

    [LoggerMessage(116, LogLevel.Information, "A reload is under way; another one follows it.")]
    public static partial void ReloadFollows(ILogger logger);

    [LoggerMessage(117, LogLevel.Error, "No worker process runs, and starting one has failed; it is tried again. {Reason}")]
    public static partial void StartFailed(ILogger logger, string reason);

    [LoggerMessage(118, LogLevel.Warning, "The next worker process starts in {Seconds} s, because those before have died")]
    public static partial void StartIsPaused(ILogger logger, double seconds);

    [LoggerMessage(119, LogLevel.Error, "Worker process {Process} does not end in time, and is killed")]
    public static partial void ProcessIsLate(ILogger logger, int process);

    [LoggerMessage(120, LogLevel.Warning, "This process has {Memory} MiB from the beginning, and Worker.MemoryLimit is {Limit}: "
        + "it is replaced once a minute. Cure: set a higher limit.")]
    public static partial void LimitTooLow(ILogger logger, long memory, long limit);
}
