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
        if (OperatingSystem.IsLinux()) return UnixInterop.IdentityOf(path);
        var file = new FileInfo(path);
        return file.Exists ? new UnixFileIdentity(file is { Length: 0, LinkTarget: null }, (ulong)file.CreationTimeUtc.Ticks, (ulong)file.LastWriteTimeUtc.Ticks) : null;
    }
}
