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
    private ProgramPath(string file, string[] commandLine, int arguments, string program, string workingDirectory)
    {
        File = file;
        CommandLine = commandLine;
        Arguments = arguments;
        Program = program;
        WorkingDirectory = workingDirectory;
    }

    /// <summary>The file that is executed, by a whole path whose links are not followed.</summary>
    public string File { get; }

    /// <summary>All arguments, the name of the program first.</summary>
    public string[] CommandLine { get; }

    /// <summary>How many of them, at the end, are the application's: not the host's, and not the program.</summary>
    public int Arguments { get; }

    /// <summary>The program that a user knows: <c>app.dll</c> where <c>dotnet</c> is executed. A whole path.</summary>
    public string Program { get; }

    /// <summary>Where it was started, by the path that the shell had.</summary>
    public string WorkingDirectory { get; }

    /// <summary>Its name without folder and ending.</summary>
    public string Name => Path.GetFileNameWithoutExtension(Program) is { Length: > 0 } name ? name : "workerman";

    /// <summary>
    /// Where the pid file is if the application says nothing: one for each path of a program, the same for all its commands. One
    /// that systemd runs by the unit of <see cref="UnitFile"/> has it in a folder of the service, where commands that are given
    /// by hand find it while it runs.
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
    public static ProgramPath Current()
    {
        string[] all = System.IO.File.ReadAllText("/proc/self/cmdline").Split('\0')[..^1];
        string folder = LogicalFolder();
        // The runtime's word for it: the application may have handed on fewer arguments than it got, or others.
        int arguments = Environment.GetCommandLineArgs().Length - 1;
        int own = Math.Max(1, all.Length - arguments);
        string file = Find(all[0], folder);
        // dotnet [options] app.dll: what the application did not get is the host's, and its last argument is the program.
        string program = own > 1 ? Path.GetFullPath(all[own - 1], folder) : file;
        // It may have left the folder that it was started in.
        if (own > 1 && !System.IO.File.Exists(program)) program = Environment.GetCommandLineArgs()[0];
        return new ProgramPath(file, all, all.Length - own, program, folder);
    }

    /// <summary>
    /// Links are kept: <c>PWD</c> is what the shell calls the folder that the kernel only knows by where it leads. One that was
    /// removed is none, and <c>/</c> takes its place.
    /// </summary>
    private static string LogicalFolder()
    {
        string real;
        try
        {
            real = Directory.GetCurrentDirectory();
        }
        catch (IOException)
        {
            return "/";
        }
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
