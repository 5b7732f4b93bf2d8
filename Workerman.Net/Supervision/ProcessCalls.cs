using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Workerman.Supervision;

/// <summary>
/// The system calls with which processes are started, watched and signalled, and with which descriptors go from one to another.
/// Under their C names, so that the man pages apply. No policy and no state; any thread. The others of the library stand in
/// <see cref="Events.SystemCalls"/>.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class ProcessCalls
{
    // signal(7)
    public const int SIGHUP = 1;
    public const int SIGINT = 2;
    public const int SIGQUIT = 3;
    public const int SIGKILL = 9;
    public const int SIGUSR1 = 10;
    public const int SIGUSR2 = 12;
    public const int SIGTERM = 15;

    // unix(7), cmsg(3)
    public const int SOL_SOCKET = 1;
    public const int SCM_RIGHTS = 1;
    public const int MSG_CMSG_CLOEXEC = 0x40000000;

    // poll(2)
    public const short POLLERR = 0x08;
    public const short POLLHUP = 0x10;

    // posix_spawn(3)
    public const short POSIX_SPAWN_SETSIGDEF = 0x04;
    public const short POSIX_SPAWN_SETSIGMASK = 0x08;
    public const short POSIX_SPAWN_SETSID = 0x80;

    /// <summary>
    /// More than any C library's <c>posix_spawnattr_t</c> (336), <c>posix_spawn_file_actions_t</c> (80) or <c>sigset_t</c> (128).
    /// </summary>
    public const int OpaqueSize = 512;

    // The same numbers on every architecture of .NET's.
    private const int SYS_pidfd_send_signal = 424;
    private const int SYS_pidfd_open = 434;

    /// <summary>A socket is told who has sent to it.</summary>
    public static int SO_PASSCRED => PassCredentialsOn(RuntimeInformation.ProcessArchitecture);

    /// <summary>Who is at the other end of a socket.</summary>
    public static int SO_PEERCRED => PeerCredentialsOn(RuntimeInformation.ProcessArchitecture);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int socketpair(int domain, int type, int protocol, int* sv);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int pipe2(int* pipefd, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint sendmsg(int sockfd, MessageHeader* msg, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint recvmsg(int sockfd, MessageHeader* msg, int flags);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_init(byte* attr);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_destroy(byte* attr);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_setflags(byte* attr, short flags);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_setsigdefault(byte* attr, byte* sigdefault);

    [LibraryImport("libc")]
    public static partial int posix_spawnattr_setsigmask(byte* attr, byte* sigmask);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    public static partial int posix_spawn_file_actions_adddup2(byte* actions, int fildes, int newfildes);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int posix_spawn_file_actions_addopen(byte* actions, int fildes, string path, int oflag, uint mode);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int posix_spawn_file_actions_addchdir_np(byte* actions, string path);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int posix_spawn(int* pid, string path, byte* actions, byte* attr, byte** argv, byte** envp);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int waitpid(int pid, int* status, int options);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int kill(int pid, int sig);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int dup2(int oldfd, int newfd);

    [LibraryImport("libc")]
    public static partial uint getuid();

    [LibraryImport("libc")]
    public static partial uint getegid();

    [LibraryImport("libc", SetLastError = true)]
    public static partial int setuid(uint uid);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int setgid(uint gid);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int initgroups(string user, uint group);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int chmod(string pathname, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int poll(PollDescriptor* fds, nuint nfds, int timeout);

    /// <summary><c>SO_PASSCRED</c> of an architecture: PowerPC has numbers of its own for some options.</summary>
    public static int PassCredentialsOn(Architecture architecture) => architecture is Architecture.Ppc64le ? 20 : 16;

    /// <inheritdoc cref="PassCredentialsOn"/>
    public static int PeerCredentialsOn(Architecture architecture) => architecture is Architecture.Ppc64le ? 21 : 17;

    public static int pidfd_open(int pid) => (int)syscall(SYS_pidfd_open, pid, 0, 0, 0, 0, 0);

    public static int pidfd_send_signal(int pidfd, int sig) => (int)syscall(SYS_pidfd_send_signal, pidfd, sig, 0, 0, 0, 0);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    /// <summary><c>struct msghdr</c> of 64-bit systems, where the C libraries agree on it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public Events.SystemCalls.IoVector* Vectors;
        public nint VectorCount;
        public void* Control;
        public nint ControlLength;
        public int Flags;
    }

    /// <summary><c>struct cmsghdr</c> with one descriptor, as <c>CMSG_SPACE(sizeof(int))</c> has it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct DescriptorMessage
    {
        public nint Length;
        public int Level;
        public int Type;
        public int Descriptor;
        private readonly int _padding;
    }

    /// <summary><c>struct pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollDescriptor
    {
        public int Descriptor;
        public short Wanted;
        public short Happened;
    }

    /// <summary><c>struct ucred</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PeerCredentials
    {
        public int Process;
        public uint User;
        public uint Group;
    }
}
