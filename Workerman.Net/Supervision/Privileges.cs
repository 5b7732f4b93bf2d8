using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Workerman.Events;
using Workerman.Hosting;

namespace Workerman.Supervision;

/// <summary>
/// Gives up root for another user and group, once the sockets are open. For the whole process: the C library changes all its
/// threads (nptl(7)). No state; for a thread that starts the workers.
/// </summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class Privileges
{
    /// <summary>Who the process is to become.</summary>
    /// <param name="user">The name of a user; null to stay.</param>
    /// <param name="group">The name of its group; null for the user's own.</param>
    /// <returns>Their numbers; null if the process is that already.</returns>
    /// <exception cref="WorkerStartException">There is none of that name, or this process may not.</exception>
    public static (uint User, uint Group)? Find(string? user, string? group)
    {
        (uint User, uint Group) now = (SystemCalls.geteuid(), ProcessCalls.getegid());
        (uint User, uint Group) wanted = user is null ? now : User(user);
        // Without a group that of the process is as good as any: it was started as this user.
        if (group is not null) wanted.Group = Group(group);
        else if (wanted.User == now.User) return null;
        if (wanted == now) return null;
        return now.User == 0 ? wanted : throw new WorkerStartException($"Cannot run as user {user ?? "(unchanged)"}"
            + $"{(group is null ? "" : $" and group {group}")}: only root may become another user. "
            + "Cure: start the program as root, or leave Worker.User and Worker.Group unset.");
    }

    /// <summary>Becomes another user.</summary>
    /// <param name="name">Its name; null if it stays the same.</param>
    /// <param name="user">Its number.</param>
    /// <param name="group">The number of its group.</param>
    /// <exception cref="WorkerStartException">This process may not.</exception>
    public static void Drop(string? name, uint user, uint group)
    {
        // In this order: a user that is not root may change neither its groups nor its group.
        Check(ProcessCalls.setgid(group), "setgid");
        if (name is not null) Check(ProcessCalls.initgroups(name, group), "initgroups");
        Check(ProcessCalls.setuid(user), "setuid");
        if (user != 0 && ProcessCalls.setuid(0) == 0)
            throw new WorkerStartException("Cannot give up root: the system gave it back.");
    }

    private static void Check(int result, string call)
    {
        if (result != 0)
            throw new WorkerStartException($"Cannot become another user: {call}: {Marshal.GetLastPInvokeErrorMessage()}. "
                + "Cure: give the program the capabilities CAP_SETUID and CAP_SETGID, or leave Worker.User unset.");
    }

    private static (uint User, uint Group) User(string name)
    {
        byte* buffer = stackalloc byte[BufferSize];
        Entry entry;
        Entry* found;
        int error = getpwnam_r(name, &entry, buffer, BufferSize, &found);
        return error == 0 && found != null
            ? (entry.First, entry.Second)
            : throw new WorkerStartException($"There is no user {name}. Cure: make it, or correct Worker.User.");
    }

    private static uint Group(string name)
    {
        byte* buffer = stackalloc byte[BufferSize];
        Entry entry;
        Entry* found;
        int error = getgrnam_r(name, &entry, buffer, BufferSize, &found);
        return error == 0 && found != null
            ? entry.First
            : throw new WorkerStartException($"There is no group {name}. Cure: make it, or correct Worker.Group.");
    }

    private const int BufferSize = 16 * 1024;

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int getpwnam_r(string name, Entry* pwd, byte* buf, nint buflen, Entry** result);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int getgrnam_r(string name, Entry* grp, byte* buf, nint buflen, Entry** result);

    /// <summary>
    /// The beginning of <c>struct passwd</c> and <c>struct group</c>, which both C libraries of Linux have in this order: name,
    /// password, then the ids of user and group, or that of the group.
    /// </summary>
    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Entry
    {
        public byte* Name;
        public byte* Password;
        public uint First;
        public uint Second;
    }
}
