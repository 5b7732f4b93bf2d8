using System.Buffers;

namespace Workerman.Protocols;

/// <summary>
/// The end of a sequence, found without a walk from its beginning: what has come last of a message in many pieces costs no more
/// the longer the message is. Pure.
/// </summary>
internal static class SequenceTail
{
    /// <summary>What follows the first <paramref name="position"/> bytes.</summary>
    public static ReadOnlySequence<byte> From(in ReadOnlySequence<byte> input, long position)
    {
        long count = input.Length - position;
        SequencePosition end = input.End;
        return !input.IsSingleSegment && count <= end.GetInteger() && end.GetObject() is ReadOnlySequenceSegment<byte> last
            ? new ReadOnlySequence<byte>(last, end.GetInteger() - (int)count, last, end.GetInteger())
            : input.Slice(position);
    }
}
