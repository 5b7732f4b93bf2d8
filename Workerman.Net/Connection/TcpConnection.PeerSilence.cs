using Workerman.Events;

namespace Workerman.Connection;

/// <summary>How long the system waits for a sign of the peer's system: what finds a peer that vanished without closing.</summary>
public partial class TcpConnection
{
    /// <summary>
    /// Gives the connection up when what was sent is not acknowledged for so long, or never
    /// (<see cref="SocketOptions.SetUserTimeout"/>). On the loop.
    /// </summary>
    internal void LimitPeerSilence(TimeSpan limit)
    {
        if (limit != Timeout.InfiniteTimeSpan && Status != ConnectionStatus.Closed) SocketOptions.SetUserTimeout(_watch, limit);
    }
}
