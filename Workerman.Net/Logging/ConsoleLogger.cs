using Microsoft.Extensions.Logging;

namespace Workerman.Logging;

/// <summary>
/// The default logger: a line with time and level on the console, warnings and worse on standard error. Immutable; any thread.
/// </summary>
internal sealed class ConsoleLogger : LineLogger
{
    /// <summary>A message as a line, with the present time.</summary>
    public static string LineOf(LogLevel level, string message) => Format(level, message, "");

    protected override string Format(LogLevel level, string message) => LineOf(level, message);

    protected override void WriteNow(LogLevel level, string line) => ConsoleLines.Write(line, isError: level >= LogLevel.Warning);
}
