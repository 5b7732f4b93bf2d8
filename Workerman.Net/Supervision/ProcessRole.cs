using System.Globalization;
using System.Runtime.Versioning;

namespace Workerman.Supervision;

/// <summary>
/// What a process of the program is, as the one that has started it says in an environment variable: nothing is said to a process
/// that a user starts. Read once, when the workers are to run, on the main thread.
/// </summary>
internal static class ProcessRole
{
    /// <summary>The variable. It is removed when it was read, so that programs which this one starts do not get it.</summary>
    public const string Variable = "WORKERMAN_ROLE";

    /// <summary>Supervises, and has none of the application's callbacks but its own.</summary>
    public const string Master = "master";

    /// <summary>Runs the workers, all of them.</summary>
    public const string All = "worker";

    /// <summary>Runs those that are reloadable, where others are not.</summary>
    public const string Reloadable = "worker reloadable";

    /// <summary>Runs those that are not reloadable.</summary>
    public const string Fixed = "worker fixed";

    /// <summary>Whether it had a role, which is taken.</summary>
    public static bool IsTaken { get; private set; }

    /// <summary>Takes the role that the process was given.</summary>
    /// <returns>Null for a process that a user has started.</returns>
    [SupportedOSPlatform("linux")]
    public static (string Role, Channel Channel)? Take()
    {
        string? role = Environment.GetEnvironmentVariable(Variable);
        if (role is null) return null;
        Environment.SetEnvironmentVariable(Variable, null);
        IsTaken = true;
        return role is Master or All or Reloadable or Fixed
            ? (role, new Channel(ChildProcess.ChannelDescriptor))
            : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                $"The environment variable {Variable} is the library's own, and says '{role}'. Cure: do not set it."));
    }
}
