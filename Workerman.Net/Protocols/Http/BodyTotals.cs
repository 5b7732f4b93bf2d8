namespace Workerman.Protocols.Http;

/// <summary>
/// The bytes that the bodies of a worker's requests have in memory and in temporary files, over all its loops. What is taken here
/// is given back by its owner, a <see cref="SpooledBytes"/> or a <see cref="MultipartForm"/>, when it is disposed of. Shared by
/// the loops of a worker; any thread.
/// </summary>
internal sealed class BodyTotals
{
    private long _memory;
    private long _disk;

    public long Memory => Volatile.Read(ref _memory);

    public long Disk => Volatile.Read(ref _disk);

    /// <exception cref="BodiesFullException">There is no room for so many.</exception>
    public void TakeMemory(long count, HttpOptions options)
    {
        if (!TryTake(ref _memory, count, options.MaxBodyMemory)) throw Full(Refusals.BodyMemoryFull, options);
    }

    /// <inheritdoc cref="TakeMemory"/>
    public void TakeDisk(long count, HttpOptions options)
    {
        if (!TryTake(ref _disk, count, options.MaxBodyDisk)) throw Full(Refusals.BodyDiskFull, options);
    }

    /// <summary>Takes memory that has been received already, unless its owner keeps what it has, and there is no room.</summary>
    /// <exception cref="BodiesFullException">There is none.</exception>
    public void TakeReceived(long count, bool keepsAll, HttpOptions options)
    {
        if (keepsAll && Memory >= options.MaxBodyMemory) throw Full(Refusals.BodyMemoryFull, options);
        AddMemory(count);
    }

    /// <summary>Counts bytes that are there in any case, or, with a negative count, gives some back.</summary>
    public void AddMemory(long count) => Interlocked.Add(ref _memory, count);

    /// <inheritdoc cref="AddMemory"/>
    public void AddDisk(long count) => Interlocked.Add(ref _disk, count);

    /// <summary>The refusal of a body for which there is no room as things are; null if it may begin.</summary>
    /// <param name="length">Its bytes, -1 if that is not known.</param>
    /// <param name="options">The limits.</param>
    public Verdict? Refuse(long length, HttpOptions options)
    {
        long least = Math.Max(1, length);
        bool isForDisk = least > options.BodyMemoryThreshold;
        bool hasRoom = isForDisk ? least <= options.MaxBodyDisk - Disk : least <= options.MaxBodyMemory - Memory;
        return hasRoom ? null : Full(isForDisk ? Refusals.BodyDiskFull : Refusals.BodyMemoryFull, options).Refusal;
    }

    private static BodiesFullException Full(Verdict refusal, HttpOptions options)
    {
        options.ReportBodiesFull?.Invoke(refusal.Reason!);
        return new BodiesFullException(refusal);
    }

    private static bool TryTake(ref long total, long count, long most)
    {
        if (Interlocked.Add(ref total, count) <= most || count <= 0) return true;
        Interlocked.Add(ref total, -count);
        return false;
    }
}

/// <summary>A body is refused, because those of all requests together have as many bytes as they may.</summary>
/// <param name="refusal">The answer.</param>
internal sealed class BodiesFullException(Verdict refusal) : IOException(refusal.Reason)
{
    public Verdict Refusal => refusal;
}
