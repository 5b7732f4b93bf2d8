namespace Workerman.Connection;

/// <summary>
/// Bytes of a connection that its socket has not taken, in their order: copies of what others will overwrite
/// (<see cref="PendingBytes"/>), and references to large arrays that nobody changes, so that what many peers do not read is in
/// memory once. Made when there are some and dropped when they are gone. Belongs to its <see cref="SendQueue"/>, on the loop's
/// thread.
/// </summary>
internal sealed class UnsentBytes
{
    /// <summary>
    /// So many bytes are referenced; fewer are copied, because a reference keeps the whole array in memory for them.
    /// </summary>
    public const int LeastReferenced = 16 * 1024;

    private Part? _first;
    private Part? _last;

    /// <summary>How many there are.</summary>
    public long Length { get; private set; }

    /// <summary>Copies, or one reference.</summary>
    private sealed class Part(PendingBytes? copies, ReadOnlyMemory<byte> reference)
    {
        public PendingBytes? Copies { get; } = copies;

        public ReadOnlyMemory<byte> Reference { get; set; } = reference;

        public Part? Next { get; set; }
    }

    /// <summary>Adds bytes behind those that wait.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="lasting">The same, where nobody changes them any more; otherwise nothing.</param>
    public void Append(ReadOnlySpan<byte> bytes, ReadOnlyMemory<byte> lasting)
    {
        if (bytes.IsEmpty) return;
        Length += bytes.Length;
        if (lasting.Length >= LeastReferenced)
        {
            Add(new Part(null, lasting));
            return;
        }
        if (_last?.Copies is null) Add(new Part(new PendingBytes(), default));
        _last!.Copies!.Append(bytes);
    }

    /// <summary>The first piece of what waits; there is some. It stays valid until it is skipped.</summary>
    /// <param name="isLasting">Whether nobody changes it afterwards either.</param>
    public ReadOnlyMemory<byte> First(out bool isLasting)
    {
        isLasting = _first!.Copies is null;
        return isLasting ? _first.Reference : _first.Copies!.First();
    }

    /// <summary>Removes bytes at the start, no more than <see cref="First"/> has.</summary>
    public void Skip(int count)
    {
        Length -= count;
        Part first = _first!;
        if (first.Copies is { } copies)
        {
            copies.Skip(count);
            if (copies.Length > 0) return;
            copies.Discard();
        }
        else
        {
            first.Reference = first.Reference[count..];
            if (!first.Reference.IsEmpty) return;
        }
        _first = first.Next;
        if (_first is null) _last = null;
    }

    /// <summary>Gives the memory back to its pool.</summary>
    public void Discard()
    {
        for (; _first is not null; _first = _first.Next) _first.Copies?.Discard();
        _last = null;
        Length = 0;
    }

    private void Add(Part part)
    {
        if (_last is null) _first = part;
        else _last.Next = part;
        _last = part;
    }
}
