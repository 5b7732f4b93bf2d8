using System.Runtime.Versioning;
using Workerman.Hosting;
using static Workerman.Events.SystemCalls;

namespace Workerman.Supervision;

/// <summary>
/// The folder of the pid file and the control socket where the application names none, and whether it can be trusted: in
/// <c>/tmp</c> anybody can make a folder of any name first, and listen there for the commands of somebody else. No state.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class RuntimeFolder
{
    /// <summary>The path of a file of a program.</summary>
    /// <param name="program">The name of the program.</param>
    /// <param name="file">That of the file.</param>
    public static string PathOf(string program, string file)
    {
        // RuntimeDirectory= of systemd.exec(5); it may name several.
        if (Variable("RUNTIME_DIRECTORY") is { } given) return Path.Combine(given.Split(':')[0], file);
        return OfUnit(program, file) ?? Path.Combine(Default(), file);
    }

    /// <summary>Looks whether a file of the user's lies where nobody else can have put it.</summary>
    /// <exception cref="WorkerStartException">Somebody else can.</exception>
    public static void Check(string path)
    {
        if (Path.GetDirectoryName(path) != Fallback) return;
        if (IsOwn(Fallback, geteuid())) return;
        throw new WorkerStartException($"The folder {Fallback} is not this user's alone, so that others could give commands, or "
            + "answer them. Cure: remove it, or set HOME, XDG_STATE_HOME or Worker.PidFile.");
    }

    /// <summary>Whether what is there is a folder that nobody but a user may enter, or nothing is there.</summary>
    public static bool IsOwn(string path, uint user) => LookAt(path) is not { } found
        || (found.IsFolder && found.Owner == user && (found.Mode & 0b111_111) == 0);

    /// <summary>The user that a folder belongs to; null if there is none.</summary>
    public static uint? OwnerOf(string folder) => LookAt(folder)?.Owner;

    /// <summary>For a user without a home.</summary>
    private static string Fallback => $"/tmp/workerman-{geteuid()}";

    /// <summary>
    /// Where the unit that <c>install</c> prints has it: a command that a person gives has no variables of systemd's.
    /// </summary>
    private static string? OfUnit(string program, string file)
    {
        string[] folders = Variable("XDG_RUNTIME_DIR") is { } own ? ["/run", own] : ["/run"];
        return folders.Select(folder => Path.Combine(folder, program, file)).FirstOrDefault(File.Exists);
    }

    private static string Default()
    {
        if (geteuid() == 0) return "/run";
        string? home = Variable("XDG_STATE_HOME") ?? (Variable("HOME") is { } own ? Path.Combine(own, ".local/state") : null);
        return home is not null ? Path.Combine(home, "workerman") : Fallback;
    }

    private static string? Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>The folder itself, and not where a link leads.</summary>
    private static unsafe (bool IsFolder, uint Owner, uint Mode)? LookAt(string path)
    {
        FileStatus status;
        return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) == 0
            ? (status.Kind == S_IFDIR, status.Owner, (uint)status.Permissions)
            : null;
    }
}
