namespace Workerman.Tests.Support;

/// <summary>
/// A folder of a test's own, gone when the test is over: moved to where all of them are deleted in the end. A file system that
/// has just deleted many files makes new ones slowly: ext4 looks for an inode that none of them had.
/// </summary>
internal sealed class TemporaryFolder : IDisposable
{
    private static readonly DateTime LongAgo = new(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);

    /// <summary>
    /// Where folders go whose tests are over; null where they are deleted at once. Set by <see cref="WholeSuite"/>.
    /// </summary>
    public static string? Done { get; set; }

    public string Path { get; } = Directory.CreateTempSubdirectory("workerman-tests-").FullName;

    public string PathOf(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Writes a file that nobody has changed for long; folders are made as needed.</summary>
    public string Write(string name, string text, DateTime? modified = null)
    {
        string path = PathOf(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        File.SetLastWriteTimeUtc(path, modified ?? LongAgo);
        return path;
    }

    /// <summary>A file that is all zeros and takes no room on the disk.</summary>
    public string WriteSparse(string name, long size)
    {
        string path = PathOf(name);
        using FileStream file = File.Create(path);
        file.SetLength(size);
        return path;
    }

    public void Dispose()
    {
        if (Done is null) Directory.Delete(Path, recursive: true);
        // By the random end of its name: no path in it may become longer, since some are as long as the system takes.
        else Directory.Move(Path, System.IO.Path.Combine(Done, Path[^6..]));
    }
}
