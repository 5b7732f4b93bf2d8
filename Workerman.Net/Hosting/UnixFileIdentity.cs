using System.Runtime.Versioning;
using static Workerman.Events.SystemCalls;

namespace Workerman.Hosting;

/// <summary>
/// Which file is at a path, and whether it is a socket; links are not followed. On Linux by device and inode number (statx(2));
/// .NET tells neither, so elsewhere by the times of its creation and last change, and an empty file counts as a socket. A value;
/// any thread.
/// </summary>
internal readonly record struct UnixFileIdentity(bool IsSocket, ulong Device, ulong Number)
{
    /// <summary>The file at a path; null if there is none.</summary>
    public static UnixFileIdentity? Of(string path)
    {
        if (OperatingSystem.IsLinux()) return OfLinux(path);
        var file = new FileInfo(path);
        if (!file.Exists) return null;
        bool isSocket = file is { Length: 0, LinkTarget: null };
        return new UnixFileIdentity(isSocket, (ulong)file.CreationTimeUtc.Ticks, (ulong)file.LastWriteTimeUtc.Ticks);
    }

    [SupportedOSPlatform("linux")]
    private static unsafe UnixFileIdentity? OfLinux(string path)
    {
        var status = new FileStatus();
        return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) == 0
            ? new UnixFileIdentity(status.Kind == S_IFSOCK, status.Device, status.Number)
            : null;
    }
}
