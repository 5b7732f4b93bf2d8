using System.Globalization;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.DescriptorHeadroom;

namespace Workerman.Logging;

/// <summary>
/// A file that is written at its end, and rotated by renaming: <c>app.log</c> becomes <c>app.log.1</c>, that becomes
/// <c>app.log.2</c>, and so on, up to a number of files. Several processes may write to it on Linux: whoever finds it too large
/// locks it, looks once more whether the path still leads to the locked file, and renames it; the others find that the path leads
/// to another file, as they do after logrotate(8), and open that. What they have written meanwhile stands in the renamed one. It
/// formats nothing and reports nothing. One thread at a time, but for <see cref="Reopen"/>.
/// </summary>
/// <param name="path">The whole path.</param>
/// <param name="maxSize">Bytes from which on it is rotated; 0 for never.</param>
/// <param name="count">How many rotated files are kept, at least one.</param>
internal sealed class RotatingFile(string path, long maxSize, int count)
{
    /// <summary>How long a rotation that has failed, for want of a permission perhaps, is not tried again.</summary>
    private static readonly TimeSpan RotationPause = TimeSpan.FromMinutes(1);

    /// <summary>What leads to a file of somebody else's, such as <c>/dev/stdout</c>, is never rotated.</summary>
    private readonly long _maxSize =
        path.StartsWith("/dev/", StringComparison.Ordinal) || path.StartsWith("/proc/", StringComparison.Ordinal) ? 0 : maxSize;

    private FileLook _look;
    private long _rotateFrom;
    private volatile bool _reopen;

    public string Path => path;

    /// <summary>The open file; null while there is none.</summary>
    public SafeFileHandle? Handle { get; private set; }

    /// <summary>Why the last rotation has failed; null if it has not, or somebody was told of it.</summary>
    public string? RotationFault { get; set; }

    /// <summary>
    /// Opens the file, unless it is open. If its folder is missing, but not the one above, the folder is made.
    /// </summary>
    /// <exception cref="IOException">It cannot be opened; the message is the reason alone.</exception>
    public void Open()
    {
        if (Handle is null) OpenNow();
    }

    /// <summary>
    /// Makes the file, unless it is there, and gives it to the user that will write to it; its folder too if that is made. What
    /// is made in its place later, by whomever, is that user's as well.
    /// </summary>
    /// <exception cref="IOException">The system refuses; the message is the reason alone.</exception>
    [SupportedOSPlatform("linux")]
    public void GiveTo(uint user, uint group)
    {
        string? made = MakeFolder();
        Open();
        if (_look.IsRegular) AppendedFile.GiveTo(user, group, Handle!, made);
        Close();
    }

    /// <summary>Has it opened anew by the next <see cref="Renew"/>. Any thread.</summary>
    public void Reopen() => _reopen = true;

    /// <summary>
    /// Makes the open file the one that the path leads to, and rotates it if it is too large for what is to be written.
    /// </summary>
    /// <param name="coming">Bytes that are to be written.</param>
    /// <returns>Whether another file is open now.</returns>
    /// <exception cref="IOException">There is none; the message is the reason alone.</exception>
    public bool Renew(long coming)
    {
        bool isOther = IsElsewhere(out long size);
        if (isOther) size = OpenNow();
        return (_maxSize > 0 && size > 0 && size + coming > _maxSize && TryRotate(coming)) || isOther;
    }

    private bool IsElsewhere(out long size)
    {
        size = 0;
        if (Handle is null || _reopen || AppendedFile.Look(path) is not { } look || !look.IsSameAs(_look)) return true;
        size = look.IsRegular ? look.Size : 0;
        return false;
    }

    /// <returns>Its size.</returns>
    private long OpenNow()
    {
        // Whoever has locked it has renamed it, and is about to make a new one: until then the renamed one is the file.
        if (Handle is not null && AppendedFile.Look(path) is null && !AppendedFile.TryLock(Handle)) return 0;
        _reopen = false;
        SafeFileHandle opened;
        try
        {
            MakeFolder();
            opened = AppendedFile.Open(path, Handle is null ? null : AppendedFile.Look(Handle));
        }
        catch (IOException e) when (Handle is not null && IsShortage(e))
        {
            // Better in the renamed file than nowhere.
            AppendedFile.Unlock(Handle);
            return 0;
        }
        catch
        {
            Close();
            throw;
        }
        Close();
        Handle = opened;
        _look = AppendedFile.Look(opened);
        return _look.IsRegular ? _look.Size : 0;
    }

    private void Close()
    {
        if (Handle is null) return;
        // Closing unlocks, but not where another descriptor leads to the same open file.
        AppendedFile.Unlock(Handle);
        Handle.Dispose();
        Handle = null;
    }

    /// <returns>The folder, if it was missing.</returns>
    private string? MakeFolder()
    {
        string? folder = System.IO.Path.GetDirectoryName(path);
        if (folder is null || Directory.Exists(folder) || !Directory.Exists(System.IO.Path.GetDirectoryName(folder))) return null;
        try
        {
            const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.GroupRead | UnixFileMode.GroupExecute;
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
            else Directory.CreateDirectory(folder, Mode);
            return folder;
        }
        catch (UnauthorizedAccessException)
        {
            // Opening the file says so.
            return null;
        }
    }

    private bool TryRotate(long coming)
    {
        SafeFileHandle file = Handle!;
        // Whoever has locked it rotates it; until that is done there is room enough.
        if (Environment.TickCount64 < _rotateFrom || !AppendedFile.TryLock(file)) return false;
        try
        {
            if (AppendedFile.Look(path) is { } look && look.IsSameAs(_look) && look.Size + coming > _maxSize) Rename();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            AppendedFile.Unlock(file);
            RotationFault = e.Message;
            _rotateFrom = Environment.TickCount64 + (long)RotationPause.TotalMilliseconds;
            return false;
        }
        OpenNow();
        return true;
    }

    private void Rename()
    {
        // Where the path is a link, the file that it leads to: the link stays.
        string file = AppendedFile.TargetOf(path);
        int last = 1;
        while (last < count && File.Exists(NameOf(file, last))) last++;
        for (; last > 1; last--) File.Move(NameOf(file, last - 1), NameOf(file, last), overwrite: true);
        File.Move(file, NameOf(file, 1), overwrite: true);
    }

    private static string NameOf(string file, int number) => string.Create(CultureInfo.InvariantCulture, $"{file}.{number}");
}
