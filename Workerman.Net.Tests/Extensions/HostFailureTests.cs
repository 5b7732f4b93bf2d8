using System.Reflection;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>What a host does when its workers fail while they run. Alone, because the exit code is that of the process.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[NonParallelizable]
internal sealed class HostFailureTests(Type loopType)
{
    [TearDown]
    public void ForgetFailure() => Environment.ExitCode = 0;

    [Test]
    public async Task LoopThatBreaksStopsTheHostWithAnExitCode()
    {
        await using TestHost host = TestHost.Web(loopType, (_, worker) =>
        {
            worker.Count = 2;
            worker.OnMessage = (_, _) => Break(EventLoop.Current!);
        });
        await host.StartAsync();
        Task stopping = Wait.Fires(host.Lifetime.ApplicationStopping);
        using RawClient client = host.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.IsAtEnd(), "nobody would ever answer");
        Wait.For(stopping);
        Assert.That(Environment.ExitCode, Is.EqualTo(1));
        Assert.That(host.Run!.Completion.IsFaulted);
        Assert.That(host.Log.Text, Does.Contain("BackgroundService failed").And.Contain(" broke"));
        Assert.That(((Worker)host.Run.Workers[0]).Connections, Is.Empty);
    }

    /// <summary>Nothing that an application does breaks a loop: one of its parts is taken away.</summary>
    private static void Break(IEventLoop loop) =>
        typeof(EventLoop).GetField("_ticked", BindingFlags.Instance | BindingFlags.NonPublic)!.SetValue(loop, null);
}
