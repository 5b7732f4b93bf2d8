using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;

namespace Workerman.Supervision;

/// <summary>
/// How this program was started, so that it can be started again in the same way: also through a link to a release folder that
/// leads elsewhere by then. Works for <c>dotnet app.dll</c>, an apphost, a single file and NativeAOT alike, because it goes by
/// the command line that the kernel has. Immutable.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class ProgramPath
{
    private ProgramPath(string file, string[] commandLine, string program, string workingDirectory)
    {
        File = file;
        CommandLine = commandLine;
        Program = program;
        WorkingDirectory = workingDirectory;
    }

    /// <summary>The file that is executed, by a whole path whose links are not followed.</summary>
    public string File { get; }

    /// <summary>All arguments, the name of the program first.</summary>
    public string[] CommandLine { get; }

    /// <summary>The program that a user knows: <c>app.dll</c> where <c>dotnet</c> is executed. A whole path.</summary>
    public string Program { get; }

    /// <summary>Where it was started, by the path that the shell had.</summary>
    public string WorkingDirectory { get; }

    /// <summary>Its name without folder and ending.</summary>
    public string Name => Path.GetFileNameWithoutExtension(Program) is { Length: > 0 } name ? name : "workerman";

    /// <summary>
    /// Where the pid file is if the application says nothing: one for each path of a program, the same for all its commands.
    /// </summary>
    public string DefaultPidFile
    {
        get
        {
            byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(Program));
            return RuntimeFolder.PathOf(Name, $"{Name}.{Convert.ToHexStringLower(hash.AsSpan(0, 4))}.pid");
        }
    }

    /// <summary>What this process was started with.</summary>
    /// <param name="args">What the application got: the end of the command line.</param>
    public static ProgramPath Current(string[] args)
    {
        string[] all = System.IO.File.ReadAllText("/proc/self/cmdline").Split('\0')[..^1];
        string folder = LogicalFolder();
        int own = Math.Max(1, all.Length - args.Length);
        string file = Find(all[0], folder);
        string managed = Environment.GetCommandLineArgs()[0];
        string program = Array.Find(all[1..own], argument => IsSame(Path.GetFullPath(argument, folder), managed)) is { } written
            ? Path.GetFullPath(written, folder)
            // The program may have left the folder that it was started in.
            : Path.GetFileName(file) == "dotnet" ? managed : file;
        return new ProgramPath(file, all, program, folder);
    }

    /// <summary>
    /// Whether an argument is <c>app.dll</c> of <c>dotnet [options] app.dll</c>: the host has followed its links, and the command
    /// line has them. What the application keeps to itself stands behind it.
    /// </summary>
    private static bool IsSame(string path, string managed) => RealPath.Of(path) == RealPath.Of(managed);

    /// <summary>The same program with other arguments.</summary>
    public ProgramPath With(string[] oldArgs, params string[] args) =>
        new(File, [.. CommandLine[..^oldArgs.Length], .. args], Program, WorkingDirectory);

    /// <summary>
    /// Links are kept: <c>PWD</c> is what the shell calls the folder that the kernel only knows by where it leads.
    /// </summary>
    private static string LogicalFolder()
    {
        string real = Directory.GetCurrentDirectory();
        string? said = Environment.GetEnvironmentVariable("PWD");
        if (said is null || !Path.IsPathFullyQualified(said) || !Directory.Exists(said)) return real;
        return RealPath.Of(said) == RealPath.Of(real) ? said : real;
    }

    /// <summary>The file of a command, as a shell finds it.</summary>
    private static string Find(string command, string folder)
    {
        if (command.Contains('/', StringComparison.Ordinal)) return Path.GetFullPath(command, folder);
        foreach (string place in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        {
            string found = Path.Combine(place, command);
            if (place.Length > 0 && System.IO.File.Exists(found)) return found;
        }
        return Environment.ProcessPath ?? command;
    }
}

/// <summary>Where a path leads when all its links are followed. No state.</summary>
[SupportedOSPlatform("linux")]
internal static class RealPath
{
    public static unsafe string Of(string path)
    {
        int descriptor = Events.SystemCalls.open(path, Events.SystemCalls.O_PATH | Events.SystemCalls.O_CLOEXEC);
        if (descriptor < 0) return path;
        try
        {
            byte* target = stackalloc byte[4096];
            nint length = Events.SystemCalls.readlink($"/proc/self/fd/{descriptor}", target, 4096);
            return length < 0 ? path : Encoding.UTF8.GetString(target, (int)length);
        }
        finally
        {
            _ = Events.SystemCalls.close(descriptor);
        }
    }
}
