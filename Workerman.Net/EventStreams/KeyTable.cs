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
    private readonly Dictionary<(string? Topic, string Key), LinkedListNode<PublishedEvent>> _nodes = [];

    /// <summary>The same events, in the order of publication.</summary>
    private readonly LinkedList<PublishedEvent> _order = [];

    private long _size;

    public int Count => _nodes.Count;

    /// <summary>Makes an event the newest of its key.</summary>
    public void Set(PublishedEvent published)
    {
        (string? Topic, string Key) key = (published.Topic, published.Key!);
        _size += published.Bytes.Length;
        if (_nodes.TryGetValue(key, out LinkedListNode<PublishedEvent>? node))
        {
            node.Value.IsSuperseded = true;
            _size -= node.Value.Bytes.Length;
            node.Value = published;
            _order.Remove(node);
            _order.AddLast(node);
        }
        else
        {
            if (_nodes.Count == capacity) Forget(_order.First!);
            _nodes.Add(key, _order.AddLast(published));
        }
        while (_size > maxSize && _nodes.Count > 1) Forget(_order.First!);
    }

    /// <summary>The events with a sequence after one and up to another, in order.</summary>
    public List<PublishedEvent> Between(long after, long upTo)
    {
        var found = new List<PublishedEvent>();
        foreach (PublishedEvent published in _order)
        {
            if (published.Sequence > upTo) break;
            if (published.Sequence > after) found.Add(published);
        }
        return found;
    }

    /// <summary>Removes all keys.</summary>
    public void Clear()
    {
        _nodes.Clear();
        _order.Clear();
        _size = 0;
    }

    private void Forget(LinkedListNode<PublishedEvent> node)
    {
        _order.Remove(node);
        _size -= node.Value.Bytes.Length;
        _nodes.Remove((node.Value.Topic, node.Value.Key!));
    }
}
