using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// The system calls for session files that .NET does not offer: opening without .NET's own lock, <c>flock(2)</c> on what is open,
/// and which
/// file stands at a path. No policy. Linux only, any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class LinuxFile
{
    private const int ENOENT = 2;
    private const int EINTR = 4;
    private const int EAGAIN = 11;
    private const int EACCES = 13;
    private const int O_RDONLY = 0;
    private const int O_RDWR = 2;
    private const int O_CLOEXEC = 0x80000;
    private const int LOCK_EX = 2;
    private const int LOCK_NB = 4;
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_UID_AND_INO = 0x8 | 0x100;

    /// <summary>Opens a file without a lock: .NET takes a shared one for every reader, which would keep writers out.</summary>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="IOException">It cannot be opened. The message does not name it: a session's id is a secret.</exception>
    /// <exception cref="UnauthorizedAccessException">It is not ours to open.</exception>
    public static SafeFileHandle? Open(string path, bool write)
    {
        for (; ; )
        {
            int file = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
            if (file >= 0) return new SafeFileHandle(file, ownsHandle: true);
            int error = Marshal.GetLastPInvokeError();
            if (error == ENOENT) return null;
            if (error == EINTR) continue;
            string message = $"A session's file cannot be opened: {Marshal.GetPInvokeErrorMessage(error)}";
            throw error == EACCES ? new UnauthorizedAccessException(message) : new IOException(message);
        }
    }

    /// <summary>Locks an open file for its opener alone, until it is closed.</summary>
    /// <returns>
    /// False if somebody else has it. A file system without locks says so by other errors; there the file counts as ours, as .NET
    /// has it.
    /// </returns>
    public static bool TryLock(SafeFileHandle file) => flock(file, LOCK_EX | LOCK_NB) == 0 || Marshal.GetLastPInvokeError() is not (EAGAIN or EINTR);

    /// <summary>
    /// Whether the open file is still the one at its path: it may have been replaced or removed before it was locked.
    /// </summary>
    public static bool IsAt(SafeFileHandle file, string path)
    {
        try
        {
            FileStatus opened, standing;
            return statx(file, "", AT_EMPTY_PATH, STATX_UID_AND_INO, &opened) == 0
                && statx(AT_FDCWD, path, 0, STATX_UID_AND_INO, &standing) == 0
                && (opened.Number, opened.DeviceMajor, opened.DeviceMinor) == (standing.Number, standing.DeviceMajor, standing.DeviceMinor);
        }
        catch (EntryPointNotFoundException)
        {
            // A C library from before statx; the kernel tells it in words.
            return File.ResolveLinkTarget($"/proc/self/fd/{(uint)file.DangerousGetHandle()}", returnFinalTarget: false)?.FullName.EndsWith(" (deleted)", StringComparison.Ordinal) == false;
        }
    }

    /// <summary>Whose a file is; null if that cannot be asked. Links are not followed.</summary>
    public static uint? OwnerOf(string path)
    {
        try
        {
            FileStatus status;
            return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_UID_AND_INO, &status) == 0 ? status.Owner : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The user that this process acts for.</summary>
    public static uint Caller() => geteuid();

    /// <summary>The part of <c>struct statx</c> that is used here. Its layout is the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private readonly struct FileStatus
    {
        [FieldOffset(20)]
        public readonly uint Owner;

        [FieldOffset(32)]
        public readonly ulong Number;

        [FieldOffset(136)]
        public readonly uint DeviceMajor;

        [FieldOffset(140)]
        public readonly uint DeviceMinor;
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string pathname, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle fd, int operation);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle dirfd, string pathname, int flags, uint mask, FileStatus* status);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int dirfd, string pathname, int flags, uint mask, FileStatus* status);

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
