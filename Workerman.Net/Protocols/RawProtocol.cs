using System.Buffers;
using System.Text;

namespace Workerman.Protocols;

/// <summary>
/// No protocol: a message is whatever has arrived (<c>tcp://</c>), or one datagram (<c>udp://</c>). It has no state, so one
/// object serves all.
/// </summary>
internal sealed class RawProtocol(string name) : ConnectionProtocol, IDecoder<ReadOnlyMemory<byte>>, IDecoder<byte[]>
{
    public static readonly RawProtocol Instance = new("tcp");

    public override string Name => name;

    public override object SharedEncoding => typeof(RawProtocol);

    public override string Sends => "text and bytes";

    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out ReadOnlyMemory<byte> message)
    {
        Verdict verdict = TryDecode(ref input, maxPackageSize, out byte[] bytes);
        message = bytes;
        return verdict;
    }

    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out byte[] message)
    {
        message = input.ToArray();
        input = input.Slice(input.End);
        return Verdict.Message;
    }

    public override void Encode(string text, IBufferWriter<byte> output) => Encoding.UTF8.GetBytes(text, output);

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output) => output.Write(bytes);

    public override void Encode(ReadOnlyMemory<byte> bytes, IBufferWriter<byte> output) => output.WriteLasting(bytes);
}

/// <summary>
/// No protocol, as text: a message is what has arrived as far as its last whole character (<c>tcp://</c> for <c>string</c>), or
/// one datagram, cut or not (<c>udp://</c>). The first bytes of a character that has not arrived whole are left for the next
/// message; bytes that are not valid UTF-8 become U+FFFD. It has no state, so one object serves all.
/// </summary>
internal sealed class RawTextProtocol(string name, bool datagrams) : ConnectionProtocol, IDecoder<string>
{
    public override string Name => name;

    /// <summary>What is sent is not changed, as without text.</summary>
    public override object SharedEncoding => typeof(RawProtocol);

    public override string Sends => "text and bytes";

    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
    {
        ReadOnlySequence<byte> whole = datagrams ? input : input.Slice(0, input.Length - UnfinishedAtEnd(input));
        message = Encoding.UTF8.GetString(whole);
        if (whole.IsEmpty && !input.IsEmpty) return Verdict.NeedMore;
        input = input.Slice(whole.End);
        return Verdict.Message;
    }

    public override void Encode(string text, IBufferWriter<byte> output) => Encoding.UTF8.GetBytes(text, output);

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output) => output.Write(bytes);

    public override void Encode(ReadOnlyMemory<byte> bytes, IBufferWriter<byte> output) => output.WriteLasting(bytes);

    /// <summary>
    /// How many bytes at the end are the beginning of one character and not all of it: up to three (RFC 3629 §3).
    /// </summary>
    private static int UnfinishedAtEnd(ReadOnlySequence<byte> input)
    {
        Span<byte> last = stackalloc byte[3];
        int count = (int)Math.Min(3, input.Length);
        last = last[..count];
        input.Slice(input.Length - count).CopyTo(last);
        for (int start = 0; start < count; start++)
        {
            if (Rune.DecodeFromUtf8(last[start..], out _, out _) == OperationStatus.NeedMoreData) return count - start;
        }
        return 0;
    }
}
