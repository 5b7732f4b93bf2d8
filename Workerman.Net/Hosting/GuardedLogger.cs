using Microsoft.Extensions.Logging;

namespace Workerman.Hosting;

/// <summary>
/// The application's logger behind a fence: what it throws (a full disk, a closed pipe) goes no further, because the library logs
/// where nothing may fail. Any thread.
/// </summary>
internal sealed class GuardedLogger(ILogger inner) : ILogger
{
    public ILogger Inner => inner;

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
            inner.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // As above.
        }
    }
}
