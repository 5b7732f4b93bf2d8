using Microsoft.Extensions.Diagnostics.HealthChecks;
using Workerman.EventStreams;
using Workerman.Extensions.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the health checks of a host's workers, and of its event streams. No state; it changes the builder that it is
/// given.</summary>
public static class WorkermanHealthChecksBuilderExtensions
{
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Adds a check that is healthy as long as the workers run and each of their loops comes to its next turn within
    /// <paramref name="limit"/>: while they start and stop, when they have ended, and while a callback holds a loop, it is not.
    /// </summary>
    /// <param name="builder">What <c>services.AddHealthChecks()</c> gives.</param>
    /// <param name="name">The name of the check.</param>
    /// <param name="failureStatus">What is reported when it is not healthy; null for
    /// <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">Tags to choose checks by, such as <c>ready</c>.</param>
    /// <param name="limit">How long a callback may hold a loop; null for 1 second.</param>
    public static IHealthChecksBuilder AddWorkerman(this IHealthChecksBuilder builder, string name = "workerman",
        HealthStatus? failureStatus = null, IEnumerable<string>? tags = null, TimeSpan? limit = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        TimeSpan longest = limit ?? DefaultLimit;
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(longest, TimeSpan.Zero, nameof(limit));
        return builder.Add(new HealthCheckRegistration(name, services => Make(services, longest), failureStatus, tags));
    }

    /// <summary>
    /// Adds a check of the log that an event stream stands on (<see cref="EventStreamOptions.Log"/>): healthy while it can be
    /// reached. Its data say how many events this node is behind, how many reads filled gaps, and how many events wait to be
    /// added.
    /// </summary>
    /// <param name="builder">What <c>services.AddHealthChecks()</c> gives.</param>
    /// <param name="stream">Finds the stream.</param>
    /// <param name="name">The name of the check.</param>
    /// <param name="failureStatus">What is reported when the log cannot be reached; null for <see cref="HealthStatus.Degraded"/>,
    /// because open streams stay and nothing is lost.</param>
    /// <param name="tags">Tags to choose checks by.</param>
    public static IHealthChecksBuilder AddEventStream(this IHealthChecksBuilder builder,
        Func<IServiceProvider, EventStream> stream, string name = "event-stream", HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(stream);
        return builder.Add(new HealthCheckRegistration(name, services => new EventStreamHealthCheck(stream(services)),
            failureStatus ?? HealthStatus.Degraded, tags));
    }

    private static WorkermanHealthCheck Make(IServiceProvider services, TimeSpan limit) =>
        new(services.GetService<WorkermanService>() ?? throw new InvalidOperationException(
            "There are no workers whose health could be checked. Cure: services.AddWorkerman()."), limit);
}
