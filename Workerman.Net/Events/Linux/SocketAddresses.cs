using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// The socket addresses of Linux as bytes, <c>struct sockaddr_in</c> and <c>sockaddr_in6</c>: the family in the machine's order,
/// port and address in the network's. That of a Unix socket, and any address that needs no haste, .NET writes
/// (<see cref="EndPoint.Serialize"/>). No state; any thread.
/// </summary>
internal static class SocketAddresses
{
    /// <summary>Bytes of <c>sockaddr_in6</c>, the longer of the two.</summary>
    public const int Size = 28;

    private const int IPv4Size = 16;

    /// <summary>The first 12 bytes of an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2).</summary>
    private static ReadOnlySpan<byte> IPv4Mapped => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

    /// <summary>
    /// Reads an address. That of an IPv4 peer comes as IPv4, also where a socket for both families has it as IPv6.
    /// </summary>
    /// <returns>Nothing for another family, that of Unix sockets for example.</returns>
    public static PeerName Read(ReadOnlySpan<byte> name)
    {
        if (name.Length < IPv4Size) return default;
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(name[2..]);
        ushort family = MemoryMarshal.Read<ushort>(name);
        if (family == AF_INET) return new PeerName(null, MemoryMarshal.Read<uint>(name[4..]), port);
        if (family != AF_INET6 || name.Length < Size) return default;
        ReadOnlySpan<byte> address = name.Slice(8, 16);
        return address.StartsWith(IPv4Mapped)
            ? new PeerName(null, MemoryMarshal.Read<uint>(address[12..]), port)
            : new PeerName(new IPAddress(address, MemoryMarshal.Read<uint>(name[24..])), 0, port);
    }

    /// <summary>Writes an address.</summary>
    /// <param name="endPoint">What to write.</param>
    /// <param name="asIPv6">For a socket of IPv6, which takes an IPv4 address only as IPv4-mapped IPv6 address.</param>
    /// <param name="name">Where to; <see cref="Size"/> bytes.</param>
    /// <returns>How many bytes it has.</returns>
    public static int Write(IPEndPoint endPoint, bool asIPv6, Span<byte> name)
    {
        IPAddress address = asIPv6 ? endPoint.Address.MapToIPv6() : endPoint.Address;
        name.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(name[2..], (ushort)endPoint.Port);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            MemoryMarshal.Write(name, (ushort)AF_INET);
            address.TryWriteBytes(name[4..], out _);
            return IPv4Size;
        }
        MemoryMarshal.Write(name, (ushort)AF_INET6);
        address.TryWriteBytes(name[8..], out _);
        MemoryMarshal.Write(name[24..], (uint)address.ScopeId);
        return Size;
    }
}
