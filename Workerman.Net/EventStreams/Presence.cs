namespace Workerman.EventStreams;

/// <summary>
/// Who is subscribed to a stream that keeps it (<see cref="EventStreamOptions.Presence"/>), by topic: for who asks on any thread,
/// which the sets of the hubs are not. Owned by its stream.
/// </summary>
internal sealed class Presence
{
    private readonly Lock _gate = new();
    private readonly HashSet<Subscription> _all = [];
    private readonly Dictionary<string, HashSet<Subscription>> _byTopic = [];

    public void Add(Subscription subscription)
    {
        lock (_gate)
        {
            if (!_all.Add(subscription)) return;
            foreach (string topic in subscription.Topics)
            {
                if (!_byTopic.TryGetValue(topic, out HashSet<Subscription>? there)) _byTopic.Add(topic, there = []);
                there.Add(subscription);
            }
        }
    }

    public void Remove(Subscription subscription)
    {
        lock (_gate)
        {
            if (!_all.Remove(subscription)) return;
            foreach (string topic in subscription.Topics)
            {
                if (_byTopic.TryGetValue(topic, out HashSet<Subscription>? there) && there.Remove(subscription)
                    && there.Count == 0) _byTopic.Remove(topic);
            }
        }
    }

    /// <summary>Those that have asked for a topic; all for null.</summary>
    public Subscription[] Of(string? topic)
    {
        lock (_gate) return topic is null ? [.. _all] : _byTopic.TryGetValue(topic, out HashSet<Subscription>? of) ? [.. of] : [];
    }

    /// <summary>How many have asked for a topic; for null, how many there are.</summary>
    public int CountOf(string? topic)
    {
        lock (_gate) return topic is null ? _all.Count : _byTopic.GetValueOrDefault(topic)?.Count ?? 0;
    }
}
