namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// Sessions in files, one each, named <c>session_</c> and the id (PHP: <c>FileSessionHandler</c>): the default. Loops and processes may share the
/// folder: a file is replaced as a whole, never written over, and only its owner may read it. A session is as old as its file's
/// time of change. Any thread.
/// </summary>
public sealed class FileSessionHandler : ISessionHandler
{
    private const string Prefix = "session_";
    private const string TemporaryPrefix = Prefix + "new_";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>A file is swept so long after it has expired: nobody reads it any more, and who still had it has saved it by then.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(1);

    private readonly SessionFolder _folder;

    /// <summary>Stores sessions in a folder (PHP: <c>sessionSavePath($path)</c>).</summary>
    /// <param name="folder">
    /// The folder, made with mode 0700 when the first session needs it. Null for one of this user's and this program's own under the system's
    /// folder for temporary files, which is refused if it is somebody else's.
    /// </param>
    /// <exception cref="ArgumentException">It is no path.</exception>
    public FileSessionHandler(string? folder = null) => _folder = new SessionFolder(folder);

    /// <summary>The folder's whole path.</summary>
    public string Folder => _folder.Path;

    /// <inheritdoc/>
    public byte[]? Read(string sessionId, TimeSpan lifetime)
    {
        string path = PathOf(sessionId);
        _folder.Prepare();
        // An exception for each unknown id would be a present to whoever makes them up.
        if (!File.Exists(path)) return null;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (IsOlder(File.GetLastWriteTimeUtc(file.SafeFileHandle), lifetime)) return null;
            byte[] data = new byte[file.Length];
            file.ReadExactly(data);
            return data;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public void Write(string sessionId, byte[] data, TimeSpan lifetime)
    {
        ArgumentNullException.ThrowIfNull(data);
        string path = PathOf(sessionId);
        _folder.Prepare();
        try
        {
            Replace(path, data);
        }
        catch (DirectoryNotFoundException)
        {
            // Folders for temporary files are tidied up now and then.
            _folder.PrepareAgain();
            Replace(path, data);
        }
    }

    /// <inheritdoc/>
    public void Destroy(string sessionId)
    {
        string path = PathOf(sessionId);
        if (File.Exists(path)) File.Delete(path);
    }

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
            if (IsOurs(file.Name) && IsOlder(file.LastWriteTimeUtc, lifetime + Grace)) TryDelete(file.FullName);
        }
    }

    private static bool IsOurs(string name) => name.StartsWith(TemporaryPrefix, StringComparison.Ordinal) || SessionIds.IsWellFormed(name.AsSpan(Prefix.Length));

    private static bool IsOlder(DateTime changed, TimeSpan lifetime) => DateTime.UtcNow - changed > lifetime;

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another process was faster, or it is not ours to remove.
        }
    }

    private string PathOf(string sessionId) => Path.Combine(Folder, Prefix + SessionIds.Checked(sessionId));

    /// <summary>Whoever reads meanwhile has the old file or the new one, whole.</summary>
    private void Replace(string path, byte[] data)
    {
        string temporary = Path.Combine(Folder, TemporaryPrefix + SessionIds.Create());
        try
        {
            WriteNew(temporary, data);
            Move(temporary, path);
        }
        catch
        {
            TryDelete(temporary);
            throw;
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
            catch (Exception e) when (attempts > 1 && e is (UnauthorizedAccessException or IOException) and not DirectoryNotFoundException)
            {
                // Windows does not replace a file in the moment that somebody reads it.
                Thread.Sleep(1);
            }
        }
    }

    private static void WriteNew(string path, byte[] data)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnerOnly;
        using var file = new FileStream(path, options);
        file.Write(data);
    }
}
