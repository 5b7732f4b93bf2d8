using System.Buffers;

namespace Workerman.Protocols.Proxies;

/// <summary>
/// The conversation with a proxy until it has opened the way to the target: who speaks first, what is answered, what is refused.
/// It judges and encodes; it knows no socket. One object per attempt, on the loop's thread.
/// </summary>
internal abstract class ProxyHandshake
{
    /// <summary>Bytes that the proxy may send before the way is open.</summary>
    public abstract int MaxReplySize { get; }

    /// <summary>Writes the first words.</summary>
    public abstract void Begin(IBufferWriter<byte> output);

    /// <summary>
    /// Looks at what the proxy has said, moves the input's start past what it has understood, and writes what is to be said next.
    /// </summary>
    /// <returns><see cref="VerdictKind.Message"/> once the way is open: what is left of the input is the target's. A rejection
    /// has the proxy's own words, as far as it has any.</returns>
    public abstract Verdict Read(ref ReadOnlySequence<byte> input, IBufferWriter<byte> output);
}
