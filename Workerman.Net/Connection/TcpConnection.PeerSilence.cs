using System.Net.Sockets;

namespace Workerman.Connection;

/// <summary>How long the system waits for a sign of the peer's system: what finds a peer that vanished without closing.</summary>
public sealed partial class TcpConnection
{
    private const SocketOptionName LinuxUserTimeout = (SocketOptionName)18;
    private const SocketOptionName WindowsMaximumRetransmission = (SocketOptionName)5;
    private const SocketOptionName MacDropTime = (SocketOptionName)0x80;

    /// <summary>
    /// Gives the connection up when what was sent is not acknowledged for so long (RFC 5482), or for ever. Only where the system can; on the loop.
    /// </summary>
    internal void LimitPeerSilence(TimeSpan limit)
    {
        if (limit == Timeout.InfiniteTimeSpan || Status == ConnectionStatus.Closed) return;
        double milliseconds = Math.Min(limit.TotalMilliseconds, int.MaxValue);
        int seconds = (int)Math.Ceiling(milliseconds / 1000);
        try
        {
            if (OperatingSystem.IsLinux()) SetTcpOption(LinuxUserTimeout, (int)milliseconds);
            else if (OperatingSystem.IsWindows()) SetTcpOption(WindowsMaximumRetransmission, seconds);
            else if (OperatingSystem.IsMacOS()) SetTcpOption(MacDropTime, seconds);
        }
        catch (SocketException)
        {
            // Reset meanwhile, or a system that does not know the option: the connection does without.
        }
    }

    // Raw: the runtime refuses options whose names it does not know.
    private void SetTcpOption(SocketOptionName name, int value) =>
        _socket.SetRawSocketOption((int)SocketOptionLevel.Tcp, (int)name, BitConverter.GetBytes(value));
}
