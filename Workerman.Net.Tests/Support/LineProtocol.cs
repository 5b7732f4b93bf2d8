using System.Buffers;
using System.Text;
using Workerman.Protocols;

namespace Workerman.Tests.Support;

/// <summary>An application's protocol: lines of text.</summary>
internal sealed class LineProtocol : IProtocol<string>
{
    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
    {
        message = "";
        if (input.PositionOf((byte)'\n') is not { } end) return Verdict.NeedMore;
        message = Encoding.UTF8.GetString(input.Slice(0, end));
        input = input.Slice(input.GetPosition(1, end));
        return Verdict.Message;
    }

    public void Encode(string message, IBufferWriter<byte> output) => output.Write(Encoding.UTF8.GetBytes(message + "\n"));
}
