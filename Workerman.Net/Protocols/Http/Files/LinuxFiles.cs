using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.DescriptorHeadroom;
using static Workerman.Events.Errno;
using static Workerman.Events.SystemCalls;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Opening files on Linux so that nobody gets in between: in one step where no link leads to the file
/// (<see cref="PlainFiles"/>). Otherwise, and where the kernel cannot do that, the name is resolved once, to a handle that cannot
/// be read from (O_PATH, which opens no device and waits for no pipe); what it is and where it lies is asked of that handle, and
/// only then the same file is opened through it. Whatever happens to names and links meanwhile, what was judged is what is read.
/// Stateless, any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe class LinuxFiles
{
    /// <inheritdoc cref="OpenedFile.Open"/>
    public static Opening Open(string path, ServedFolder? within, out OpenedFile? file)
    {
        file = null;
        // A string with a NUL would be cut off there.
        if (path.Contains('\0', StringComparison.Ordinal)) return Opening.Missing;
        return PlainFiles.TryOpen(path, within, out file) ?? Judge(path, within, out file);
    }

    /// <summary>Asks an open file anew for its size and date.</summary>
    public static OpenedFile Renew(OpenedFile file)
    {
        FileStatus status = StatusOf(file.Handle, "A file");
        return file with { Size = status.Size, Modified = status.Modified };
    }

    /// <summary>Opens a file whatever leads to it, and where the kernel has no openat2.</summary>
    internal static Opening Judge(string path, ServedFolder? within, out OpenedFile? file)
    {
        file = null;
        using SafeFileHandle location = OpenAt(path, O_PATH | O_CLOEXEC, out int error);
        if (location.IsInvalid) return Outcome(error, path);
        if (IsReachedByBrief(location.DangerousGetHandle())) return Opening.Refused;
        FileStatus status = StatusOf(location, path);
        bool folder = status.Kind == S_IFDIR;
        if (!folder && status.Kind != S_IFREG) return Opening.Missing;
        if (within is not null && JudgePlace(location, within) is not Opening.Opened and var refusal) return refusal;
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

    private static Opening JudgePlace(SafeFileHandle location, ServedFolder folder)
    {
        using SafeFileHandle root = OpenAt(folder.Path, O_PATH | O_CLOEXEC, out int error);
        // Only what is gone is an answer; anything else is a failure to find one.
        if (root.IsInvalid) return Outcome(error, folder.Path) == Opening.Refused ? Opening.Refused : Opening.Missing;
        return folder.Allows(PathOf(location), PathOf(root)) ? Opening.Opened : Opening.Missing;
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
        EMFILE or ENFILE => Opening.Refused,
        _ => throw new IOException($"{path} cannot be opened: {Marshal.GetPInvokeErrorMessage(error)}"),
    };

    private static IOException NoProc() => new("/proc/self/fd cannot be read, so no file is served; mount /proc.");
}
