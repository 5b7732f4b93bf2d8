using System.Globalization;
using System.Reflection;

namespace Workerman.Supervision;

/// <summary>What a status says of the program and the machine. Pure but for what it reads of the system.</summary>
internal static class ProgramReport
{
    public static string Version { get; } =
        typeof(ProgramReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split(
            '+')[0]
        ?? "?";

    public static StatusReport Of(string name, DateTimeOffset startTime) => new()
    {
        Name = name,
        WorkermanVersion = Version,
        DotNetVersion = $"{Environment.Version}",
        StartTime = startTime,
        UptimeSeconds = Math.Max(0, (DateTimeOffset.Now - startTime).TotalSeconds),
        LoadAverage = LoadAverage(),
    };

    /// <summary>Resident bytes of a process; 0 if it is not there.</summary>
    public static long MemoryOf(int process)
    {
        try
        {
            string text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/statm"));
            return long.Parse(text.Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return 0;
        }
    }

    private static double[] LoadAverage()
    {
        try
        {
            return [.. File.ReadAllText("/proc/loadavg").Split(' ').Take(3)
                .Select(one => double.Parse(one, CultureInfo.InvariantCulture))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return [];
        }
    }
}
