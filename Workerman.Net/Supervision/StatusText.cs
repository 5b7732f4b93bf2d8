using System.Globalization;
using System.Text;

namespace Workerman.Supervision;

/// <summary>A status and a list of connections as PHP's Workerman prints them: tables for a terminal. Pure.</summary>
internal static class StatusText
{
    private const int Width = 120;

    public static string Of(StatusReport report)
    {
        var text = new StringBuilder();
        string loop = report.EventLoop.Length > 0 ? report.EventLoop : report.Processes.FirstOrDefault()?.EventLoop ?? "";
        string start = report.StartTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
        var uptime = TimeSpan.FromSeconds(report.UptimeSeconds);
        LoopReport[] loops = [.. report.Processes.SelectMany(process => process.Loops ?? [])];
        text.AppendLine(Rule("GLOBAL STATUS"));
        Line(text, $"{report.Name}    Workerman.Net version:{report.WorkermanVersion}    .NET version:{report.DotNetVersion}");
        Line(text, $"start time:{start}    run {uptime.Days} days {uptime.Hours} hours "
            + $"{uptime.Minutes} minutes");
        Line(text, "load average: "
            + $"{string.Join(", ", report.LoadAverage.Select(one => one.ToString("0.##", CultureInfo.InvariantCulture)))}    "
            + $"event-loop:{loop}");
        string master = report.Master is { } id ? $"    master process:{id}" : "";
        Line(text, $"{loops.Select(one => one.Worker + one.Listening).Distinct().Count()} workers    {loops.Length} loops    "
            + $"{report.Processes.Length} processes{master}");
        if (report.Master is not null)
        {
            Table(text,
                [["exit_status", "exit_count"], .. report.Exits.Select(exit => (string[])[exit.Status, $"{exit.Count}"])]);
            if (report.Exits.Length == 0) Line(text, "no worker process has ended");
        }
        text.AppendLine(Rule("LOOP STATUS"));
        List<string[]> rows =
        [
            ["pid", "memory", "listening", "worker_name", "loop", "connections", "send_fail", "timers", "total_request", "qps",
                "status"],
        ];
        foreach (ProcessReport process in report.Processes)
        {
            if (process.Loops is null)
                rows.Add([$"{process.Id}", Size(process.MemoryBytes), "", "", "", "", "", "", "", "", StateOf(process)]);
            foreach (LoopReport one in process.Loops ?? []) rows.Add(RowOf(process, one));
        }
        Table(text, rows);
        text.AppendLine(new string('-', Width));
        Line(text, $"Summary    {Size(report.Processes.Sum(process => process.MemoryBytes))}    connections "
            + $"{loops.Sum(one => one.Connections)}    send_fail {loops.Sum(one => one.SendFail)}    timers "
            + $"{loops.Sum(one => one.Timers)}    total_request {loops.Sum(one => one.TotalRequest)}    qps "
            + $"{loops.Sum(one => one.Qps).ToString("0", CultureInfo.InvariantCulture)}");
        return text.ToString();
    }

    public static string Of(ConnectionReport report)
    {
        var text = new StringBuilder();
        text.AppendLine(Rule("CONNECTIONS"));
        List<string[]> rows =
        [
            ["pid", "worker", "id", "trans", "protocol", "family", "recv-q", "send-q", "bytes-r", "bytes-w", "status", "age",
                "local", "remote"],
        ];
        foreach (ConnectionRow row in report.Connections)
        {
            rows.Add([$"{row.Process}", Clip(row.Worker), $"{row.Id}", row.Transport, row.Protocol, row.Family, Size(row.RecvQ),
                Size(row.SendQ),
                Size(row.BytesRead), Size(row.BytesWritten), row.Status, Age(row.AgeSeconds), row.Local, row.Remote]);
        }
        Table(text, rows);
        Line(text, $"{report.Connections.Length} of {report.Total} connections");
        if (report.Silent is { } silent)
            Line(text, $"without those of process {string.Join(", ", silent)}, which does not answer");
        return text.ToString();
    }

    private static string[] RowOf(ProcessReport process, LoopReport one)
    {
        string status = one.Status == "busy"
            ? string.Create(CultureInfo.InvariantCulture, $"[busy {one.BusyMilliseconds:0} ms {one.Callback}]")
            : process.State == "running" ? $"[{one.Status}]" : $"[{process.State}]";
        return [$"{process.Id}", Size(process.MemoryBytes), one.Listening, Clip(one.Worker), $"{one.Loop}", $"{one.Connections}",
            $"{one.SendFail}",
            $"{one.Timers}", $"{one.TotalRequest}", one.Qps.ToString("0", CultureInfo.InvariantCulture), status];
    }

    private static string StateOf(ProcessReport process) =>
        process.State == "running" ? "[busy: it does not answer]" : $"[{process.State}]";

    private static void Table(StringBuilder text, List<string[]> rows)
    {
        int[] widths = [.. rows[0].Select((_, column) => rows.Max(row => row[column].Length) + 2)];
        foreach (string[] row in rows)
            text.AppendLine(string.Concat(row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
    }

    private static void Line(StringBuilder text, string line) => text.AppendLine(line);

    private static string Clip(string name) => name.Length <= 40 ? name : name[..39] + "…";

    private static string Age(double seconds) => seconds < 100
        ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0}s")
        : seconds < 6000 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0}m")
        : string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:0}h");

    /// <summary>PHP prints megabytes as M and bytes as B.</summary>
    private static string Size(long bytes) => bytes switch
    {
        < 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes}B"),
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.#}K"),
        < 1024L * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0 / 1024:0.#}M"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0 / 1024 / 1024:0.#}G"),
    };

    private static string Rule(string title)
    {
        string left = new('-', (Width - title.Length - 2) / 2);
        return $"{left} {title} ".PadRight(Width, '-');
    }
}
