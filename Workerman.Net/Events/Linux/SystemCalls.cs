using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Events;

/// <summary>
/// The system calls of <see cref="EpollLoop"/>, under their C names so that the man pages apply, and the layout of
/// <c>struct epoll_event</c>. No policy. Linux only. What is called for each request does not keep its error where <c>GetLastPInvokeError</c> finds it, which
/// would be two calls more each time: ask <see cref="Marshal.GetLastSystemError"/> right after it.
/// </summary>
internal static unsafe partial class SystemCalls
{
    public const int EPOLL_CLOEXEC = 0x80000;
    public const int EPOLL_CTL_ADD = 1;
    public const int EPOLL_CTL_DEL = 2;
    public const int EPOLL_CTL_MOD = 3;

    public const uint EPOLLIN = 0x001;
    public const uint EPOLLOUT = 0x004;
    public const uint EPOLLERR = 0x008;
    public const uint EPOLLHUP = 0x010;

    public const int EFD_CLOEXEC = 0x80000;
    public const int EFD_NONBLOCK = 0x800;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int SOCK_NONBLOCK = 0x800;
    public const int SOCK_STREAM = 1;

    public const int IPPROTO_TCP = 6;
    public const int TCP_NODELAY = 1;
    public const int TCP_KEEPIDLE = 4;
    public const int TCP_KEEPINTVL = 5;
    public const int TCP_KEEPCNT = 6;
    public const int SOL_SOCKET = 1;
    public const int SO_ERROR = 4;
    public const int SO_KEEPALIVE = 9;
    public const int SO_LINGER = 13;
    public const int MSG_PEEK = 0x2;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int SHUT_WR = 1;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;

    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int EIO = 5;
    public const int EAGAIN = 11;
    public const int ENOMEM = 12;
    public const int EACCES = 13;
    public const int EBUSY = 16;
    public const int EINVAL = 22;
    public const int ENFILE = 23;
    public const int EMFILE = 24;
    public const int EPIPE = 32;
    public const int ENOSYS = 38;
    public const int EOPNOTSUPP = 95;
    public const int EAFNOSUPPORT = 97;
    public const int EADDRINUSE = 98;
    public const int EADDRNOTAVAIL = 99;
    public const int ENETUNREACH = 101;
    public const int ECONNRESET = 104;
    public const int ENOBUFS = 105;
    public const int ETIMEDOUT = 110;
    public const int ECONNREFUSED = 111;
    public const int EHOSTUNREACH = 113;
    public const int EINPROGRESS = 115;

    /// <summary>
    /// Size of <c>struct epoll_event</c>: packed to 12 bytes on x64 (and 12 by alignment on x86), padded to 16 elsewhere.
    /// </summary>
    public static readonly int EventSize = SizeFor(RuntimeInformation.ProcessArchitecture);

    public static int SizeFor(Architecture architecture) => architecture is Architecture.X64 or Architecture.X86 ? 12 : 16;

    /// <summary>Reads the event at <paramref name="address"/>: its bits and the data given when it was added.</summary>
    public static (uint Events, ulong Data) Read(byte* address, int size) =>
        (Unsafe.ReadUnaligned<uint>(address), Unsafe.ReadUnaligned<ulong>(address + size - sizeof(ulong)));

    /// <summary>Writes an event; its data are the last eight bytes in either layout.</summary>
    public static void Write(byte* address, int size, uint events, ulong data)
    {
        Unsafe.WriteUnaligned(address, events);
        Unsafe.WriteUnaligned(address + size - sizeof(ulong), data);
    }

    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_ctl(int epfd, int op, int fd, byte* @event);

    [LibraryImport("libc")]
    public static partial int epoll_wait(int epfd, byte* events, int maxevents, int timeout);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int eventfd(uint initval, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int accept4(int sockfd, byte* addr, int* addrlen, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int bind(int sockfd, byte* addr, int addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int connect(int sockfd, byte* addr, int addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getsockopt(int sockfd, int level, int optname, byte* optval, int* optlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint read(int fd, byte* buf, nint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(int fd, byte* buf, nint count);

    [LibraryImport("libc")]
    public static partial nint recv(int sockfd, byte* buf, nint len, int flags);

    [LibraryImport("libc")]
    public static partial nint send(int sockfd, byte* buf, nint len, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int shutdown(int sockfd, int how);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int setsockopt(int sockfd, int level, int optname, byte* optval, int optlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getpeername(int sockfd, byte* addr, int* addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getsockname(int sockfd, byte* addr, int* addrlen);

    /// <summary>With an <c>off_t</c> of 64 bits, as it is on 64-bit systems.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sendfile(int out_fd, SafeFileHandle in_fd, long* offset, nint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);
}
