using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace Workerman.Diagnostics;

/// <summary>
/// What is measured of HTTP requests, by the names of OpenTelemetry's semantic conventions for HTTP servers. Nothing is while
/// nobody listens. Any thread.
/// </summary>
internal static class HttpInstruments
{
    /// <summary>Of a method that is none of the known ones: there may be as many as clients like.</summary>
    public const string OtherMethod = "_OTHER";

    private static readonly UpDownCounter<long> Active = ServerMeter.Meter.CreateUpDownCounter<long>(
        "http.server.active_requests", "{request}", "Number of active HTTP server requests.");

    private static readonly Histogram<double> Duration = ServerMeter.Meter.CreateHistogram("http.server.request.duration", "s",
        "Duration of HTTP server requests.", tags: null, new InstrumentAdvice<double>
        {
            HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
        });

    /// <summary>Status codes as objects, made when they are first needed.</summary>
    private static readonly object?[] Statuses = new object?[600];

    public static bool IsMeasuring
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Duration.Enabled || Active.Enabled;
    }

    /// <summary>A request has begun (1) or ended (-1).</summary>
    public static void CountActive(int change, string method, string scheme, string worker) =>
        Active.Add(change, new("http.request.method", method), new("url.scheme", scheme), new(ServerMeter.WorkerTag, worker));

    /// <summary>A request has ended.</summary>
    public static void Record(TimeSpan duration, in RequestOutcome outcome, string worker)
    {
        if (!Duration.Enabled) return;
        var tags = new TagList
        {
            { "http.request.method", outcome.Method },
            { "url.scheme", outcome.Scheme },
            { ServerMeter.WorkerTag, worker },
        };
        if (outcome.Status != 0) tags.Add("http.response.status_code", StatusOf(outcome.Status));
        if (outcome.Version is not null) tags.Add("network.protocol.version", outcome.Version);
        if (outcome.Route is not null) tags.Add("http.route", outcome.Route);
        if (outcome.Error is not null) tags.Add("error.type", outcome.Error);
        Duration.Record(duration.TotalSeconds, tags);
    }

    public static object StatusOf(int status) =>
        (uint)status < (uint)Statuses.Length ? Statuses[status] ??= status : status;
}

/// <summary>How a request has ended. A value.</summary>
/// <param name="Method">The method, or <see cref="HttpInstruments.OtherMethod"/>.</param>
/// <param name="Scheme"><c>http</c> or <c>https</c>.</param>
/// <param name="Status">The status of the answer; 0 if there was none, or it is not known.</param>
/// <param name="Version"><c>1.0</c> or <c>1.1</c>; null if it is not known.</param>
/// <param name="Route">What the application names.</param>
/// <param name="Error">Why it has failed; null if it has not.</param>
internal readonly record struct RequestOutcome(string Method, string Scheme, int Status, string? Version, string? Route,
    string? Error);
