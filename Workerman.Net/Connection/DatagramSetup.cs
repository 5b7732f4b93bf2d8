using System.Net;
using System.Net.Sockets;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>How the socket of a UDP client is made. Immutable but for the groups.</summary>
/// <param name="BindTo">Where from; null for what the system chooses.</param>
/// <param name="EnableBroadcast">Whether it may send to broadcast addresses.</param>
/// <param name="Multicast">How it sends to groups, and which it is a member of.</param>
/// <param name="Configure">The application's own options, set before it is bound.</param>
internal sealed record DatagramSetup(IPEndPoint? BindTo, bool EnableBroadcast, MulticastOptions Multicast,
    Action<Socket>? Configure)
{
    /// <summary>
    /// Whether an address is that of several machines, which answer from their own addresses: such a socket is not connected, and
    /// receives from any address.
    /// </summary>
    public bool IsMany(IPAddress address) => EnableBroadcast || MulticastOptions.IsGroup(address) || Multicast.HasGroups;

    /// <summary>Makes a socket that sends to an address.</summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    /// <exception cref="InvalidOperationException">The application's part failed.</exception>
    public Socket Open(IPEndPoint remote)
    {
        Socket socket = DescriptorHeadroom.NewSocket(remote.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (EnableBroadcast) socket.EnableBroadcast = true;
            RunConfigure(socket);
            bool many = IsMany(remote.Address);
            if (BindTo is not null || many)
                socket.Bind(BindTo
                    ?? new IPEndPoint(remote.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0));
            Multicast.ApplyTo(socket);
            // Of a datagram socket this only sets the peer, so it waits for nothing.
            if (!many) socket.Connect(remote);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void RunConfigure(Socket socket)
    {
        try
        {
            Configure?.Invoke(socket);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"ConfigureSocket failed with {e.GetType().Name}: {e.Message}", e);
        }
    }
}
