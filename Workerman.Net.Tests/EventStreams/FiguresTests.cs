using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Workerman.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Figures, as properties and as metrics.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class FiguresTests(Type loopType)
{
    [Test]
    public async Task MetricsSayWhatThePropertiesSay()
    {
        string name = $"stream {Guid.NewGuid()}";
        await using var server = new StreamServer(loopType, name: name);
        using EventClient first = await server.Subscribe();
        using EventClient second = await server.Subscribe();
        for (int i = 0; i < 5; i++) server.Stream.Publish($"{i}");
        first.Data(5);
        second.Data(5);
        await Wait.Until(() => server.Stream.Lag == 0, "no lag");
        EventStream stream = server.Stream;
        Assert.That((stream.Subscribers, stream.Published, stream.Delivered, stream.Dropped, stream.Lag),
            Is.EqualTo((2, 5L, 10L, 0L, 0L)));
        Assert.That(Measure(name), Is.EquivalentTo(new Dictionary<string, long>
        {
            ["workerman.event_stream.subscribers"] = 2,
            ["workerman.event_stream.published"] = 5,
            ["workerman.event_stream.delivered"] = 10,
            ["workerman.event_stream.dropped"] = 0,
            ["workerman.event_stream.lag"] = 0,
        }));
        stream.Complete();
        await Wait.Until(() => stream.Subscribers == 0, "the ends");
        Assert.That(Measure(name), Is.Empty, "a stream that is completed");
    }

    [Test]
    public void StreamThatIsCollectedIsNoLongerObserved()
    {
        string name = $"stream {Guid.NewGuid()}";
        MakeAndForget(name);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.That(Measure(name), Is.Empty);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MakeAndForget(string name)
    {
        var stream = new EventStream(name);
        stream.Publish("x");
        Assert.That(Measure(name), Has.Count.EqualTo(5));
    }

    private static Dictionary<string, long> Measure(string name)
    {
        var measured = new Dictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Workerman.EventStreams") listener.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                if (tag.Key == "stream" && tag.Value is string stream && stream == name) measured.Add(instrument.Name, value);
            }
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return measured;
    }
}
