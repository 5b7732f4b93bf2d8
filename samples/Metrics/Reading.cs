using System.Text.Json.Serialization;
using Workerman;

namespace Metrics;

/// <summary>What the page shows, read at one moment. Times are in milliseconds.</summary>
internal sealed record Reading(long Time, Figures All, Loop[] Loops)
{
    public static Reading Of(WorkerBase worker) => new(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
        Figures.Of(Worker.Statistics), [.. worker.LoopStatistics.Select(Loop.Of)]);
}

/// <summary>The figures of the process, or of one loop.</summary>
internal sealed record Figures(long Connections, long TotalConnections, long Requests, long Exceptions, long SendFailures,
    int Timers, long BytesRead, long BytesWritten, double LoopLag)
{
    public static Figures Of(WorkerStatistics statistics) => new(statistics.Connections, statistics.TotalConnections,
        statistics.Requests, statistics.Exceptions, statistics.SendFailures, statistics.Timers, statistics.BytesRead,
        statistics.BytesWritten, statistics.LoopLag.TotalMilliseconds);
}

/// <summary>One loop of the worker, and what it is at.</summary>
internal sealed record Loop(int Id, Figures Figures, double Busy, string? Callback)
{
    public static Loop Of(LoopStatistics loop) =>
        new(loop.Id, Figures.Of(loop), loop.Busy.TotalMilliseconds, loop.Callback);
}

/// <summary>Writes readings as JSON, without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Reading))]
internal sealed partial class ReadingContext : JsonSerializerContext;
