using System.Buffers;

namespace Workerman.Tests.Support;

/// <summary>Bytes as a sequence of several segments.</summary>
internal sealed class Segments : ReadOnlySequenceSegment<byte>
{
    private Segments(ReadOnlyMemory<byte> memory, long runningIndex)
    {
        Memory = memory;
        RunningIndex = runningIndex;
    }

    public static ReadOnlySequence<byte> Of(byte[] bytes, IEnumerable<Range> cuts)
    {
        Segments? first = null;
        Segments? last = null;
        foreach (Range cut in cuts)
        {
            var next = new Segments(bytes[cut], last is null ? 0 : last.RunningIndex + last.Memory.Length);
            first ??= next;
            last?.Next = next;
            last = next;
        }
        return first is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(first, 0, last!, last!.Memory.Length);
    }
}
