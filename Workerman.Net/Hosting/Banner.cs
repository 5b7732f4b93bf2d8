using System.Globalization;
using System.Reflection;
using System.Text;

namespace Workerman.Hosting;

/// <summary>One worker's row of the start-up banner.</summary>
internal sealed record BannerRow(string Protocol, string User, string Worker, string Listen, int Count);

/// <summary>Writes the start-up banner: versions, the event loop, a row for each worker. Pure.</summary>
internal static class Banner
{
    private const int Width = 100;

    /// <summary>What is said of stopping a program that runs in the foreground.</summary>
    public const string CtrlC = "Press Ctrl+C to stop.";

    public static string Format(string eventLoop, IEnumerable<BannerRow> rows, string howToStop = CtrlC)
    {
        string[] titles = ["proto", "user", "worker", "listen", "count", "status"];
        List<string[]> cells = [titles];
        foreach (BannerRow row in rows) cells.Add([row.Protocol, row.User, row.Worker, row.Listen, $"{row.Count}", "[OK]"]);
        int[] widths = new int[titles.Length];
        foreach (string[] line in cells)
        {
            for (int column = 0; column < widths.Length; column++)
                widths[column] = Math.Max(widths[column], line[column].Length + 4);
        }
        var text = new StringBuilder();
        text.AppendLine(Rule("WORKERMAN"));
        text.AppendLine(CultureInfo.InvariantCulture,
            $"Workerman.Net version:{Version}    .NET version:{Environment.Version}    event-loop:{eventLoop}");
        text.AppendLine(Rule("WORKERS"));
        foreach (string[] line in cells) text.AppendLine(Row(line, widths));
        text.AppendLine(new string('-', Width));
        text.Append(howToStop).Append(" Start success.");
        return text.ToString();
    }

    private static string Row(string[] line, int[] widths)
    {
        var row = new StringBuilder();
        for (int column = 0; column < widths.Length; column++) row.Append(line[column].PadRight(widths[column]));
        return row.ToString().TrimEnd();
    }

    private static string Version =>
        typeof(Banner).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
        ?? "?";

    private static string Rule(string title)
    {
        string left = new('-', (Width - title.Length - 2) / 2);
        return $"{left} {title} ".PadRight(Width, '-');
    }
}
