using System.Diagnostics.Metrics;

namespace Workerman.EventStreams;

/// <summary>
/// The figures of all streams as <see cref="System.Diagnostics.Metrics"/>: meter <c>Workerman.EventStreams</c>, each measurement
/// tagged <c>stream</c> with the stream's name. Observed when a listener asks, so that they cost nothing otherwise; a stream that
/// is completed and left, or collected, is no longer. Any thread.
/// </summary>
internal static class StreamMeter
{
    public const string Name = "Workerman.EventStreams";

    private static readonly Lock Gate = new();
    private static readonly List<WeakReference<EventStream>> Streams = [];

    static StreamMeter()
    {
        // The instruments keep it.
        var meter = new Meter(Name);
        meter.CreateObservableUpDownCounter("workerman.event_stream.subscribers",
            static () => Measure(static stream => stream.Subscribers), "{subscriber}", "Subscribers that are connected.");
        meter.CreateObservableCounter("workerman.event_stream.published", static () => Measure(static stream => stream.Published),
            "{event}", "Events that were published.");
        meter.CreateObservableCounter("workerman.event_stream.delivered", static () => Measure(static stream => stream.Delivered),
            "{event}", "Events that were handed to connections, counted for each.");
        meter.CreateObservableCounter("workerman.event_stream.dropped", static () => Measure(static stream => stream.Dropped),
            "{event}", "Events that were skipped for subscribers that were too slow, counted for each.");
        meter.CreateObservableGauge("workerman.event_stream.lag", static () => Measure(static stream => stream.Lag), "{event}",
            "Events that the slowest subscriber is behind.");
    }

    public static void Add(EventStream stream)
    {
        lock (Gate)
        {
            Streams.RemoveAll(static reference => !reference.TryGetTarget(out _));
            Streams.Add(new WeakReference<EventStream>(stream));
        }
    }

    private static List<Measurement<long>> Measure(Func<EventStream, long> figure)
    {
        var measurements = new List<Measurement<long>>();
        lock (Gate)
        {
            Streams.RemoveAll(static reference => !reference.TryGetTarget(out EventStream? stream)
                || (stream.IsCompleted && stream.Subscribers == 0));
            foreach (WeakReference<EventStream> reference in Streams)
            {
                if (reference.TryGetTarget(out EventStream? stream))
                    measurements.Add(new(figure(stream), new KeyValuePair<string, object?>("stream", stream.Name)));
            }
        }
        return measurements;
    }
}
