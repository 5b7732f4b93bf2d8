using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols;

/// <summary>Frames: a length of four bytes that counts itself, and the message.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class FrameProtocolTests(Type loopType)
{
    [Test]
    public async Task FramesAreReadAndWrittenHoweverTheyAreCut()
    {
        byte[] big = new byte[70_000];
        new Random(1).NextBytes(big);
        byte[] sent = [.. Frame("hello"u8), .. Frame([]), .. Frame("é"u8), .. Frame(big)];
        await using TestServer server = TestServer.Start(loopType, new Worker<ReadOnlyMemory<byte>>("frame://127.0.0.1:0")
        {
            OnMessage = (connection, frame) => connection.Send(frame)
        });
        foreach (Fragmentation fragmentation in new[] { Fragmentation.Whole, Fragmentation.AtRandom(Random.Shared.Next()) })
        {
            using RawClient client = server.Connect();
            client.Send(sent, fragmentation);
            Assert.That(Encoding.Latin1.GetBytes(client.ReadExactly(sent.Length)), Is.EqualTo(sent), $"{fragmentation}");
        }
        byte[] small = sent[..^(big.Length + 4)];
        using RawClient slow = server.Connect();
        slow.Send(small, Fragmentation.ByteByByte);
        Assert.That(Encoding.Latin1.GetBytes(slow.ReadExactly(small.Length)), Is.EqualTo(small));
    }

    [Test]
    public async Task MessagesMayBeTextOrArrays()
    {
        await using TestServer text = TestServer.Start(loopType,
            new Worker<string>("frame://127.0.0.1:0") { OnMessage = (connection, frame) => connection.Send(frame + "é") });
        await using TestServer arrays = TestServer.Start(loopType,
            new Worker<byte[]>("frame://127.0.0.1:0") { OnMessage = (connection, frame) => connection.Send(frame) });
        using RawClient client = text.Connect();
        Assert.That(Encoding.Latin1.GetBytes(client.Send(Frame("a€"u8)).ReadExactly(10)), Is.EqualTo(Frame("a€é"u8)));
        using RawClient other = arrays.Connect();
        Assert.That(Encoding.Latin1.GetBytes(other.Send(Frame("abc"u8)).ReadExactly(7)), Is.EqualTo(Frame("abc"u8)));
    }

    [TestCase(0u)]
    [TestCase(3u)]
    [TestCase(101u)]
    [TestCase(uint.MaxValue)]
    public async Task LengthThatCannotBeIsRefusedWithItsFourBytes(uint length)
    {
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("frame://127.0.0.1:0")
        {
            OnConnect = connection => connection.MaxPackageSize = 100,
            OnMessage = (connection, frame) => connection.Send(frame),
        });
        using RawClient healthy = server.Connect();
        byte[] head = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(head, length);
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            client.Send(head, fragmentation);
            Assert.That(client.ReadToEnd(), Is.Empty, $"{fragmentation}");
        }
        byte[] longest = Frame(new byte[96]);
        Assert.That(Encoding.Latin1.GetBytes(healthy.Send(longest).ReadExactly(100)), Is.EqualTo(longest),
            "the longest that there may be");
        Assert.That(server.Log.Text, Does.Contain("[Warning]").And.Contain($"{length}"));
    }

    /// <summary>The head may lie in any number of pieces of memory.</summary>
    [Test]
    public void HeadIsReadAcrossSegments()
    {
        byte[] bytes = Frame("hello"u8);
        ReadOnlySequence<byte> input = Segments.Of(bytes, Fragmentation.ByteByByte.Cut(bytes.Length));
        Assert.That(new FrameProtocol().TryDecode(ref input, 100, out string message).Kind, Is.EqualTo(VerdictKind.Message));
        Assert.That((message, input.Length), Is.EqualTo(("hello", 0L)));
    }

    private static byte[] Frame(ReadOnlySpan<byte> message)
    {
        byte[] frame = new byte[4 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, frame.Length);
        message.CopyTo(frame.AsSpan(4));
        return frame;
    }
}
