using System.Reflection;
using System.Text;

namespace Workerman.Hosting;

/// <summary>What the start-up banner says of one worker.</summary>
internal readonly record struct BannerRow(string Protocol, string User, string Worker, string Listen, int Count);

/// <summary>The start-up banner: versions, the event loop, a row per worker. Pure.</summary>
internal static class Banner
{
    private const int Width = 100;

    public static string Format(string eventLoop, IEnumerable<BannerRow> rows)
    {
        string[] titles = ["proto", "user", "worker", "listen", "count", "status"];
        List<string[]> cells = [titles];
        foreach (BannerRow row in rows) cells.Add([row.Protocol, row.User, row.Worker, row.Listen, $"{row.Count}", "[OK]"]);
        int[] widths = [.. Enumerable.Range(0, titles.Length).Select(column => cells.Max(line => line[column].Length) + 4)];
        var text = new StringBuilder();
        text.AppendLine(Rule("WORKERMAN"));
        text.AppendLine($"Workerman.Net version:{Version}    .NET version:{Environment.Version}    event-loop:{eventLoop}");
        text.AppendLine(Rule("WORKERS"));
        foreach (string[] line in cells) text.AppendLine(string.Concat(line.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        text.AppendLine(new string('-', Width));
        text.Append("Press Ctrl+C to stop. Start success.");
        return text.ToString();
    }

    private static string Version =>
        typeof(Banner).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "?";

    private static string Rule(string title)
    {
        string left = new('-', (Width - title.Length - 2) / 2);
        return $"{left} {title} ".PadRight(Width, '-');
    }
}
