using System.Runtime.InteropServices;
using Workerman.Connection;
using Workerman.Events;

namespace Workerman.Grouping;

/// <summary>How much a <see cref="MemberTable"/> holds. Immutable.</summary>
/// <param name="Groups">How many groups there may be.</param>
/// <param name="GroupsPerConnection">How many groups a connection may be in.</param>
/// <param name="QueueSize">Bytes of messages that may wait for one loop.</param>
internal readonly record struct MemberLimits(int Groups, int GroupsPerConnection, long QueueSize);

/// <summary>What kept a connection from joining a group.</summary>
internal enum JoinOutcome
{
    /// <summary>Nothing: it is a member.</summary>
    Joined,

    /// <summary>Its end has begun, or come.</summary>
    Ended,

    /// <summary>It is in as many groups as it may be.</summary>
    TooManyOfConnection,

    /// <summary>There are as many groups as there may be.</summary>
    TooManyGroups,
}

/// <summary>
/// Which connections are in which groups, and the one place where that changes. One lock guards all of it; it is held for
/// look-ups and copies alone, never while anything is sent or the application is called. Owned by one <c>Groups</c>; any thread.
/// </summary>
internal sealed class MemberTable(MemberLimits limits)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Group> _groups = [];
    private readonly Dictionary<TcpConnection, GroupMember> _members = [];
    private readonly Dictionary<IEventLoop, LoopMembers> _loops = [];
    private long _dropped;

    public int GroupCount
    {
        get
        {
            lock (_gate) return _groups.Count;
        }
    }

    public int MemberCount
    {
        get
        {
            lock (_gate) return _members.Count;
        }
    }

    /// <summary>Messages that a loop had no room for (<see cref="MemberLimits.QueueSize"/>).</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    public MemberLimits Limits => limits;

    public JoinOutcome Join(TcpConnection connection, string name)
    {
        LoopMembers loop;
        lock (_gate)
        {
            if (connection.Status > ConnectionStatus.Established) return JoinOutcome.Ended;
            Group? group = _groups.GetValueOrDefault(name);
            GroupMember? member = _members.GetValueOrDefault(connection);
            if (member?.In(group) is not null) return JoinOutcome.Joined;
            if (member?.Memberships.Count >= limits.GroupsPerConnection) return JoinOutcome.TooManyOfConnection;
            if (group is null && _groups.Count >= limits.Groups) return JoinOutcome.TooManyGroups;
            member ??= AddMember(connection);
            if (group is null) _groups.Add(name, group = new Group(name));
            loop = member.Loop;
            GroupPart part = group.Part(loop);
            var membership = new Membership(member, part);
            part.Add(membership);
            member.Add(membership);
        }
        if (loop.TryWatch(connection)) return JoinOutcome.Joined;
        RemoveAll(connection);
        return JoinOutcome.Ended;
    }

    /// <returns>Whether it was in the group.</returns>
    public bool Leave(TcpConnection connection, string name)
    {
        lock (_gate)
        {
            if (_members.GetValueOrDefault(connection)?.In(_groups.GetValueOrDefault(name)) is not { } membership) return false;
            Remove(membership);
            return true;
        }
    }

    /// <returns>How many groups it was in.</returns>
    public int RemoveAll(TcpConnection connection)
    {
        lock (_gate)
        {
            if (!_members.TryGetValue(connection, out GroupMember? member)) return 0;
            int count = member.Memberships.Count;
            for (int left = count; left > 0; left--) Remove(member.Memberships[left - 1]);
            return count;
        }
    }

    /// <summary>Has all members leave a group. What was sent to it before is still on its way to them.</summary>
    public void Dissolve(string name)
    {
        lock (_gate)
        {
            if (!_groups.Remove(name, out Group? group)) return;
            // Its lists stay as they are, for messages that are on their way; nobody else knows them any more.
            for (GroupPart? part = group.First; part is not null; part = part.Next)
            {
                foreach (Recipient recipient in part.AsSpan())
                {
                    recipient.Member.Remove((Membership)recipient);
                    ForgetIfAlone(recipient.Member);
                }
            }
        }
    }

    public bool Contains(TcpConnection connection, string name)
    {
        lock (_gate) return _members.GetValueOrDefault(connection)?.In(_groups.GetValueOrDefault(name)) is not null;
    }

    public int CountOf(string name)
    {
        lock (_gate)
        {
            int count = 0;
            foreach (GroupPart part in PartsOf(name)) count += part.Count;
            return count;
        }
    }

    public TcpConnection[] ConnectionsOf(string name)
    {
        List<TcpConnection> connections = [];
        lock (_gate)
        {
            foreach (GroupPart part in PartsOf(name))
            {
                foreach (Recipient recipient in part.AsSpan()) connections.Add(recipient.Connection);
            }
        }
        return [.. connections];
    }

    public TcpConnection[] Connections()
    {
        lock (_gate) return [.. _members.Keys];
    }

    public string[] NamesOf(TcpConnection connection)
    {
        lock (_gate)
        {
            return _members.TryGetValue(connection, out GroupMember? member)
                ? [.. member.Memberships.Select(static membership => membership.Part.Group.Name)]
                : [];
        }
    }

    public string[] Names()
    {
        lock (_gate) return [.. _groups.Keys];
    }

    /// <summary>
    /// Has a message delivered to a group, or to all members of any. It is on its way to those who are members now when this
    /// returns; those on the calling loop have it, unless this is called while one is being delivered there.
    /// </summary>
    public void Send(string? name, GroupMessage message, Exclusion except)
    {
        (Recipients List, LoopMembers Loop)[] lists;
        lock (_gate) lists = name is null ? ListsOfAll() : ListsOf(_groups.GetValueOrDefault(name));
        foreach ((Recipients list, LoopMembers loop) in lists)
        {
            DeliveryOutcome outcome = loop.Deliver(new Delivery(message, list, except));
            if (outcome == DeliveryOutcome.Full) Interlocked.Increment(ref _dropped);
            else if (outcome == DeliveryOutcome.LoopHasEnded) RemoveLoop(loop);
        }
    }

    /// <summary>Copies those of a list who are to get a message.</summary>
    /// <param name="list">The list.</param>
    /// <param name="except">Who is not to get it.</param>
    /// <param name="copy">Where to; replaced by a larger one if it is too small.</param>
    /// <returns>How many they are.</returns>
    public int Copy(Recipients list, Exclusion except, ref Recipient[] copy)
    {
        while (true)
        {
            lock (_gate)
            {
                if (list.Count <= copy.Length) return Copy(list.AsSpan(), except.Connections, GroupsOf(except), copy);
            }
            // Without the lock; there may be more by then.
            copy = new Recipient[list.Count + (list.Count / 4) + 1];
        }
    }

    /// <summary>Forgets a loop that has no members any more. On the loop.</summary>
    /// <returns>Whether it has none.</returns>
    public bool ForgetIfEmpty(LoopMembers loop)
    {
        lock (_gate)
        {
            if (loop.All.Count > 0) return false;
            if (_loops.GetValueOrDefault(loop.Loop) == loop) _loops.Remove(loop.Loop);
            return true;
        }
    }

    private static int Copy(ReadOnlySpan<Recipient> from, HashSet<TcpConnection> connections, Group[] groups, Recipient[] to)
    {
        int count = 0;
        foreach (Recipient recipient in from)
        {
            if (connections.Count > 0 && connections.Contains(recipient.Connection)) continue;
            if (groups.Length > 0 && Array.Exists(groups, group => recipient.Member.In(group) is not null)) continue;
            to[count++] = recipient;
        }
        return count;
    }

    private Group[] GroupsOf(Exclusion except) => except.Groups.Length == 0
        ? []
        : [.. except.Groups.Select(name => _groups.GetValueOrDefault(name)).OfType<Group>()];

    private (Recipients List, LoopMembers Loop)[] ListsOfAll() =>
        [.. _loops.Values.Select(static loop => (loop.All, loop))];

    private static (Recipients List, LoopMembers Loop)[] ListsOf(Group? group)
    {
        int count = 0;
        for (GroupPart? part = group?.First; part is not null; part = part.Next) count++;
        if (count == 0) return [];
        var lists = new (Recipients List, LoopMembers Loop)[count];
        for (GroupPart? part = group!.First; part is not null; part = part.Next) lists[--count] = (part, part.Loop);
        return lists;
    }

    private IEnumerable<GroupPart> PartsOf(string name)
    {
        for (GroupPart? part = _groups.GetValueOrDefault(name)?.First; part is not null; part = part.Next) yield return part;
    }

    private GroupMember AddMember(TcpConnection connection)
    {
        ref LoopMembers? loop = ref CollectionsMarshal.GetValueRefOrAddDefault(_loops, connection.Loop, out _);
        loop ??= new LoopMembers(this, connection);
        var member = new GroupMember(connection, loop);
        loop.All.Add(member);
        _members.Add(connection, member);
        return member;
    }

    private void Remove(Membership membership)
    {
        membership.HasLeft = true;
        GroupPart part = membership.Part;
        part.Remove(membership);
        if (part.Count == 0)
        {
            part.Group.Remove(part);
            if (part.Group.First is null) _groups.Remove(part.Group.Name);
        }
        membership.Member.Remove(membership);
        ForgetIfAlone(membership.Member);
    }

    private void ForgetIfAlone(GroupMember member)
    {
        if (member.Memberships.Count > 0) return;
        member.HasLeft = true;
        member.Loop.All.Remove(member);
        _members.Remove(member.Connection);
    }

    /// <summary>The loop has ended, and with it all that was on it.</summary>
    private void RemoveLoop(LoopMembers loop)
    {
        TcpConnection[] connections;
        lock (_gate)
        {
            connections = [.. loop.All.AsSpan().ToArray().Select(static member => member.Connection)];
            _loops.Remove(loop.Loop);
        }
        foreach (TcpConnection connection in connections) RemoveAll(connection);
    }
}
