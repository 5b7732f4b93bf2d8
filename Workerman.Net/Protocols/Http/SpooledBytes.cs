namespace Workerman.Protocols.Http;

/// <summary>
/// Collects bytes as they arrive: in memory up to a threshold, beyond it in a <see cref="TemporaryFile"/>. Belongs to a body or
/// an upload, and with it to the loop's thread.
/// </summary>
/// <param name="threshold">Bytes that are kept in memory.</param>
/// <param name="expected">How many there will be, if that is known, so that not more memory is taken.</param>
/// <param name="options">The folder of the file, and how much all bodies together may have.</param>
internal sealed class SpooledBytes(int threshold, long expected, HttpOptions options) : IDisposable
{
    private const int LeastCounted = 256;

    private readonly int _threshold = Math.Min(threshold, Array.MaxLength);

    private readonly ByteBlocks _memory = new(expected);
    private TemporaryFile? _file;
    private bool _disposed;

    /// <summary>Bytes of memory, and of the file, that are counted in the totals.</summary>
    private long _memoryTaken;
    private long _diskTaken;

    public long Length { get; private set; }

    public bool IsInMemory => _file is null;

    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        if (_file is not null || Length > _threshold)
        {
            TakeDisk(_file is null ? Length : bytes.Length);
            if (_file is null) Spill();
            _file!.Write(bytes);
            return;
        }
        Count(Length);
        _memory.Append(bytes);
    }

    /// <summary>Room in memory for what comes next, so that it is received in its place; none where it has to be appended.</summary>
    /// <param name="most">Bytes that may be received; no more than are expected.</param>
    public Span<byte> Room(long most) => _file is null && expected <= _threshold && Length + most <= expected
        ? _memory.Room(most)
        : default;

    /// <summary>So many bytes were received into the <see cref="Room"/>.</summary>
    /// <exception cref="BodiesFullException">All bodies together have as many bytes as they may.</exception>
    public void Advance(int count)
    {
        Length += count;
        _memory.Advance(count);
        Count(Length);
    }

    /// <summary>No more is appended.</summary>
    public void Complete() => _file?.Complete();

    /// <summary>The bytes; those of a file are read from it.</summary>
    /// <exception cref="InvalidOperationException">The file was deleted, or is larger than an array can be.</exception>
    public ReadOnlyMemory<byte> ToMemory()
    {
        if (_file is null) return _memory.ToMemory();
        ThrowIfGone();
        if (Length > Array.MaxLength)
            throw new InvalidOperationException($"{Length} bytes are more than an array can hold; read them from a stream.");
        using Stream file = _file.OpenRead();
        byte[] bytes = new byte[Length];
        file.ReadExactly(bytes);
        return bytes;
    }

    public Stream OpenRead()
    {
        if (_file is null) return _memory.OpenRead();
        ThrowIfGone();
        return _file.OpenRead();
    }

    /// <summary>Hands on what is in memory, piece by piece.</summary>
    public void CopyTo(BodySink sink) => _memory.CopyTo(sink);

    /// <summary>
    /// Moves the file to a path, where it is kept. If the bytes are in memory, they are written to a file first.
    /// </summary>
    public void MoveTo(string path, bool overwrite)
    {
        ToFile();
        _file!.MoveTo(path, overwrite);
        GiveDiskBack();
    }

    /// <summary>The path of the file. If the bytes are in memory, they are written to a file first.</summary>
    public string ToFile()
    {
        ThrowIfGone();
        if (_file is null)
        {
            TakeDisk(Length);
            Spill();
            _file!.Complete();
        }
        return _file.Path;
    }

    public void Dispose()
    {
        _disposed = true;
        _file?.Dispose();
        _memory.Release();
        GiveMemoryBack();
        GiveDiskBack();
    }

    private void Spill()
    {
        _file = new TemporaryFile(options.UploadFolder);
        _memory.CopyTo(_file.Write);
        _memory.Release();
        GiveMemoryBack();
    }

    private void TakeDisk(long count)
    {
        options.Bodies.TakeDisk(count, options);
        _diskTaken += count;
    }

    private void GiveDiskBack()
    {
        if (_diskTaken > 0) options.Bodies.AddDisk(-_diskTaken);
        _diskTaken = 0;
    }

    private void GiveMemoryBack()
    {
        if (_memoryTaken > 0) options.Bodies.AddMemory(-_memoryTaken);
        _memoryTaken = 0;
    }

    /// <summary>
    /// Counts what has come, in steps that double. The length that was announced counts for nothing, because a client may announce
    /// any.
    /// </summary>
    private void Count(long needed)
    {
        if (needed <= _memoryTaken) return;
        long counted = Math.Max(needed, Math.Max(LeastCounted, 2L * _memoryTaken));
        if (expected >= needed) counted = Math.Min(counted, expected);
        options.Bodies.TakeMemory(counted - _memoryTaken, options);
        _memoryTaken = counted;
    }

    private void ThrowIfGone()
    {
        if (_disposed)
            throw new InvalidOperationException(
                "The temporary file vanished with the answer; read or move it before the request is answered.");
    }
}
