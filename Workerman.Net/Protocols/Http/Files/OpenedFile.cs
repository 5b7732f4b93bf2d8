using Microsoft.Win32.SafeHandles;

namespace Workerman.Protocols.Http.Files;

/// <summary>What became of an attempt to open a file.</summary>
internal enum Opening
{
    /// <summary>It is open.</summary>
    Opened,

    /// <summary>There is no such file, or it is no regular one, or it is not where it has to be.</summary>
    Missing,

    /// <summary>There is a folder of that name.</summary>
    Folder,

    /// <summary>It may not be read.</summary>
    Forbidden,
}

/// <summary>
/// A regular file that is open for reading, with its size and date as the open handle has them: both stay right if the name is
/// given to another file meanwhile. The one who opened it disposes of it, or passes the handle on.
/// </summary>
internal sealed record OpenedFile(SafeFileHandle Handle, long Size, DateTimeOffset Modified) : IDisposable
{
    /// <summary>A file that was changed this recently can be changed again without getting another date.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Opens a regular file. Devices, pipes and sockets are never opened: a pipe would keep the loop waiting for its writer.
    /// </summary>
    /// <param name="path">Where it is.</param>
    /// <param name="within">A folder that it must lie in, or null.</param>
    /// <param name="file">The file, where the outcome is <see cref="Opening.Opened"/>.</param>
    /// <exception cref="IOException">The system cannot open files now: too many are open, or the disk fails.</exception>
    public static Opening Open(string path, ServedFolder? within, out OpenedFile? file) =>
        OperatingSystem.IsLinux() ? LinuxFiles.Open(path, within, out file) : PortableFiles.Open(path, within, out file);

    /// <summary>
    /// Size and date to the highest precision. The tag is strong (RFC 9110 section 8.8.1) once the file has been left alone long
    /// enough for a further change to show in its date; before that it is weak, so that parts of two versions are never joined.
    /// </summary>
    /// <param name="now">The time of the answer.</param>
    /// <param name="variant">What tells its tag from those of other representations of the same resource.</param>
    public Validators ToValidators(DateTimeOffset now, string variant = "")
    {
        bool settled = now - Modified > Settled;
        // Section 8.8.2.1: never later than the time of the answer.
        DateTimeOffset modified = HttpDate.ToSecond(Modified < now ? Modified : now);
        return new Validators(new EntityTag($"{Modified.UtcTicks:x}-{Size:x}{variant}", IsWeak: !settled), modified, settled);
    }

    public void Dispose() => Handle.Dispose();
}

/// <summary>A folder that files have to lie in, when all links are followed, to be served. A value; pure.</summary>
/// <param name="Path">Where it is; it may be a link itself.</param>
/// <param name="DotFiles">Whether files and folders below it may have names that begin with a dot.</param>
internal sealed record ServedFolder(string Path, bool DotFiles)
{
    /// <summary>Judges the place where a file really is.</summary>
    /// <param name="real">The file's path without links.</param>
    /// <param name="root">This folder's path without links.</param>
    public bool Allows(string real, string root)
    {
        if (real == root) return true;
        string prefix = System.IO.Path.EndsInDirectorySeparator(root) ? root : root + System.IO.Path.DirectorySeparatorChar;
        if (!real.StartsWith(prefix, StringComparison.Ordinal)) return false;
        return DotFiles
            || !real[(prefix.Length - 1)..].Contains($"{System.IO.Path.DirectorySeparatorChar}.", StringComparison.Ordinal);
    }
}
