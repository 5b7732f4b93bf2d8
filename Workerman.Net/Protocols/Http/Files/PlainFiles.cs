using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.Errno;
using static Workerman.Events.SystemCalls;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Opening files on Linux whose path has no link in it (<c>openat2</c> with RESOLVE_NO_SYMLINKS, Linux 5.6): the kernel refuses
/// each link while it walks, so that the path itself says where the file is, and nothing has to be asked of <c>/proc</c>. The
/// path of the folder is walked anew for each file, so whoever replaces the folder is followed at once; where that path has
/// links, which its owner may have, the folder is opened by it first and the file below that (RESOLVE_BENEATH). What it has no
/// answer for, links below the folder above all, <see cref="LinuxFiles"/> judges. No state but that of the kernel; any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe class PlainFiles
{
    /// <summary>PATH_MAX, with the NUL at its end.</summary>
    private const int LongestPath = 4096;

    /// <summary>
    /// So that what has taken the file's place since it was looked at, a pipe or a terminal, does not keep the loop waiting.
    /// </summary>
    private const ulong Flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

    private const ulong Unlinked = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

    private static volatile bool _isUnknown;

    /// <summary>Opens a regular file that no link leads to.</summary>
    /// <returns>The outcome; null if it has to be judged otherwise.</returns>
    /// <inheritdoc cref="OpenedFile.Open"/>
    public static Opening? TryOpen(string path, ServedFolder? within, out OpenedFile? file)
    {
        file = null;
        if (_isUnknown || path.Length >= LongestPath) return null;
        if (within is null) return TryOpen(AT_FDCWD, path, Unlinked, out file, out _);
        // Without links and steps up both paths are what they would be with all links resolved.
        if (!within.Allows(path, within.Path) || path.Contains("/..", StringComparison.Ordinal)
            || path.Length <= within.Path.Length) return null;
        if (within.IsLinked) return TryOpenBelow(within, path, out file);
        Opening? opening = TryOpen(AT_FDCWD, path, Unlinked, out file, out int error);
        if (error != ELOOP) return opening;
        opening = TryOpenBelow(within, path, out file);
        within.IsLinked = opening == Opening.Opened;
        return opening;
    }

    private static Opening? TryOpenBelow(ServedFolder within, string path, out OpenedFile? file)
    {
        file = null;
        using var root = new SafeFileHandle(open(within.Path, O_PATH | O_DIRECTORY | O_CLOEXEC), ownsHandle: true);
        if (root.IsInvalid) return null;
        ReadOnlySpan<char> below = path.AsSpan(within.Path.Length).TrimStart('/');
        return TryOpen((int)root.DangerousGetHandle(), below, RESOLVE_BENEATH | Unlinked, out file, out _);
    }

    // A path is shorter than its room by far, which is not cleared therefore.
    [SkipLocalsInit]
    private static Opening? TryOpen(int folder, ReadOnlySpan<char> path, ulong resolve, out OpenedFile? file, out int error)
    {
        (file, error) = (null, 0);
        byte* name = stackalloc byte[LongestPath];
        if (!Encoding.UTF8.TryGetBytes(path, new Span<byte>(name, LongestPath - 1), out int length)) return null;
        name[length] = 0;
        var status = new FileStatus();
        // Devices and pipes are not opened at all, and folders need not be.
        if (statx(folder, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) != 0) return Outcome(out error);
        if (status.Kind != S_IFREG) return null;
        var how = new OpenHow { Flags = Flags, Resolve = resolve };
        int descriptor = openat2(folder, name, &how);
        if (descriptor < 0) return Outcome(out error);
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        byte none = 0;
        // Of the file that is open, which may be another one than that of a moment before.
        if (statx(descriptor, &none, AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0 && status.Kind == S_IFREG)
        {
            file = new OpenedFile(handle, status.Size, status.Modified) { IsPlain = true };
            return Opening.Opened;
        }
        handle.Dispose();
        return Opening.Missing;
    }

    /// <summary>What is certain without following links.</summary>
    private static Opening? Outcome(out int error)
    {
        error = Marshal.GetLastSystemError();
        if (error == ENOSYS) _isUnknown = true;
        return error is ENOENT or ENOTDIR ? Opening.Missing : null;
    }
}
