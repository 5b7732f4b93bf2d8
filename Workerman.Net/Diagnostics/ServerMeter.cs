using System.Diagnostics.Metrics;

namespace Workerman.Diagnostics;

/// <summary>
/// The meter <c>Workerman</c> with the figures of workers, each measurement tagged <c>worker</c> with the worker's name: they are
/// added up when a listener asks for them, and cost nothing else. What is measured of requests is in
/// <see cref="HttpInstruments"/>. Any thread.
/// </summary>
internal static class ServerMeter
{
    public const string Name = "Workerman";

    /// <summary>The tag that says whose a measurement is.</summary>
    public const string WorkerTag = "worker";

    static ServerMeter()
    {
        Meter.CreateObservableUpDownCounter("workerman.connections",
            static () => Measure(static totals => totals.Connections), "{connection}", "Connections that are open.");
        Meter.CreateObservableCounter("workerman.connections.opened",
            static () => Measure(static totals => totals.TotalConnections), "{connection}", "Connections that were made.");
        Meter.CreateObservableCounter("workerman.requests", static () => Measure(static totals => totals.Requests), "{request}",
            "Messages that were handed to the application, whatever their protocol.");
        Meter.CreateObservableCounter("workerman.exceptions", static () => Measure(static totals => totals.Exceptions),
            "{exception}", "Exceptions that callbacks have not caught.");
        Meter.CreateObservableCounter("workerman.send.failures", static () => Measure(static totals => totals.SendFailures),
            "{failure}", "Sends that failed, or were dropped.");
        Meter.CreateObservableCounter("workerman.buffer.full", static () => Measure(static totals => totals.BuffersFull),
            "{event}", "How often a send buffer has reached its limit.");
        Meter.CreateObservableCounter("workerman.bytes.read", static () => Measure(static totals => totals.BytesRead), "By",
            "Bytes received; over TLS those of the wire.");
        Meter.CreateObservableCounter("workerman.bytes.written", static () => Measure(static totals => totals.BytesWritten), "By",
            "Bytes that the system has taken; over TLS those of the wire.");
        Meter.CreateObservableUpDownCounter("workerman.timers", static () => Measure(static totals => (long)totals.Timers),
            "{timer}", "Timers that are armed.");
        Meter.CreateObservableGauge("workerman.loop.lag", static () => Measure(static totals => totals.Lag.TotalSeconds), "s",
            "The longest turn of a loop in about the last second: so long has what became ready waited.");
    }

    public static string? Version { get; } = typeof(ServerMeter).Assembly.GetName().Version?.ToString(3);

    /// <summary>Kept by its instruments too.</summary>
    public static Meter Meter { get; } = new(Name, Version);

    /// <summary>Has the instruments made, so that a listener finds them before the first request.</summary>
    public static void Prepare() => _ = RequestTracing.HasListeners || HttpInstruments.IsMeasuring;

    private static List<Measurement<T>> Measure<T>(Func<FigureTotals, T> figure)
        where T : struct
    {
        var measurements = new List<Measurement<T>>();
        foreach ((string worker, FigureTotals totals) in FigureRegistry.SumByWorker())
            measurements.Add(new(figure(totals), new KeyValuePair<string, object?>(WorkerTag, worker)));
        return measurements;
    }
}
