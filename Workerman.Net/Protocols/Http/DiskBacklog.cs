namespace Workerman.Protocols.Http;

/// <summary>
/// What of one body waits to be written to its temporary files, over all of them: how much, and what has gone wrong. The peer is
/// not read from while too much waits, and the request is handed on when nothing does. Added to on the loop's thread, counted
/// down on the threads that write.
/// </summary>
/// <param name="run">Has work done that waits for a disk.</param>
internal sealed class DiskBacklog(Action<Action> run)
{
    /// <summary>Blocks that may wait, 1 MiB, before nothing more is taken in.</summary>
    private const int Most = 1024 * 1024 / BlockPool.BlockSize;

    private int _waiting;
    private volatile Exception? _fault;

    /// <summary>Called when there is room again, and when all is written, from any thread.</summary>
    public Action? GoOn { get; set; }

    /// <summary>Whether so much waits that no more is to be taken in.</summary>
    public bool IsBehind => Volatile.Read(ref _waiting) >= Most;

    /// <summary>Whether nothing waits.</summary>
    public bool IsEmpty => Volatile.Read(ref _waiting) == 0;

    /// <summary>Whether something could not be written.</summary>
    public bool HasFailed => _fault is not null;

    public void Run(Action work) => run(work);

    public void Add() => Interlocked.Increment(ref _waiting);

    /// <summary>Some of what waited is written, or given up.</summary>
    public void Remove(Exception? fault)
    {
        if (fault is not null) _fault ??= fault;
        int left = Interlocked.Decrement(ref _waiting);
        if (left is 0 or Most / 2) GoOn?.Invoke();
    }

    /// <exception cref="IOException">Something could not be written: the disk is full, or few descriptors are left.</exception>
    public void ThrowIfFailed()
    {
        if (_fault is { } fault) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
    }

    /// <summary>Waits until there is room for more, or until all is written. For one who waits, in place of
    /// <see cref="GoOn"/>.</summary>
    public async Task WaitAsync(bool forAll)
    {
        while (forAll ? !IsEmpty : IsBehind)
        {
            var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            GoOn = () => written.TrySetResult();
            if (forAll ? !IsEmpty : IsBehind) await written.Task;
        }
    }
}
