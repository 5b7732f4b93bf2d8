using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Workerman.Logging;

/// <summary>
/// What the library's own loggers have in common: a message becomes text on the caller's thread, with time and level before it,
/// and is written by <see cref="LogQueue"/>, so that no caller waits for a console or a disk. Immutable; any thread.
/// </summary>
internal abstract class LineLogger : ILogger
{
    private readonly Action<long> _tellOfDropped;

    protected LineLogger() =>
        _tellOfDropped = count => WriteNow(LogLevel.Warning, Format(LogLevel.Warning, DroppedLines.Say(count)));

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel) || !LogQueue.Shared.Admits(_tellOfDropped)) return;
        string line = Format(logLevel, formatter(state, exception));
        if (exception is not null) line += Environment.NewLine + exception;
        LogQueue.Shared.Add(line.Length, () => WriteNow(logLevel, line));
    }

    /// <summary>A message as a line, with the present time.</summary>
    /// <param name="level">Its level.</param>
    /// <param name="message">What it says.</param>
    /// <param name="source">What stands before the level; nothing, or something that ends in a space.</param>
    public static string Format(LogLevel level, string message, string source) =>
        $"{DateTime.Now.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture)} {source}[{Label(level)}] {message}";

    /// <summary>The same as this logger writes it.</summary>
    protected abstract string Format(LogLevel level, string message);

    /// <summary>Writes a line, on the queue's thread; it may block, and throw.</summary>
    protected abstract void WriteNow(LogLevel level, string line);

    private static string Label(LogLevel level) => level switch
    {
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "critical",
    };
}
