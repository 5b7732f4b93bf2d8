using System.Diagnostics.Metrics;

namespace Workerman.EventStreams;

/// <summary>What is measured of a round, once for all subscribers, and only if somebody asks for it.</summary>
internal sealed partial class EventHub
{
    /// <summary>What had been delivered when the round began.</summary>
    private long _deliveredBefore;

    /// <summary>Counts for their topics the events of the round that were shared.</summary>
    private void CountShared(TopicFigures byTopic)
    {
        long shared = (_delivered - _deliveredBefore) / _windowCount;
        if (shared > 0) CountWindow(byTopic, shared);
    }

    /// <summary>The events of the round were handed to so many connections.</summary>
    private void CountWindow(TopicFigures byTopic, long connections)
    {
        foreach (PublishedEvent? published in _window.AsSpan(0, _windowCount)) byTopic.CountDelivered(published!, connections);
    }

    /// <summary>Records how long the events of the round took to all live subscribers of the loop.</summary>
    private void MeasureDelay()
    {
        Histogram<double> delay = StreamMeter.Delay;
        if (_windowCount == 0 || !delay.Enabled || _live.Count == 0) return;
        uint now = PublishedEvent.Microseconds();
        KeyValuePair<string, object?> stream = StreamMeter.StreamTag(_stream.Name);
        foreach (PublishedEvent? published in _window.AsSpan(0, _windowCount))
        {
            if (published!.Began == 0) continue;
            double seconds = unchecked(now - published.Began) / 1e6;
            if (_stream.ByTopic?.NameOf(published) is { } topic) delay.Record(seconds, stream, StreamMeter.TopicTag(topic));
            else delay.Record(seconds, stream);
        }
    }
}
