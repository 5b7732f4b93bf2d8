using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// What the connections of one loop share, because only one of them is at work at a time: the receive buffer, and the outbox that gathers what they
/// send. Belongs to the loop's thread.
/// </summary>
internal sealed class ConnectionBuffers(IEventLoop loop)
{
    private const int ReceiveSize = 64 * 1024;

    public byte[] Receive { get; } = GC.AllocateUninitializedArray<byte>(ReceiveSize, pinned: true);

    public Outbox Outbox { get; } = new(loop);

    /// <summary>What encrypted connections have decrypted: as long as a receive and two records. Made for the first of them.</summary>
    public byte[] Plaintext => field ??= GC.AllocateUninitializedArray<byte>(ReceiveSize + 2 * 16 * 1024);

    /// <summary>Where encrypted connections encrypt what they send at once. Made for the first of them.</summary>
    public OutputBuffer Ciphertext => field ??= new OutputBuffer();

    /// <summary>The connection whose read batch is being handled.</summary>
    public TcpConnection? Corked { get; set; }
}
