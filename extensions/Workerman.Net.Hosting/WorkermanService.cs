using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Workerman.Hosting;

namespace Workerman.Extensions.Hosting;

/// <summary>
/// Runs the workers of one host as long as the host runs: they listen, and have begun, when it has started; they have stopped
/// when it has stopped. It is a background service that ends with them: what the host does when their run fails is its
/// <c>BackgroundServiceExceptionBehavior</c>. The run itself is the core's, which shares nothing with the runs of other hosts in
/// the process. Belongs to the container; what changes is written by the host alone, one call at a time.
/// </summary>
internal sealed partial class WorkermanService(
    IServiceProvider services,
    IEnumerable<WorkerRegistration> registrations,
    IOptions<WorkermanOptions> options,
    IConfigurationSection configuration,
    ILoggerFactory loggers,
    IHostApplicationLifetime lifetime) : BackgroundService, IAsyncDisposable
{
    /// <summary>What <see cref="WorkerBase.Name"/> is when nobody has set it.</summary>
    private const string Unnamed = "none";

    private readonly SettingPath _section = new(configuration.Path);
    private readonly ILogger _logger = loggers.CreateLogger("Workerman");
    private volatile RunningWorkers? _run;
    private volatile bool _stopping;

    /// <summary>The workers, once they have been started.</summary>
    public RunningWorkers? Run => _run;

    /// <exception cref="WorkerStartException">A worker cannot start; none stays open.</exception>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        WorkerSettings.CheckSections(configuration);
        RunOptions runOptions = options.Value.ToRunOptions(_section);
        runOptions.Logger = _logger;
        _run = await Worker.StartAsync(MakeWorkers(), runOptions, cancellationToken).ConfigureAwait(false);
        foreach (WorkerBase worker in _run.Workers) Listens(_logger, worker.Name, WhereIs(worker), worker.Count);
        await base.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends within the time that the host gives by the token: then open connections are cut off.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _stopping = true;
        if (_run is { } run)
        {
            run.Stop();
            using (cancellationToken.Register(run.Abort))
                await run.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await base.StopAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A host that has failed to start disposes of its services without having stopped them.</summary>
    public override void Dispose()
    {
        _stopping = true;
        _run?.Abort();
        base.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        Dispose();
        if (_run is { } run) await run.Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await _run!.Completion.ConfigureAwait(false);
        }
        catch when (!_stopping)
        {
            // As Worker.RunAll does: whoever started the program, such as systemd, is to see that it did not end in order.
            Environment.ExitCode = 1;
            throw;
        }
        if (_stopping) return;
        Ended(_logger);
        lifetime.StopApplication();
    }

    private IEnumerable<WorkerBase> MakeWorkers()
    {
        SettingPath path = _section.Section(nameof(WorkermanOptions.Workers));
        IDictionary<string, WorkerSettings> settings = options.Value.Workers;
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        int count = 0;
        foreach (WorkerRegistration registration in registrations)
        {
            WorkerBase worker = registration.Make(services) ?? throw new WorkerStartException(
                "A worker cannot start: the function that AddWorker was given has returned null. Cure: return a worker.");
            count++;
            string name = registration.Name ?? worker.Name;
            if (name != Unnamed)
            {
                names.Add(name);
                if (settings.TryGetValue(name, out WorkerSettings? own)) own.ApplyTo(worker, path.Section(name));
            }
            yield return worker;
        }
        if (count == 0)
            throw new WorkerStartException("There is no worker to run. Cure: services.AddWorkerman().AddWorker(\u2026).");
        if (settings.Keys.FirstOrDefault(name => !names.Contains(name)) is { } unknown)
            throw path.Refusal(unknown, names.Count == 0
                ? "no worker has a name. Cure: add it as AddWorker(name, address, \u2026)."
                : $"no worker has that name. Cure: use one of these, or add it: {string.Join(", ", names)}.");
    }

    private static string WhereIs(WorkerBase worker)
    {
        int scheme = worker.Address.IndexOf("://", StringComparison.Ordinal);
        return scheme > 0 && worker.LocalEndPoint is { } endPoint ? $"{worker.Address[..scheme]}://{endPoint}" : worker.Address;
    }

    [LoggerMessage(80, LogLevel.Information, "Worker {Worker} listens on {Address}, loops: {Count}")]
    private static partial void Listens(ILogger logger, string worker, string address, int count);

    [LoggerMessage(81, LogLevel.Information, "All workers have ended, and so the application stops")]
    private static partial void Ended(ILogger logger);
}
