namespace Workerman.Tests.Support;

/// <summary>The files that this process has open, by what the system says.</summary>
internal static class OpenFiles
{
    /// <summary>How many descriptors lead to a path, also after it was deleted.</summary>
    public static int CountOf(string path) => Targets(path).Count();

    /// <summary>Where the descriptors lead that begin with a path; for sockets that is <c>socket:[number]</c>.</summary>
    public static IEnumerable<string> Targets(string path) => Directory.EnumerateFileSystemEntries("/proc/self/fd")
        .Select(TargetOf).Where(target => target.StartsWith(path, StringComparison.Ordinal));

    /// <summary>The lines about sockets in the tables of the system; there is none for one that is not bound.</summary>
    public static string DescribeSockets(string[] sockets)
    {
        string[] numbers = [.. sockets.Select(static socket => $" {socket["socket:[".Length..^1]} ")];
        return string.Join('\n', [.. sockets, .. new[] { "tcp", "tcp6", "udp", "unix" }
            .SelectMany(static table => File.ReadLines($"/proc/self/net/{table}"))
            .Where(line => numbers.Any(number => $"{line} ".Contains(number, StringComparison.Ordinal)))]);
    }

    private static string TargetOf(string fd)
    {
        try
        {
            return new FileInfo(fd).LinkTarget ?? "";
        }
        catch (IOException)
        {
            // Closed meanwhile.
            return "";
        }
    }
}
