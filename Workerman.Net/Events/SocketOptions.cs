using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Workerman.Events;

/// <summary>
/// The socket options that the library sets, on sockets of .NET's and on bare descriptors: the one place that knows their
/// numbers, and on which system an option has which. What .NET has a property for is set by it where there is a
/// <see cref="Socket"/>. No state; any thread that owns the socket.
/// </summary>
internal static unsafe class SocketOptions
{
    // socket(7) and tcp(7) of Linux. The protocol number is the same everywhere.
    private const int SOL_SOCKET = 1;
    private const int SO_ERROR = 4;
    private const int SO_KEEPALIVE = 9;
    private const int SO_LINGER = 13;
    private const int SO_REUSEPORT = 15;
    private const int IPPROTO_TCP = 6;
    private const int TCP_NODELAY = 1;
    private const int TCP_KEEPIDLE = 4;
    private const int TCP_KEEPINTVL = 5;
    private const int TCP_KEEPCNT = 6;
    private const int TCP_USER_TIMEOUT = 18;

    // <sys/socket.h> of macOS and FreeBSD, <netinet/tcp.h> of macOS, <ws2ipdef.h> of Windows.
    private const int BsdSocketLevel = 0xffff;
    private const int BsdReusePort = 0x200;
    private const int MacConnectionDropTime = 0x80;
    private const int WindowsMaxRetransmissionTime = 5;

    /// <summary>Sets an option of a bare descriptor whose value is a number.</summary>
    /// <returns>Whether the system took it.</returns>
    [SupportedOSPlatform("linux")]
    public static bool Set(int descriptor, int level, int option, int value) =>
        SystemCalls.setsockopt(descriptor, level, option, (byte*)&value, sizeof(int)) == 0;

    /// <summary>TCP_NODELAY. What it fails on is a connection that is gone already, which the first receive finds.</summary>
    [SupportedOSPlatform("linux")]
    public static void SetNoDelay(int descriptor) => Set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);

    /// <summary>SO_KEEPALIVE with its times in seconds.</summary>
    /// <inheritdoc cref="SetNoDelay"/>
    [SupportedOSPlatform("linux")]
    public static void SetKeepAlive(int descriptor, int idle, int interval, int probes)
    {
        Set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
        Set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, idle);
        Set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, interval);
        Set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, probes);
    }

    /// <inheritdoc cref="SetKeepAlive(int, int, int, int)"/>
    public static void SetKeepAlive(Socket socket, int idle, int interval, int probes)
    {
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, idle);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, interval);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, probes);
        }
        catch (SocketException)
        {
            // The connection is gone already, which the first receive finds; or the system does not have all of these.
        }
    }

    /// <summary>
    /// Gives a connection up when what was sent is not acknowledged for so long (RFC 5482, TCP_USER_TIMEOUT). A system that does
    /// not have the option, or not for this socket, goes on without.
    /// </summary>
    public static void SetUserTimeout(ILoopSocket socket, TimeSpan limit)
    {
        double milliseconds = Math.Min(limit.TotalMilliseconds, int.MaxValue);
        int seconds = (int)Math.Ceiling(milliseconds / 1000);
        if (OperatingSystem.IsLinux()) socket.SetOption(IPPROTO_TCP, TCP_USER_TIMEOUT, (int)milliseconds);
        else if (OperatingSystem.IsWindows()) socket.SetOption(IPPROTO_TCP, WindowsMaxRetransmissionTime, seconds);
        else if (OperatingSystem.IsMacOS()) socket.SetOption(IPPROTO_TCP, MacConnectionDropTime, seconds);
    }

    /// <summary>Has several sockets share a port, each with a queue of its own in the kernel (SO_REUSEPORT).</summary>
    /// <returns>False on a system that does not have the option.</returns>
    /// <exception cref="SocketException">The system refuses it.</exception>
    public static bool TrySetReusePort(Socket socket)
    {
        bool isBsd = OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD();
        if (!isBsd && !OperatingSystem.IsLinux()) return false;
        socket.SetRawSocketOption(isBsd ? BsdSocketLevel : SOL_SOCKET, isBsd ? BsdReusePort : SO_REUSEPORT,
            BitConverter.GetBytes(1));
        return true;
    }

    /// <summary>Has the close that follows reset the connection: it lingers for no time (SO_LINGER).</summary>
    [SupportedOSPlatform("linux")]
    public static void ResetOnClose(int descriptor)
    {
        int* linger = stackalloc int[] { 1, 0 };
        _ = SystemCalls.setsockopt(descriptor, SOL_SOCKET, SO_LINGER, (byte*)linger, 2 * sizeof(int));
    }

    /// <summary>
    /// The error that a socket holds, that of a connect which has failed for example; asking clears it (SO_ERROR).
    /// </summary>
    [SupportedOSPlatform("linux")]
    public static SocketError TakeError(int descriptor)
    {
        int error = 0;
        int length = sizeof(int);
        int result = SystemCalls.getsockopt(descriptor, SOL_SOCKET, SO_ERROR, (byte*)&error, &length);
        return Errno.ToSocketError(result == 0 ? error : Marshal.GetLastPInvokeError());
    }
}
