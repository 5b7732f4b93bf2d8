namespace Workerman.Connection;

/// <summary>How long the system waits for a sign of the peer's system: what finds a peer that vanished without closing.</summary>
public partial class TcpConnection
{
    private const int Tcp = 6;
    private const int LinuxUserTimeout = 18;
    private const int WindowsMaximumRetransmission = 5;
    private const int MacDropTime = 0x80;

    /// <summary>
    /// Gives the connection up when what was sent is not acknowledged for so long (RFC 5482), or for ever. Only where the system can; on the loop.
    /// A connection whose system does not take the option does without.
    /// </summary>
    internal void LimitPeerSilence(TimeSpan limit)
    {
        if (limit == Timeout.InfiniteTimeSpan || Status == ConnectionStatus.Closed) return;
        double milliseconds = Math.Min(limit.TotalMilliseconds, int.MaxValue);
        int seconds = (int)Math.Ceiling(milliseconds / 1000);
        if (OperatingSystem.IsLinux()) _socket.SetOption(Tcp, LinuxUserTimeout, (int)milliseconds);
        else if (OperatingSystem.IsWindows()) _socket.SetOption(Tcp, WindowsMaximumRetransmission, seconds);
        else if (OperatingSystem.IsMacOS()) _socket.SetOption(Tcp, MacDropTime, seconds);
    }
}
