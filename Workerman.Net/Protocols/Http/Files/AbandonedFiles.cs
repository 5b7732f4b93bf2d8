using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.Errno;
using static Workerman.Events.SystemCalls;

namespace Workerman.Protocols.Http.Files;

/// <summary>
/// Temporary files that a killed process has left. Who uses one holds a lock on it, which the kernel drops with the process: that
/// is true across reused
/// process ids and across containers that share a folder, where a process id says nothing. The lock is one of open file
/// descriptions
/// (<c>F_OFD_SETLK</c>), because .NET's own (<c>flock</c>) would keep the application from opening its upload. Elsewhere than on
/// Linux the age decides. Any thread.
/// </summary>
internal static class AbandonedFiles
{
    private const string Prefix = "workerman.upload.";

    /// <summary>Nobody needs so long for a request; where there is no lock to go by.</summary>
    private static readonly TimeSpan LongAgo = TimeSpan.FromDays(1);

    private static readonly HashSet<string> Swept = [];

    /// <summary>Whether a file in use is known by its lock, so that it has to stay open.</summary>
    public static bool HoldsByLock => OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    /// <summary>A name for a file that is to be swept if it is left behind.</summary>
    public static string NewName() => $"{Prefix}{Guid.NewGuid():n}";

    /// <summary>Locks a file that has just been made, for as long as it is open.</summary>
    /// <returns>False if a sweep was quicker: the file is gone, or about to go.</returns>
    public static bool TryHold(SafeFileHandle file, string path) =>
        !OperatingSystem.IsLinux() || !HoldsByLock || (LinuxLock.TryHold(file) && File.Exists(path));

    /// <summary>Sweeps a folder on a thread of its own, once in the life of the process: no loop waits for it.</summary>
    public static void SweepOnce(string folder)
    {
        lock (Swept)
        {
            if (!Swept.Add(folder)) return;
        }
        new Thread(() => Sweep(folder)) { IsBackground = true, Name = "workerman sweep" }.Start();
    }

    /// <summary>
    /// Removes what processes that are gone have left in a folder. What cannot be removed stays: it is in nobody's way.
    /// </summary>
    public static void Sweep(string folder)
    {
        try
        {
            foreach (string path in Directory.EnumerateFiles(folder, Prefix + "*"))
            {
                if (Guid.TryParseExact(Path.GetFileName(path.AsSpan())[Prefix.Length..], "n", out _)) TryRemove(path);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder is gone or may not be read.
        }
    }

    private static void TryRemove(string path)
    {
        try
        {
            bool? abandoned = OperatingSystem.IsLinux() && HoldsByLock ? LinuxLock.TryRemove(path) : null;
            if (abandoned is not null) return;
            var file = new FileInfo(path);
            if (file.LinkTarget is null && DateTime.UtcNow - file.LastWriteTimeUtc > LongAgo) file.Delete();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }
}

/// <summary>The locks of <see cref="AbandonedFiles"/>. 64-bit Linux only.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe class LinuxLock
{
    /// <returns>False if somebody else has the lock. A file system without locks counts as held: nothing is ever swept there by
    /// its lock.</returns>
    public static bool TryHold(SafeFileHandle file)
    {
        // The lock that .NET has put on it as it opened it.
        _ = flock(file, LOCK_UN);
        return Lock(file) is 0 or not (EAGAIN or EACCES);
    }

    /// <summary>Removes a file of this user's own that nobody holds.</summary>
    /// <returns>Whether it did; null if that cannot be told.</returns>
    public static bool? TryRemove(string path)
    {
        // Not through a link, and without waiting for whoever might be at the other end of a pipe.
        using var file = new SafeFileHandle(open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), ownsHandle: true);
        if (file.IsInvalid) return false;
        FileIdentity identity = FileIdentity.Of(file);
        if (!identity.IsRegular || !identity.IsOurs) return false;
        int error = Lock(file);
        if (error is EAGAIN or EACCES) return false;
        if (error != 0) return null;
        // Moved away, or replaced, since it was opened.
        if (FileIdentity.Of(path) != identity) return false;
        File.Delete(path);
        return true;
    }

    private static int Lock(SafeFileHandle file)
    {
        var whole = new FileLock { Type = F_WRLCK };
        return fcntl(file, F_OFD_SETLK, &whole) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }
}
