using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Workerman.Logging;

/// <summary>
/// The default logger: a line with time and level on the console, warnings and worse on standard error. It formats on the
/// caller's thread and does not wait for the console. Any thread.
/// </summary>
internal sealed class ConsoleLogger : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel) || !LogQueue.Shared.Admits(ConsoleLines.TellOfDropped)) return;
        string line = Format(logLevel, formatter(state, exception));
        if (exception is not null) line += Environment.NewLine + exception;
        ConsoleLines.Add(line, isError: logLevel >= LogLevel.Warning);
    }

    /// <summary>A message as a line, with the present time.</summary>
    public static string Format(LogLevel level, string message) =>
        $"{DateTime.Now.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture)} [{Label(level)}] {message}";

    private static string Label(LogLevel level) => level switch
    {
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "critical",
    };
}
