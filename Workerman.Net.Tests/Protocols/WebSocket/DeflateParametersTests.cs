using Workerman.Protocols;
using Workerman.Protocols.WebSocket;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>What is agreed on for permessage-deflate (RFC 7692 section 7.1).</summary>
internal sealed class DeflateParametersTests
{
    [TestCase("permessage-deflate", "permessage-deflate")]
    [TestCase("Permessage-Deflate ; server_no_context_takeover", "permessage-deflate; server_no_context_takeover")]
    [TestCase("permessage-deflate; client_max_window_bits", "permessage-deflate")]
    [TestCase("permessage-deflate; client_max_window_bits=10; server_max_window_bits=\"10\"",
        "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10")]
    [TestCase("x-other, permessage-deflate; unknown, permessage-deflate; client_no_context_takeover",
        "permessage-deflate; client_no_context_takeover")]
    [TestCase("permessage-deflate; server_max_window_bits", null)]
    [TestCase("permessage-deflate; server_max_window_bits=7", null)]
    [TestCase("permessage-deflate; server_max_window_bits=16", null)]
    [TestCase("permessage-deflate; server_max_window_bits=010", null)]
    [TestCase("permessage-deflate; server_no_context_takeover=1", null)]
    [TestCase("permessage-deflate; server_no_context_takeover; server_no_context_takeover", null)]
    [TestCase("", null)]
    public void FirstOfferThatCanBeAcceptedIs(string offer, string? answer) =>
        Assert.That(DeflateParameters.Accept([offer], new DeflateOptions())?.ToString(), Is.EqualTo(answer));

    [Test]
    public void ServerAddsWhatItWants() =>
        Assert.That(
            DeflateParameters.Accept(["permessage-deflate"],
                new DeflateOptions { NoContextTakeover = true, PeerNoContextTakeover = true })?.ToString(),
            Is.EqualTo("permessage-deflate; server_no_context_takeover; client_no_context_takeover"));

    /// <summary>
    /// A window of 256 bytes: what lies further back is not referred to, so that a peer with that window can read it.
    /// </summary>
    [Test]
    public void CompressorKeepsToItsWindow()
    {
        byte[] repeated = new byte[4096];
        new Random(5).NextBytes(repeated.AsSpan(0, 1024));
        repeated.AsSpan(0, 1024).CopyTo(repeated.AsSpan(2048));
        repeated.AsSpan(0, 1024).CopyTo(repeated.AsSpan(3072));
        using var narrow =
            new MessageDeflater(System.IO.Compression.CompressionLevel.Optimal, takesContextOver: true, windowBits: 8);
        using var wide =
            new MessageDeflater(System.IO.Compression.CompressionLevel.Optimal, takesContextOver: true, windowBits: 15);
        int narrowLength = narrow.Compress(repeated).Length;
        Assert.That(wide.Compress(repeated).Length, Is.LessThan(1500), "the repetitions are found");
        Assert.That(narrowLength, Is.GreaterThan(3000), "and here they are out of reach");
    }

    /// <summary>
    /// A compressor that is made anew for each piece of a small window is most of the work, and memory: no window makes many.
    /// </summary>
    [Test]
    public void SmallWindowTakesNoMoreWorkThanALargeOne([Range(8, 15)] int windowBits, [Values] bool takesContextOver)
    {
        byte[] message = new byte[1 << 20];
        for (int i = 0; i < message.Length; i++) message[i] = (byte)("the quick brown fox "[(i * 7 + i / 50) % 20]);
        using var deflater =
            new MessageDeflater(System.IO.Compression.CompressionLevel.Fastest, takesContextOver, windowBits);
        byte[] first = deflater.Compress(message).ToArray();
        long before = GC.GetAllocatedBytesForCurrentThread();
        byte[] compressed = deflater.Compress(message).ToArray();
        // A compressor has objects and a buffer of its own; 8 KiB of them for each.
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before - compressed.Length, Is.LessThan((1 << 20 >> 12) * 20_000));
        using var inflater = new MessageInflater(takesContextOver);
        foreach (byte[] one in new[] { first, compressed })
        {
            var plain = new MessageBuffer();
            int turns = 1;
            for (inflater.Begin(one); !inflater.Inflate(long.MaxValue, ref plain);) turns++;
            Assert.That(turns, Is.GreaterThanOrEqualTo(message.Length / TurnWork.InflatedBytes));
            Assert.That(plain.Written.SequenceEqual(message));
        }
    }
}
