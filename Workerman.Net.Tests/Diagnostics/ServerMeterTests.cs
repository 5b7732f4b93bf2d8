using System.Diagnostics.Metrics;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Diagnostics;

/// <summary>The figures of workers as metrics: what the statistics say, by the worker's name.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ServerMeterTests(Type loopType)
{
    [Test]
    public async Task MetricsSayWhatTheStatisticsSay()
    {
        string name = MeasuredRequests.NewName();
        int full = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/throw") throw new FormatException("one");
            if (request.Path == "/full")
            {
                connection.MaxSendBufferSize = 1;
                connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, new string('x', 8 * 1024 * 1024)));
                connection.Send(new Chunk("dropped"));
                return;
            }
            connection.Send("ok");
        }, worker =>
        {
            worker.Name = name;
            worker.OnBufferFull = _ => full++;
            worker.OnWorkerStart = _ => Timer.Add(3600, () => { });
        });
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /throw HTTP/1.1\r\nHost: a\r\n\r\n");
        client.ReadResponse();
        client.ReadResponse();
        using (var slow = new RawClient(server.EndPoint, receiveBufferSize: 4096))
        {
            slow.Send("GET /full HTTP/1.1\r\nHost: a\r\n\r\n");
            await Wait.Until(() => server.First.Statistics.SendFailures == 1, "a dropped chunk");
        }
        await Wait.Until(() => server.First.Statistics.Connections == 1, "its end");
        Dictionary<string, double> measured = Measure(name);
        WorkerStatistics statistics = server.First.Statistics;
        Assert.That(measured.Remove("workerman.loop.lag", out double lag));
        Assert.That(lag, Is.GreaterThan(0).And.LessThan(Wait.Limit.TotalSeconds));
        Assert.That(full, Is.GreaterThan(0));
        Assert.That(measured, Is.EquivalentTo(new Dictionary<string, double>
        {
            ["workerman.connections"] = 1,
            ["workerman.connections.opened"] = 2,
            ["workerman.requests"] = 3,
            ["workerman.exceptions"] = 1,
            ["workerman.send.failures"] = 1,
            ["workerman.buffer.full"] = full,
            ["workerman.bytes.read"] = statistics.BytesRead,
            ["workerman.bytes.written"] = statistics.BytesWritten,
            ["workerman.timers"] = 1,
        }));
    }

    [Test]
    public async Task WorkersOfOneNameAreAddedUpAndThoseThatHaveEndedAreNotTold()
    {
        string name = MeasuredRequests.NewName();
        TestServer Start() =>
            TestServer.Http(loopType, (connection, _) => connection.Send("ok"), worker => worker.Name = name);
        await using (TestServer one = Start())
        await using (TestServer two = Start())
        {
            foreach (TestServer server in new[] { one, two, two })
            {
                using RawClient client = server.Connect();
                client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
            }
            Assert.That(Measure(name)["workerman.requests"], Is.EqualTo(3));
        }
        Assert.That(Measure(name), Is.Empty);
    }

    private static Dictionary<string, double> Measure(string worker)
    {
        var measured = new Dictionary<string, double>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Workerman" && instrument.IsObservable) listener.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();
        listener.RecordObservableInstruments();
        return measured;

        void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (tags.Length == 1 && tags[0] is { Key: "worker", Value: string name } && name == worker)
                measured.Add(instrument.Name, value);
        }
    }
}
