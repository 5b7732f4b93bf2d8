using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Workerman.Events;

/// <summary>
/// An IP address and a port in 16 bytes: .NET's own objects would be 72, and accepting makes one for each connection. An IPv4
/// address is always kept as such. Immutable; any thread.
/// </summary>
/// <param name="IPv6">The address, where it is of IPv6.</param>
/// <param name="IPv4">The address as its bytes lie in memory, where it is of IPv4.</param>
/// <param name="Port">The port.</param>
internal readonly record struct PeerName(IPAddress? IPv6, uint IPv4, ushort Port)
{
    /// <summary>That of an endpoint of .NET's; nothing for one that has no IP address.</summary>
    public static PeerName Of(EndPoint? endPoint)
    {
        if (endPoint is not IPEndPoint ip) return default;
        IPAddress address = ip.Address.Unmapped();
        return address.AddressFamily == AddressFamily.InterNetwork
            ? new PeerName(null, MemoryMarshal.Read<uint>(address.GetAddressBytes()), (ushort)ip.Port)
            : new PeerName(address, 0, (ushort)ip.Port);
    }

    /// <summary>The same as .NET has it; null for nothing.</summary>
    public IPEndPoint? ToEndPoint() =>
        Port == 0 && IPv4 == 0 && IPv6 is null ? null : new IPEndPoint(IPv6 ?? new IPAddress(IPv4), Port);
}

/// <summary>
/// IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2), which is how a socket for both families names a peer of IPv4. The
/// library says IPv4 for them.
/// </summary>
internal static class MappedAddresses
{
    /// <summary>The address, as IPv4 where it is that.</summary>
    public static IPAddress Unmapped(this IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>The endpoint with its address, as IPv4 where it is that.</summary>
    public static IPEndPoint Unmapped(this IPEndPoint endPoint) =>
        endPoint.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;
}
