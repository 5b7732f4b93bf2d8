using System.Runtime.InteropServices;
using Workerman.Protocols.Http;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Bytes in memory: the same whatever pieces they come in, as one array that stays where they are few, in blocks that go back
/// where they are many.
/// </summary>
internal sealed class ByteBlocksTests
{
    private static readonly int[] Lengths =
        [0, 1, 255, 257, 4097, 64 * 1024, 64 * 1024 + 1, 256 * 1024, 256 * 1024 + 1, 1024 * 1024, 1024 * 1024 + 1, 3_000_000];

    [Test]
    public void BytesAreThoseThatHaveCome([ValueSource(nameof(Lengths))] int length, [Values] bool isExpected,
        [Values(1000, 100_000, int.MaxValue)] int piece, [Values] bool isReceived)
    {
        byte[] bytes = Bytes(length);
        ByteBlocks blocks = Fill(bytes, isExpected ? length : -1, piece, isReceived);
        var copied = new MemoryStream();
        blocks.CopyTo(copied.Write);
        Stream begun = blocks.OpenRead();
        byte[] half = new byte[length / 2];
        begun.ReadExactly(half);
        Assert.That(copied.ToArray().AsSpan().SequenceEqual(bytes), "handed on");
        Assert.That(ReadAll(blocks.OpenRead()).AsSpan().SequenceEqual(bytes), "read");
        Assert.That(blocks.ToMemory().Span.SequenceEqual(bytes), "as one array");
        byte[] whole = [.. half, .. ReadAll(begun)];
        Assert.That(whole.AsSpan().SequenceEqual(bytes), "read on after they have become one array");
        blocks.Release();
    }

    [Test]
    public void FewStayAfterTheRelease([Values] bool isExpected)
    {
        byte[] bytes = Bytes(ByteBlocks.MostKept);
        ByteBlocks blocks = Fill(bytes, isExpected ? bytes.Length : -1, 10_000, isReceived: false);
        blocks.Release();
        Fill(new byte[2 * ByteBlocks.MostKept], -1, 10_000, isReceived: false).Release();
        Assert.That(blocks.ToMemory().Span.SequenceEqual(bytes));
        Assert.That(ReadAll(blocks.OpenRead()).AsSpan().SequenceEqual(bytes));
    }

    [Test]
    public void ManyAreGoneAfterTheReleaseAndSaySo()
    {
        ByteBlocks blocks = Fill(Bytes(ByteBlocks.MostKept + 1), -1, 10_000, isReceived: false);
        Stream stream = blocks.OpenRead();
        Assert.That(stream.ReadByte(), Is.Not.EqualTo(-1));
        blocks.Release();
        blocks.Release();
        Assert.That(Assert.Throws<InvalidOperationException>(() => blocks.ToMemory())!.Message,
            Does.Contain("vanishes with the answer").And.Contain("Cure:"));
        Assert.Throws<InvalidOperationException>(() => stream.ReadByte());
        Assert.Throws<InvalidOperationException>(() => blocks.CopyTo(_ => { }));
    }

    /// <summary>What an application holds is nobody else's, whatever comes behind.</summary>
    [Test]
    public void ArrayThatWasHandedOutIsNeverUsedAgain([Values(5000, ByteBlocks.MostKept, 3_000_000)] int length,
        [Values] bool isExpected)
    {
        byte[] bytes = Bytes(length);
        ByteBlocks blocks = Fill(bytes, isExpected ? length : -1, 10_000, isReceived: true);
        ReadOnlyMemory<byte> held = blocks.ToMemory();
        blocks.Release();
        for (int i = 0; i < 5; i++) Fill(new byte[length], length, 10_000, isReceived: true).Release();
        Assert.That(held.Span.SequenceEqual(bytes));
        Assert.That(MemoryMarshal.TryGetArray(held, out _), "it is an ordinary array");
    }

    [Test]
    public void ExpectedLengthIsTheArraysInTheEnd([Values(1, 5000, ByteBlocks.MostKept)] int length)
    {
        ByteBlocks blocks = Fill(Bytes(length), length, 700, isReceived: true);
        Assert.That(MemoryMarshal.TryGetArray(blocks.ToMemory(), out ArraySegment<byte> array));
        Assert.That(array.Array!, Has.Length.EqualTo(length));
    }

    [Test]
    public void PoolKeepsWhatIsNeededAndLetsGoOfTheRest()
    {
        using var pool = new BlockPool();
        MemoryBlock[] first = [.. Enumerable.Range(0, 4).Select(_ => pool.Rent())];
        foreach (MemoryBlock block in first) pool.Return(block);
        pool.Trim();
        Assert.That(pool.Idle, Is.EqualTo(4), "in use a moment ago");
        MemoryBlock again = pool.Rent();
        Assert.That(first, Has.Member(again));
        pool.Return(again);
        pool.Trim();
        Assert.That(pool.Idle, Is.EqualTo(1), "three were idle all the time");
        pool.Trim();
        Assert.That(pool.Idle, Is.Zero);
        pool.Trim();
        Assert.That(pool.Rent().Bytes.Length, Is.EqualTo(BlockPool.BlockSize));
    }

    private static ByteBlocks Fill(byte[] bytes, long expected, int piece, bool isReceived)
    {
        var blocks = new ByteBlocks(expected);
        for (int at = 0; at < bytes.Length;)
        {
            ReadOnlySpan<byte> next = bytes.AsSpan(at, Math.Min(piece, bytes.Length - at));
            if (isReceived)
            {
                Span<byte> room = blocks.Room(next.Length);
                Assert.That(room.Length, Is.InRange(1, next.Length));
                next = next[..room.Length];
                next.CopyTo(room);
                blocks.Advance(next.Length);
            }
            else
            {
                blocks.Append(next);
            }
            at += next.Length;
        }
        Assert.That(blocks.Length, Is.EqualTo(bytes.Length));
        return blocks;
    }

    private static byte[] ReadAll(Stream stream)
    {
        using (stream)
        {
            var copy = new MemoryStream();
            stream.CopyTo(copy);
            return copy.ToArray();
        }
    }

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }
}
