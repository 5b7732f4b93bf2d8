using System.Runtime.InteropServices;

namespace Workerman.Protocols.Http;

/// <summary>
/// Memory outside of the collector's heap, which would otherwise allow itself as much garbage again as it holds. Owned by who has
/// rented it, and used while that is alive; left behind, it is freed by its finalizer. Any one thread at a time.
/// </summary>
internal sealed unsafe class MemoryBlock : IDisposable
{
    private readonly byte* _start = (byte*)NativeMemory.Alloc(BlockPool.BlockSize);

    ~MemoryBlock() => NativeMemory.Free(_start);

    public Span<byte> Bytes => new(_start, BlockPool.BlockSize);

    /// <summary>Gives it back to the system.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        NativeMemory.Free(_start);
    }
}

/// <summary>
/// Blocks of memory for bodies, which are used again and again: fresh memory costs five times what is received into it, for the
/// kernel has to find and clear its pages. It is not zeroed. As many are kept as have been in use at once; those that nobody has
/// needed for a while are freed. It trusts its callers: a block is returned once, by who is certain that nobody
/// else has it. <see cref="System.Buffers.ArrayPool{T}.Shared"/> keeps too few of this size for several uploads. One for the
/// process; any thread.
/// </summary>
internal sealed class BlockPool : IDisposable
{
    /// <summary>Bytes of a block: what one receive takes at most.</summary>
    public const int BlockSize = 256 * 1024;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Stack<MemoryBlock> _idle = new();
    private readonly System.Threading.Timer _timer;
    private bool _isTimed;

    /// <summary>The fewest blocks that were idle since the last look.</summary>
    private int _unneeded;

    public BlockPool() => _timer = new(static pool => ((BlockPool)pool!).Trim(), this, Timeout.Infinite, Timeout.Infinite);

    public static BlockPool Shared { get; } = new();

    /// <summary>Blocks that nobody uses.</summary>
    public int Idle
    {
        get
        {
            lock (_gate) return _idle.Count;
        }
    }

    public MemoryBlock Rent()
    {
        lock (_gate)
        {
            if (_idle.TryPop(out MemoryBlock? block))
            {
                _unneeded = Math.Min(_unneeded, _idle.Count);
                return block;
            }
        }
        return new MemoryBlock();
    }

    public void Return(MemoryBlock block)
    {
        lock (_gate)
        {
            _idle.Push(block);
            if (_isTimed) return;
            _isTimed = true;
            _unneeded = 0;
        }
        _timer.Change(Look, Look);
    }

    public void Dispose() => _timer.Dispose();

    /// <summary>Lets go of the blocks that have been idle ever since the last look.</summary>
    internal void Trim()
    {
        lock (_gate)
        {
            for (; _unneeded > 0; _unneeded--) _idle.Pop().Dispose();
            _unneeded = _idle.Count;
            if (_unneeded > 0) return;
            _isTimed = false;
            _timer.Change(Timeout.Infinite, Timeout.Infinite);
        }
    }
}
