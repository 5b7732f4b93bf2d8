using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.SystemCalls;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Which file it is, of what kind and whose (<c>statx(2)</c>). A value. Linux only.
/// </summary>
[SupportedOSPlatform("linux")]
internal readonly unsafe record struct FileIdentity(ulong Device, ulong Number, int Kind, uint Owner)
{
    public bool IsRegular => Kind == S_IFREG;

    /// <summary>Whether it belongs to the user that this process acts for.</summary>
    public bool IsOurs => Owner == geteuid();

    public static FileIdentity Of(SafeFileHandle file)
    {
        var status = new FileStatus();
        return statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0 ? Of(in status) : default;
    }

    /// <summary>Of what stands at a path, be it a link.</summary>
    public static FileIdentity Of(string path)
    {
        var status = new FileStatus();
        return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) == 0 ? Of(in status) : default;
    }

    private static FileIdentity Of(in FileStatus status) => new(status.Device, status.Number, status.Kind, status.Owner);
}
