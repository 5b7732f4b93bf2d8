using System.Buffers;

namespace Workerman.Protocols.Proxies;

/// <summary>
/// The exchange with a proxy until it has opened the connection to the target: what is sent first, what to each reply, and which
/// replies are refused. It judges and encodes; it knows no socket. One object per attempt, on the loop's thread.
/// </summary>
internal abstract class ProxyHandshake
{
    /// <summary>Bytes that the proxy may send before the connection to the target is open.</summary>
    public abstract int MaxReplySize { get; }

    /// <summary>Writes what is sent first.</summary>
    public abstract void Begin(IBufferWriter<byte> output);

    /// <summary>
    /// Reads what the proxy has sent, moves the input's start past what it has consumed, and writes what is to be sent next.
    /// </summary>
    /// <returns><see cref="VerdictKind.Message"/> once the connection to the target is open: what is left of the input is the
    /// target's. A rejection has the reason that the proxy gave, if it gave one.</returns>
    public abstract Verdict Read(ref ReadOnlySequence<byte> input, IBufferWriter<byte> output);
}
