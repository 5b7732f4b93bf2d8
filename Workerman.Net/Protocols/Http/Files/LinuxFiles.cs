using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Opening files on Linux so that nobody gets in between: the name is resolved once, to a handle that cannot be read from
/// (O_PATH, which opens no device and waits for no pipe); what it is and where it lies is asked of that handle, and only then the
/// same file is opened through it. Whatever happens to names and links meanwhile, what was judged is what is read. Stateless,
/// any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class LinuxFiles
{
    private const int O_RDONLY = 0;
    private const int O_NOCTTY = 0x100;
    private const int O_CLOEXEC = 0x80000;
    private const int O_PATH = 0x200000;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_BASIC_STATS = 0x7FF;
    private const int FileTypeMask = 0xF000;
    private const int RegularFile = 0x8000;
    private const int FolderType = 0x4000;

    private const int EPERM = 1;
    private const int ENOENT = 2;
    private const int EINTR = 4;
    private const int ENXIO = 6;
    private const int EACCES = 13;
    private const int ENOTDIR = 20;
    private const int ENAMETOOLONG = 36;
    private const int ELOOP = 40;

    /// <inheritdoc cref="OpenedFile.Open"/>
    public static Opening Open(string path, ServedFolder? within, out OpenedFile? file)
    {
        file = null;
        // A string with a NUL would be cut off there.
        if (path.Contains('\0', StringComparison.Ordinal)) return Opening.Missing;
        using SafeFileHandle location = OpenAt(path, O_PATH | O_CLOEXEC, out int error);
        if (location.IsInvalid) return Outcome(error, path);
        FileStatus status = StatusOf(location, path);
        bool folder = (status.Mode & FileTypeMask) == FolderType;
        if (!folder && (status.Mode & FileTypeMask) != RegularFile) return Opening.Missing;
        if (within is not null && !LiesWithin(location, within)) return Opening.Missing;
        if (folder) return Opening.Folder;
        SafeFileHandle handle = OpenAt(Link(location), O_RDONLY | O_CLOEXEC | O_NOCTTY, out error);
        if (handle.IsInvalid)
        {
            handle.Dispose();
            if (error == ENOENT) throw NoProc();
            return Outcome(error, path);
        }
        // Once more: it may have grown since.
        status = StatusOf(handle, path);
        file = new OpenedFile(handle, status.Size, status.Modified);
        return Opening.Opened;
    }

    private static bool LiesWithin(SafeFileHandle location, ServedFolder folder)
    {
        using SafeFileHandle root = OpenAt(folder.Path, O_PATH | O_CLOEXEC, out int error);
        // Only what is gone is an answer; anything else is a failure to find one.
        if (root.IsInvalid) return Outcome(error, folder.Path) == Opening.Opened;
        return folder.Allows(PathOf(location), PathOf(root));
    }

    /// <summary>Where the kernel knows the open file to be, with all links followed.</summary>
    private static string PathOf(SafeFileHandle handle)
    {
        const int LongestPath = 4096;
        byte* buffer = stackalloc byte[LongestPath];
        nint length = readlink(Link(handle), buffer, LongestPath);
        return length > 0 ? Encoding.UTF8.GetString(buffer, (int)length) : throw NoProc();
    }

    private static string Link(SafeFileHandle handle) => $"/proc/self/fd/{handle.DangerousGetHandle()}";

    private static SafeFileHandle OpenAt(string path, int flags, out int error)
    {
        int fd;
        do
        {
            fd = open(path, flags);
            error = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (error == EINTR);
        return new SafeFileHandle(fd, ownsHandle: true);
    }

    private static FileStatus StatusOf(SafeFileHandle handle, string path)
    {
        var status = new FileStatus();
        return statx(handle, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0
            ? status
            : throw new IOException($"{path} cannot be looked at: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static Opening Outcome(int error, string path) => error switch
    {
        ENOENT or ENOTDIR or ENXIO or ENAMETOOLONG or ELOOP => Opening.Missing,
        EACCES or EPERM => Opening.Forbidden,
        _ => throw new IOException($"{path} cannot be opened: {Marshal.GetPInvokeErrorMessage(error)}"),
    };

    private static IOException NoProc() => new("/proc/self/fd cannot be read, so no file is served; mount /proc.");

    /// <summary>The part of <c>struct statx</c> that is used here. Its layout is the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct FileStatus
    {
        [FieldOffset(28)]
        public readonly ushort Mode;

        [FieldOffset(40)]
        public readonly long Size;

        [FieldOffset(112)]
        private readonly long _seconds;

        [FieldOffset(120)]
        private readonly uint _nanoseconds;

        public DateTimeOffset Modified
        {
            get
            {
                // What a file system may hold and .NET has no date for.
                long seconds = Math.Clamp(_seconds, DateTimeOffset.MinValue.ToUnixTimeSeconds(), DateTimeOffset.MaxValue.ToUnixTimeSeconds());
                return DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(_nanoseconds / 100);
            }
        }
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string pathname, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle dirfd, string pathname, int flags, uint mask, FileStatus* status);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint readlink(string pathname, byte* buf, nint bufsiz);
}
