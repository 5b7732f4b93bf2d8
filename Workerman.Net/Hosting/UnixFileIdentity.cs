using System.Runtime.Versioning;
using static Workerman.Events.SystemCalls;

namespace Workerman.Hosting;

/// <summary>
/// Which file stands at a path, and whether it is a socket; links are not followed. On Linux device and number tell; elsewhere, where .NET asks for
/// neither, its times, and an empty file counts as a socket. A value, any thread.
/// </summary>
internal readonly record struct UnixFileIdentity(bool IsSocket, ulong Device, ulong Number)
{
    /// <summary>The file at a path; null if there is none.</summary>
    public static UnixFileIdentity? Of(string path)
    {
        if (OperatingSystem.IsLinux()) return OfLinux(path);
        var file = new FileInfo(path);
        return file.Exists ? new UnixFileIdentity(file is { Length: 0, LinkTarget: null }, (ulong)file.CreationTimeUtc.Ticks, (ulong)file.LastWriteTimeUtc.Ticks) : null;
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
