using System.Globalization;
using System.Runtime.Versioning;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// The folder of a <see cref="FileSessionHandler"/>, created when it is first needed. The default one is in a folder where every
/// user may write, so it is used only if it belongs to this user alone: whoever can write files there can forge sessions. Any
/// thread.
/// </summary>
internal sealed class SessionFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly bool _chosen;
    private volatile bool _ready;

    public SessionFolder(string? path)
    {
        if (path is not null) ArgumentException.ThrowIfNullOrWhiteSpace(path);
        _chosen = path is not null;
        Path = System.IO.Path.GetFullPath(path ?? Default());
    }

    public string Path { get; }

    /// <summary>Creates the folder if it does not exist.</summary>
    /// <exception cref="IOException">It cannot be created, or it does not belong to this user alone.</exception>
    public void Prepare()
    {
        if (!_ready) PrepareAgain();
    }

    /// <inheritdoc cref="Prepare"/>
    public void PrepareAgain()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(Path);
        }
        else
        {
            Directory.CreateDirectory(Path, OwnerOnly);
            if (!_chosen) Secure(Path);
        }
        _ready = true;
    }

    /// <summary>
    /// A folder for each user and program, so that they do not share sessions. In a container a user often has a number and no
    /// name.
    /// </summary>
    private static string Default() => Default(Environment.UserName, OperatingSystem.IsLinux() ? LinuxFile.Caller() : null);

    internal static string Default(string userName, uint? userId)
    {
        string user = !string.IsNullOrWhiteSpace(
            userName) ? userName : userId is { } number ? number.ToString(CultureInfo.InvariantCulture) : "nobody";
        string name = $"workerman-sessions-{user}-{AppDomain.CurrentDomain.FriendlyName}";
        foreach (char invalid in System.IO.Path.GetInvalidFileNameChars()) name = name.Replace(invalid, '_');
        return System.IO.Path.Combine(System.IO.Path.GetTempPath(), name);
    }

    /// <summary>Refuses a folder that does not belong to this user alone.</summary>
    /// <exception cref="IOException">It is a link, belongs to another user, or other users have access.</exception>
    [UnsupportedOSPlatform("windows")]
    internal static void Secure(string path)
    {
        if (new DirectoryInfo(path).LinkTarget is not null || FileOwner.IsCaller(path) == false) throw NotOurs(path, null);
        try
        {
            if (File.GetUnixFileMode(path) != OwnerOnly) throw NotOurs(path, null);
            // Only the owner may do this, so it also checks the owner on systems where that cannot be read.
            File.SetUnixFileMode(path, OwnerOnly);
        }
        catch (UnauthorizedAccessException e)
        {
            throw NotOurs(path, e);
        }
    }

    private static IOException NotOurs(string path, Exception? reason) => new(
        $"Sessions are not kept in {path}: it is a link, somebody else's, or open to others. Remove it, or choose a folder: "
        + "Options.Http.Session.Handler = new FileSessionHandler(\"/var/lib/my-app/sessions\").", reason);
}
