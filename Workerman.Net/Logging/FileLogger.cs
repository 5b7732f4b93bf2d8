using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Workerman.Logging;

/// <summary>
/// The logger of <c>Worker.LogFile</c>: lines as on the console, with the number of the process, which may share the file with
/// others. Immutable; any thread.
/// </summary>
/// <param name="file">Where they go.</param>
internal sealed class FileLogger(LogFile file) : LineLogger
{
    private static readonly string Source =
        string.Create(CultureInfo.InvariantCulture, $"pid:{Environment.ProcessId} ");

    public LogFile File => file;

    /// <summary>A message as a line, with the present time.</summary>
    public static string LineOf(LogLevel level, string message) => Format(level, message, Source);

    protected override string Format(LogLevel level, string message) => LineOf(level, message);

    protected override void WriteNow(LogLevel level, string line) => file.Write(line, isError: level >= LogLevel.Warning);
}
