using Microsoft.Extensions.Logging;

namespace Workerman.Logging;

/// <summary>
/// The application's logger behind a fence: the thread of <see cref="LogQueue"/> calls it, so that one which blocks holds no loop
/// and no stop, and what it throws goes no further.
/// Messages are formatted where they arise; level, values, exception and the ExecutionContext (scopes, the current Activity) pass
/// unchanged. Any thread.
/// </summary>
/// <param name="inner">The application's logger, or the console's.</param>
/// <param name="queue">Whose thread calls it.</param>
internal sealed class GuardedLogger(ILogger inner, LogQueue queue) : ILogger
{
    /// <summary>How deep inner exceptions are looked into for their size.</summary>
    private const int MaxDepth = 8;

    public ILogger Inner => inner;

    public LogQueue Queue => queue;

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
            // Nobody is left to tell.
            return false;
        }
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            // The console's own logger queues what it has formatted.
            if (inner is ConsoleLogger) inner.Log(logLevel, eventId, state, exception, formatter);
            else if (queue.Admits(count => DroppedLines.Tell(inner, count))) Enqueue(logLevel, eventId, state, exception, formatter(state, exception));
        }
        catch (Exception)
        {
            // As above: an exception of the application's may fail to describe itself.
        }
    }

    private void Enqueue<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, string message)
    {
        void Write() => inner.Log(logLevel, eventId, state, exception, (_, _) => message);
        ExecutionContext? context = ExecutionContext.Capture();
        queue.Add(message.Length + LengthOf(exception), context is null ? Write : () => ExecutionContext.Run(context, static write => ((Action)write!)(), (Action)Write));
    }

    private static long LengthOf(Exception? exception)
    {
        long length = 0;
        for (int depth = 0; exception is not null && depth < MaxDepth; depth++, exception = exception.InnerException) length += exception.Message.Length;
        return length;
    }
}
