using System.Buffers;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Proxies;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Proxies;

/// <summary>
/// A conversation with a proxy without a socket: what the proxy says comes in pieces, and what is said to it is kept.
/// </summary>
internal sealed class Conversation
{
    private readonly ProxyHandshake _handshake;
    private readonly ArrayBufferWriter<byte> _said = new();
    private int _told;

    public Conversation(ProxyHandshake handshake)
    {
        _handshake = handshake;
        handshake.Begin(_said);
    }

    /// <summary>What was said since it was asked last.</summary>
    public byte[] Said()
    {
        byte[] said = _said.WrittenSpan[_told..].ToArray();
        _told = _said.WrittenCount;
        return said;
    }

    /// <summary>The verdict of the last piece, and what no verdict has consumed.</summary>
    public (Verdict Verdict, byte[] Left) Hear(byte[] bytes, Fragmentation fragmentation)
    {
        byte[] waiting = [];
        Verdict verdict = Verdict.NeedMore;
        foreach (Range piece in fragmentation.Cut(bytes.Length))
        {
            if (verdict.Kind != VerdictKind.NeedMore)
            {
                waiting = [.. waiting, .. bytes[piece]];
                continue;
            }
            byte[] heard = [.. waiting, .. bytes[piece]];
            ReadOnlySequence<byte> input = Segments.Of(heard, Fragmentation.ByteByByte.Cut(heard.Length));
            verdict = _handshake.Read(ref input, _said);
            waiting = input.ToArray();
        }
        return (verdict, waiting);
    }

    public (Verdict Verdict, byte[] Left) Hear(string text, Fragmentation fragmentation) =>
        Hear(Encoding.Latin1.GetBytes(text), fragmentation);
}
