using System.Buffers;
using System.Runtime.InteropServices;

namespace Workerman.Protocols;

/// <summary>
/// A buffer writer that can refer to an array in place of a copy of it. What it refers to is not changed by anybody any more.
/// Belongs to who encodes, on its thread.
/// </summary>
internal interface IReferencingWriter : IBufferWriter<byte>
{
    /// <summary>Writes bytes by reference, behind what was written.</summary>
    void Reference(ArraySegment<byte> bytes);
}

/// <summary>
/// Writing of bytes that nobody changes any more: the body of a response, an event, a message for many. Pure; any thread.
/// </summary>
internal static class LastingBytes
{
    /// <summary>
    /// So many bytes are referenced, fewer are copied: a copy costs less than another system call for a message in two places.
    /// </summary>
    public const int LeastReferenced = 64 * 1024;

    /// <summary>Writes bytes that nobody changes any more; many of them by reference, where the writer can.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="least">How many are many.</param>
    public static void WriteLasting(this IBufferWriter<byte> output, ReadOnlyMemory<byte> bytes, int least = LeastReferenced)
    {
        if (bytes.Length >= least && output is IReferencingWriter writer
            && MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> segment))
            writer.Reference(segment);
        else
            output.Write(bytes.Span);
    }
}
