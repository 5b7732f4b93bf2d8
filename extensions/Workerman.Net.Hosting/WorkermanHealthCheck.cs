using System.Globalization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Workerman.Hosting;

namespace Workerman.Extensions.Hosting;

/// <summary>
/// Says whether the workers of a host run and their loops turn. It asks each loop for a turn, because a callback that does not
/// return is what makes a server silent while its sockets still accept. Immutable; any thread.
/// </summary>
internal sealed class WorkermanHealthCheck(WorkermanService service, TimeSpan limit) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        HealthStatus bad = context.Registration.FailureStatus;
        if (service.Run is not { } run) return new HealthCheckResult(bad, "The workers have not been started.");
        if (run.Completion.IsFaulted)
            return new HealthCheckResult(bad, "The workers have failed.", run.Completion.Exception.InnerException);
        if (run.Status != WorkerStatus.Running)
            return new HealthCheckResult(bad, run.Completion.IsCompleted ? "The workers have ended." : "The workers stop.");
        var workers = new Dictionary<string, object>();
        foreach (WorkerBase worker in run.Workers) workers[$"{worker.Name} {worker.Address}"] = worker.Count;
        IReadOnlyList<string> stuck = await run.FindStuckLoopsAsync(limit, cancellationToken).ConfigureAwait(false);
        return stuck.Count == 0
            ? new HealthCheckResult(HealthStatus.Healthy, "All loops turn.", data: workers)
            : new HealthCheckResult(bad, string.Create(CultureInfo.InvariantCulture,
                $"A callback has held for more than {limit.TotalSeconds} s: {string.Join(", ", stuck)}."), data: workers);
    }
}
