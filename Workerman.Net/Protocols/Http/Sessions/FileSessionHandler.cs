using Microsoft.Win32.SafeHandles;
using static Workerman.Events.DescriptorHeadroom;
using static Workerman.Events.DiskThreads;
using static Workerman.Events.ExclusiveMove;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Sessions in files, one each, named <c>session_</c> and the id (PHP: <c>FileSessionHandler</c>): the default. Loops and
/// processes may share the folder: a file is replaced as a whole, never written over, under a lock of its own (<c>flock</c> on
/// Linux), and only its owner may read it. The age of a session is that of its file's last change. The asynchronous calls leave
/// the waiting for a disk to other threads. Any thread.
/// </summary>
public sealed class FileSessionHandler : ISessionHandler
{
    private const string Prefix = "session_";
    private const string TemporaryPrefix = Prefix + "new_";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>How long after its expiry a file is removed: the clocks of several machines may differ a little.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(1);

    private readonly SessionFolder _folder;

    /// <summary>Stores sessions in a folder (PHP: <c>sessionSavePath($path)</c>).</summary>
    /// <param name="folder"> The folder, made with mode 0700 when the first session needs it. Null for a folder of this user and
    /// this program, in the system's folder for temporary files; it is refused if it belongs to another user. </param>
    /// <exception cref="ArgumentException">It is no path.</exception>
    public FileSessionHandler(string? folder = null) => _folder = new SessionFolder(folder);

    /// <summary>The folder's whole path.</summary>
    public string Folder => _folder.Path;

    /// <inheritdoc/>
    public byte[]? Read(string sessionId, TimeSpan lifetime)
    {
        string path = PathOf(sessionId);
        _folder.Prepare();
        using SafeFileHandle? file = Open(path);
        return file is null ? null : Read(file, lifetime);
    }

    /// <inheritdoc/>
    public void Write(string sessionId, byte[] data, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(data);
        Update(sessionId, _ => data, lifetime);
    }

    /// <inheritdoc/>
    public void Destroy(string sessionId)
    {
        string path = PathOf(sessionId);
        using FileLock held = FileLock.Take(path);
        held.DoneReading();
        if (held.File is not null) File.Delete(path);
    }

    /// <inheritdoc/>
    public byte[]? Update(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(change);
        string path = PathOf(sessionId);
        _folder.Prepare();
        for (; ; )
        {
            using FileLock held = FileLock.Take(path);
            byte[]? stored = held.File is null ? null : Read(held.File, lifetime);
            held.DoneReading();
            byte[]? data = change(stored);
            if (data is null)
            {
                if (held.File is not null) File.Delete(path);
                return null;
            }
            // The same array means the same data: only the file's time changes.
            if (ReferenceEquals(data, stored)) File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
            else if (!TryPut(path, data, isNew: held.File is null)) continue;
            return data;
        }
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> ReadAsync(string sessionId, TimeSpan lifetime, CancellationToken cancellationToken = default) =>
        new(OffLoop(() => Read(sessionId, lifetime)));

    /// <inheritdoc/>
    public ValueTask WriteAsync(string sessionId, byte[] data, TimeSpan lifetime, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new(OffLoop(() => Update(sessionId, _ => data, lifetime)));
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> UpdateAsync(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime,
        CancellationToken cancellationToken = default) =>
        new(OffLoop(() => Update(sessionId, change, lifetime)));

    /// <inheritdoc/>
    public ValueTask<bool> UpdateTimestampAsync(string sessionId, TimeSpan lifetime,
        CancellationToken cancellationToken = default) => new(OffLoop(() => UpdateTimestamp(sessionId, lifetime)));

    /// <inheritdoc/>
    public bool UpdateTimestamp(string sessionId, TimeSpan lifetime)
    {
        string path = PathOf(sessionId);
        try
        {
            if (!File.Exists(path) || IsOlder(File.GetLastWriteTimeUtc(path), lifetime)) return false;
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Gc(TimeSpan lifetime)
    {
        var folder = new DirectoryInfo(Folder);
        if (!folder.Exists) return;
        foreach (FileInfo file in folder.EnumerateFiles(Prefix + "*"))
        {
            if (!IsOlder(file.LastWriteTimeUtc, lifetime + Grace)) continue;
            if (file.Name.StartsWith(TemporaryPrefix, StringComparison.Ordinal)) TryDelete(file.FullName);
            else if (SessionIds.IsWellFormed(file.Name.AsSpan(Prefix.Length))) Sweep(file.FullName, lifetime + Grace);
        }
    }

    private static bool IsOlder(DateTime changed, TimeSpan lifetime) => DateTime.UtcNow - changed > lifetime;

    /// <summary>Removes an old session, unless it is being saved, or was saved since its age was read.</summary>
    private static void Sweep(string path, TimeSpan lifetime)
    {
        try
        {
            using FileLock? held = FileLock.TryTake(path);
            if (held?.File is not { } file || !IsOlder(File.GetLastWriteTimeUtc(file), lifetime)) return;
            held.DoneReading();
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It belongs to another user, or another process holds it.
        }
    }

    private static SafeFileHandle? Open(string path)
    {
        if (OperatingSystem.IsLinux()) return LinuxFile.Open(path, write: false);
        // Checked first, because opening a missing file throws, and a client could make the server throw many exceptions with
        // made-up ids.
        if (!File.Exists(path)) return null;
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static byte[]? Read(SafeFileHandle file, TimeSpan lifetime)
    {
        if (IsOlder(File.GetLastWriteTimeUtc(file), lifetime)) return null;
        byte[] data = new byte[RandomAccess.GetLength(file)];
        for (int read = 0; read < data.Length;)
        {
            int count = RandomAccess.Read(file, data.AsSpan(read), read);
            if (count == 0)
                throw new EndOfStreamException(
                    "A session's file has become shorter while it was read; only this library may write it.");
            read += count;
        }
        return data;
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another process has removed it, or it belongs to another user.
        }
    }

    private string PathOf(string sessionId) => Path.Combine(Folder, Prefix + SessionIds.Checked(sessionId));

    /// <summary>Replaces the file: readers see either the old file or the new one, as a whole.</summary>
    /// <returns>False if <paramref name="isNew"/> and another process has created it meanwhile.</returns>
    private bool TryPut(string path, byte[] data, bool isNew)
    {
        string temporary = Path.Combine(Folder, TemporaryPrefix + SessionIds.Create());
        try
        {
            try
            {
                WriteNew(temporary, data);
            }
            catch (DirectoryNotFoundException)
            {
                // The system removes old folders for temporary files now and then.
                _folder.PrepareAgain();
                WriteNew(temporary, data);
            }
            if (isNew && !TryMoveNew(temporary, path))
            {
                TryDelete(temporary);
                return false;
            }
            if (!isNew) Move(temporary, path);
            return true;
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
    }

    private static bool TryMoveNew(string temporary, string path)
    {
        try
        {
            MoveNew(temporary, path);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }

    private static void Move(string temporary, string path)
    {
        for (int attempts = OperatingSystem.IsWindows() ? 50 : 1; ; attempts--)
        {
            try
            {
                File.Move(temporary, path, overwrite: true);
                return;
            }
            catch (Exception e)
                when (attempts > 1 && e is (UnauthorizedAccessException or IOException) and not DirectoryNotFoundException)
            {
                // Windows does not replace a file while it is being read.
                Thread.Sleep(1);
            }
        }
    }

    private static void WriteNew(string path, byte[] data)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            Share = FileShare.None,
            BufferSize = 0
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        using FileStream file = OpenFile(path, options, brief: true);
        file.Write(data);
    }
}
