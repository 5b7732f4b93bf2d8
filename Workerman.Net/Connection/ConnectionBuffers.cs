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

    /// <summary>The connection whose read batch is being handled.</summary>
    public TcpConnection? Corked { get; set; }
}
