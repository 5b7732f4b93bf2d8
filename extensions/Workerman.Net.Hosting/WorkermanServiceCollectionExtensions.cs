using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Workerman;
using Workerman.Extensions.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds workers to a host. No state; it changes the service collection that it is given.</summary>
public static class WorkermanServiceCollectionExtensions
{
    /// <summary>
    /// Has the host run workers: they start and stop with it, log to its loggers under the category <c>Workerman</c>, and take
    /// settings from its configuration (<see cref="WorkermanOptions"/>). A worker that cannot start keeps the host from starting.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="section">The configuration section with the settings. It may be missing, but a key in it that means nothing
    /// keeps the host from starting. The first call counts.</param>
    /// <returns>What the workers are added with.</returns>
    public static WorkermanBuilder AddWorkerman(this IServiceCollection services, string section = "Workerman")
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrWhiteSpace(section);
        if (services.Any(service => service.ServiceType == typeof(WorkermanService))) return new WorkermanBuilder(services);
        services.AddOptions<WorkermanOptions>()
            .BindConfiguration(section, binder => binder.ErrorOnUnknownConfiguration = true);
        services.AddSingleton(provider => new WorkermanService(
            provider,
            provider.GetServices<WorkerRegistration>(),
            provider.GetRequiredService<IOptions<WorkermanOptions>>(),
            provider.GetRequiredService<IConfiguration>().GetSection(section),
            provider.GetRequiredService<Logging.ILoggerFactory>(),
            provider.GetRequiredService<IHostApplicationLifetime>()));
        services.AddHostedService(static provider => provider.GetRequiredService<WorkermanService>());
        return new WorkermanBuilder(services);
    }
}
