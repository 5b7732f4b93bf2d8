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
    [TestCase("GET https://a\f HTTP/1.1\r\n", "refused 421 an https target on a connection without TLS",
        TestName = "a target that breaks two rules is refused for the first")]
    [TestCase("GET / HTTP/1.1\r\nHost: }\u000e", "refused 400 bad Host",
        TestName = "a field that breaks two rules is refused for the first")]
    [TestCase("GET / HTTP/1.1\r\nContent-Length: 1x\u000e\r\n\r\n", "refused 400 bad Content-Length",
        TestName = "a length that breaks two rules is refused for the first")]
    [TestCase("PRI *\f HTTP/2.0\r\n", "refused 400 bad request target", TestName = "a preface that is none")]
    public void Finds(string request, string outcome)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(request);
        foreach (Fragmentation fragmentation in Fragmentation.All)
            Assert.That(Exchange.Read(bytes, fragmentation.Cut(bytes.Length), new HttpOptions(), reasons: true),
                Is.EqualTo(new[] { outcome }),
                $"{fragmentation}");
    }

    private static IEnumerable<string> Targets => FuzzTargets.All.Select(target => target.Name);

    /// <summary>
    /// Every other parser of what a peer sends: codes and reasons too are the same whole, byte by byte and cut.
    /// </summary>
    [TestCaseSource(nameof(Targets))]
    public void MutatedBytesAreJudgedTheSameHoweverTheyArrive(string name)
    {
        int seed = Random.Shared.Next();
        FuzzTally tally = FuzzTargets.All.Single(target => target.Name == name).Run(seed, 5_000);
        TestContext.Out.WriteLine(
            $"seed {seed}: {tally.Messages} messages, {tally.Refusals} refusals, {tally.Waiting} incomplete");
        // Forms are read when they are asked for, and their mistakes are part of what is seen.
        if (name != "multipart") Assert.That(tally.Refusals, Is.GreaterThan(500), "a run that refuses nothing has tried little");
        Assert.That(tally.Waiting + tally.Messages, Is.GreaterThan(500));
    }

    [Test]
    public void MutatedRequestsAreSeenTheSameHoweverTheyArrive()
    {
        int seed = Random.Shared.Next();
        FuzzTally tally = RequestFuzzer.Run(seed, 10_000);
        TestContext.Out.WriteLine(
            $"seed {seed}: {tally.Messages} requests, {tally.Refusals} refusals, {tally.Waiting} incomplete");
        Assert.That(tally.Messages, Is.GreaterThan(2_500), "a run that refuses all has tried little");
        Assert.That(tally.Refusals, Is.GreaterThan(2_500));
        Assert.That(tally.Waiting, Is.GreaterThan(50));
    }
}
