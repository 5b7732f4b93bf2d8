using System.Buffers;
using static Workerman.Events.LargePages;

namespace Workerman.Protocols.Http;

/// <summary>
/// Bytes in memory as they come. Up to <see cref="MostKept"/> they are one array, in the end of the length that was announced,
/// which belongs to whoever is handed it and stays as long as that. More than that are blocks of the <see cref="BlockPool"/>,
/// which nobody outside sees: they are copied when they are asked for as one array, and go back with <see cref="Release"/>, so
/// that another body may have them. Memory is taken as bytes come, not for what was announced, and none of it is zeroed. It
/// counts nothing and knows no limit. Owned by a <see cref="SpooledBytes"/>; filled on the loop's thread, read and released by
/// any.
/// </summary>
/// <param name="expected">How many bytes there will be; -1 if that is not known.</param>
internal sealed class ByteBlocks(long expected)
{
    /// <summary>Bytes that may outlive their request, as one array.</summary>
    public const int MostKept = 1024 * 1024;

    private const int LeastCapacity = 256;

    /// <summary>An array that is to grow is of the pool from here on.</summary>
    private const int LeastRented = 4096;

    /// <summary>Bytes of which more are kept in blocks, if they are known to become many.</summary>
    private const int MostInGrowingArray = 64 * 1024;

    private static readonly BlockPool Pool = BlockPool.Shared;

    private byte[] _array = [];
    private int _arrayLength;
    private bool _arrayIsRented;
    private List<Block>? _blocks;

    /// <summary>Held while blocks are read, joined or released; null while there have been none.</summary>
    private Lock? _gate;
    private bool _isReleased;

    public long Length { get; private set; }

    /// <summary>Room for what comes next: at least a byte, at most so many.</summary>
    public Span<byte> Room(long most)
    {
        if (_blocks is null && Length < MostInArray)
        {
            if (_arrayLength == _array.Length) Grow(_arrayLength + 1);
            return Cut(_array.AsSpan(_arrayLength), Math.Min(most, MostInArray - Length));
        }
        if (_blocks is null) MoveToBlocks();
        if (_blocks![^1].Length == BlockPool.BlockSize) AddBlock();
        Block last = _blocks[^1];
        return Cut(last.Memory.Bytes[last.Length..], most);
    }

    /// <summary>So many bytes have been put into the <see cref="Room"/>.</summary>
    public void Advance(int count)
    {
        Length += count;
        if (_blocks is null) _arrayLength += count;
        else _blocks[^1] = _blocks[^1] with { Length = _blocks[^1].Length + count };
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_blocks is null && Length + bytes.Length <= MostInArray && bytes.Length > _array.Length - _arrayLength)
            Grow(_arrayLength + bytes.Length);
        while (!bytes.IsEmpty)
        {
            Span<byte> room = Room(bytes.Length);
            bytes[..room.Length].CopyTo(room);
            Advance(room.Length);
            bytes = bytes[room.Length..];
        }
    }

    /// <summary>All of them as one array, which is the caller's as well from here on.</summary>
    /// <exception cref="InvalidOperationException">They were released, or are more than an array can hold.</exception>
    public ReadOnlyMemory<byte> ToMemory()
    {
        if (_gate is null)
        {
            if (_arrayIsRented) Join();
            return _array.AsMemory(0, _arrayLength);
        }
        lock (_gate)
        {
            if (_blocks is not null) Join();
            return _array.AsMemory(0, _arrayLength);
        }
    }

    /// <summary>All of them, from the first, whether or not as a copy. They are read before they are released.</summary>
    public Stream OpenRead()
    {
        if (_gate is null) return new MemoryStream(ToMemoryArray(), 0, _arrayLength, writable: false);
        lock (_gate)
            return _blocks is null ? new MemoryStream(_array, 0, _arrayLength, writable: false) : new BlockStream(this);
    }

    /// <summary>Hands all of them on, block by block.</summary>
    public void CopyTo(BodySink sink)
    {
        if (_gate is null)
        {
            sink(_array.AsSpan(0, _arrayLength));
            return;
        }
        lock (_gate)
        {
            if (_blocks is null)
            {
                sink(_array.AsSpan(0, _arrayLength));
                return;
            }
            ThrowIfReleased();
            foreach (Block block in _blocks) sink(block.Written);
        }
    }

    /// <summary>Hands all of them over to a file that is to be written; nothing is left here.</summary>
    public void MoveTo(SpooledFile file)
    {
        if (_gate is null)
        {
            file.Append(_array.AsSpan(0, _arrayLength));
            return;
        }
        lock (_gate)
        {
            foreach (Block block in _blocks!) file.Append(block.Memory, block.Length);
            _blocks.Clear();
        }
    }

    /// <summary>Gives the pool back what is its own. What was handed out as one array stays.</summary>
    public void Release()
    {
        if (_gate is null)
        {
            if (!_arrayIsRented) return;
            // It has not come whole, so nobody has been given it.
            ArrayPool<byte>.Shared.Return(_array);
            (_array, _arrayLength, _arrayIsRented) = ([], 0, false);
            return;
        }
        lock (_gate)
        {
            _isReleased = true;
            foreach (Block block in _blocks ?? []) Pool.Return(block.Memory);
            _blocks?.Clear();
        }
    }

    /// <summary>Bytes that the array may grow to, before it has to be blocks.</summary>
    private int MostInArray => expected > MostKept ? MostInGrowingArray : MostKept;

    private bool IsExact => expected is >= 0 and <= MostKept;

    private static Span<byte> Cut(Span<byte> room, long most) => room.Length > most ? room[..(int)most] : room;

    /// <summary>
    /// Doubles what has come. An array of the length that was announced is made when half of that has come.
    /// </summary>
    private void Grow(int needed)
    {
        int capacity = Math.Max(needed, Math.Max(LeastCapacity, Math.Min(2 * _array.Length, MostKept)));
        bool isLast = IsExact && expected >= needed && 2L * needed >= expected;
        if (expected >= needed) capacity = (int)Math.Min(capacity, expected);
        if (isLast) capacity = (int)expected;
        bool rents = expected >= 0 && !isLast && capacity is >= LeastRented and <= MostKept;
        byte[] larger = rents ? ArrayPool<byte>.Shared.Rent(capacity) : GC.AllocateUninitializedArray<byte>(capacity);
        _array.AsSpan(0, _arrayLength).CopyTo(larger);
        if (_arrayIsRented) ArrayPool<byte>.Shared.Return(_array);
        (_array, _arrayIsRented) = (larger, rents);
    }

    private void MoveToBlocks()
    {
        _gate = new Lock();
        _blocks = [];
        (byte[] array, int length, bool isRented) = (_array, _arrayLength, _arrayIsRented);
        (_array, _arrayLength, _arrayIsRented, Length) = ([], 0, false, 0);
        AddBlock();
        Append(array.AsSpan(0, length));
        if (isRented) ArrayPool<byte>.Shared.Return(array);
    }

    private void AddBlock() => _blocks!.Add(new Block(Pool.Rent(), 0));

    private byte[] ToMemoryArray()
    {
        if (_arrayIsRented) Join();
        return _array;
    }

    private void Join()
    {
        if (_blocks is not null) ThrowIfReleased();
        if (Length > Array.MaxLength)
            throw new InvalidOperationException($"{Length} bytes are more than an array can hold; read them from a stream.");
        byte[] all = GC.AllocateUninitializedArray<byte>((int)Length);
        AdviseFor(all);
        if (_blocks is null)
        {
            _array.AsSpan(0, _arrayLength).CopyTo(all);
            ArrayPool<byte>.Shared.Return(_array);
        }
        int at = 0;
        foreach (Block block in _blocks ?? [])
        {
            block.Written.CopyTo(all.AsSpan(at));
            at += block.Length;
            Pool.Return(block.Memory);
        }
        (_blocks, _array, _arrayLength, _arrayIsRented) = (null, all, all.Length, false);
    }

    private void ThrowIfReleased()
    {
        if (_isReleased)
            throw new InvalidOperationException($"A body of more than {MostKept} bytes vanishes with the answer. Cure: "
                + "read it, or ask for RawBody, before the request is answered.");
    }

    /// <summary>Reads from a place on, if the bytes are still there.</summary>
    private int Read(long position, Span<byte> into)
    {
        lock (_gate!)
        {
            // It has been made one array since.
            if (_blocks is null)
            {
                ReadOnlySpan<byte> rest = _array.AsSpan((int)position.._arrayLength);
                int count = Math.Min(rest.Length, into.Length);
                rest[..count].CopyTo(into);
                return count;
            }
            ThrowIfReleased();
            foreach (Block block in _blocks)
            {
                if (position < block.Length)
                {
                    int count = Math.Min(block.Length - (int)position, into.Length);
                    block.Memory.Bytes.Slice((int)position, count).CopyTo(into);
                    return count;
                }
                position -= block.Length;
            }
            return 0;
        }
    }

    /// <summary>One of the arrays. A value of its owner's.</summary>
    private readonly record struct Block(MemoryBlock Memory, int Length)
    {
        public ReadOnlySpan<byte> Written => Memory.Bytes[..Length];
    }

    /// <summary>Reads the blocks, which it does not own. For one thread, whichever that is.</summary>
    private sealed class BlockStream(ByteBlocks blocks) : Stream
    {
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => blocks.Length;

        public override long Position
        {
            get => _position;
            set
            {
                ArgumentOutOfRangeException.ThrowIfNegative(value);
                _position = value;
            }
        }

        public override int Read(Span<byte> buffer)
        {
            if (buffer.IsEmpty || _position >= Length) return 0;
            int count = blocks.Read(_position, buffer);
            _position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            ValidateBufferArguments(buffer, offset, count);
            return Read(buffer.AsSpan(offset, count));
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            cancellationToken.IsCancellationRequested
                ? ValueTask.FromCanceled<int>(cancellationToken)
                : new ValueTask<int>(Read(buffer.Span));

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
        {
            SeekOrigin.Current => _position,
            SeekOrigin.End => Length,
            _ => 0,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
