using System.Buffers;
using System.Security.Cryptography;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>
/// Damaged frames, with a seed of its own in each run: however they arrive, the same comes of them, and nothing but verdicts.
/// </summary>
internal sealed class FrameFuzzTests
{
    private const int MaxMessage = 100_000;

    [Test]
    public void DamagedFramesAreSeenTheSameHoweverTheyArrive([Values] bool deflate)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        var fuzzer = new FrameFuzzer(random, deflate);
        var tally = new Dictionary<string, int>();
        for (int i = 0; i < 2_000; i++)
        {
            byte[] wire = fuzzer.Next();
            List<string> whole = Read(wire, Fragmentation.Whole, deflate);
            Fragmentation[] cuts = wire.Length < 2_000
                ? [Fragmentation.ByteByByte, Fragmentation.AtRandom(random.Next())]
                : [Fragmentation.AtRandom(random.Next())];
            foreach (Fragmentation cut in cuts)
                Assert.That(Read(wire, cut, deflate), Is.EqualTo(whole),
                    $"seed {seed}, case {i}, {cut}: {Convert.ToHexString(wire.AsSpan(0, Math.Min(wire.Length, 200)))}");
            foreach (string outcome in whole) tally[Kind(outcome)] = tally.GetValueOrDefault(Kind(outcome)) + 1;
        }
        IEnumerable<string> counts = tally.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{pair.Value} {pair.Key}");
        TestContext.Out.WriteLine($"seed {seed}: {string.Join(", ", counts)}");
        Assert.That(tally.GetValueOrDefault("text"), Is.GreaterThan(500), "a run that refuses all has tried little");
        Assert.That(tally.GetValueOrDefault("refused"), Is.GreaterThan(500));
        Assert.That(tally.GetValueOrDefault("owed"), Is.GreaterThan(100));
    }

    /// <summary>
    /// RFC 6455 section 5.2: lengths that are written in more bytes than they need, or in more than there may be.
    /// </summary>
    [TestCase("88FE000400000000", 100_000, "refused 1002 control frame of more than 125 bytes")]
    [TestCase("89FF8000000000000000", 100_000, "refused 1002 control frame of more than 125 bytes")]
    [TestCase("81FE000400000000", 100_000, "refused 1002 length in more bytes than it needs")]
    [TestCase("81FE000400000000", 100, "refused 1002 length in more bytes than it needs")]
    [TestCase("81FF8000000000000000", 100, "refused 1002 length of 64 bits")]
    public void WrongLengthIsRefusedWithTheSameReasonHoweverItArrives(string wire, int limit, string outcome)
    {
        foreach (Fragmentation cut in Fragmentation.All)
            Assert.That(Read(Convert.FromHexString(wire), cut, deflate: false, limit), Is.EqualTo(new[] { outcome }), $"{cut}");
    }

    private static string Kind(string outcome) => outcome[..outcome.IndexOf(' ', StringComparison.Ordinal)];

    /// <summary>What a connection would make of these bytes: each message, what is owed in between, and how it ends.</summary>
    private static List<string> Read(byte[] wire, Fragmentation cut, bool deflate, int limit = MaxMessage)
    {
        using var protocol = new WebSocketProtocol(takesBinary: true, new WebSocketOptions(),
            deflate ? new DeflateParameters(false, false, DeflateParameters.LargestWindow, null) : null);
        var outcomes = new List<string>();
        byte[] waiting = [];
        foreach (Range piece in cut.Cut(wire.Length))
        {
            waiting = [.. waiting, .. wire[piece]];
            var input = new ReadOnlySequence<byte>(waiting);
            if (!ReadAll(protocol, ref input, outcomes, limit)) return outcomes;
            waiting = input.ToArray();
        }
        return outcomes;
    }

    /// <returns>Whether anything that follows is read.</returns>
    private static bool ReadAll(WebSocketProtocol protocol, ref ReadOnlySequence<byte> input, List<string> outcomes, int limit)
    {
        while (!input.IsEmpty && protocol.IsReady)
        {
            Verdict verdict = ((IDecoder<WebSocketMessage>)protocol).TryDecode(ref input, limit, out WebSocketMessage message);
            if (verdict.Kind == VerdictKind.Message)
            {
                outcomes.Add($"{(message.IsText ? "text" : "bytes")} {message.Data.Length} "
                    + $"{Convert.ToHexString(SHA256.HashData(message.Data.Span))}");
            }
            else if (verdict.Kind == VerdictKind.Reject)
            {
                outcomes.Add($"refused {verdict.Status} {verdict.Reason}");
                return false;
            }
            else if (protocol.HasPendingControl)
            {
                var output = new ArrayBufferWriter<byte>();
                protocol.EncodeControl(output);
                outcomes.Add($"owed {Convert.ToHexString(output.WrittenSpan)}");
            }
            else
            {
                return true;
            }
        }
        return protocol.IsReady;
    }
}
