using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.Errno;
using static Workerman.Events.StandardDescriptors;
using static Workerman.Events.SystemCalls;

namespace Workerman.Logging;

/// <summary>
/// What writing at the end of a file takes of the system, as <see cref="RotatingFile"/> uses it. On Linux the file is opened with
/// O_APPEND: the system finds the end with each write, so that lines of several processes stand one behind the other (open(2)).
/// .NET's own files do not do that; elsewhere a file is one process's. No state; any thread.
/// </summary>
internal static unsafe class AppendedFile
{
    /// <summary>Not for others, and for its group to read.</summary>
    private const uint Mode = 0b110_100_000;

    /// <summary>Opens a file, and makes it if there is none.</summary>
    /// <param name="path">The whole path.</param>
    /// <param name="like">The file whose owner, group and mode one that is made gets, as far as the user may do that; null for
    /// none.</param>
    /// <exception cref="IOException">The system refuses; the message is its reason alone.</exception>
    public static SafeFileHandle Open(string path, FileLook? like)
    {
        if (!OperatingSystem.IsLinux()) return OpenElsewhere(path);
        while (true)
        {
            if (TryOpen(path, 0) is { } there) return there;
            if (Marshal.GetLastPInvokeError() != ENOENT) throw Failure();
            // A link may lead to a file that is not there any more.
            if (TryOpen(TargetOf(path), O_CREAT | O_EXCL) is { } made)
            {
                if (like is { } other) Liken(made, other);
                return made;
            }
            // If it is there by now another process has made it.
            if (Marshal.GetLastPInvokeError() != EEXIST) throw Failure();
        }
    }

    /// <summary>The path of the file that a link leads to, whether that is there or not; of what is no link its own.</summary>
    public static string TargetOf(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // No such file, or links in a circle.
            return path;
        }
    }

    /// <summary>Which file a path leads to; null for none.</summary>
    public static FileLook? Look(string path)
    {
        if (!OperatingSystem.IsLinux())
            return File.Exists(path) ? new FileLook(0, 0, new FileInfo(path).Length, IsRegular: true) : null;
        FileStatus status;
        return statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &status) == 0 ? LookOf(status) : null;
    }

    /// <summary>Which file is open.</summary>
    public static FileLook Look(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux()) return new FileLook(0, 0, RandomAccess.GetLength(file), IsRegular: true);
        FileStatus status;
        return statx(file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0 ? LookOf(status) : default;
    }

    /// <summary>Locks a file for other processes that ask, unless one of them has locked it (flock(2)).</summary>
    public static bool TryLock(SafeFileHandle file) => !OperatingSystem.IsLinux() || flock(file, LOCK_EX | LOCK_NB) == 0
        // File systems without locks.
        || Marshal.GetLastPInvokeError() is not (EAGAIN or EINTR);

    public static void Unlock(SafeFileHandle file)
    {
        if (OperatingSystem.IsLinux()) _ = flock(file, LOCK_UN);
    }

    /// <summary>Writes at the end, all of it.</summary>
    /// <param name="file">Where.</param>
    /// <param name="bytes">What.</param>
    /// <param name="written">How much of it; less only when it throws.</param>
    /// <exception cref="IOException">The system refuses; the message is its reason alone.</exception>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, out int written)
    {
        written = 0;
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.Write(file, bytes, RandomAccess.GetLength(file));
            written = bytes.Length;
            return;
        }
        fixed (byte* first = bytes)
        {
            // One call, unless a disk is full, or a pipe: whole lines stay whole.
            while (written < bytes.Length)
            {
                nint count = write((int)file.DangerousGetHandle(), first + written, bytes.Length - written);
                if (count > 0) written += (int)count;
                else if (Marshal.GetLastPInvokeError() != EINTR) throw Failure();
            }
        }
    }

    /// <summary>Gives an open file, and its folder, to a user.</summary>
    /// <exception cref="IOException">The system refuses; the message is its reason alone.</exception>
    [SupportedOSPlatform("linux")]
    public static void GiveTo(uint user, uint group, SafeFileHandle file, string? folder)
    {
        if (fchown(file, user, group) != 0 || (folder is not null && chown(folder, user, group) != 0)) throw Failure();
    }

    [SupportedOSPlatform("linux")]
    private static SafeFileHandle? TryOpen(string path, int flags)
    {
        // Non-blocking, so that a named pipe that nobody reads is refused, and not waited for.
        int descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags, Mode);
        if (descriptor < 0 || (descriptor = Lift(descriptor)) < 0) return null;
        // What blocks is the log's thread, whose queue is bounded.
        _ = fcntl(descriptor, F_SETFL, O_APPEND);
        return new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>A program that writes as another user may then go on, after one with more rights has made the file.</summary>
    [UnsupportedOSPlatform("windows")]
    private static void Liken(SafeFileHandle made, FileLook other)
    {
        _ = fchown(made, other.Owner, other.Group);
        try
        {
            File.SetUnixFileMode(made, other.Mode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has the mode that it was made with.
        }
    }

    private static FileLook LookOf(in FileStatus status) => new(status.Device, status.Number, status.Size,
        status.Kind == S_IFREG, status.Owner, status.Group, (UnixFileMode)status.Permissions);

    private static SafeFileHandle OpenElsewhere(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(e.Message, e);
        }
    }

    private static IOException Failure()
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException(Marshal.GetPInvokeErrorMessage(error), error);
    }
}

/// <summary>What a file is at a moment. A value.</summary>
/// <param name="Device">The device that it is on; 0 where .NET does not tell.</param>
/// <param name="Number">Its inode there; 0 where .NET does not tell.</param>
/// <param name="Size">Bytes.</param>
/// <param name="IsRegular">Whether it is a file, and no pipe or device.</param>
/// <param name="Owner">The number of its owner. Linux.</param>
/// <param name="Group">The number of its group. Linux.</param>
/// <param name="Mode">Who may do what with it. Linux.</param>
internal readonly record struct FileLook(
    ulong Device, ulong Number, long Size, bool IsRegular, uint Owner = 0, uint Group = 0, UnixFileMode Mode = 0)
{
    /// <summary>Whether it is the same file, whatever its size.</summary>
    public bool IsSameAs(FileLook other) => Device == other.Device && Number == other.Number;
}
