using Workerman.Protocols.Http.Files;
using static Workerman.Events.DescriptorHeadroom;
using static Workerman.Events.ExclusiveMove;

namespace Workerman.Protocols.Http;

/// <summary>
/// A file for data that is too large to keep in memory, readable by its owner alone. It is deleted when it is disposed of, unless
/// it was moved. Written by one loop; owned by the body or upload whose data it has. One that a killed process has left is
/// deleted by <see cref="AbandonedFiles"/> at the next start; on Linux the file stays open and locked while it is in use, so that
/// it is not deleted then.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    /// <summary>
    /// Bytes that are gathered before they are written: a peer may send its body in pieces of one byte.
    /// </summary>
    private const int BufferSize = 16 * 1024;

    private readonly FileStream _stream;

    /// <exception cref="IOException">It cannot be made, or few descriptors are left.</exception>
    public TemporaryFile(string folder)
    {
        // A file that is swept after it was created and before it is locked is created again.
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
        if (AbandonedFiles.HoldsByLock) _stream.Flush();
        else _stream.Dispose();
    }

    /// <exception cref="IOException">It is gone, or few descriptors are left.</exception>
    public Stream OpenRead() => OpenFile(Path, new FileStreamOptions { Share = FileShare.ReadWrite | FileShare.Delete });

    /// <summary>
    /// Moves the file, and then gives it the mode of a new file; not before, so that nobody else can read it in the folder for
    /// temporary files.
    /// </summary>
    public void MoveTo(string path, bool overwrite)
    {
        if (overwrite) File.Move(Path, path, overwrite: true);
        else MoveNew(Path, path);
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
            // Another process has it open (Windows), or the folder is gone. The answer is sent all the same.
        }
    }

    /// <summary>
    /// 0666 without the bits of the umask. It is read from a new file, because the umask itself can only be read by changing it,
    /// for all threads.
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
            // It is moved or deleted while it is open, which Windows has to be told to allow.
            Share = FileShare.Read | FileShare.Delete,
            Options = flags,
            BufferSize = BufferSize,
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
        return OpenFile(path, options);
    }
}
