using Workerman.Connection;

namespace Workerman.Grouping;

/// <summary>
/// One place in a list of connections that are sent the same. Everything but <see cref="HasLeft"/> is under the lock of the
/// <see cref="MemberTable"/> that owns it.
/// </summary>
internal abstract class Recipient(TcpConnection connection)
{
    private volatile bool _hasLeft;

    public TcpConnection Connection => connection;

    /// <summary>Where it is in its list.</summary>
    public int Place { get; set; }

    /// <summary>Whether it gets nothing any more, not even what is on its way. Set once; read by any thread.</summary>
    public bool HasLeft
    {
        get => _hasLeft;
        set => _hasLeft = value;
    }

    /// <summary>The connection among the members of any group.</summary>
    public abstract GroupMember Member { get; }
}

/// <summary>
/// A list of connections of one loop that are sent the same, in no order to rely on. Under the lock of the
/// <see cref="MemberTable"/> that owns it.
/// </summary>
internal class Recipients
{
    private const int LeastKept = 16;

    private Recipient[] _items = [];

    public int Count { get; private set; }

    public void Add(Recipient recipient)
    {
        // Most groups of the size of a user have one member: the first array has room for that.
        if (Count == _items.Length) Array.Resize(ref _items, Count == 0 ? 1 : Count * 2);
        recipient.Place = Count;
        _items[Count++] = recipient;
    }

    public void Remove(Recipient recipient)
    {
        Recipient last = _items[--Count];
        _items[recipient.Place] = last;
        last.Place = recipient.Place;
        _items[Count] = null!;
        // What was large once does not stay so.
        if (_items.Length > LeastKept && Count <= _items.Length / 4) Array.Resize(ref _items, _items.Length / 2);
    }

    public ReadOnlySpan<Recipient> AsSpan() => _items.AsSpan(0, Count);
}

/// <summary>
/// A connection that is in one group or more, and the groups that it is in. It exists while it is in any. Under the lock of the
/// <see cref="MemberTable"/> that owns it.
/// </summary>
internal sealed class GroupMember(TcpConnection connection, LoopMembers loop) : Recipient(connection)
{
    private readonly List<Membership> _memberships = new(1);

    /// <summary>Those of its loop.</summary>
    public LoopMembers Loop => loop;

    public override GroupMember Member => this;

    public IReadOnlyList<Membership> Memberships => _memberships;

    public void Add(Membership membership)
    {
        membership.PlaceOfMember = _memberships.Count;
        _memberships.Add(membership);
    }

    public void Remove(Membership membership)
    {
        Membership last = _memberships[^1];
        _memberships[membership.PlaceOfMember] = last;
        last.PlaceOfMember = membership.PlaceOfMember;
        _memberships.RemoveAt(_memberships.Count - 1);
    }

    /// <summary>That in a group, looked for where there is less to look through; null if it is not in it.</summary>
    public Membership? In(Group? group)
    {
        if (group?.PartOn(loop) is not { } part) return null;
        if (part.Count < _memberships.Count)
        {
            foreach (Recipient recipient in part.AsSpan())
            {
                if (recipient.Member == this) return (Membership)recipient;
            }
            return null;
        }
        foreach (Membership membership in _memberships)
        {
            if (membership.Part == part) return membership;
        }
        return null;
    }
}

/// <summary>
/// A connection in one group: a place in the group's list and one in the connection's. Under the lock of the
/// <see cref="MemberTable"/> that owns it.
/// </summary>
internal sealed class Membership(GroupMember member, GroupPart part) : Recipient(member.Connection)
{
    public override GroupMember Member => member;

    public GroupPart Part => part;

    /// <summary>Where it is among those of its connection.</summary>
    public int PlaceOfMember { get; set; }
}

/// <summary>
/// The members of a group on one loop. It exists while there are any. Under the lock of the <see cref="MemberTable"/> that owns
/// it.
/// </summary>
internal sealed class GroupPart(Group group, LoopMembers loop, GroupPart? next) : Recipients
{
    public Group Group => group;

    public LoopMembers Loop => loop;

    /// <summary>Those on another loop.</summary>
    public GroupPart? Next { get; set; } = next;
}

/// <summary>
/// The members of a group, by loop. It exists while there are any: a group is nothing that is made or kept. Under the lock of the
/// <see cref="MemberTable"/> that owns it.
/// </summary>
internal sealed class Group(string name)
{
    public string Name => name;

    /// <summary>Those on one loop; null once there are none.</summary>
    public GroupPart? First { get; private set; }

    public GroupPart? PartOn(LoopMembers loop)
    {
        GroupPart? part = First;
        while (part is not null && part.Loop != loop) part = part.Next;
        return part;
    }

    public GroupPart Part(LoopMembers loop) => PartOn(loop) ?? (First = new GroupPart(this, loop, First));

    public void Remove(GroupPart part)
    {
        if (First == part)
        {
            First = part.Next;
            return;
        }
        GroupPart before = First!;
        while (before.Next != part) before = before.Next!;
        before.Next = part.Next;
    }
}
