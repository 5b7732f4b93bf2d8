using System.Collections.Concurrent;

namespace Workerman.EventStreams;

/// <summary>
/// What a stream counts by topic where that is asked for (<see cref="EventStreamOptions.MeasuredTopics"/>): the topics that come
/// first by themselves, the others together. Any thread.
/// </summary>
/// <param name="limit">Topics that are counted by themselves.</param>
internal sealed class TopicFigures(int limit)
{
    /// <summary>What stands for all other topics, as in OpenTelemetry's conventions.</summary>
    public const string Other = "_OTHER";

    private readonly ConcurrentDictionary<string, TopicFigure> _figures = new(StringComparer.Ordinal);
    private readonly Lock _adding = new();
    private int _count;

    /// <summary>The figures by topic.</summary>
    public IEnumerable<TopicFigure> All => _figures.Values;

    /// <summary>An event was published.</summary>
    public void CountPublished(PublishedEvent published)
    {
        EventTopics topics = published.AllTopics;
        for (int i = 0; i < topics.Count; i++) Of(topics[i]).CountPublished();
    }

    /// <summary>An event was handed to so many connections.</summary>
    public void CountDelivered(PublishedEvent published, long connections)
    {
        EventTopics topics = published.AllTopics;
        for (int i = 0; i < topics.Count; i++) Of(topics[i]).CountDelivered(connections);
    }

    /// <summary>What the first topic of an event is measured as; null if it has none.</summary>
    public string? NameOf(PublishedEvent published) => published.Topic is { } topic ? Of(topic).Name : null;

    private TopicFigure Of(string topic)
    {
        if (_figures.TryGetValue(topic, out TopicFigure? figure)) return figure;
        if (Volatile.Read(ref _count) < limit)
        {
            lock (_adding)
            {
                if (_figures.TryGetValue(topic, out figure)) return figure;
                if (_count < limit)
                {
                    figure = _figures[topic] = new TopicFigure(topic);
                    _count++;
                    return figure;
                }
            }
        }
        return _figures.GetOrAdd(Other, static name => new TopicFigure(name));
    }
}

/// <summary>The figures of one topic. Any thread.</summary>
/// <param name="name">What it is measured as.</param>
internal sealed class TopicFigure(string name)
{
    private long _published;
    private long _delivered;

    public string Name => name;

    public long Published => Volatile.Read(ref _published);

    public long Delivered => Volatile.Read(ref _delivered);

    public void CountPublished() => Interlocked.Increment(ref _published);

    public void CountDelivered(long connections) => Interlocked.Add(ref _delivered, connections);
}
