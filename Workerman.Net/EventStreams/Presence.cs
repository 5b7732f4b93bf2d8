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
    private readonly Dictionary<string, (TopicPattern Pattern, HashSet<Subscription> There)> _byPattern = [];

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
            foreach (TopicPattern pattern in subscription.Wanted.Patterns)
            {
                if (!_byPattern.TryGetValue(pattern.Text, out (TopicPattern, HashSet<Subscription> There) of))
                    _byPattern.Add(pattern.Text, of = (pattern, []));
                of.There.Add(subscription);
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
            foreach (TopicPattern pattern in subscription.Wanted.Patterns)
            {
                if (_byPattern.TryGetValue(pattern.Text, out (TopicPattern, HashSet<Subscription> There) of)
                    && of.There.Remove(subscription) && of.There.Count == 0) _byPattern.Remove(pattern.Text);
            }
        }
    }

    /// <summary>Those that have asked for a topic, also by a pattern; all for null.</summary>
    public Subscription[] Of(string? topic)
    {
        lock (_gate) return [.. Find(topic)];
    }

    /// <summary>How many have asked for a topic; for null, how many there are.</summary>
    public int CountOf(string? topic)
    {
        lock (_gate) return Find(topic).Count;
    }

    private HashSet<Subscription> Find(string? topic)
    {
        if (topic is null) return _all;
        HashSet<Subscription>[] there =
        [
            .. _byTopic.TryGetValue(topic, out HashSet<Subscription>? named) ? [named] : (HashSet<Subscription>[])[],
            .. _byPattern.Values.Where(of => of.Pattern.Matches(topic)).Select(static of => of.There),
        ];
        // One may have asked for it more than once.
        return there.Length == 1 ? there[0] : [.. there.SelectMany(static some => some)];
    }
}
