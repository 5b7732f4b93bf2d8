using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;

namespace Workerman.Hosting;

/// <summary>
/// The system calls for Unix sockets that listen, because a socket that .NET binds deletes its path when it is closed, whoever has it then.
/// No policy. Linux only, any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class UnixInterop
{
    private const int AF_UNIX = 1;
    private const int SOCK_STREAM = 1;
    private const int SOCK_CLOEXEC = 0x80000;
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_BASIC_STATS = 0x7FF;
    private const int FileTypeMask = 0xF000;
    private const int SocketFile = 0xC000;

    /// <summary>A socket that is bound to a path and does not listen yet.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="prepare">Sets its options, before it is bound.</param>
    /// <exception cref="Win32Exception">The system refuses.</exception>
    public static Socket Bind(string path, Action<Socket> prepare)
    {
        var handle = new SafeSocketHandle(Check(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), ownsHandle: true);
        try
        {
            // struct sockaddr_un: family in the machine's order, the path, a zero.
            byte[] address = new byte[2 + Encoding.UTF8.GetByteCount(path) + 1];
            BitConverter.TryWriteBytes(address, (ushort)AF_UNIX);
            Encoding.UTF8.GetBytes(path, address.AsSpan(2));
            var socket = new Socket(handle);
            prepare(socket);
            fixed (byte* bytes = address) Check(bind(handle, bytes, address.Length));
            return socket;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public static UnixFileIdentity? IdentityOf(string path)
    {
        var status = new FileStatus();
        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) != 0) return null;
        return new UnixFileIdentity((status.Mode & FileTypeMask) == SocketFile, ((ulong)status.DeviceMajor << 32) | status.DeviceMinor, status.Number);
    }

    private static int Check(int result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());

    /// <summary>The part of <c>struct statx</c> that is used here. Its layout is the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct FileStatus
    {
        [FieldOffset(28)]
        public readonly ushort Mode;

        [FieldOffset(32)]
        public readonly ulong Number;

        [FieldOffset(136)]
        public readonly uint DeviceMajor;

        [FieldOffset(140)]
        public readonly uint DeviceMinor;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int bind(SafeSocketHandle sockfd, byte* addr, int addrlen);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int dirfd, string pathname, int flags, uint mask, FileStatus* status);
}
