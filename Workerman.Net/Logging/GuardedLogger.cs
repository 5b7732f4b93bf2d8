using Microsoft.Extensions.Logging;

namespace Workerman.Logging;

/// <summary>
/// Calls the application's logger on the thread of <see cref="LogQueue"/>, so that a logger which blocks holds up neither a loop
/// nor stopping, and catches what it throws. Messages are formatted on the caller's thread; level, values, exception and the
/// ExecutionContext (scopes, the current Activity) pass unchanged. Any thread.
/// </summary>
/// <param name="inner">The application's logger, or the console's.</param>
/// <param name="queue">Whose thread calls it.</param>
internal sealed class GuardedLogger(ILogger inner, LogQueue queue) : ILogger
{
    /// <summary>How many inner exceptions count for the size of a line.</summary>
    private const int MaxDepth = 8;

    public ILogger Inner => inner;

    public LogQueue Queue => queue;

    /// <summary>Whether it logs to a file of the library's, which is open.</summary>
    public bool HasOpenFile => inner is FileLogger { File.IsOpen: true };

    /// <summary>Opens the file that it logs to, if it does: what keeps it from that is told here and now.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public void OpenFile() => (inner as FileLogger)?.File.Open();

    /// <summary>Has the file that it logs to, if it does, opened anew with the next line.</summary>
    public void ReopenFile() => (inner as FileLogger)?.File.Reopen();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return inner.IsEnabled(logLevel);
        }
        catch (Exception)
        {
            // The logger itself has failed, so there is no log to report it to.
            return false;
        }
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        try
        {
            // The library's own loggers queue what they have formatted.
            if (inner is LineLogger) inner.Log(logLevel, eventId, state, exception, formatter);
            else if (queue.Admits(count => DroppedLines.Tell(inner, count)))
                Enqueue(logLevel, eventId, state, exception, formatter(state, exception));
        }
        catch (Exception)
        {
            // As above; or the ToString of a value that is logged has thrown.
        }
    }

    private void Enqueue<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, string message)
    {
        void Write() => inner.Log(logLevel, eventId, state, exception, (_, _) => message);
        ExecutionContext? context = ExecutionContext.Capture();
        queue.Add(message.Length + LengthOf(exception),
            context is null ? Write : () => ExecutionContext.Run(context, static write => ((Action)write!)(), (Action)Write));
    }

    private static long LengthOf(Exception? exception)
    {
        long length = 0;
        for (int depth = 0; exception is not null && depth < MaxDepth; depth++, exception = exception.InnerException)
            length += exception.Message.Length;
        return length;
    }
}
