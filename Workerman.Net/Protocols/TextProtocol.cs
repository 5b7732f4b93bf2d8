using System.Buffers;
using System.Text;

namespace Workerman.Protocols;

/// <summary>
/// A message is a line of text (<c>text://</c>, PHP: <c>Workerman\Protocols\Text</c>): it ends with <c>\n</c>, and the carriage
/// returns before that belong to its end, as telnet sends them. As bytes a message is the content of the line; as text it is
/// UTF-8, and bytes that are not valid UTF-8 become U+FFFD. <c>\n</c> is added to what is sent; a message that contains <c>\n</c>
/// arrives as several messages. One object serves one connection, on its loop's thread.
/// </summary>
public sealed class TextProtocol : IProtocol<string>, IProtocol<ReadOnlyMemory<byte>>, IProtocol<byte[]>, IStatelessEncoder
{
    /// <summary>
    /// Bytes at the start of the input that are known to hold no line end, so that a line in many pieces is looked through once.
    /// </summary>
    private long _searched;

    /// <inheritdoc/>
    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
    {
        Verdict verdict = TryReadLine(ref input, maxPackageSize, out ReadOnlySequence<byte> line);
        message = verdict.Kind == VerdictKind.Message ? Encoding.UTF8.GetString(line) : "";
        return verdict;
    }

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
        Verdict verdict = TryReadLine(ref input, maxPackageSize, out ReadOnlySequence<byte> line);
        message = verdict.Kind == VerdictKind.Message ? line.ToArray() : [];
        return verdict;
    }

    /// <inheritdoc/>
    public void Encode(string message, IBufferWriter<byte> output)
    {
        Encoding.UTF8.GetBytes(message, output);
        output.Write("\n"u8);
    }

    /// <inheritdoc/>
    public void Encode(ReadOnlyMemory<byte> message, IBufferWriter<byte> output)
    {
        output.WriteLasting(message);
        output.Write("\n"u8);
    }

    /// <inheritdoc/>
    public void Encode(byte[] message, IBufferWriter<byte> output) => Encode(message.AsMemory(), output);

    private Verdict TryReadLine(ref ReadOnlySequence<byte> input, long maxPackageSize, out ReadOnlySequence<byte> line)
    {
        maxPackageSize = Math.Min(maxPackageSize, MessageSize.Most);
        // Not beyond the length that a line may have: the verdict must not depend on how the bytes arrived.
        long length = Math.Min(input.Length, maxPackageSize);
        long searched = Math.Min(_searched, length);
        ReadOnlySequence<byte> rest = SequenceTail.From(length < input.Length ? input.Slice(0, length) : input, searched);
        if (rest.PositionOf((byte)'\n') is not { } end)
        {
            line = default;
            _searched = length;
            return length < maxPackageSize
                ? Verdict.NeedMore
                : Verdict.Reject(0, $"a line without an end in MaxPackageSize ({maxPackageSize} bytes)");
        }
        _searched = 0;
        line = WithoutReturns(input.Slice(0, end));
        input = input.Slice(input.GetPosition(1, end));
        return Verdict.Message;
    }

    private static ReadOnlySequence<byte> WithoutReturns(ReadOnlySequence<byte> line)
    {
        if (line.IsSingleSegment) return line.Slice(0, line.FirstSpan.TrimEnd((byte)'\r').Length);
        // The carriage returns may be spread over any number of segments, so their beginning is found from the front.
        long length = 0;
        long position = 0;
        foreach (ReadOnlyMemory<byte> segment in line)
        {
            int kept = segment.Span.TrimEnd((byte)'\r').Length;
            if (kept > 0) length = position + kept;
            position += segment.Length;
        }
        return line.Slice(0, length);
    }
}
