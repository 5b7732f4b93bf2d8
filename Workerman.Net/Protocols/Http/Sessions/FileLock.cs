using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// One session's file, held by one caller among all threads and processes. On Linux it is the file itself that is locked, so that
/// no
/// lock files are left about and a process that dies lets go; elsewhere a named mutex stands for it. Who holds it reads, replaces
/// or removes
/// the file; who only reads needs none, because files are replaced as a whole. Taken and disposed of on one thread.
/// </summary>
internal sealed class FileLock : IDisposable
{
    /// <summary>
    /// How long a caller, which is a loop mostly, waits for another one to be done with the file. That takes less than a
    /// millisecond, unless a process was
    /// stopped in the middle of it.
    /// </summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    private readonly Mutex? _mutex;

    private FileLock(SafeFileHandle? file, Mutex? mutex)
    {
        File = file;
        _mutex = mutex;
    }

    /// <summary>
    /// The file, open for reading; null if there was none. On Linux nothing is held then: whoever makes it first has it.
    /// </summary>
    public SafeFileHandle? File { get; }

    /// <summary>Takes a file.</summary>
    /// <exception cref="IOException">Somebody else has held it for too long, or it cannot be opened.</exception>
    public static FileLock Take(string path) => OperatingSystem.IsLinux() ? TakeFile(path, Limit)! : TakeMutex(path);

    /// <summary>Takes a file if nobody holds it.</summary>
    /// <inheritdoc cref="Take" path="/exception"/>
    public static FileLock? TryTake(string path) => OperatingSystem.IsLinux() ? TakeFile(path, null) : TakeMutex(path);

    /// <summary>Closes the file where that is not what holds it: Windows replaces no file that is open.</summary>
    public void DoneReading()
    {
        if (_mutex is not null) File?.Dispose();
    }

    public void Dispose()
    {
        File?.Dispose();
        _mutex?.ReleaseMutex();
        _mutex?.Dispose();
    }

    [SupportedOSPlatform("linux")]
    private static FileLock? TakeFile(string path, TimeSpan? limit)
    {
        long start = Environment.TickCount64;
        int pauses = 0;
        for (; ; )
        {
            SafeFileHandle? file = LinuxFile.Open(path, write: true);
            if (file is null) return new FileLock(null, null);
            while (!LinuxFile.TryLock(file))
            {
                if (limit is null || Environment.TickCount64 - start > limit.Value.TotalMilliseconds)
                {
                    file.Dispose();
                    return limit is null ? null : throw TooLong();
                }
                if (pauses++ < 20) Thread.Yield();
                else Thread.Sleep(1);
            }
            // Whoever held it has replaced or removed it since it was opened here, perhaps: then this is no longer the session.
            if (LinuxFile.IsAt(file, path)) return new FileLock(file, null);
            file.Dispose();
            if (Environment.TickCount64 - start > Limit.TotalMilliseconds) throw TooLong();
        }
    }

    private static FileLock TakeMutex(string path)
    {
        string name = "workerman-session-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)));
        var mutex = new Mutex(name, new NamedWaitHandleOptions { CurrentUserOnly = true, CurrentSessionOnly = false });
        bool taken = false;
        try
        {
            try
            {
                taken = mutex.WaitOne(Limit);
            }
            catch (AbandonedMutexException)
            {
                // Its process died with it. Files are whole at any time, so there is nothing to mend.
                taken = true;
            }
            if (!taken) throw TooLong();
            SafeFileHandle? file = System.IO.File.Exists(path)
                ? System.IO.File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete)
                : null;
            return new FileLock(file, mutex);
        }
        catch
        {
            if (taken) mutex.ReleaseMutex();
            mutex.Dispose();
            throw;
        }
    }

    private static IOException TooLong() => new("Another process has held a session's file for a second; is it stopped?");
}
