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

    public override Type SharedEncoding => typeof(RawProtocol);

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
}
