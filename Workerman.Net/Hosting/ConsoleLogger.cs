using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Workerman.Hosting;

/// <summary>
/// The default logger: a line with time and level on the console, warnings and worse on standard error. Any thread.
/// </summary>
internal sealed class ConsoleLogger : ILogger
{
    // Opened now: where no descriptor is left, the console could not be opened to say so.
    private readonly TextWriter _out = Console.Out;
    private readonly TextWriter _error = Console.Error;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        string time = DateTime.Now.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);
        string line = $"{time} [{Label(logLevel)}] {formatter(state, exception)}";
        if (exception is not null) line += Environment.NewLine + exception;
        (logLevel >= LogLevel.Warning ? _error : _out).WriteLine(line);
    }

    private static string Label(LogLevel level) => level switch
    {
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "critical",
    };
}
