using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>
/// Three nodes behind nginx on one Redis, while clients are cut, Redis and a node are killed and nodes are stopped: a short run
/// of the benchmark <c>cluster</c>.
/// </summary>
internal sealed class ClusterTests
{
    [Test]
    public void NothingIsLostOrDoubledWhileThingsBreak()
    {
        RedisServer.SkipIfMissing();
        if (!Nginx.IsInstalled) Assert.Ignore("nginx is not installed.");
        using ServerProcess cluster = ServerProcess.Run("dotnet",
            Repository.ProgramOf("Workerman.Net.Benchmarks", "Workerman.Net.Benchmarks"),
            "cluster", "--minutes", "0.3", "--clients", "60", "--events", "3000");
        Assert.That(cluster.WaitForExit(TimeSpan.FromMinutes(3)), Is.Zero, () => cluster.Output);
        Assert.That(cluster.Output, Does.Contain("lost 0, not arrived 0, doubled 0, at another place 0, gaps 0"));
    }
}
