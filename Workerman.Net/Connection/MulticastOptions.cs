using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Workerman.Connection;

/// <summary>
/// How a UDP socket sends to multicast groups, and which it is a member of. What is set here counts from when the socket opens;
/// groups may be joined and left at any time. Any thread.
/// </summary>
public sealed class MulticastOptions
{
    private readonly Lock _gate = new();
    private readonly List<(IPAddress Group, IPAddress? Local)> _groups = [];

    internal MulticastOptions()
    {
    }

    /// <summary>How many routers a datagram to a group may pass: 1, which is none; 0 to 255 (IP_MULTICAST_TTL).</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is another number.</exception>
    public int TimeToLive
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, 255);
            field = value;
        }
    } = 1;

    /// <summary>Whether members on this machine get what is sent from here too; true (IP_MULTICAST_LOOP).</summary>
    public bool Loopback { get; set; } = true;

    /// <summary>
    /// The interface that is sent through, by one of its addresses; null for what the system chooses (IP_MULTICAST_IF).
    /// </summary>
    public IPAddress? Interface { get; set; }

    /// <summary>Whether there is any group.</summary>
    internal bool HasGroups
    {
        get
        {
            lock (_gate) return _groups.Count > 0;
        }
    }

    /// <summary>Whether an address is that of a group.</summary>
    internal static bool IsGroup(IPAddress address) => address.IsIPv6Multicast
        || (address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] is >= 224 and <= 239);

    /// <summary>Remembers a group, for the sockets that are still to open, and joins it with those that are open.</summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    internal void Join(IPAddress group, IPAddress? local, IEnumerable<Socket> open)
    {
        Check(group);
        foreach (Socket socket in open) Change(socket, SocketOptionName.AddMembership, group, local);
        lock (_gate) _groups.Add((group, local));
    }

    /// <summary>Takes <see cref="Join"/> back.</summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    internal void Drop(IPAddress group, IPAddress? local, IEnumerable<Socket> open)
    {
        Check(group);
        lock (_gate) _groups.Remove((group, local));
        foreach (Socket socket in open) Change(socket, SocketOptionName.DropMembership, group, local);
    }

    /// <summary>Sets a socket's options and joins its groups. It is bound.</summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    internal void ApplyTo(Socket socket)
    {
        bool six = socket.AddressFamily == AddressFamily.InterNetworkV6;
        SocketOptionLevel level = six ? SocketOptionLevel.IPv6 : SocketOptionLevel.IP;
        if (TimeToLive != 1) socket.SetSocketOption(level, SocketOptionName.MulticastTimeToLive, TimeToLive);
        if (!Loopback) socket.SetSocketOption(level, SocketOptionName.MulticastLoopback, 0);
        if (Interface is { } own)
            socket.SetSocketOption(level, SocketOptionName.MulticastInterface,
                six ? IndexOf(own) : BitConverter.ToInt32(own.MapToIPv4().GetAddressBytes()));
        (IPAddress Group, IPAddress? Local)[] groups;
        lock (_gate) groups = [.. _groups];
        foreach ((IPAddress group, IPAddress? local) in groups) Change(socket, SocketOptionName.AddMembership, group, local);
    }

    private static void Check(IPAddress group)
    {
        ArgumentNullException.ThrowIfNull(group);
        if (!IsGroup(group))
            throw new ArgumentException(
                $"{group} is no multicast group; those are 224.0.0.0 to 239.255.255.255, and ff00:: to ffff::.", nameof(group));
    }

    private static void Change(Socket socket, SocketOptionName name, IPAddress group, IPAddress? local)
    {
        if (group.AddressFamily == AddressFamily.InterNetwork)
            socket.SetSocketOption(SocketOptionLevel.IP, name, new MulticastOption(group, local ?? IPAddress.Any));
        else
            socket.SetSocketOption(SocketOptionLevel.IPv6, name,
                new IPv6MulticastOption(group, local is null ? group.ScopeId : IndexOf(local)));
    }

    /// <summary>The number of the interface that has an address: what IPv6 wants.</summary>
    private static int IndexOf(IPAddress local)
    {
        if (local.AddressFamily == AddressFamily.InterNetworkV6 && local.ScopeId != 0) return (int)local.ScopeId;
        foreach (NetworkInterface candidate in NetworkInterface.GetAllNetworkInterfaces())
        {
            IPInterfaceProperties properties = candidate.GetIPProperties();
            if (properties.UnicastAddresses.Any(address => address.Address.Equals(local)))
                return properties.GetIPv6Properties().Index;
        }
        throw new SocketException((int)SocketError.AddressNotAvailable);
    }
}
