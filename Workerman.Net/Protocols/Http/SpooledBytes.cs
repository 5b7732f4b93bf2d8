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
    private const int LeastCapacity = 256;

    private readonly int _threshold = Math.Min(threshold, Array.MaxLength);

    private byte[] _memory = [];
    private int _length;
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
        Reserve(bytes.Length);
        bytes.CopyTo(_memory.AsSpan(_length));
        _length += bytes.Length;
    }

    /// <summary>No more is appended.</summary>
    public void Complete() => _file?.Complete();

    /// <summary>The bytes; those of a file are read from it.</summary>
    /// <exception cref="InvalidOperationException">The file was deleted, or is larger than an array can be.</exception>
    public ReadOnlyMemory<byte> ToMemory()
    {
        if (_file is null) return _memory.AsMemory(0, _length);
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
        if (_file is null) return new MemoryStream(_memory, 0, _length, writable: false);
        ThrowIfGone();
        return _file.OpenRead();
    }

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
        GiveMemoryBack();
        GiveDiskBack();
    }

    private void Spill()
    {
        _file = new TemporaryFile(options.UploadFolder);
        _file.Write(_memory.AsSpan(0, _length));
        _memory = [];
        _length = 0;
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
    /// Grows by doubling what has arrived. The length that was announced takes no memory, because a client may announce any.
    /// </summary>
    private void Reserve(int more)
    {
        int needed = _length + more;
        if (needed <= _memory.Length) return;
        long capacity = Math.Max(needed, Math.Max(LeastCapacity, 2L * _memory.Length));
        if (expected >= needed) capacity = Math.Min(capacity, expected);
        capacity = Math.Min(capacity, Array.MaxLength);
        options.Bodies.TakeMemory(capacity - _memoryTaken, options);
        _memoryTaken = capacity;
        Array.Resize(ref _memory, (int)capacity);
    }

    private void ThrowIfGone()
    {
        if (_disposed)
            throw new InvalidOperationException(
                "The temporary file vanished with the answer; read or move it before the request is answered.");
    }
}
