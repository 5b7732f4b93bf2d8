using System.Globalization;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Workerman.Hosting;
using Workerman.Logging;
using static Workerman.Events.SystemCalls;

namespace Workerman.Supervision;

/// <summary>What a pid file says: a process, and when it has started, in clock ticks since the system has (proc(5)).</summary>
internal readonly record struct ProcessIdentity(int Id, long StartTime)
{
    /// <summary>A process by its id; null if there is none.</summary>
    public static ProcessIdentity? Of(int id)
    {
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat"));
            // The name, in brackets, may have spaces and brackets. The 22nd field is the 20th after it.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return new ProcessIdentity(id, long.Parse(fields[19], CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }
}

/// <summary>
/// The file that says which process runs the program (PHP: <c>$pidFile</c>). It is locked (flock) for as long as that process
/// lives: whether one runs is asked of the kernel, and never of a number that another process may have by now. Any thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class PidFile : IDisposable
{
    private readonly Lock _gate = new();
    private FileStream _file;
    private bool _disposed;

    private PidFile(string path, FileStream file)
    {
        Path = path;
        _file = file;
    }

    public string Path { get; }

    /// <summary>The socket over which the program takes commands; beside the pid file.</summary>
    public static string ControlPath(string pidFile) => System.IO.Path.ChangeExtension(pidFile, ".control");

    /// <summary>Takes the file for this process.</summary>
    /// <exception cref="WorkerStartException">Another process has it, it cannot be written, or its folder is not this user's
    /// alone.</exception>
    public static PidFile Take(string path)
    {
        MakeFolder(path);
        RuntimeFolder.Check(path);
        FileStream? file;
        try
        {
            do file = Lock(path);
            while (file is null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Read(path) is { IsLocked: true } running
                ? new WorkerStartException($"Already running{Named(running.Process)}: its pid file is {path}. "
                    + "Cure: stop it first, or give this program a Worker.PidFile of its own.", e)
                : new WorkerStartException($"Cannot write the pid file {path}: {e.Message} Cure: set Worker.PidFile to a path "
                    + "that this user may write.", e);
        }
        var taken = new PidFile(path, file);
        taken.Write();
        return taken;
    }

    /// <summary>What the file says, and whether a process holds it; null if there is none.</summary>
    public static (ProcessIdentity? Process, bool IsLocked)? Read(string path)
    {
        // Not by .NET, which takes a lock for whoever reads, and so cannot open what is locked.
        // Without waiting: in its place there may be a FIFO.
        using var file = new SafeFileHandle(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ownsHandle: true);
        if (file.IsInvalid) return null;
        Span<byte> text = stackalloc byte[64];
        try
        {
            int length = RandomAccess.Read(file, text, 0);
            return (Parse(Encoding.ASCII.GetString(text[..length])), flock(file, LOCK_SH | LOCK_NB) != 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // It is no file.
            return null;
        }
    }

    /// <summary>
    /// Makes it anew where somebody has removed it, as what cleans folders does: without it no command finds the program, and a
    /// second one could start. About once a second.
    /// </summary>
    public void Keep()
    {
        if (File.Exists(Path)) return;
        lock (_gate)
        {
            if (!_disposed) MakeAnew();
        }
    }

    /// <summary>Removes it. The lock goes with the process at the latest.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            try
            {
                // Somebody may have put another one there.
                if (IsAt(Path, _file)) File.Delete(Path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It stays, and says nothing: nobody holds it.
            }
            _file.Dispose();
        }
    }

    private void MakeAnew()
    {
        FileStream removed = _file;
        try
        {
            if (Lock(Path) is not { } file) return;
            _file = file;
            Write();
            removed.Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or WorkerStartException)
        {
            // Not now; the next second may have room.
            _file = removed;
        }
    }

    /// <returns>Null if the one that held it has removed it meanwhile: what is locked then is found by nobody.</returns>
    private static FileStream? Lock(string path)
    {
        // FileShare.None is flock(LOCK_EX) in .NET.
        var file = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        });
        if (!AppendedFile.Look(file.SafeFileHandle).IsRegular)
        {
            file.Dispose();
            throw new WorkerStartException($"Cannot write the pid file {path}: it is a device, or a pipe. "
                + "Cure: set Worker.PidFile to a path of its own.");
        }
        if (IsAt(path, file)) return file;
        file.Dispose();
        return null;
    }

    private static bool IsAt(string path, FileStream file) =>
        RealPath.Of($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}") == RealPath.Of(path);

    private static string Named(ProcessIdentity? process) => process is { } known ? $" as process {known.Id}" : "";

    private static ProcessIdentity? Parse(string text)
    {
        string[] words = text.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        return words.Length >= 2 && int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out long start)
            ? new ProcessIdentity(id, start)
            : null;
    }

    /// <summary>For everybody's folder the default is; a folder of this user's own is made for this user alone.</summary>
    private static void MakeFolder(string path)
    {
        if (System.IO.Path.GetDirectoryName(path) is not { Length: > 0 } folder || Directory.Exists(folder)) return;
        try
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The file says why it cannot be made.
        }
    }

    private void Write()
    {
        ProcessIdentity self = ProcessIdentity.Of(Environment.ProcessId)!.Value;
        byte[] text = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{self.Id} {self.StartTime}\n"));
        try
        {
            _file.SetLength(0);
            _file.Write(text);
            _file.Flush();
        }
        catch (Exception e) when (e is IOException or NotSupportedException)
        {
            // One without a number would be somebody's who runs.
            Dispose();
            throw new WorkerStartException($"Cannot write the pid file {Path}: {e.Message} Cure: make room on that disk, or set "
                + "Worker.PidFile to a path elsewhere.", e);
        }
    }
}
