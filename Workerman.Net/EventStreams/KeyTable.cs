namespace Workerman.EventStreams;

/// <summary>
/// The newest event of each key, for <see cref="SlowSubscribers.NewestPerKey"/>; it keeps events that the log has removed. When
/// it is full, the key whose last event is the oldest is removed. The same key in two topics counts as two keys, because a
/// subscriber of one topic does not get the events of another. Under the log's lock.
/// </summary>
/// <param name="capacity">Keys that it may have.</param>
/// <param name="maxSize">Bytes that their events may have together; the newest is kept in any case.</param>
internal sealed class KeyTable(int capacity, long maxSize = long.MaxValue)
{
    private readonly Dictionary<(string? Topic, string Key), PublishedEvent> _newest = [];

    /// <summary>The same events, in the order of publication.</summary>
    private readonly SortedSet<PublishedEvent> _order =
        new(Comparer<PublishedEvent>.Create(static (a, b) => a.Sequence.CompareTo(b.Sequence)));

    private long _size;

    public int Count => _newest.Count;

    /// <summary>Makes an event the newest of its key.</summary>
    public void Set(PublishedEvent published)
    {
        (string? Topic, string Key) key = (published.Topic, published.Key!);
        if (_newest.TryGetValue(key, out PublishedEvent? before))
        {
            before.IsSuperseded = true;
            Remove(before);
        }
        else if (_newest.Count == capacity)
        {
            Remove(_order.Min!);
        }
        _newest.Add(key, published);
        _order.Add(published);
        _size += published.Bytes.Length;
        while (_size > maxSize && _newest.Count > 1) Remove(_order.Min!);
    }

    /// <summary>The events with a sequence after one and up to another, in order. Nothing may be set meanwhile.</summary>
    public IEnumerable<PublishedEvent> Between(long after, long upTo) =>
        after < upTo ? _order.GetViewBetween(Bound(after + 1), Bound(upTo)) : [];

    /// <summary>Removes all keys.</summary>
    public void Clear()
    {
        _newest.Clear();
        _order.Clear();
        _size = 0;
    }

    /// <summary>What stands at a place in the order.</summary>
    private static PublishedEvent Bound(long sequence) => new(sequence, "", null, null, null, null, [], 0);

    private void Remove(PublishedEvent published)
    {
        _newest.Remove((published.Topic, published.Key!));
        _order.Remove(published);
        _size -= published.Bytes.Length;
    }
}
