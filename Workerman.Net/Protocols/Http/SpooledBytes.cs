namespace Workerman.Protocols.Http;

/// <summary>
/// Collects bytes as they arrive: in memory up to a threshold, beyond it in a <see cref="TemporaryFile"/>, which is written off
/// the loop. Belongs to a body or an upload, and with it to the loop's thread.
/// </summary>
internal sealed class SpooledBytes : IDisposable
{
    private const int LeastCounted = 256;

    private readonly int _threshold;
    private readonly long _expected;
    private readonly HttpOptions _options;
    private readonly DiskBacklog? _backlog;
    private readonly ByteBlocks _memory;
    private SpooledFile? _spooled;
    private TemporaryFile? _file;
    private bool _disposed;

    /// <summary>Bytes of memory, and of the file, that are counted in the totals.</summary>
    private long _memoryTaken;
    private long _diskTaken;

    /// <param name="threshold">Bytes that are kept in memory.</param>
    /// <param name="expected">How many there will be, if that is known, so that not more memory is taken.</param>
    /// <param name="options">The folder of the file, and how much all bodies together may have.</param>
    /// <param name="backlog">What is to be written of the body; null for one that is never more than the threshold.</param>
    public SpooledBytes(int threshold, long expected, HttpOptions options, DiskBacklog? backlog = null)
    {
        (_threshold, _expected, _options, _backlog) = (Math.Min(threshold, Array.MaxLength), expected, options, backlog);
        _memory = new ByteBlocks(expected);
    }

    public long Length { get; private set; }

    public bool IsInMemory => _spooled is null && _file is null;

    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        if (_spooled is null && Length <= _threshold)
        {
            Count(Length);
            _memory.Append(bytes);
            return;
        }
        TakeDisk(_spooled is null ? Length : bytes.Length);
        if (_spooled is null) Spill();
        _spooled!.Append(bytes);
    }

    /// <summary>Room for what comes next, so that it is received in its place; none where it has to be appended.</summary>
    /// <param name="most">Bytes that may be received; no more than are expected.</param>
    public Span<byte> Room(long most) =>
        _spooled is not null ? _backlog!.HasFailed ? default : _spooled.Room(most)
        : Length < _threshold && Length + most <= _expected ? _memory.Room(Math.Min(most, _threshold - Length))
        : default;

    /// <summary>So many bytes were received into the <see cref="Room"/>.</summary>
    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public void Advance(int count)
    {
        Length += count;
        if (_spooled is null)
        {
            _memory.Advance(count);
            Count(Length);
            return;
        }
        TakeDisk(count);
        _spooled.Advance(count);
    }

    /// <summary>No more is appended. What is to be in the file is there when the backlog is empty.</summary>
    public void Complete() => _spooled?.Complete();

    /// <summary>The bytes; those of a file are read from it.</summary>
    /// <exception cref="InvalidOperationException">The file was deleted, or is larger than an array can be.</exception>
    public ReadOnlyMemory<byte> ToMemory()
    {
        if (IsInMemory) return _memory.ToMemory();
        ThrowIfGone();
        if (Length > Array.MaxLength)
            throw new InvalidOperationException($"{Length} bytes are more than an array can hold; read them from a stream.");
        using Stream file = File.OpenRead();
        byte[] bytes = new byte[Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    public Stream OpenRead()
    {
        if (IsInMemory) return _memory.OpenRead();
        ThrowIfGone();
        return File.OpenRead();
    }

    /// <summary>Hands on what is in memory, piece by piece.</summary>
    public void CopyTo(BodySink sink) => _memory.CopyTo(sink);

    /// <summary>
    /// Moves the file to a path, where it is kept. If the bytes are in memory, they are written to a file first.
    /// </summary>
    public void MoveTo(string path, bool overwrite)
    {
        ToFile();
        File.MoveTo(path, overwrite);
        GiveDiskBack();
    }

    /// <summary>The path of the file. If the bytes are in memory, they are written to a file first.</summary>
    public string ToFile()
    {
        ThrowIfGone();
        if (IsInMemory)
        {
            TakeDisk(Length);
            // The application asks for it, and waits.
            _file = new TemporaryFile(_options.UploadFolder);
            _memory.CopyTo(_file.Write);
            _file.Complete();
            ReleaseMemory();
        }
        return File.Path;
    }

    public void Dispose()
    {
        _disposed = true;
        _file?.Dispose();
        _spooled?.Dispose();
        ReleaseMemory();
        GiveDiskBack();
    }

    /// <summary>The file, once it is written.</summary>
    private TemporaryFile File => _file ?? _spooled!.Written;

    private void Spill()
    {
        _spooled = new SpooledFile(_options.UploadFolder, _backlog!);
        _memory.MoveTo(_spooled);
        ReleaseMemory();
    }

    private void ReleaseMemory()
    {
        _memory.Release();
        GiveMemoryBack();
    }

    private void TakeDisk(long count)
    {
        _options.Bodies.TakeDisk(count, _options);
        _diskTaken += count;
    }

    private void GiveDiskBack()
    {
        if (_diskTaken > 0) _options.Bodies.AddDisk(-_diskTaken);
        _diskTaken = 0;
    }

    private void GiveMemoryBack()
    {
        if (_memoryTaken > 0) _options.Bodies.AddMemory(-_memoryTaken);
        _memoryTaken = 0;
    }

    /// <summary>
    /// Counts what has come, in steps that double. The length that was announced counts for nothing, because a client may
    /// announce any.
    /// </summary>
    private void Count(long needed)
    {
        if (needed <= _memoryTaken) return;
        long counted = Math.Max(needed, Math.Max(LeastCounted, 2L * _memoryTaken));
        if (_expected >= needed) counted = Math.Min(counted, _expected);
        _options.Bodies.TakeMemory(counted - _memoryTaken, _options);
        _memoryTaken = counted;
    }

    private void ThrowIfGone()
    {
        if (_disposed)
            throw new InvalidOperationException(
                "The temporary file vanished with the answer; read or move it before the request is answered.");
    }
}
