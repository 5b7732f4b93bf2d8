using System.Diagnostics.Metrics;
using Workerman.Tests.Support;

namespace Workerman.Tests.Diagnostics;

/// <summary>
/// What the meter <c>Workerman</c> measures of the requests of one worker, told apart from those of others in the process by its
/// name. Any thread.
/// </summary>
internal sealed class MeasuredRequests : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _gate = new();
    private readonly List<Dictionary<string, object?>> _ended = [];
    private long _active;
    private long _begun;

    public MeasuredRequests(string worker)
    {
        Worker = worker;
        _listener.InstrumentPublished = static (instrument, listener) =>
        {
            if (instrument.Meter.Name == "Workerman" && instrument.Name.StartsWith("http.", StringComparison.Ordinal))
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<double>(
            (instrument, value, tags, _) => NoteEnd(instrument.Name, value, tags.ToArray()));
        _listener.SetMeasurementEventCallback<long>(
            (instrument, value, tags, _) => NoteActive(instrument.Name, value, tags.ToArray()));
        _listener.Start();
    }

    public string Worker { get; }

    /// <summary>Requests that have begun and not ended.</summary>
    public long Active
    {
        get
        {
            lock (_gate) return _active;
        }
    }

    /// <summary>Requests that have begun.</summary>
    public long Begun
    {
        get
        {
            lock (_gate) return _begun;
        }
    }

    /// <summary>The attributes of those that have ended, but for the worker; the duration is <c>seconds</c>.</summary>
    public List<Dictionary<string, object?>> Ended
    {
        get
        {
            lock (_gate) return [.. _ended];
        }
    }

    /// <summary>A name for a worker that no other fixture has.</summary>
    public static string NewName() => $"worker {Guid.NewGuid()}";

    /// <summary>Waits for the ends of so many requests; there are no more, and none is active.</summary>
    public async Task<List<Dictionary<string, object?>>> WaitForEnds(int count)
    {
        await Wait.Until(() => Ended.Count >= count && Active == 0, $"{count} requests have ended");
        Assert.That(Ended, Has.Count.EqualTo(count));
        return Ended;
    }

    /// <summary>A request in one line: method, status, error, in the order of their ends.</summary>
    public static string Line(Dictionary<string, object?> request) => string.Join(' ',
        new[] { "http.request.method", "http.response.status_code", "error.type" }.Select(name => request.GetValueOrDefault(name))
            .Where(value => value is not null));

    public void Dispose() => _listener.Dispose();

    private void NoteEnd(string instrument, double value, KeyValuePair<string, object?>[] tags)
    {
        Dictionary<string, object?> all = tags.ToDictionary();
        if (!all.Remove("worker", out object? worker) || worker as string != Worker) return;
        Assert.That(instrument, Is.EqualTo("http.server.request.duration"));
        all.Add("seconds", value);
        lock (_gate) _ended.Add(all);
    }

    private void NoteActive(string instrument, long value, KeyValuePair<string, object?>[] tags)
    {
        Dictionary<string, object?> all = tags.ToDictionary();
        if (!all.Remove("worker", out object? worker) || worker as string != Worker) return;
        Assert.That(instrument, Is.EqualTo("http.server.active_requests"));
        Assert.That(all.Keys, Is.EquivalentTo(new[] { "http.request.method", "url.scheme" }));
        lock (_gate)
        {
            _active += value;
            if (value > 0) _begun += value;
        }
    }
}
