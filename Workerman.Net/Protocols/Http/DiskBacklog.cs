namespace Workerman.Protocols.Http;

/// <summary>
/// What of one body waits to be written to its temporary files, over all of them: how much, and what has gone wrong. The peer is
/// not read from while too much waits, and the request is handed on when nothing does. Added to on the loop's thread, counted
/// down on the threads that write.
/// </summary>
/// <param name="run">Has work done that waits for a disk.</param>
/// <param name="reportFull">Is told that the disk is full, once a body, on the thread that writes.</param>
internal sealed class DiskBacklog(Action<Action> run, Action<Exception>? reportFull = null)
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
        if (fault is not null) Fail(fault);
        int left = Interlocked.Decrement(ref _waiting);
        if (left is 0 or Most / 2) GoOn?.Invoke();
    }

    /// <exception cref="DiskFullException">Something could not be written, because the disk is full.</exception>
    /// <exception cref="IOException">Something could not be written for another reason.</exception>
    public void ThrowIfFailed()
    {
        if (_fault is { } fault) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
    }

    private void Fail(Exception fault)
    {
        bool isFull = DiskFullException.Is(fault);
        Exception told = isFull ? new DiskFullException(fault) : fault;
        if (Interlocked.CompareExchange(ref _fault, told, null) is null && isFull) reportFull?.Invoke(told);
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

/// <summary>
/// The folder of temporary files has no room for what comes of a body: 503 for the client, who may try again later. What the
/// application writes itself fails as it does everywhere.
/// </summary>
internal sealed class DiskFullException(Exception reason) : IOException("No space is left for the bodies of requests. "
    + "Cure: make room in the folder of temporary files, or set HttpOptions.UploadFolder to one that has it.", reason)
{
    // ENOSPC and EDQUOT of Linux, ENOSPC and EDQUOT of macOS; ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL.
    private static readonly int[] Codes = OperatingSystem.IsWindows() ? [unchecked((int)0x80070070), unchecked((int)0x80070027)]
        : OperatingSystem.IsLinux() ? [28, 122] : [28, 69];

    /// <summary>Whether an exception says that a disk, or what a user may have of it, is full.</summary>
    public static bool Is(Exception exception) => exception is IOException && Codes.Contains(exception.HResult);
}
