using System.Runtime.Versioning;
using Workerman.Events;

namespace Workerman.Supervision;

/// <summary>
/// The files that a process of the program was started from, as they were then. The runtime maps them into memory and reads them
/// as it needs them: files that are written over while they run take the process with them, sooner or later, and the new process
/// may read half of the old version. A new file under an old name does no harm. Immutable.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ProgramFiles
{
    private readonly Dictionary<string, Identity> _files;

    private ProgramFiles(Dictionary<string, Identity> files) => _files = files;

    private readonly record struct Identity(ulong Device, ulong Number, long Size, DateTimeOffset Modified);

    /// <summary>What lies beside a program now: itself and its libraries.</summary>
    public static ProgramFiles Of(string program)
    {
        string real = RealPath.Of(program);
        Dictionary<string, Identity> files = [];
        foreach (string file in Candidates(real))
        {
            if (IdentityOf(file) is { } identity) files[file] = identity;
        }
        return new ProgramFiles(files);
    }

    /// <summary>A file that was written over since then; null if none was.</summary>
    public string? FindOverwritten()
    {
        foreach ((string file, Identity before) in _files)
        {
            if (IdentityOf(file) is { } now && (now.Device, now.Number) == (before.Device, before.Number) && now != before)
                return file;
        }
        return null;
    }

    private static IEnumerable<string> Candidates(string program)
    {
        yield return program;
        foreach (string file in FilesBeside(program).Where(IsLibrary)) yield return file;
    }

    private static string[] FilesBeside(string program)
    {
        try
        {
            return Path.GetDirectoryName(program) is { } folder ? Directory.GetFiles(folder) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder is gone, or not to be listed: what starts the program says whether it is there.
            return [];
        }
    }

    private static bool IsLibrary(string file) => Path.GetExtension(file) is ".dll" or ".so";

    private static unsafe Identity? IdentityOf(string file)
    {
        try
        {
            SystemCalls.FileStatus status;
            return SystemCalls.statx(SystemCalls.AT_FDCWD, file, 0, SystemCalls.STATX_BASIC_STATS, &status) == 0
                ? new Identity(status.Device, status.Number, status.Size, status.Modified)
                : null;
        }
        catch (EntryPointNotFoundException)
        {
            // A C library from before statx.
            return null;
        }
    }
}
