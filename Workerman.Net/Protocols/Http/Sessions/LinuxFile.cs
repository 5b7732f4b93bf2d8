using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.DescriptorHeadroom;
using static Workerman.Events.Errno;
using static Workerman.Events.SystemCalls;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// What .NET does not offer for session files: opening without .NET's own lock, <c>flock(2)</c> on what is open, and which file
/// stands at a path. No policy. Linux only, any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe class LinuxFile
{
    /// <summary>Opens a file without a lock: .NET takes a shared one for every reader, which would keep writers out.</summary>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="IOException">It cannot be opened. The message does not name it: a session's id is a secret.</exception>
    /// <exception cref="UnauthorizedAccessException">It is not ours to open.</exception>
    public static SafeFileHandle? Open(string path, bool write)
    {
        for (; ; )
        {
            int file = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
            int error = file < 0 ? Marshal.GetLastPInvokeError() : IsReachedByBrief(file) ? EMFILE : 0;
            if (error == 0) return new SafeFileHandle(file, ownsHandle: true);
            if (error == ENOENT) return null;
            if (error == EINTR) continue;
            if (file >= 0) _ = close(file);
            if (error is EMFILE or ENFILE) throw Refuse();
            string message = $"A session's file cannot be opened: {Marshal.GetPInvokeErrorMessage(error)}";
            throw error == EACCES ? new UnauthorizedAccessException(message) : new IOException(message);
        }
    }

    /// <summary>Locks an open file for its opener alone, until it is closed.</summary>
    /// <returns>
    /// False if somebody else has it. A file system without locks says so by other errors; there the file counts as ours, as .NET
    /// has it.
    /// </returns>
    public static bool TryLock(SafeFileHandle file) =>
        flock(file, LOCK_EX | LOCK_NB) == 0 || Marshal.GetLastPInvokeError() is not (EAGAIN or EINTR);

    /// <summary>
    /// Whether the open file is still the one at its path: it may have been replaced or removed before it was locked.
    /// </summary>
    public static bool IsAt(SafeFileHandle file, string path)
    {
        try
        {
            FileStatus opened, standing;
            return statx(file, "", AT_EMPTY_PATH, STATX_UID | STATX_INO, &opened) == 0
                && statx(AT_FDCWD, path, 0, STATX_UID | STATX_INO, &standing) == 0
                && (opened.Number, opened.Device) == (standing.Number, standing.Device);
        }
        catch (EntryPointNotFoundException)
        {
            // A C library from before statx; the kernel tells it in words.
            return File.ResolveLinkTarget($"/proc/self/fd/{(uint)file.DangerousGetHandle()}",
                returnFinalTarget: false)?.FullName.EndsWith(" (deleted)", StringComparison.Ordinal) == false;
        }
    }

    /// <summary>Whose a file is; null if that cannot be asked. Links are not followed.</summary>
    public static uint? OwnerOf(string path)
    {
        try
        {
            FileStatus status;
            return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_UID | STATX_INO, &status) == 0 ? status.Owner : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The user that this process acts for.</summary>
    public static uint Caller() => geteuid();
}
