namespace Workerman.Protocols.Http;

/// <summary>
/// A <see cref="TemporaryFile"/> that is written off the loop, block by block and in their order: whoever has bytes only puts
/// them into a block. What could not be written is told by the <see cref="DiskBacklog"/>. Filled and disposed of on the loop's
/// thread; the file belongs to the thread that writes until the backlog is empty, and then to the loop again.
/// </summary>
internal sealed class SpooledFile : IDisposable
{
    /// <summary>Blocks that are worth a change of threads.</summary>
    private const int LeastAtOnce = 2;

    private static readonly BlockPool Pool = BlockPool.Shared;

    private readonly string _folder;
    private readonly DiskBacklog _backlog;
    private readonly Lock _gate = new();
    private readonly Queue<Step> _steps = new();
    private TemporaryFile? _file;
    private Exception? _fault;
    private MemoryBlock? _block;
    private int _length;
    private bool _isRunning;
    private volatile bool _isDisposed;

    /// <param name="folder">Where the file is made, at once but off the loop.</param>
    /// <param name="backlog">What counts what is not written yet.</param>
    public SpooledFile(string folder, DiskBacklog backlog)
    {
        (_folder, _backlog) = (folder, backlog);
        Add(default);
    }

    /// <summary>The file, once all is written.</summary>
    /// <exception cref="IOException">It could not be made or written.</exception>
    public TemporaryFile Written
    {
        get
        {
            _backlog.ThrowIfFailed();
            return _file!;
        }
    }

    /// <summary>Takes a block over, behind what it has.</summary>
    public void Append(MemoryBlock block, int length)
    {
        Pass();
        Add(new Step(block, length));
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        _backlog.ThrowIfFailed();
        while (!bytes.IsEmpty)
        {
            Span<byte> room = Room(bytes.Length);
            bytes[..room.Length].CopyTo(room);
            Advance(room.Length);
            bytes = bytes[room.Length..];
        }
    }

    /// <summary>Room for what comes next: at least a byte, at most so many.</summary>
    public Span<byte> Room(long most)
    {
        _block ??= Pool.Rent();
        Span<byte> room = _block.Bytes[_length..];
        return room.Length > most ? room[..(int)most] : room;
    }

    /// <summary>So many bytes have been put into the <see cref="Room"/>.</summary>
    public void Advance(int count)
    {
        _length += count;
        if (_length == BlockPool.BlockSize) Pass();
    }

    /// <summary>No more is appended.</summary>
    public void Complete()
    {
        Pass();
        Add(new Step(null, 0, IsLast: true));
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed) return;
            _isDisposed = true;
            if (_block is not null) Pool.Return(_block);
            _block = null;
            if (!_isRunning) ReturnWaiting();
            // Otherwise the thread that writes does it, when it has done what it is at.
            if (!_isRunning) _file?.Dispose();
        }
    }

    /// <summary>Nobody writes what waits any more.</summary>
    private void ReturnWaiting()
    {
        while (_steps.TryDequeue(out Step step))
        {
            if (step.Block is not null) Pool.Return(step.Block);
        }
    }

    /// <summary>Has the block that is being filled written.</summary>
    private void Pass()
    {
        if (_block is null) return;
        var step = new Step(_block, _length);
        (_block, _length) = (null, 0);
        Add(step);
    }

    private void Add(Step step)
    {
        _backlog.Add();
        lock (_gate)
        {
            _steps.Enqueue(step);
            if (_isRunning || (step.Block is not null && _steps.Count < LeastAtOnce)) return;
            _isRunning = true;
        }
        _backlog.Run(Work);
    }

    private void Work()
    {
        bool goesOn = true;
        while (goesOn)
        {
            Step step;
            lock (_gate) step = _steps.Dequeue();
            Exception? fault = null;
            try
            {
                if (_fault is null && !_isDisposed) Take(step);
            }
            catch (Exception e)
            {
                // Told on the loop, which answers the request.
                fault = _fault = e;
            }
            if (step.Block is not null) Pool.Return(step.Block);
            lock (_gate)
            {
                goesOn = _isRunning = _steps.Count > 0;
                if (_isDisposed && !goesOn) _file?.Dispose();
            }
            _backlog.Remove(fault);
        }
    }

    private void Take(in Step step)
    {
        _file ??= new TemporaryFile(_folder);
        if (step.Block is not null) _file.Write(step.Block.Bytes[..step.Length]);
        if (step.IsLast) _file.Complete();
    }

    /// <summary>What the thread that writes is to do: make the file, write a block, or end.</summary>
    private readonly record struct Step(MemoryBlock? Block, int Length, bool IsLast = false);
}
