using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// What <see cref="EpollSocket"/> does to a bare descriptor: Berkeley sockets with .NET's types around them. No state and no policy. Any thread
/// that owns the descriptor.
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

    public static int Send(int fd, ReadOnlySpan<byte> data, out SocketError error)
    {
        nint count;
        fixed (byte* bytes = data) count = send(fd, bytes, data.Length, MSG_NOSIGNAL);
        return Outcome(count, out error);
    }

    public static bool HasUnread(int fd)
    {
        byte first;
        return recv(fd, &first, 1, MSG_PEEK) >= 0;
    }

    public static bool SetOption(int fd, int level, int name, int value) => setsockopt(fd, level, name, (byte*)&value, sizeof(int)) == 0;

    /// <summary>Has the close that follows reset the connection: it lingers for no time (socket(7), SO_LINGER).</summary>
    public static void ResetOnClose(int fd)
    {
        int* linger = stackalloc int[] { 1, 0 };
        _ = setsockopt(fd, SOL_SOCKET, SO_LINGER, (byte*)linger, 2 * sizeof(int));
    }

    /// <summary>The outcome of a connect that has ended; asking takes it away.</summary>
    public static SocketError TakeError(int fd)
    {
        int error = 0;
        int length = sizeof(int);
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, (byte*)&error, &length) != 0) error = Marshal.GetLastPInvokeError();
        return error == 0 ? SocketError.Success : ErrorOf(error);
    }

    public static IPEndPoint? PeerOf(int fd) => Name(fd, getpeername);

    public static IPEndPoint? NameOf(int fd) => Name(fd, getsockname);

    private static int Outcome(nint count, out SocketError error)
    {
        error = count >= 0 ? SocketError.Success : ErrorOf(Marshal.GetLastSystemError());
        return count >= 0 ? (int)count : 0;
    }

    public static SocketError ErrorOf(int errno) => errno switch
    {
        EAGAIN => SocketError.WouldBlock,
        EINTR => SocketError.Interrupted,
        ECONNRESET => SocketError.ConnectionReset,
        EPIPE => SocketError.Shutdown,
        ENOBUFS or ENOMEM => SocketError.NoBufferSpaceAvailable,
        EINPROGRESS => SocketError.InProgress,
        ECONNREFUSED => SocketError.ConnectionRefused,
        ETIMEDOUT => SocketError.TimedOut,
        EHOSTUNREACH => SocketError.HostUnreachable,
        ENETUNREACH => SocketError.NetworkUnreachable,
        EACCES or EPERM => SocketError.AccessDenied,
        EADDRINUSE => SocketError.AddressAlreadyInUse,
        EADDRNOTAVAIL or ENOENT => SocketError.AddressNotAvailable,
        EAFNOSUPPORT => SocketError.AddressFamilyNotSupported,
        EMFILE or ENFILE => SocketError.TooManyOpenSockets,
        _ => SocketError.SocketError,
    };

    private static IPEndPoint? Name(int fd, AskName ask)
    {
        byte* address = stackalloc byte[SocketAddresses.Size];
        int length = SocketAddresses.Size;
        return ask(fd, address, &length) == 0 ? SocketAddresses.Read(new ReadOnlySpan<byte>(address, Math.Min(length, SocketAddresses.Size))) : null;
    }
}
