using System.Text;
using Workerman.Protocols.Http;
using Workerman.Tests.Fuzzing;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// A short run of the fuzzer with a seed of its own each time; long ones are the <c>fuzz</c> command of the benchmarks.
/// </summary>
internal sealed class FuzzTests
{
    /// <summary>What long runs have found.</summary>
    [TestCase("GET https://a\f HTTP/1.1\r\n", "refused 421",
        TestName = "a target that breaks two rules is refused for the first")]
    [TestCase("PRI *\f HTTP/2.0\r\n", "refused 400", TestName = "a preface that is none")]
    public void Finds(string request, string outcome)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(request);
        foreach (Fragmentation fragmentation in Fragmentation.All)
            Assert.That(Exchange.Read(bytes, fragmentation.Cut(bytes.Length), new HttpOptions()), Is.EqualTo(new[] { outcome }),
                $"{fragmentation}");
    }

    [Test]
    public void MutatedRequestsAreSeenTheSameHoweverTheyArrive()
    {
        int seed = Random.Shared.Next();
        RequestFuzzer.Tally tally = RequestFuzzer.Run(seed, 10_000);
        TestContext.Out.WriteLine(
            $"seed {seed}: {tally.Requests} requests, {tally.Refusals} refusals, {tally.Waiting} incomplete");
        Assert.That(tally.Requests, Is.GreaterThan(2_500), "a run that refuses all has tried little");
        Assert.That(tally.Refusals, Is.GreaterThan(2_500));
        Assert.That(tally.Waiting, Is.GreaterThan(50));
    }
}
