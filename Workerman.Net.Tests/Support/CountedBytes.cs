using System.Buffers;

namespace Workerman.Tests.Support;

/// <summary>
/// Bytes that come one by one, each a segment of its own that counts how often it is looked at: the steps that a decoder takes,
/// without a clock, and without anything in the decoder for it.
/// </summary>
internal sealed class CountedBytes
{
    private readonly Segment[] _segments;

    public CountedBytes(byte[] bytes)
    {
        _segments = new Segment[bytes.Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            _segments[i] = new Segment(new OneByte(this, bytes[i]).AsMemory, i);
            if (i > 0) _segments[i - 1].GoOn(_segments[i]);
        }
    }

    /// <summary>How often a byte was looked at.</summary>
    public long Steps { get; private set; }

    /// <summary>What has come up to <paramref name="end"/> and was not consumed before <paramref name="start"/>.</summary>
    public ReadOnlySequence<byte> Between(int start, int end) => start == end
        ? ReadOnlySequence<byte>.Empty
        : new ReadOnlySequence<byte>(_segments[start], 0, _segments[end - 1], 1);

    /// <summary>Lets the bytes come one by one.</summary>
    /// <param name="read">Reads what has come, moves its start past what it has consumed, and says whether to go on.</param>
    /// <returns>How many have come.</returns>
    public int ComeOneByOne(Reader read)
    {
        int start = 0;
        for (int end = 1; end <= _segments.Length; end++)
        {
            ReadOnlySequence<byte> input = Between(start, end);
            if (!read(ref input)) return end;
            start = end - (int)input.Length;
        }
        return _segments.Length;
    }

    public delegate bool Reader(ref ReadOnlySequence<byte> input);

    private sealed class OneByte(CountedBytes owner, byte value) : MemoryManager<byte>
    {
        private readonly byte[] _value = [value];

        public ReadOnlyMemory<byte> AsMemory => CreateMemory(1);

        public override Span<byte> GetSpan()
        {
            owner.Steps++;
            return _value;
        }

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex) => (Memory, RunningIndex) = (memory, runningIndex);

        public void GoOn(Segment next) => Next = next;
    }
}
