using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>What <see cref="EpollDatagramSocket"/> does to a descriptor: recvfrom and sendto with .NET's types around them. No state and no policy. Linux only.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class EpollDatagramCalls
{
    private const int SO_ERROR = 4;
    private const int EPERM = 1;
    private const int EACCES = 13;
    private const int EMSGSIZE = 90;
    private const int ENETUNREACH = 101;
    private const int ECONNREFUSED = 111;
    private const int EHOSTUNREACH = 113;

    private const int AddressSize = SocketAddresses.Size;
    private const int IPv4Size = 16;

    public static int Receive(int fd, Span<byte> buffer, out IPEndPoint? from, out SocketError error)
    {
        byte* address = stackalloc byte[AddressSize];
        int length = AddressSize;
        nint count;
        fixed (byte* bytes = buffer) count = recvfrom(fd, bytes, buffer.Length, 0, address, &length);
        error = count >= 0 ? SocketError.Success : ErrorOf(Marshal.GetLastPInvokeError());
        from = count >= 0 ? SocketAddresses.Read(new ReadOnlySpan<byte>(address, Math.Min(length, AddressSize))) : null;
        return count >= 0 ? (int)count : 0;
    }

    /// <summary>Sends one datagram. A socket of IPv6 takes IPv4 addresses in IPv6 clothes only (RFC 4291 §2.5.5.2).</summary>
    public static SocketError Send(int fd, ReadOnlySpan<byte> data, IPEndPoint? to, bool asIPv6)
    {
        byte* address = stackalloc byte[AddressSize];
        int length = to is null ? 0 : Write(to, asIPv6, new Span<byte>(address, AddressSize));
        nint count;
        fixed (byte* bytes = data) count = sendto(fd, bytes, data.Length, MSG_NOSIGNAL, length == 0 ? null : address, length);
        return count >= 0 ? SocketError.Success : ErrorOf(Marshal.GetLastPInvokeError());
    }

    /// <summary>The error that the socket holds; asking takes it away.</summary>
    public static int TakeError(int fd)
    {
        int error = 0;
        int length = sizeof(int);
        _ = getsockopt(fd, SOL_SOCKET, SO_ERROR, (byte*)&error, &length);
        return error;
    }

    private static int Write(IPEndPoint endPoint, bool asIPv6, Span<byte> bytes)
    {
        IPAddress address = asIPv6 ? endPoint.Address.MapToIPv6() : endPoint.Address;
        bytes.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], (ushort)endPoint.Port);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            MemoryMarshal.Write(bytes, (ushort)AF_INET);
            address.TryWriteBytes(bytes[4..], out _);
            return IPv4Size;
        }
        MemoryMarshal.Write(bytes, (ushort)AF_INET6);
        address.TryWriteBytes(bytes[8..], out _);
        MemoryMarshal.Write(bytes[24..], (uint)address.ScopeId);
        return AddressSize;
    }

    private static SocketError ErrorOf(int errno) => errno switch
    {
        EAGAIN => SocketError.WouldBlock,
        EINTR => SocketError.Interrupted,
        ECONNREFUSED => SocketError.ConnectionRefused,
        EMSGSIZE => SocketError.MessageSize,
        ENOBUFS or ENOMEM => SocketError.NoBufferSpaceAvailable,
        ENETUNREACH => SocketError.NetworkUnreachable,
        EHOSTUNREACH => SocketError.HostUnreachable,
        EACCES or EPERM => SocketError.AccessDenied,
        EINVAL => SocketError.InvalidArgument,
        _ => SocketError.SocketError,
    };

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recvfrom(int sockfd, byte* buf, nint len, int flags, byte* src_addr, int* addrlen);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint sendto(int sockfd, byte* buf, nint len, int flags, byte* dest_addr, int addrlen);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getsockopt(int sockfd, int level, int optname, byte* optval, int* optlen);
}
