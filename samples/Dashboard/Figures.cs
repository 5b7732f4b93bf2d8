using System.Diagnostics;
using System.Text.Json.Serialization;
using Workerman.EventStreams;

namespace Dashboard;

/// <summary>
/// What the dashboard shows, one chart for each topic: figures of this process and its machine since they were last read. It
/// publishes nothing. The worker has one loop, which counts the requests and reads the figures, so no lock is needed.
/// </summary>
internal sealed class Figures(EventStream stream)
{
    private const double MiB = 1024 * 1024;

    private long _number;
    private long _time = Stopwatch.GetTimestamp();
    private TimeSpan _cpu = Environment.CpuUsage.TotalTime;
    private (long Busy, long Total) _machine = ReadMachine();
    private long _requests;

    /// <summary>Requests so far.</summary>
    public long Requests { get; set; }

    /// <summary>
    /// The topics with their values, all read at the same time: <c>n</c> counts the readings, <c>t</c> is Unix time in seconds.
    /// </summary>
    public (string Topic, Dictionary<string, double> Values)[] Read()
    {
        double elapsed = Stopwatch.GetElapsedTime(_time).TotalSeconds;
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        (long busy, long total) = ReadMachine();
        double t = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0;
        long n = ++_number;
        (string, Dictionary<string, double>)[] topics =
        [
            ("requests", new() { ["n"] = n, ["t"] = t, ["requests"] = Round((Requests - _requests) / elapsed) }),
            ("events", new() { ["n"] = n, ["t"] = t, ["subscribers"] = stream.Subscribers, ["lag"] = stream.Lag }),
            ("cpu", new()
            {
                ["n"] = n,
                ["t"] = t,
                ["process"] = Round(100 * (cpu - _cpu).TotalSeconds / elapsed / Environment.ProcessorCount)
            }),
            ("memory", new()
            {
                ["n"] = n,
                ["t"] = t,
                ["workingSet"] = Round(Environment.WorkingSet / MiB),
                ["heap"] = Round(GC.GetTotalMemory(forceFullCollection: false) / MiB)
            }),
        ];
        if (total > _machine.Total) topics[2].Item2["machine"] = Round(100.0 * (busy - _machine.Busy) / (total - _machine.Total));
        (_time, _cpu, _machine, _requests) = (Stopwatch.GetTimestamp(), cpu, (busy, total), Requests);
        return topics;
    }

    private static double Round(double value) => Math.Round(value, 2);

    /// <summary>
    /// The time that the processors of the machine were busy, and their total time, in ticks of the kernel. Linux only.
    /// </summary>
    private static (long Busy, long Total) ReadMachine()
    {
        if (!OperatingSystem.IsLinux()) return default;
        // proc_stat(5): "cpu", user, nice, system, idle, iowait, irq, softirq, steal; the guests' time that follows is part of
        // the user's.
        string line = File.ReadLines("/proc/stat").First();
        long[] ticks = [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8).Select(long.Parse)];
        long total = ticks.Sum();
        return (total - ticks[3] - ticks[4], total);
    }
}

/// <summary>Writes the values of a topic as JSON, without reflection.</summary>
[JsonSerializable(typeof(Dictionary<string, double>))]
internal sealed partial class FiguresJson : JsonSerializerContext;
