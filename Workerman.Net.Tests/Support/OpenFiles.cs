namespace Workerman.Tests.Support;

/// <summary>The files that this process has open, by what the system says.</summary>
internal static class OpenFiles
{
    /// <summary>How many descriptors lead to a path, also after it was deleted.</summary>
    public static int CountOf(string path) => Directory.EnumerateFileSystemEntries("/proc/self/fd")
        .Count(fd => TargetOf(fd).StartsWith(path, StringComparison.Ordinal));

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
