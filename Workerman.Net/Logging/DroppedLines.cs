using Microsoft.Extensions.Logging;

namespace Workerman.Logging;

/// <summary>The line that says how many lines <see cref="LogQueue"/> had no room for.</summary>
internal static partial class DroppedLines
{
    public static string Say(long count) => $"{count} log lines were dropped: they came faster than the log takes them";

    [LoggerMessage(17, LogLevel.Warning, "{Count} log lines were dropped: they came faster than the log takes them")]
    public static partial void Tell(ILogger logger, long count);
}
