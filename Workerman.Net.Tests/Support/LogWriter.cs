using System.Diagnostics;
using System.Globalization;
using Workerman.Logging;

namespace Workerman.Tests.Support;

/// <summary>
/// Programs that write to a file which others write to, or which is their standard output, and what has to stand there in the
/// end. They say <c>Start success</c> and begin when a line comes on their standard input.
/// </summary>
internal static class LogWriter
{
    private const int Kept = 1000;

    public static ServerProcess Start(string what, string path, string tag, int lines, long maxSize) => ServerProcess.Run(
        "dotnet", typeof(LogWriter).Assembly.Location, "write", what, path, tag, $"{lines}", $"{maxSize}");

    /// <summary>The program.</summary>
    public static int Run(string what, string path, string tag, string lines, string maxSize)
    {
        int count = int.Parse(lines, CultureInfo.InvariantCulture);
        long size = long.Parse(maxSize, CultureInfo.InvariantCulture);
        Console.WriteLine("Start success");
        Console.ReadLine();
        try
        {
            if (what == "log") WriteLog(path, tag, count, size);
            else if (OperatingSystem.IsLinux()) Print(path, tag, count, size);
            return 0;
        }
        catch (IOException e)
        {
            Console.WriteLine(e.Message);
            return 1;
        }
    }

    public static string LineOf(string tag, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{tag} {number} {new string('x', number % 80)}.");

    /// <summary>Each line of each writer stands there once and whole, and nothing was renamed that was not full.</summary>
    public static void Check(TemporaryFolder folder, IEnumerable<string> tags, int lines, int maxSize)
    {
        string[] files = Directory.GetFiles(folder.Path, "app.log*");
        string[] written = [.. files.SelectMany(File.ReadAllLines)];
        Assert.That(written.Order(StringComparer.Ordinal), Is.EqualTo(tags
            .SelectMany(tag => Enumerable.Range(0, lines).Select(i => LineOf(tag, i))).Order(StringComparer.Ordinal)));
        long[] renamed = [.. files.Where(file => !file.EndsWith(".log", StringComparison.Ordinal))
            .Select(file => new FileInfo(file).Length)];
        Assert.That(renamed, Has.Length.GreaterThan(10));
        Assert.That(renamed, Has.All.GreaterThan(maxSize - 100), "twice at a time would leave one with hardly a line");
    }

    private static void WriteLog(string path, string tag, int count, long maxSize)
    {
        var file = new LogFile(new RotatingFile(path, maxSize, Kept));
        for (int i = 0; i < count; i++) file.Write(LineOf(tag, i), isError: false);
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private static void Print(string path, string tag, int count, long maxSize)
    {
        var output = StandardOutput.Redirect(path, maxSize, Kept);
        for (int i = 0; i < count; i++)
        {
            if (i % 100 == 2) StartEcho(LineOf(tag, i));
            else (i % 2 == 0 ? Console.Out : Console.Error).WriteLine(LineOf(tag, i));
            if (i % 10 == 0) output.Tick();
        }
    }

    /// <summary>A program has its standard output from this one.</summary>
    private static void StartEcho(string line)
    {
        using Process echo = Process.Start(new ProcessStartInfo("echo", [line]))!;
        echo.WaitForExit();
    }
}
