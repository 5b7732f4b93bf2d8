using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Workerman.Extensions.Hosting;
using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>A host with workers in the test's own process: no console, no signals, what it logs is in memory.</summary>
internal sealed class TestHost : IAsyncDisposable
{
    private readonly IHost _host;

    private TestHost(IHost host, TestServer.MemoryLogger log) => (_host, Log) = (host, log);

    public TestServer.MemoryLogger Log { get; }

    public IServiceProvider Services => _host.Services;

    public RunningWorkers? Run => Services.GetRequiredService<WorkermanService>().Run;

    public IHostApplicationLifetime Lifetime => Services.GetRequiredService<IHostApplicationLifetime>();

    public IPEndPoint EndPoint => Run!.Workers[0].LocalEndPoint!;

    /// <summary>Makes one that has not been started.</summary>
    /// <param name="loopType">The event loop of its workers.</param>
    /// <param name="setUp">Adds services.</param>
    /// <param name="settings">Keys and values of its configuration.</param>
    public static TestHost Make(Type loopType, Action<IServiceCollection> setUp, params (string Key, string Value)[] settings)
    {
        var log = new TestServer.MemoryLogger();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings.Prepend((Key: "Workerman:EventLoopClass", Value: loopType.Name))
            .GroupBy(pair => pair.Key).Select(pairs => KeyValuePair.Create(pairs.Key, (string?)pairs.Last().Value)));
        builder.Logging.SetMinimumLevel(LogLevel.Debug).AddProvider(new Provider(log));
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        setUp(builder.Services);
        return new TestHost(builder.Build(), log);
    }

    /// <summary>The same with one HTTP worker named <c>web</c>, which answers as told.</summary>
    public static TestHost Web(
        Type loopType, Action<IServiceProvider, Worker> configure, params (string Key, string Value)[] settings) =>
        Make(loopType, services => services.AddWorkerman().AddWorker("web", "http://127.0.0.1:0", configure), settings);

    public async Task<TestHost> StartAsync()
    {
        await _host.StartAsync().WaitAsync(Wait.Limit);
        return this;
    }

    public Task StopAsync() => _host.StopAsync().WaitAsync(Wait.Limit);

    public RawClient Connect() => new(EndPoint);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }

    /// <summary>As a host that has failed to start does, which stops nothing.</summary>
    public ValueTask DisposeOnlyAsync() => ((IAsyncDisposable)_host).DisposeAsync();

    /// <summary>Nobody but the test starts and stops it.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class Provider(TestServer.MemoryLogger log) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => new Named(log, categoryName);

        public void Dispose()
        {
        }
    }

    /// <summary>Puts the category before each line.</summary>
    private sealed class Named(ILogger inner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            inner.Log(logLevel, eventId, (category, state, exception, formatter), exception,
                static (line, exception) => $"{line.category}: {line.formatter(line.state, exception)}");
    }
}
