using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Workerman.Events;

/// <summary>
/// Socket addresses as the system writes them, and as .NET does. An IPv4 peer of a socket for both families comes as IPv4-mapped
/// IPv6 address (RFC 4291
/// section 2.5.5.2); here it is always the IPv4 address that it is. No state; any thread.
/// </summary>
internal static class SocketAddresses
{
    /// <summary>Bytes that the longest address of the internet families takes.</summary>
    public const int Size = 28;

    /// <summary>
    /// Reads a <c>struct sockaddr_in</c> or <c>sockaddr_in6</c> of Linux: family in the machine's order, port and addresses in
    /// the network's.
    /// </summary>
    /// <returns>Null for another family, that of Unix sockets for example.</returns>
    public static IPEndPoint? Read(ReadOnlySpan<byte> name) => PeerName.Read(name).ToEndPoint();

    /// <summary>The same address, as IPv4 where it is that.</summary>
    public static IPEndPoint Plain(IPEndPoint endPoint) =>
        endPoint.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;
}

/// <summary>
/// An IP address and a port in 16 bytes: .NET's own objects would be 72, and accepting makes one for each connection. Immutable;
/// any thread.
/// </summary>
/// <param name="IPv6">The address, where it is of IPv6.</param>
/// <param name="IPv4">The address as its bytes lie in memory, where it is of IPv4.</param>
/// <param name="Port">The port.</param>
internal readonly record struct PeerName(IPAddress? IPv6, uint IPv4, ushort Port)
{
    private const int AF_INET = 2;
    private const int AF_INET6 = 10;
    private const int IPv4Size = 16;

    private static ReadOnlySpan<byte> IPv4Mapped => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

    /// <inheritdoc cref="SocketAddresses.Read"/>
    public static PeerName Read(ReadOnlySpan<byte> name)
    {
        if (name.Length < IPv4Size) return default;
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(name[2..]);
        ushort family = MemoryMarshal.Read<ushort>(name);
        if (family == AF_INET) return new PeerName(null, MemoryMarshal.Read<uint>(name[4..]), port);
        if (family != AF_INET6 || name.Length < SocketAddresses.Size) return default;
        ReadOnlySpan<byte> address = name.Slice(8, 16);
        return address.StartsWith(IPv4Mapped)
            ? new PeerName(null, MemoryMarshal.Read<uint>(address[12..]), port)
            : new PeerName(new IPAddress(address, MemoryMarshal.Read<uint>(name[24..])), 0, port);
    }

    /// <summary>That of an endpoint of .NET's; nothing for one that has no IP address.</summary>
    public static PeerName Of(EndPoint? endPoint)
    {
        if (endPoint is not IPEndPoint ip) return default;
        IPAddress address = SocketAddresses.Plain(ip).Address;
        return address.AddressFamily == AddressFamily.InterNetwork
            ? new PeerName(null, MemoryMarshal.Read<uint>(address.GetAddressBytes()), (ushort)ip.Port)
            : new PeerName(address, 0, (ushort)ip.Port);
    }

    /// <summary>What it says; null if it says nothing.</summary>
    public IPEndPoint? ToEndPoint() => Port == 0 && IPv4 == 0 && IPv6 is null ? null : new IPEndPoint(IPv6 ?? new IPAddress(IPv4), Port);
}
