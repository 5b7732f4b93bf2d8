using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Workerman.Protocols;

/// <summary>
/// A message is a frame (<c>frame://</c>, PHP: <c>Workerman\Protocols\Frame</c>): four bytes with the length of the whole,
/// themselves included, the most significant first, then the message. As text a message is UTF-8; bytes that are not valid UTF-8
/// become U+FFFD. A length below 4 or above <c>MaxPackageSize</c> is refused as soon as it has arrived. It has no state: any
/// number of connections may share one.
/// </summary>
public sealed class FrameProtocol : IProtocol<ReadOnlyMemory<byte>>, IProtocol<byte[]>, IProtocol<string>, IStatelessEncoder
{
    private const int HeadSize = 4;

    /// <inheritdoc/>
    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out ReadOnlyMemory<byte> message)
    {
        Verdict verdict = TryDecode(ref input, maxPackageSize, out byte[] bytes);
        message = bytes;
        return verdict;
    }

    /// <inheritdoc/>
    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out byte[] message)
    {
        Verdict verdict = TryReadFrame(ref input, maxPackageSize, out ReadOnlySequence<byte> body);
        message = verdict.Kind == VerdictKind.Message ? body.ToArray() : [];
        return verdict;
    }

    /// <inheritdoc/>
    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
    {
        Verdict verdict = TryReadFrame(ref input, maxPackageSize, out ReadOnlySequence<byte> body);
        message = verdict.Kind == VerdictKind.Message ? Encoding.UTF8.GetString(body) : "";
        return verdict;
    }

    /// <inheritdoc/>
    public void Encode(ReadOnlyMemory<byte> message, IBufferWriter<byte> output)
    {
        WriteHead(message.Length, output);
        output.WriteLasting(message);
    }

    /// <inheritdoc/>
    public void Encode(byte[] message, IBufferWriter<byte> output) => Encode(message.AsMemory(), output);

    /// <inheritdoc/>
    public void Encode(string message, IBufferWriter<byte> output)
    {
        WriteHead(Encoding.UTF8.GetByteCount(message), output);
        Encoding.UTF8.GetBytes(message, output);
    }

    private static Verdict TryReadFrame(ref ReadOnlySequence<byte> input, long maxPackageSize, out ReadOnlySequence<byte> body)
    {
        body = default;
        if (input.Length < HeadSize) return Verdict.NeedMore;
        Span<byte> head = stackalloc byte[HeadSize];
        input.Slice(0, HeadSize).CopyTo(head);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(head);
        if (length < HeadSize)
            return Verdict.Reject(0, $"a frame of length {length}, which does not even count its own {HeadSize} bytes");
        if (length > Math.Min(maxPackageSize, MessageSize.Most))
            return Verdict.Reject(0, $"a frame of {length} bytes exceeds MaxPackageSize ({maxPackageSize} bytes)");
        if (input.Length < length) return Verdict.NeedMore;
        body = input.Slice(HeadSize, length - HeadSize);
        input = input.Slice(length);
        return Verdict.Message;
    }

    private static void WriteHead(int length, IBufferWriter<byte> output)
    {
        BinaryPrimitives.WriteUInt32BigEndian(output.GetSpan(HeadSize), HeadSize + (uint)length);
        output.Advance(HeadSize);
    }
}
