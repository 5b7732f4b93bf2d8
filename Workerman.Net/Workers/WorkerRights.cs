using System.Runtime.Versioning;
using Workerman.Hosting;
using Workerman.Logging;
using Workerman.Supervision;

namespace Workerman.Workers;

/// <summary>
/// The rights that the process of the workers has once its sockets are open: those of the user and group that they say.
/// Immutable; for a thread that starts the workers.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class WorkerRights
{
    private readonly string? _name;
    private readonly (uint User, uint Group)? _wanted;

    private WorkerRights(string? name, (uint, uint)? wanted)
    {
        _name = name;
        _wanted = wanted;
    }

    /// <summary>
    /// Finds out who that is, and gives it the files that the process writes to: before they are opened for the first time, so
    /// that a folder which is made for them is that user's, too.
    /// </summary>
    /// <param name="files">The log, and what a daemon prints.</param>
    /// <exception cref="WorkerStartException">There is no such user, this process may not, or workers say different
    /// things.</exception>
    public static WorkerRights Prepare(LogFileSettings files)
    {
        string? user = OneOf(worker => worker.User, nameof(WorkerBase.User));
        var rights = new WorkerRights(user, Privileges.Find(user, OneOf(worker => worker.Group, nameof(WorkerBase.Group))));
        if (rights._wanted is not (uint toUser, uint toGroup)) return rights;
        try
        {
            files.GiveTo(toUser, toGroup);
            return rights;
        }
        catch (IOException e)
        {
            throw new WorkerStartException($"{e.Message}. Cure: put it into a folder where root may make files.", e);
        }
    }

    /// <summary>Becomes that user.</summary>
    /// <exception cref="WorkerStartException">This process may not.</exception>
    public void Drop()
    {
        if (_wanted is (uint user, uint group)) Privileges.Drop(_name, user, group);
    }

    /// <summary>What all workers say: they are in one process.</summary>
    public static string? OneOf(Func<WorkerBase, string?> setting, string name)
    {
        string?[] all = [.. WorkerRegistry.Workers.Select(setting).Where(value => value is not null).Distinct()];
        return all.Length < 2 ? all.FirstOrDefault() : throw new WorkerStartException(
            $"Workers have different values of {name} ({string.Join(", ", all)}), and they are one process. Cure: set one.");
    }
}
