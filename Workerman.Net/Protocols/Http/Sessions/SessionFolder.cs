using System.Globalization;
using System.Runtime.Versioning;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// The folder of a <see cref="FileSessionHandler"/>, made when it is first needed. The one that nobody chose stands where every
/// user may write, so it is used only if it is ours alone: whoever can put files there can make up sessions. Any thread.
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

    /// <summary>Makes the folder if it is not there.</summary>
    /// <exception cref="IOException">It cannot be made, or it is not ours.</exception>
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
    /// One for each user and program: sessions of one are none of another's. A user of a container often has a number and no
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

    /// <summary>Refuses a folder that is not ours alone.</summary>
    /// <exception cref="IOException">It is a link, somebody else's, or open to others.</exception>
    [UnsupportedOSPlatform("windows")]
    internal static void Secure(string path)
    {
        if (new DirectoryInfo(path).LinkTarget is not null || FileOwner.IsCaller(path) == false) throw NotOurs(path, null);
        try
        {
            if (File.GetUnixFileMode(path) != OwnerOnly) throw NotOurs(path, null);
            // The owner alone may do this, so it tells where the owner cannot be asked for.
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
