using System.Diagnostics;
using System.Runtime.Versioning;
using Workerman.Supervision;

namespace Workerman.Workers;

/// <summary>
/// What the status and the list of connections say of the workers of this process. It asks no loop: it reads what they have
/// counted, so that one that hangs is told of, too. Once a second it notes how many requests there were, for their rate. Any
/// thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class RunReport : IDisposable
{
    /// <summary>A loop that is in one callback for as long is shown as busy.</summary>
    private static readonly TimeSpan BusyTime = TimeSpan.FromMilliseconds(100);

    private readonly WorkerRun _run;
    private readonly string _name;
    private readonly DateTimeOffset _startTime = DateTimeOffset.Now;
    private readonly System.Threading.Timer _timer;
    private readonly Lock _gate = new();
    private Dictionary<(WorkerBase, int), long> _counted = [];
    private Dictionary<(WorkerBase, int), double> _rates = [];
    private long _countedAt = Stopwatch.GetTimestamp();

    public RunReport(WorkerRun run, string name)
    {
        _run = run;
        _name = name;
        _timer = new System.Threading.Timer(_ => Count(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Requests so far, a second ago at most.</summary>
    public long TotalRequests
    {
        get
        {
            lock (_gate) return _counted.Values.Sum();
        }
    }

    /// <summary>Called about once a second.</summary>
    public Action? Tick { get; set; }

    public ControlReply Answer(ControlRequest request) => request.Command switch
    {
        "status" => new ControlReply
        {
            Status = ProgramReport.Of(_name, _startTime) with { EventLoop = _run.LoopName, Processes = [Process()] },
        },
        "connections" => new ControlReply { Connections = ConnectionList.Of(WorkerRegistry.AllConnections(), request) },
        _ => new ControlReply { Ok = false, Message = $"This program does not know the command '{request.Command}'." },
    };

    public void Dispose() => _timer.Dispose();

    private ProcessReport Process() => new()
    {
        Id = Environment.ProcessId,
        MemoryBytes = ProgramReport.MemoryOf(Environment.ProcessId),
        StartTime = _startTime,
        EventLoop = _run.LoopName,
        Loops = [.. _run.Workers.SelectMany(Loops)],
    };

    private IEnumerable<LoopReport> Loops(WorkerBase worker)
    {
        string listening = worker.HasAddress ? $"{worker.Scheme}://{worker.Bound}" : worker.Address;
        foreach (LoopStatistics loop in worker.LoopStatistics)
        {
            double rate;
            lock (_gate) rate = _rates.GetValueOrDefault((worker, loop.Id));
            yield return new LoopReport
            {
                Worker = worker.Name,
                Loop = loop.Id,
                Listening = listening,
                Connections = loop.Connections,
                TotalConnections = loop.TotalConnections,
                SendFail = loop.SendFailures,
                Timers = loop.Timers,
                TotalRequest = loop.Requests,
                Exceptions = loop.Exceptions,
                Qps = Math.Round(rate, 1),
                BytesRead = loop.BytesRead,
                BytesWritten = loop.BytesWritten,
                LagMilliseconds = Math.Round(loop.LoopLag.TotalMilliseconds, 3),
                Status = loop.Busy >= BusyTime ? "busy" : "idle",
                BusyMilliseconds = loop.Busy >= BusyTime ? Math.Round(loop.Busy.TotalMilliseconds) : 0,
                Callback = loop.Busy >= BusyTime ? loop.Callback : null,
            };
        }
    }

    private void Count()
    {
        double seconds = Stopwatch.GetElapsedTime(_countedAt).TotalSeconds;
        _countedAt = Stopwatch.GetTimestamp();
        Dictionary<(WorkerBase, int), long> now = [];
        foreach (WorkerBase worker in _run.Workers)
        {
            foreach (LoopStatistics loop in worker.LoopStatistics) now[(worker, loop.Id)] = loop.Requests;
        }
        lock (_gate)
        {
            _rates = now.ToDictionary(one => one.Key,
                one => (one.Value - _counted.GetValueOrDefault(one.Key)) / Math.Max(seconds, 0.1));
            _counted = now;
        }
        Tick?.Invoke();
    }
}
