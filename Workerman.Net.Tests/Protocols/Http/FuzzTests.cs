using Workerman.Tests.Fuzzing;

namespace Workerman.Tests.Protocols.Http;

/// <summary>A short run of the fuzzer with a seed of its own each time; long ones are the <c>fuzz</c> command of the benchmarks.</summary>
internal sealed class FuzzTests
{
    [Test]
    public void MutatedRequestsAreSeenTheSameHoweverTheyArrive()
    {
        int seed = Random.Shared.Next();
        RequestFuzzer.Tally tally = RequestFuzzer.Run(seed, 20_000);
        TestContext.Out.WriteLine($"seed {seed}: {tally.Requests} requests, {tally.Refusals} refusals, {tally.Waiting} incomplete");
        Assert.That(tally.Requests, Is.GreaterThan(5_000), "a run that refuses all has tried little");
        Assert.That(tally.Refusals, Is.GreaterThan(5_000));
        Assert.That(tally.Waiting, Is.GreaterThan(100));
    }
}
