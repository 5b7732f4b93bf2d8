using System.Runtime.Versioning;
using Workerman.Supervision;

namespace Workerman.Tests.Supervision;

[Platform("Linux")]
[SupportedOSPlatform("linux")]
internal sealed class RestartPausesTests
{
    private static readonly ProcessEnd Failed = new(1, 0);
    private static readonly ProcessEnd Killed = new(0, 9);
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);

    [Test]
    public void PausesGrowUpToABound([Values] bool served)
    {
        var pauses = new RestartPauses();
        double[] seconds = [.. Enumerable.Range(0, 50).Select(_ => pauses.AfterDeath(served, Failed, Soon).TotalSeconds)];
        Assert.That(seconds[..9], Is.EqualTo(new[] { 0, 0.5, 1, 2, 4, 8, 16, 30, 30 }));
        Assert.That(seconds[8..], Is.All.EqualTo(30));
    }

    [Test]
    public void ProcessThatIsKilledIsBackAtOnceSoManyTimes()
    {
        var pauses = new RestartPauses();
        for (int i = 0; i <= RestartPauses.FreeKills; i++)
            Assert.That(pauses.AfterDeath(served: true, Killed, Soon), Is.EqualTo(TimeSpan.Zero));
        Assert.That(pauses.AfterDeath(served: true, Killed, Soon).TotalSeconds, Is.EqualTo(0.5));
        Assert.That(pauses.AfterDeath(served: true, Killed, Soon).TotalSeconds, Is.EqualTo(1));
    }

    [Test]
    public void KilledBeforeItServesIsAFailure()
    {
        var pauses = new RestartPauses();
        pauses.AfterDeath(served: false, Killed, Soon);
        Assert.That(pauses.AfterDeath(served: false, Killed, Soon).TotalSeconds, Is.EqualTo(0.5));
    }

    [TestCase(10_000, true, 1)]
    [TestCase(10_001, true, 0)]
    [TestCase(10_001, false, 1)]
    public void PausesBeginAnewAfterAGoodLife(int milliseconds, bool served, double seconds)
    {
        var pauses = new RestartPauses();
        pauses.AfterDeath(served: true, Failed, Soon);
        pauses.AfterDeath(served: true, Failed, Soon);
        Assert.That(pauses.AfterDeath(served, Failed, TimeSpan.FromMilliseconds(milliseconds)).TotalSeconds, Is.EqualTo(seconds));
    }

    [Test]
    public void RefusalOfTheSystemIsNeverAnsweredAtOnce()
    {
        var pauses = new RestartPauses();
        Assert.That(pauses.AfterRefusal().TotalSeconds, Is.EqualTo(0.5));
        Assert.That(pauses.AfterRefusal().TotalSeconds, Is.EqualTo(1));
    }
}
