using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Workerman.EventStreams;

namespace Workerman.Extensions.Hosting;

/// <summary>
/// Says whether the log that an event stream stands on can be reached, and how far behind this node is. Without such a log the
/// stream is healthy. Immutable; any thread.
/// </summary>
internal sealed class EventStreamHealthCheck(EventStream stream) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (stream.LogStatus is not { } log) return Task.FromResult(HealthCheckResult.Healthy("The log is in memory."));
        var data = new Dictionary<string, object>
        {
            ["connected"] = log.IsConnected,
            ["behind"] = stream.LogBehind,
            ["gapReads"] = log.GapReads,
            ["pending"] = log.Pending,
            ["head"] = log.Head?.ToString() ?? "",
        };
        string text = log.IsConnected
            ? string.Create(CultureInfo.InvariantCulture, $"The log is connected, {stream.LogBehind} events behind.")
            : $"The log of the stream '{stream.Name}' cannot be reached.";
        HealthStatus status = log.IsConnected ? HealthStatus.Healthy : context.Registration.FailureStatus;
        return Task.FromResult(new HealthCheckResult(status, text, data: data));
    }
}
