using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>How a worker's listening sockets are made. Immutable.</summary>
/// <param name="Backlog">Connections that may wait.</param>
/// <param name="ReusePort">Whether several sockets share the port.</param>
/// <param name="Mode">The mode of a Unix socket's file; null for what the umask leaves.</param>
/// <param name="KeepAlive">That of its TCP connections; null for none.</param>
/// <param name="Configure">The application's own options, set last and before the socket is bound.</param>
internal sealed record SocketSetup(int Backlog, bool ReusePort, UnixFileMode? Mode, TcpKeepAlive? KeepAlive,
    Action<Socket>? Configure)
{
    /// <summary>
    /// Whether accepted connections have the options of the listening socket: Linux copies them, so that they cost no system call
    /// for each connection.
    /// </summary>
    public static bool IsInherited => OperatingSystem.IsLinux();

    /// <summary>Sets what a listening TCP socket needs before it is bound.</summary>
    /// <exception cref="WorkerStartException">The system lacks an option, or the application's part failed.</exception>
    public void PrepareTcp(Socket socket, ListenAddress address)
    {
        if (IsInherited) PrepareConnection(new ConnectedSocket(socket));
        Prepare(socket, address);
    }

    /// <summary>Sets what any socket needs before it is bound.</summary>
    /// <exception cref="WorkerStartException">The system lacks an option, or the application's part failed.</exception>
    public void Prepare(Socket socket, ListenAddress address)
    {
        if (address.EndPoint is IPEndPoint { Address: var ip } && ip.Equals(IPAddress.IPv6Any)) socket.DualMode = true;
        if (ReusePort && !SocketOptions.TrySetReusePort(socket))
            throw new WorkerStartException(
                $"Cannot listen on {address.Text}: this system has no SO_REUSEPORT. Cure: leave ReusePort false.");
        try
        {
            Configure?.Invoke(socket);
        }
        catch (Exception e)
        {
            throw new WorkerStartException($"Cannot listen on {address.Text}: WorkerOptions.ConfigureSocket failed with "
                + $"{e.GetType().Name}: {e.Message}. Cure: leave out the option that this system does not take.", e);
        }
    }

    /// <summary>Sets what a connection needs.</summary>
    public void PrepareConnection(ConnectedSocket socket)
    {
        socket.SetNoDelay();
        KeepAlive?.ApplyTo(socket);
    }
}
