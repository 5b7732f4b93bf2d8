namespace Workerman.Protocols.Http;

/// <summary>
/// A file for what is too large to keep in memory, readable by its owner alone. It vanishes when it is disposed of, unless
/// somebody has moved it. Written by one loop; owned by the body or upload that it holds.
/// </summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly FileStream _stream;

    public TemporaryFile(string folder)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            // Moved or deleted while it is open: on Windows that has to be allowed.
            Share = FileShare.Read | FileShare.Delete,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Path = System.IO.Path.Combine(folder, $"workerman.upload.{Guid.NewGuid():n}");
        _stream = new FileStream(Path, options);
    }

    public string Path { get; }

    public void Write(ReadOnlySpan<byte> bytes) => _stream.Write(bytes);

    /// <summary>No more is written: the descriptor is given back.</summary>
    public void Close() => _stream.Dispose();

    public Stream OpenRead() => new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

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
}
