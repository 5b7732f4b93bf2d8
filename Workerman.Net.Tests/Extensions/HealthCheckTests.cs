using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>The health check of a host's workers: before, while and after they run, and while a callback holds a loop.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HealthCheckTests(Type loopType)
{
    [Test]
    public async Task IsHealthyWhileTheWorkersRun()
    {
        TestHost host = Make(TimeSpan.FromSeconds(10), (_, _) => { });
        Assert.That(await Check(host), Is.EqualTo((HealthStatus.Degraded, "The workers have not been started.")));
        await host.StartAsync();
        HealthReportEntry entry = await Report(host);
        Assert.That((entry.Status, entry.Description), Is.EqualTo((HealthStatus.Healthy, "All loops turn.")));
        Assert.That(entry.Data, Is.EqualTo(new Dictionary<string, object> { ["web http://127.0.0.1:0"] = 2 }));
        Assert.That(entry.Tags, Is.EqualTo(new[] { "live" }));
        await host.StopAsync();
        Assert.That(await Check(host), Is.EqualTo((HealthStatus.Degraded, "The workers have ended.")));
        await host.DisposeOnlyAsync();
    }

    [Test]
    public async Task LoopThatACallbackHoldsIsNamed()
    {
        using var release = new ManualResetEventSlim();
        var entered = new TaskCompletionSource<int>();
        TestHost host = await Make(TimeSpan.FromMilliseconds(50), (_, worker) => worker.OnMessage = (connection, _) =>
        {
            entered.SetResult(worker.Id);
            release.Wait(Wait.Limit);
            connection.Send("done");
        }).StartAsync();
        using RawClient client = host.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        int id = Wait.For(entered.Task);
        (HealthStatus status, string? text) = await Check(host);
        Assert.That(status, Is.EqualTo(HealthStatus.Degraded));
        Assert.That(text, Does.StartWith("A callback has held for more than 0.05 s: ").And.Contain($"workerman web {id}"));
        Task stop = host.StopAsync();
        await Wait.Until(() => host.Run!.Status == Workerman.Hosting.WorkerStatus.Shutdown, "the stop");
        Assert.That((await Check(host)).Text, Is.EqualTo("The workers stop."));
        release.Set();
        client.ReadResponse();
        await stop;
        await host.DisposeOnlyAsync();
    }

    [Test]
    public async Task WithoutWorkersTheCheckSaysSo()
    {
        TestHost host = TestHost.Make(loopType, services => services.AddHealthChecks().AddWorkerman());
        HealthCheckService health = host.Services.GetRequiredService<HealthCheckService>();
        Assert.That((await Assert.ThrowsAsync<InvalidOperationException>(() => health.CheckHealthAsync()))!.Message,
            Does.Contain("Cure: services.AddWorkerman()"));
        await host.DisposeOnlyAsync();
    }

    private TestHost Make(TimeSpan limit, Action<IServiceProvider, Worker> configure) => TestHost.Make(loopType, services =>
    {
        services.AddHealthChecks().AddWorkerman("loops", HealthStatus.Degraded, ["live"], limit);
        services.AddWorkerman().AddWorker("web", "http://127.0.0.1:0", (provider, worker) =>
        {
            worker.Count = 2;
            configure(provider, worker);
        });
    });

    private static async Task<(HealthStatus Status, string? Text)> Check(TestHost host)
    {
        HealthReportEntry entry = await Report(host);
        return (entry.Status, entry.Description);
    }

    private static async Task<HealthReportEntry> Report(TestHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["loops"];
}
