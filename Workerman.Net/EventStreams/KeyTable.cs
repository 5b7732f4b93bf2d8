namespace Workerman.EventStreams;

/// <summary>
/// The newest event of each key, for <see cref="SlowSubscribers.NewestPerKey"/>; it keeps events that the log has removed. When
/// it is full, the key whose last event is the oldest is removed. The same key in two topics counts as two keys, because a
/// subscriber of one topic does not get the events of another. Under the log's lock.
/// </summary>
internal sealed class KeyTable(int capacity)
{
    private readonly Dictionary<(string? Topic, string Key), LinkedListNode<PublishedEvent>> _nodes = [];

    /// <summary>The same events, in the order of publication.</summary>
    private readonly LinkedList<PublishedEvent> _order = [];

    public int Count => _nodes.Count;

    /// <summary>Makes an event the newest of its key.</summary>
    public void Set(PublishedEvent published)
    {
        (string? Topic, string Key) key = (published.Topic, published.Key!);
        if (_nodes.TryGetValue(key, out LinkedListNode<PublishedEvent>? node))
        {
            node.Value.IsSuperseded = true;
            node.Value = published;
            _order.Remove(node);
            _order.AddLast(node);
            return;
        }
        if (_nodes.Count == capacity) Forget(_order.First!);
        _nodes.Add(key, _order.AddLast(published));
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

    private void Forget(LinkedListNode<PublishedEvent> node)
    {
        _order.Remove(node);
        _nodes.Remove((node.Value.Topic, node.Value.Key!));
    }
}
