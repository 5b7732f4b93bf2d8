namespace Workerman.EventStreams;

/// <summary>
/// The newest event of each key, for <see cref="SlowSubscribers.NewestPerKey"/> and
/// <see cref="SubscribeOptions.FromLatestPerKey"/>; it keeps events that the log has removed. The same key in two topics counts
/// as two keys, because a subscriber of one topic does not get the events of another: an event with several topics is the newest
/// of its key in each, and is kept while it is in one of them. When the table is full, the event that is the oldest is removed.
/// Under the log's lock.
/// </summary>
/// <param name="capacity">Keys that it may have; the newest event is kept in any case.</param>
/// <param name="maxSize">Bytes that their events may have together; the newest is kept in any case.</param>
internal sealed class KeyTable(int capacity, long maxSize = long.MaxValue)
{
    private readonly Dictionary<(string? Topic, string Key), PublishedEvent> _newest = [];

    /// <summary>In how many topics an event with several is the newest of its key.</summary>
    private readonly Dictionary<PublishedEvent, int> _shares = [];

    /// <summary>The events, in the order of publication.</summary>
    private readonly SortedSet<PublishedEvent> _order =
        new(Comparer<PublishedEvent>.Create(static (a, b) => a.Sequence.CompareTo(b.Sequence)));

    private long _size;

    public int Count => _newest.Count;

    /// <summary>Makes an event the newest of its key.</summary>
    public void Set(PublishedEvent published)
    {
        EventTopics topics = published.AllTopics;
        for (int i = 0; i < topics.KeyCount; i++)
        {
            (string? Topic, string Key) key = (topics.TopicOfKey(i), published.Key!);
            if (_newest.TryGetValue(key, out PublishedEvent? before)) Supersede(before);
            _newest[key] = published;
        }
        if (topics.KeyCount > 1) _shares.Add(published, topics.KeyCount);
        _order.Add(published);
        _size += published.Bytes.Length;
        while ((_newest.Count > capacity || _size > maxSize) && _order.Count > 1) RemoveOldest();
    }

    /// <summary>The events with a sequence after one and up to another, in order. Nothing may be set meanwhile.</summary>
    public IEnumerable<PublishedEvent> Between(long after, long upTo) =>
        after < upTo ? _order.GetViewBetween(Bound(after + 1), Bound(upTo)) : [];

    /// <summary>
    /// Whether an event of the table is the newest of its key in one of the topics that are wanted: if it has several topics,
    /// others may be why it is still here.
    /// </summary>
    /// <param name="published">The event, which is wanted.</param>
    /// <param name="wanted">The topics.</param>
    public bool IsNewest(PublishedEvent published, WantedTopics wanted)
    {
        EventTopics topics = published.AllTopics;
        if (topics.KeyCount == 1 || !wanted.Any) return true;
        for (int i = 0; i < topics.KeyCount; i++)
        {
            string? topic = topics.TopicOfKey(i);
            if (wanted.Has(topic!) && _newest.GetValueOrDefault((topic, published.Key!)) == published) return true;
        }
        return false;
    }

    /// <summary>Removes all keys.</summary>
    public void Clear()
    {
        _newest.Clear();
        _shares.Clear();
        _order.Clear();
        _size = 0;
    }

    /// <summary>What stands at a place in the order.</summary>
    private static PublishedEvent Bound(long sequence) => new(sequence, "", null, null, null, null, [], 0);

    /// <summary>One of its keys has a newer event.</summary>
    private void Supersede(PublishedEvent before)
    {
        if (before.AllTopics.KeyCount > 1 && _shares[before] is > 1 and var shares)
        {
            _shares[before] = shares - 1;
            return;
        }
        before.IsSuperseded = true;
        Forget(before);
    }

    private void RemoveOldest()
    {
        PublishedEvent oldest = _order.Min!;
        EventTopics topics = oldest.AllTopics;
        for (int i = 0; i < topics.KeyCount; i++)
        {
            (string? Topic, string Key) key = (topics.TopicOfKey(i), oldest.Key!);
            if (_newest.GetValueOrDefault(key) == oldest) _newest.Remove(key);
        }
        Forget(oldest);
    }

    private void Forget(PublishedEvent published)
    {
        _shares.Remove(published);
        _order.Remove(published);
        _size -= published.Bytes.Length;
    }
}
