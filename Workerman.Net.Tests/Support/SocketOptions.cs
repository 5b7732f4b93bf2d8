using System.Net;
using System.Net.Sockets;

namespace Workerman.Tests.Support;

/// <summary>What the system says of a socket of this process, found by its two addresses. Linux only.</summary>
internal static class SocketOptions
{
    /// <summary>SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT and TCP_NODELAY, as getsockopt tells them.</summary>
    public static string OfTcp(EndPoint local, EndPoint remote) => Of(local, remote, socket => string.Join(' ',
        Value(socket, SocketOptionLevel.Socket, SocketOptionName.KeepAlive),
        Value(socket, SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime),
        Value(socket, SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval),
        Value(socket, SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount),
        Value(socket, SocketOptionLevel.Tcp, SocketOptionName.NoDelay)));

    public static T Of<T>(EndPoint local, EndPoint remote, Func<Socket, T> question)
    {
        foreach (string file in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            try
            {
                if (new FileInfo(file).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) != true) continue;
                using var socket = new Socket(new SafeSocketHandle(nint.Parse(Path.GetFileName(file)), ownsHandle: false));
                if (local.Equals(socket.LocalEndPoint) && remote.Equals(socket.RemoteEndPoint)) return question(socket);
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                // Another kind of socket, or closed meanwhile.
            }
        }
        throw new InvalidOperationException($"no socket from {local} to {remote} is open here");
    }

    private static int Value(Socket socket, SocketOptionLevel level, SocketOptionName name) =>
        (int)socket.GetSocketOption(level, name)!;
}
