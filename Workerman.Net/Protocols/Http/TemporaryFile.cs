using Workerman.Protocols.Http.Files;

namespace Workerman.Protocols.Http;

/// <summary>
/// A file for what is too large to keep in memory, readable by its owner alone. It vanishes when it is disposed of, unless
/// somebody has moved it. Written by one loop; owned by the body or upload that it holds. One that a killed process has left is
/// removed by
/// <see cref="AbandonedFiles"/> at the next start, so on Linux the file stays open and locked for life.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly FileStream _stream;

    public TemporaryFile(string folder)
    {
        // One that is swept between its making and its lock is made again.
        do
        {
            _stream?.Dispose();
            Path = System.IO.Path.Combine(folder, AbandonedFiles.NewName());
            _stream = Create(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        while (!AbandonedFiles.TryHold(_stream.SafeFileHandle, Path));
    }

    public string Path { get; }

    public void Write(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

    /// <summary>No more is written.</summary>
    public void Complete()
    {
        if (!AbandonedFiles.HoldsByLock) _stream.Dispose();
    }

    public Stream OpenRead() => new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    /// <summary>
    /// Moves the file, and gives it the mode of a new one: not before it is there, so that nobody else can read it in the folder
    /// for temporary files.
    /// </summary>
    public void MoveTo(string path, bool overwrite)
    {
        File.Move(Path, path, overwrite);
        if (OperatingSystem.IsWindows()) return;
        File.SetUnixFileMode(path, NewFileMode());
    }

    public void Dispose()
    {
        _stream.Dispose();
        try
        {
            File.Delete(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody holds it open (Windows) or has taken the folder away: no reason to lose an answer.
        }
    }

    /// <summary>
    /// 0666 without what the umask takes away: seen from a new file, because to ask for the umask is to change it, for all
    /// threads.
    /// </summary>
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    private UnixFileMode NewFileMode()
    {
        string path = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, AbandonedFiles.NewName());
        using FileStream probe = Create(path, mode: null, FileOptions.DeleteOnClose);
        return File.GetUnixFileMode(probe.SafeFileHandle);
    }

    private static FileStream Create(string path, UnixFileMode? mode, FileOptions flags = FileOptions.None)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            // Moved or deleted while it is open: on Windows that has to be allowed.
            Share = FileShare.Read | FileShare.Delete,
            Options = flags,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        return new FileStream(path, options);
    }
}
