using System.Runtime.Versioning;

namespace Workerman.Logging;

/// <summary>
/// What is set about the files that logs and output go to: the statics of <c>Worker</c> at a moment. Immutable.
/// </summary>
/// <param name="LogFile">The whole path of the log; null for the console.</param>
/// <param name="StdoutFile">The whole path of what a daemon prints; null for nowhere.</param>
/// <param name="MaxSize">Bytes from which on a file is rotated; 0 for never.</param>
/// <param name="Count">How many rotated files are kept, at least one.</param>
internal sealed record LogFileSettings(
    string? LogFile = null, string? StdoutFile = null, long MaxSize = 10 * 1024 * 1024, int Count = 5)
{
    /// <summary>Each rotation renames as many.</summary>
    private const int MostFiles = 1000;

    /// <exception cref="ArgumentException">It is no path of a file.</exception>
    public static string? CheckPath(string? path)
    {
        if (path is null) return null;
        // Whole, because the program may change its folder.
        string whole = Path.GetFullPath(path);
        if (Path.EndsInDirectorySeparator(whole) || Directory.Exists(whole))
            throw new ArgumentException($"'{path}' is a folder. Cure: write the name of the file behind it.", nameof(path));
        return whole;
    }

    public static long CheckMaxSize(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        return value;
    }

    public static int CheckCount(int value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, MostFiles);
        return value;
    }

    /// <summary>
    /// Gives the files to the user that will write to them, before the process takes that user's rights (<c>Worker.User</c>).
    /// </summary>
    /// <exception cref="IOException">One cannot be made or given; the message says which, and why.</exception>
    [SupportedOSPlatform("linux")]
    public void GiveTo(uint user, uint group)
    {
        foreach (string path in new[] { LogFile, StdoutFile }.OfType<string>())
        {
            try
            {
                new RotatingFile(path, MaxSize, Count).GiveTo(user, group);
            }
            catch (IOException e)
            {
                throw new IOException($"Cannot give the file {path} to the user that will write to it: {e.Message}", e);
            }
        }
    }

    /// <summary>Where lines go when the application has no logger of its own.</summary>
    public LineLogger MakeLogger() =>
        LogFile is null ? new ConsoleLogger() : new FileLogger(new LogFile(new RotatingFile(LogFile, MaxSize, Count)));
}
