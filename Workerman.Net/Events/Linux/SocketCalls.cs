using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.Errno;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// What is done to a socket by its bare descriptor: system calls with .NET's types around them. .NET's own calls throw where
/// there is nothing to receive, and need an object for each socket. Options stand in <see cref="SocketOptions"/>. No state and no
/// policy. Any thread that owns the descriptor.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe class SocketCalls
{
    private delegate int AskName(int fd, byte* address, int* length);

    public static int Receive(int fd, Span<byte> buffer, out SocketError error)
    {
        nint count;
        fixed (byte* bytes = buffer) count = recv(fd, bytes, buffer.Length, 0);
        return Outcome(count, out error);
    }

    public static int Send(int fd, ReadOnlySpan<byte> data, out SocketError error, int flags = 0)
    {
        nint count;
        fixed (byte* bytes = data) count = send(fd, bytes, data.Length, MSG_NOSIGNAL | flags);
        return Outcome(count, out error);
    }

    public static bool HasUnread(int fd)
    {
        byte first;
        return recv(fd, &first, 1, MSG_PEEK) >= 0;
    }

    /// <summary>Receives one datagram, and who sent it.</summary>
    public static int ReceiveFrom(int fd, Span<byte> buffer, out IPEndPoint? from, out SocketError error)
    {
        byte* address = stackalloc byte[SocketAddresses.Size];
        int length = SocketAddresses.Size;
        nint count;
        fixed (byte* bytes = buffer) count = recvfrom(fd, bytes, buffer.Length, 0, address, &length);
        error = count >= 0 ? SocketError.Success : LastError();
        from = count >= 0 ? EndPointAt(address, length) : null;
        return count >= 0 ? (int)count : 0;
    }

    /// <summary>Sends one datagram; to the peer of a connected socket where <paramref name="to"/> is null.</summary>
    public static SocketError SendTo(int fd, ReadOnlySpan<byte> data, IPEndPoint? to, bool asIPv6)
    {
        byte* address = stackalloc byte[SocketAddresses.Size];
        int length = to is null ? 0 : SocketAddresses.Write(to, asIPv6, new Span<byte>(address, SocketAddresses.Size));
        nint count;
        fixed (byte* bytes = data) count = sendto(fd, bytes, data.Length, MSG_NOSIGNAL, length == 0 ? null : address, length);
        return count >= 0 ? SocketError.Success : LastError();
    }

    /// <summary>Gives a socket its name, in bytes that .NET has written (<see cref="EndPoint.Serialize"/>).</summary>
    /// <returns>0, or -1 with an error that is kept.</returns>
    public static int Bind(int fd, SocketAddress address)
    {
        fixed (byte* bytes = address.Buffer.Span) return bind(fd, bytes, address.Size);
    }

    /// <summary>Begins to connect a socket.</summary>
    /// <inheritdoc cref="Bind"/>
    public static int Connect(int fd, SocketAddress address)
    {
        fixed (byte* bytes = address.Buffer.Span) return connect(fd, bytes, address.Size);
    }

    /// <summary>Accepts one connection, as a socket that does not block.</summary>
    /// <returns>Its descriptor; negative where there is none, and <see cref="Marshal.GetLastPInvokeError"/> tells why.</returns>
    public static int Accept(int fd, out PeerName peer)
    {
        byte* address = stackalloc byte[SocketAddresses.Size];
        // The peer is asked for here, where it costs no call of its own: once it has reset the connection, the system has
        // forgotten it.
        int length = SocketAddresses.Size;
        int accepted = StandardDescriptors.Lift(accept4(fd, address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        peer = accepted < 0 ? default : PeerAt(address, length);
        return accepted;
    }

    /// <summary>Another descriptor of an open socket; negative if there is none left.</summary>
    public static int Duplicate(int fd) => fcntl(fd, F_DUPFD_CLOEXEC, StandardDescriptors.First);

    /// <summary>
    /// Takes an open socket away from whoever has its descriptor, which is <c>/dev/null</c>'s from then on.
    /// </summary>
    /// <returns>The socket's new descriptor; negative if there is none left, and then nothing has changed.</returns>
    public static int Extract(int fd)
    {
        int extracted = Duplicate(fd);
        int blank = extracted < 0 ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
        bool replaced = blank >= 0 && dup3(blank, fd, O_CLOEXEC) >= 0;
        if (blank >= 0) _ = close(blank);
        if (replaced || extracted < 0) return extracted;
        _ = close(extracted);
        return -1;
    }

    public static IPEndPoint? PeerOf(int fd) => Name(fd, getpeername);

    public static IPEndPoint? NameOf(int fd) => Name(fd, getsockname);

    /// <summary>What kept the last call that keeps its error from succeeding.</summary>
    public static SocketError LastError() => ToSocketError(Marshal.GetLastPInvokeError());

    private static int Outcome(nint count, out SocketError error)
    {
        error = count >= 0 ? SocketError.Success : ToSocketError(Marshal.GetLastSystemError());
        return count >= 0 ? (int)count : 0;
    }

    private static IPEndPoint? Name(int fd, AskName ask)
    {
        byte* address = stackalloc byte[SocketAddresses.Size];
        int length = SocketAddresses.Size;
        return ask(fd, address, &length) == 0 ? EndPointAt(address, length) : null;
    }

    private static IPEndPoint? EndPointAt(byte* address, int length) => PeerAt(address, length).ToEndPoint();

    // The system says how long the name is, also where it is longer than the room that it had.
    private static PeerName PeerAt(byte* address, int length) =>
        SocketAddresses.Read(new ReadOnlySpan<byte>(address, Math.Min(length, SocketAddresses.Size)));
}
