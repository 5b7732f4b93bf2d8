using System.Buffers;
using System.Text;

namespace Workerman.Protocols;

/// <summary>
/// No protocol: a message is whatever has arrived (<c>tcp://</c>). It has no state, so one object serves all.
/// </summary>
internal sealed class RawProtocol : ConnectionProtocol, IDecoder<ReadOnlyMemory<byte>>
{
    public static readonly RawProtocol Instance = new();

    private RawProtocol()
    {
    }

    public override string Name => "tcp";

    public override bool SharesEncoding => true;

    public override string Sends => "text and bytes";

    public Verdict TryDecode(ref ReadOnlySequence<byte> input, int maxPackageSize, out ReadOnlyMemory<byte> message)
    {
        message = input.ToArray();
        input = input.Slice(input.End);
        return Verdict.Message;
    }

    public override void Encode(string text, IBufferWriter<byte> output) => Encoding.UTF8.GetBytes(text, output);

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output) => output.Write(bytes);
}
