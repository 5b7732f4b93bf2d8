using System.Buffers;
using System.Runtime.InteropServices;
using Workerman.Connection;

namespace Workerman.Tests.Connection;

/// <summary>
/// Bytes that wait: what is appended in any pieces is read in the same order, from where the last reading has ended.
/// </summary>
internal sealed class PendingBytesTests
{
    [Test]
    public void EmptyHasNothingToRead()
    {
        var pending = new PendingBytes();
        Assert.That((pending.Length, pending.Read().Length), Is.EqualTo((0L, 0L)));
        Append(pending, []);
        Assert.That((pending.Length, pending.Read().Length), Is.EqualTo((0L, 0L)));
    }

    [Test]
    public void OneByteIsThereUntilItIsConsumed()
    {
        var pending = new PendingBytes();
        Append(pending, [7]);
        for (int i = 0; i < 2; i++)
        {
            ReadOnlySequence<byte> all = pending.Read();
            Assert.That(all.ToArray(), Is.EqualTo(new byte[] { 7 }), "a reading that consumed nothing has changed nothing");
            pending.Consume(all);
            Assert.That(pending.Length, Is.EqualTo(1));
        }
        pending.Consume(pending.Read().Slice(1));
        Assert.That(pending.Length, Is.Zero);
        Append(pending, [8]);
        Assert.That(Rest(pending), Is.EqualTo(new byte[] { 8 }), "and it goes on");
    }

    /// <summary>Below, at and above a block of the pool, where the next begins.</summary>
    [TestCase(1)]
    [TestCase(4095)]
    [TestCase(4096)]
    [TestCase(4097)]
    [TestCase(100_000)]
    public void AppendedPiecesAreOneSequence(int size)
    {
        byte[] first = Bytes(size, 1);
        byte[] second = Bytes(size, 2);
        var pending = new PendingBytes();
        Append(pending, first);
        Append(pending, second);
        Assert.That(pending.Length, Is.EqualTo(2 * size));
        Assert.That(Rest(pending), Is.EqualTo(first.Concat(second)));
    }

    [Test]
    public void SequenceOfSegmentsIsAppendedWhole()
    {
        var source = new PendingBytes();
        byte[] bytes = Bytes(10_000, 3);
        foreach (Range part in new[] { 0..1, 1..5000, 5000..10_000 }) Append(source, bytes[part]);
        ReadOnlySequence<byte> all = source.Read();
        Assert.That(all.IsSingleSegment, Is.False);
        var pending = new PendingBytes();
        pending.Append(all);
        pending.Append(ReadOnlySequence<byte>.Empty);
        source.Discard();
        Assert.That((pending.Length, Rest(pending).SequenceEqual(bytes)), Is.EqualTo((10_000L, true)));
    }

    /// <summary>What is appended is a copy: the receive buffer is used for the next connection.</summary>
    [Test]
    public void AppendedMemoryIsFreeAgain()
    {
        byte[] buffer = [1, 2, 3];
        var pending = new PendingBytes();
        Append(pending, buffer);
        buffer.AsSpan().Fill(9);
        Assert.That(Rest(pending), Is.EqualTo(new byte[] { 1, 2, 3 }));
    }

    [Test]
    public void ConsumedAtEachByteTheRestGoesOnWaiting()
    {
        byte[] bytes = Bytes(300, 4);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            var pending = new PendingBytes();
            Append(pending, bytes);
            pending.Consume(pending.Read().Slice(cut));
            Assert.That(pending.Length, Is.EqualTo(bytes.Length - cut));
            Append(pending, [0xFF]);
            Assert.That(Rest(pending), Is.EqualTo(bytes[cut..].Append((byte)0xFF)), $"cut at {cut}");
        }
    }

    [TestCase(1)]
    [TestCase(333)]
    [TestCase(5000)]
    public void FirstPiecesAreAllInTurn(int atMost)
    {
        byte[] bytes = Bytes(10_000, 5);
        var pending = new PendingBytes();
        foreach (Range part in new[] { 0..1, 1..5000, 5000..10_000 }) Append(pending, bytes[part]);
        var read = new List<byte>();
        while (pending.Length > 0)
        {
            ReadOnlyMemory<byte> first = pending.First();
            int count = Math.Min(atMost, first.Length);
            Assert.That(count, Is.Positive);
            read.AddRange(first.Span[..count]);
            pending.Skip(count);
            Assert.That(pending.Length, Is.EqualTo(bytes.Length - read.Count));
        }
        Assert.That(read, Is.EqualTo(bytes));
    }

    /// <summary>A send that was ordered has the piece while more is appended behind it.</summary>
    [Test]
    public void FirstPieceStaysWhereItIsUntilItIsSkipped()
    {
        var pending = new PendingBytes();
        byte[] bytes = Bytes(4000, 6);
        Append(pending, bytes);
        ReadOnlyMemory<byte> first = pending.First();
        Append(pending, Bytes(100_000, 7));
        Assert.That(first.Span.SequenceEqual(bytes.AsSpan(0, first.Length)));
        Assert.That(MemoryMarshal.TryGetArray(first, out ArraySegment<byte> before)
            && MemoryMarshal.TryGetArray(pending.First(), out ArraySegment<byte> after)
            && (before.Array, before.Offset) == (after.Array, after.Offset), "the same memory, not a copy");
        pending.Skip(first.Length);
        Assert.That(pending.Length, Is.EqualTo(104_000 - first.Length));
    }

    [Test]
    public void MoreThanThereIsCannotBeSkipped()
    {
        var pending = new PendingBytes();
        Append(pending, [1, 2]);
        Assert.Throws<ArgumentOutOfRangeException>(() => pending.Skip(3));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(100_000)]
    public void DiscardedHasNothing(int size)
    {
        var pending = new PendingBytes();
        Append(pending, Bytes(size, 8));
        pending.Discard();
        Assert.That(pending.Length, Is.Zero);
        Assert.Throws<InvalidOperationException>(() => Append(pending, [1]));
        Assert.Throws<InvalidOperationException>(() => pending.Read());
    }

    private static void Append(PendingBytes pending, byte[] bytes) => pending.Append(bytes.AsSpan());

    /// <summary>Reads and consumes all that waits.</summary>
    private static byte[] Rest(PendingBytes pending)
    {
        ReadOnlySequence<byte> all = pending.Read();
        byte[] bytes = all.ToArray();
        pending.Consume(all.Slice(all.End));
        Assert.That(pending.Length, Is.Zero);
        return bytes;
    }

    private static byte[] Bytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
