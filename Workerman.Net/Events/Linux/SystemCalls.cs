using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Events;

/// <summary>
/// Every system call that the library makes itself, under its C name so that the man pages apply, with the constants and
/// structures that go with it. No policy and no state; any thread. Linux, but for <see cref="getrlimit"/>. Error numbers stand in
/// <see cref="Errno"/>, socket options in <see cref="SocketOptions"/>. What is called for each request does not keep its error
/// where <see cref="Marshal.GetLastPInvokeError"/> finds it, which would be two calls more each time: ask
/// <see cref="Marshal.GetLastSystemError"/> right after it.
/// </summary>
internal static unsafe partial class SystemCalls
{
    // epoll(7), eventfd(2)
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

    // socket(2), send(2), recv(2), shutdown(2)
    public const int AF_UNIX = 1;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;
    public const int SOCK_STREAM = 1;
    public const int SOCK_NONBLOCK = 0x800;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int MSG_PEEK = 0x2;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int MSG_MORE = 0x8000;
    public const int SHUT_WR = 1;

    // open(2), statx(2), inode(7)
    public const int O_RDONLY = 0;
    public const int O_WRONLY = 1;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_NOCTTY = 0x100;
    public const int O_APPEND = 0x400;
    public const int O_NONBLOCK = 0x800;
    public const int O_CLOEXEC = 0x80000;
    public const int O_PATH = 0x200000;
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_NOFOLLOW = 0x100;
    public const int AT_EMPTY_PATH = 0x1000;
    public const uint STATX_UID = 0x8;
    public const uint STATX_INO = 0x100;
    public const uint STATX_BASIC_STATS = 0x7FF;
#pragma warning disable IDE1006 // The kernel's names, which the analyzer takes for a prefix.
    public const int S_IFMT = 0xF000;
    public const int S_IFDIR = 0x4000;
    public const int S_IFREG = 0x8000;
    public const int S_IFSOCK = 0xC000;
#pragma warning restore IDE1006

    // openat2(2)
    public const ulong RESOLVE_NO_MAGICLINKS = 0x2;
    public const ulong RESOLVE_NO_SYMLINKS = 0x4;
    public const ulong RESOLVE_BENEATH = 0x8;

    // madvise(2)
    public const int MADV_HUGEPAGE = 14;

    // flock(2), fcntl(2): locks of an open file description
    public const int LOCK_SH = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;
    public const int LOCK_UN = 8;
    public const int F_SETFD = 2;
    public const int FD_CLOEXEC = 1;
    public const int F_SETFL = 4;
    public const int F_OFD_SETLK = 37;
    public const int F_DUPFD_CLOEXEC = 1030;
    public const short F_WRLCK = 1;

    // preadv2(2)
    public const int RWF_NOWAIT = 8;

    // mmap(2)
    public const int PROT_READ = 1;
    public const int PROT_WRITE = 2;
    public const int MAP_SHARED = 1;
    public const int MAP_POPULATE = 0x8000;

    // The C library has no functions for these. The numbers of the calls are the same on every architecture of .NET's.
    private const int SYS_io_uring_setup = 425;
    private const int SYS_io_uring_enter = 426;
    private const int SYS_openat2 = 437;
    private const int SYS_cachestat = 451;

    /// <summary>The last part of the path must be no link.</summary>
    public static int O_NOFOLLOW => NoFollowOn(RuntimeInformation.ProcessArchitecture);

    /// <summary>The path must lead to a folder.</summary>
    public static int O_DIRECTORY => DirectoryOn(RuntimeInformation.ProcessArchitecture);

    /// <summary>RLIMIT_NOFILE: how many descriptors the process may have.</summary>
    public static int RLIMIT_NOFILE => OperatingSystem.IsLinux() ? 7 : 8;

    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int epoll_ctl(int epfd, int op, int fd, byte* @event);

    [LibraryImport("libc")]
    public static partial int epoll_wait(int epfd, byte* events, int maxevents, int timeout);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int eventfd(uint initval, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int bind(int sockfd, byte* addr, int addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int connect(int sockfd, byte* addr, int addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int accept4(int sockfd, byte* addr, int* addrlen, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getpeername(int sockfd, byte* addr, int* addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getsockname(int sockfd, byte* addr, int* addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int getsockopt(int sockfd, int level, int optname, byte* optval, int* optlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int setsockopt(int sockfd, int level, int optname, byte* optval, int optlen);

    [LibraryImport("libc")]
    public static partial nint recv(int sockfd, byte* buf, nint len, int flags);

    [LibraryImport("libc")]
    public static partial nint send(int sockfd, byte* buf, nint len, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recvfrom(int sockfd, byte* buf, nint len, int flags, byte* src_addr, int* addrlen);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sendto(int sockfd, byte* buf, nint len, int flags, byte* dest_addr, int addrlen);

    /// <summary>With an <c>off_t</c> of 64 bits, as it is on 64-bit systems.</summary>
    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sendfile(int out_fd, SafeFileHandle in_fd, long* offset, nint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int shutdown(int sockfd, int how);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint read(int fd, byte* buf, nint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(int fd, byte* buf, nint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int open(string pathname, int flags);

    /// <summary>The same with the mode of a file that it makes.</summary>
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int open(string pathname, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int chown(string pathname, uint owner, uint group);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fchown(SafeFileHandle fd, uint owner, uint group);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int dup2(SafeFileHandle oldfd, int newfd);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int statx(int dirfd, string pathname, int flags, uint mask, FileStatus* statxbuf);

    /// <summary>The same by an open file, whose handle stays open during the call.</summary>
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int statx(SafeFileHandle dirfd, string pathname, int flags, uint mask, FileStatus* statxbuf);

    /// <summary>The same by a path in UTF-8 that ends with a NUL; for each request.</summary>
    [LibraryImport("libc")]
    public static partial int statx(int dirfd, byte* pathname, int flags, uint mask, FileStatus* statxbuf);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint readlink(string pathname, byte* buf, nint bufsiz);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int link(string oldpath, string newpath);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int flock(SafeFileHandle fd, int operation);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fcntl(SafeFileHandle fd, int cmd, FileLock* arg);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int fcntl(int fd, int cmd, int arg);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int dup3(int oldfd, int newfd, int flags);

    [LibraryImport("libc")]
    public static partial uint geteuid();

    /// <summary>On macOS and FreeBSD, too.</summary>
    [LibraryImport("libc")]
    public static partial int getrlimit(int resource, out ResourceLimit rlim);

    [LibraryImport("libc")]
    public static partial byte* mmap(byte* addr, nint length, int prot, int flags, int fd, long offset);

    [LibraryImport("libc")]
    public static partial int munmap(byte* addr, nint length);

    /// <summary><c>O_NOFOLLOW</c> of an architecture: Arm and PowerPC have numbers of their own for two of the flags.</summary>
    public static int NoFollowOn(Architecture architecture) => HasOwnFlags(architecture) ? 0x8000 : 0x20000;

    /// <inheritdoc cref="NoFollowOn"/>
    public static int DirectoryOn(Architecture architecture) => HasOwnFlags(architecture) ? 0x4000 : 0x10000;

    private static bool HasOwnFlags(Architecture architecture) =>
        architecture is Architecture.Arm or Architecture.Armv6 or Architecture.Arm64 or Architecture.Ppc64le;

    public static int io_uring_setup(uint entries, IoUringStructures.Params* parameters) =>
        (int)syscall(SYS_io_uring_setup, (nint)entries, (nint)parameters, 0, 0, 0, 0);

    public static int io_uring_enter(int fd, uint toSubmit, uint minComplete, uint flags) =>
        (int)syscall(SYS_io_uring_enter, fd, (nint)toSubmit, (nint)minComplete, (nint)flags, 0, 0);

    /// <summary>Opens a file in a way that says which links are followed; -1 with ENOSYS before Linux 5.6.</summary>
    public static int openat2(int dirfd, byte* pathname, OpenHow* how) =>
        (int)syscall(SYS_openat2, dirfd, (nint)pathname, (nint)how, sizeof(OpenHow), 0, 0);

    /// <summary>Which pages of a file are in memory; -1 where the kernel does not tell.</summary>
    public static int cachestat(int fd, CacheRange* range, CacheStatus* status) =>
        (int)syscall(SYS_cachestat, fd, (nint)range, (nint)status, 0, 0, 0);

    [LibraryImport("libc")]
    public static partial int madvise(void* addr, nint length, int advice);

    /// <summary>With an <c>off_t</c> of 64 bits, as <c>sendfile</c>.</summary>
    [LibraryImport("libc")]
    public static partial nint preadv2(SafeFileHandle fd, IoVector* iov, int iovcnt, long offset, int flags);

    [LibraryImport("libc")]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    /// <summary>The part of <c>struct statx</c> that is used. Its layout is the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public readonly struct FileStatus
    {
        [FieldOffset(20)] public readonly uint Owner;
        [FieldOffset(24)] public readonly uint Group;
        [FieldOffset(28)] private readonly ushort _mode;
        [FieldOffset(32)] public readonly ulong Number;
        [FieldOffset(40)] public readonly long Size;
        [FieldOffset(112)] private readonly long _seconds;
        [FieldOffset(120)] private readonly uint _nanoseconds;
        [FieldOffset(136)] private readonly uint _deviceMajor;
        [FieldOffset(140)] private readonly uint _deviceMinor;

        /// <summary>One of <c>S_IFREG</c> and the like.</summary>
        public int Kind => _mode & S_IFMT;

        /// <summary>Who may do what, as chmod(2) takes it.</summary>
        public int Permissions => _mode & 0b111_111_111;

        public ulong Device => ((ulong)_deviceMajor << 32) | _deviceMinor;

        /// <summary>When its content was changed, within the dates that .NET has: a file system may hold others.</summary>
        public DateTimeOffset Modified => DateTimeOffset.FromUnixTimeSeconds(
            Math.Clamp(_seconds, DateTimeOffset.MinValue.ToUnixTimeSeconds(), DateTimeOffset.MaxValue.ToUnixTimeSeconds()))
            .AddTicks(_nanoseconds / 100);
    }

    /// <summary>
    /// <c>struct flock</c>: from the beginning, and with no length to the file's end. The same on 64-bit systems.
    /// </summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct FileLock
    {
        public short Type;
        public short Whence;
        public long Start;
        public long Length;
        public int Process;
    }

    /// <summary><c>struct open_how</c>.</summary>
    public struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    /// <summary><c>struct cachestat_range</c>.</summary>
    public struct CacheRange
    {
        public ulong Offset;
        public ulong Length;
    }

    /// <summary><c>struct cachestat</c>, in pages.</summary>
    public struct CacheStatus
    {
        public ulong Cached;
        public ulong Dirty;
        public ulong Writeback;
        public ulong Evicted;
        public ulong RecentlyEvicted;
    }

    /// <summary><c>struct iovec</c>.</summary>
    public struct IoVector
    {
        public byte* Base;
        public nint Length;
    }

    /// <summary><c>struct rlimit</c>.</summary>
    public struct ResourceLimit
    {
        public ulong Current;
        public ulong Maximum;
    }
}
