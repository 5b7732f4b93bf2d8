using Microsoft.Win32.SafeHandles;
using static Workerman.Events.DescriptorHeadroom;

namespace Workerman.Protocols.Http.Files;

/// <summary>The result of an attempt to open a file.</summary>
internal enum Opening
{
    /// <summary>It is open.</summary>
    Opened,

    /// <summary>There is no such file, or it is no regular file, or it is not in the folder that it must be in.</summary>
    Missing,

    /// <summary>There is a folder of that name.</summary>
    Folder,

    /// <summary>It may not be read.</summary>
    Forbidden,

    /// <summary>It was not opened, because few descriptors are left.</summary>
    Refused,
}

/// <summary>
/// A regular file that is open for reading, with the size and date of the open handle: both stay right if the name is given to
/// another file meanwhile. Its opener disposes of it, or passes the handle on.
/// </summary>
internal sealed record OpenedFile(SafeFileHandle Handle, long Size, DateTimeOffset Modified) : IDisposable
{
    /// <summary>A file that was changed more recently could be changed again and keep its date.</summary>
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Whether no link led to it: another judgement of its name would find the same file, unless the name is given to another.
    /// </summary>
    public bool IsPlain { get; init; }

    /// <summary>When it was opened, to a few milliseconds.</summary>
    private readonly long _openedAt = Environment.TickCount64;

    /// <summary>
    /// Opens a regular file. Devices, pipes and sockets are never opened: a pipe would keep the loop waiting for its writer.
    /// </summary>
    /// <param name="path">Where it is.</param>
    /// <param name="within">A folder that it must lie in, or null.</param>
    /// <param name="file">The file, where the outcome is <see cref="Opening.Opened"/>.</param>
    /// <exception cref="IOException">The disk fails.</exception>
    public static Opening Open(string path, ServedFolder? within, out OpenedFile? file)
    {
        Opening opening =
            OperatingSystem.IsLinux() ? LinuxFiles.Open(path, within, out file) : PortableFiles.Open(path, within, out file);
        if (opening == Opening.Opened && IsReachedBy(file!.Handle.DangerousGetHandle()))
        {
            file.Dispose();
            file = null;
            opening = Opening.Refused;
        }
        if (opening == Opening.Refused) CountRefused();
        return opening;
    }

    /// <summary>The same open file with its present size and date, if a while has passed since it was opened.</summary>
    public OpenedFile AsItIsNow() =>
        OperatingSystem.IsLinux() && Environment.TickCount64 != _openedAt ? LinuxFiles.Renew(this) : this;

    /// <summary>
    /// An entity tag of size and date in full precision, and the date. The tag is strong (RFC 9110 section 8.8.1) once the last
    /// change is so old that another one would change the date; before that it is weak, so that a client never joins parts of two
    /// versions.
    /// </summary>
    /// <param name="now">The time of the answer.</param>
    /// <param name="variant">What distinguishes its tag from those of other representations of the same resource.</param>
    public Validators ToValidators(DateTimeOffset now, string variant = "")
    {
        bool settled = now - Modified > Settled;
        // Section 8.8.2.1: never later than the time of the answer.
        DateTimeOffset modified = HttpDate.ToSecond(Modified < now ? Modified : now);
        return new Validators(new EntityTag($"{Modified.UtcTicks:x}-{Size:x}{variant}", IsWeak: !settled), modified, settled);
    }

    public void Dispose() => Handle.Dispose();
}

/// <summary>
/// A folder that files must be in, after all links are resolved, to be served. A value, but for a hint; any thread.
/// </summary>
/// <param name="Path">Where it is; it may be a link itself.</param>
/// <param name="DotFiles">Whether files and folders below it may have names that begin with a dot.</param>
internal sealed record ServedFolder(string Path, bool DotFiles)
{
    private volatile bool _isLinked;

    /// <summary>Whether its own path has been seen to have links in it, which decides what is tried first. Any thread.</summary>
    public bool IsLinked { get => _isLinked; set => _isLinked = value; }

    /// <summary>Whether a file may be served from where it really is.</summary>
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
