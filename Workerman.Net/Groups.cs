using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Grouping;
using Workerman.Hosting;

namespace Workerman;

/// <summary>
/// Joins connections to names, rooms or users for example, and sends to all who are in one (PHP: GatewayWorker's
/// <c>Lib\Gateway</c>). Connections of any protocol, worker and loop may be in one group: WebSockets, lines, frames, protocols of
/// your own, plain TCP, open event streams, clients. A group exists while it has members; a connection leaves with its end,
/// whatever ends it, after its <c>OnClose</c>. Members and counts are those of this process; messages reach those of other nodes
/// with a <see cref="GroupsOptions.Backplane"/>. Create it once and keep it; there may be several, which know nothing of each
/// other. Any thread. What is sent is in <see cref="GroupSender"/>.
/// </summary>
public sealed class Groups : GroupSender
{
    private readonly GroupsOptions _options;
    private readonly Func<ILogger> _logger;
    private readonly MemberTable _table;
    private readonly Guid _node = Guid.NewGuid();
    private readonly IGroupBackplane? _backplane;
    private long _unpublished;
    private long _malformed;

    /// <summary>Creates one without groups.</summary>
    /// <param name="options">Its settings, of which it takes a copy; null for the defaults.</param>
    /// <exception cref="InvalidOperationException">The <see cref="GroupsOptions.Backplane"/> belongs to another one
    /// already.</exception>
    public Groups(GroupsOptions? options = null)
        : this(options, static () => Worker.LoggerOf(EventLoop.Current))
    {
    }

    internal Groups(GroupsOptions? options, Func<ILogger> logger)
    {
        _options = options?.Copy() ?? new GroupsOptions();
        _logger = logger;
        _table = new MemberTable(
            new MemberLimits(_options.MaxGroups, _options.MaxGroupsPerConnection, _options.MaxQueueSize));
        _backplane = _options.Backplane;
        _backplane?.Start(Receive);
    }

    /// <summary>How many groups there are in this process.</summary>
    public int GroupCount => _table.GroupCount;

    /// <summary>How many connections of this process are in any group (PHP: <c>Gateway::getAllClientIdCount</c>).</summary>
    public int ConnectionCount => _table.MemberCount;

    /// <summary>
    /// Whether messages have a way to the other nodes now, and theirs one to here; true where there is no
    /// <see cref="GroupsOptions.Backplane"/>.
    /// </summary>
    public bool IsConnected => _backplane?.IsConnected ?? true;

    /// <summary>
    /// Messages that were dropped so far: by a loop for which too much waited (<see cref="GroupsOptions.MaxQueueSize"/>), by a
    /// backplane that was not connected or had no room, or because they came malformed from other nodes.
    /// </summary>
    public long Dropped => _table.Dropped + Volatile.Read(ref _unpublished) + Volatile.Read(ref _malformed);

    /// <summary>
    /// Has a connection join a group, which begins with its first member (PHP: <c>Gateway::joinGroup</c>, <c>bindUid</c>). Once
    /// this has returned it gets what is sent to the group. What it is in already changes nothing.
    /// </summary>
    /// <param name="connection">The connection. A client that connects again joins again, in its <c>OnConnect</c>.</param>
    /// <param name="group">The group.</param>
    /// <returns>False if the connection has ended or is about to: it is in no group.</returns>
    /// <exception cref="ArgumentException">The name is empty, or no valid text.</exception>
    /// <exception cref="GroupLimitException">A limit of <see cref="GroupsOptions"/> is reached.</exception>
    /// <exception cref="InvalidOperationException">It is a client that is not on its way to its peer.</exception>
    public bool Join(TcpConnection connection, string group)
    {
        ArgumentNullException.ThrowIfNull(connection);
        Named(group);
        if (connection.Status == ConnectionStatus.Initial)
            throw new InvalidOperationException("This client connection is not on its way to its peer, so nothing can be sent on "
                + "it. Cure: join it in its OnConnect, which is called each time that it connects.");
        return _table.Join(connection, group) switch
        {
            JoinOutcome.Joined => true,
            JoinOutcome.Ended => false,
            JoinOutcome.TooManyOfConnection => throw new GroupLimitException(
                $"The connection is in {_options.MaxGroupsPerConnection} groups, which is as many as it may be in. Cure: have it "
                    + "leave some, refuse the peer, or set GroupsOptions.MaxGroupsPerConnection."),
            _ => throw new GroupLimitException($"There are {_options.MaxGroups} groups, which is as many as there may be. Cure: "
                + "refuse the peer, or set GroupsOptions.MaxGroups."),
        };
    }

    /// <summary>
    /// Has a connection leave a group (PHP: <c>Gateway::leaveGroup</c>, <c>unbindUid</c>). Called on the connection's loop, it
    /// gets nothing more of what is sent to the group, not even what is on its way; called elsewhere, what is being delivered at
    /// the moment may still reach it.
    /// </summary>
    /// <returns>Whether it was in the group.</returns>
    public bool Leave(TcpConnection connection, string group)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(group);
        return _table.Leave(connection, group);
    }

    /// <summary>Has a connection leave all groups, as <see cref="Leave"/> does. Its end does so by itself.</summary>
    /// <returns>How many they were.</returns>
    public int LeaveAll(TcpConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return _table.RemoveAll(connection);
    }

    /// <summary>
    /// Has all members leave a group, on all nodes; their connections stay open (PHP: <c>Gateway::ungroup</c>). What was sent to
    /// the group before still reaches them.
    /// </summary>
    /// <inheritdoc cref="GroupSender.Send(string, string)"/>
    public void Dissolve(string group) => Deliver(Named(group), DissolveMessage.Instance);

    /// <summary>Whether a connection is in a group.</summary>
    public bool Contains(TcpConnection connection, string group)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(group);
        return _table.Contains(connection, group);
    }

    /// <summary>
    /// How many connections of this process are in a group (PHP: <c>Gateway::getClientIdCountByGroup</c>, <c>isUidOnline</c>).
    /// </summary>
    public int Count(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return _table.CountOf(group);
    }

    /// <summary>
    /// The connections of this process that are in a group, as they are now, in no order to rely on (PHP:
    /// <c>Gateway::getClientIdListByGroup</c>, <c>getClientIdByUid</c>).
    /// </summary>
    public IReadOnlyList<TcpConnection> GetConnections(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return _table.ConnectionsOf(group);
    }

    /// <summary>
    /// The connections of this process that are in any group, each once (PHP: <c>Gateway::getAllClientIdList</c>).
    /// </summary>
    public IReadOnlyList<TcpConnection> GetConnections() => _table.Connections();

    /// <summary>The groups that a connection is in, in no order to rely on; in its <c>OnClose</c> still those that it was
    /// in (PHP: <c>Gateway::getUidByClientId</c>).</summary>
    public IReadOnlyList<string> GetGroups(TcpConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return _table.NamesOf(connection);
    }

    /// <summary>
    /// The groups that have members in this process, in no order to rely on (PHP: <c>Gateway::getAllGroupIdList</c>).
    /// </summary>
    public IReadOnlyList<string> GetGroups() => _table.Names();

    /// <inheritdoc/>
    public override GroupSender Except(params ReadOnlySpan<TcpConnection> connections) =>
        new PartialSender(this, Exclusion.None).Except(connections);

    /// <inheritdoc/>
    public override GroupSender ExceptGroups(params ReadOnlySpan<string> groups) =>
        new PartialSender(this, Exclusion.None).ExceptGroups(groups);

    private protected override void Deliver(string? group, GroupMessage message) => Deliver(group, message, Exclusion.None);

    private protected override string Named(string group) => CheckName(group);

    private string CheckName(string group)
    {
        ArgumentException.ThrowIfNullOrEmpty(group);
        if (group.Length > _options.MaxNameLength)
            throw new GroupLimitException($"A group's name has {group.Length} characters, and may have {_options.MaxNameLength}. "
                + "Cure: refuse the peer, or set GroupsOptions.MaxNameLength.");
        if (!GroupWire.IsValidName(group))
            throw new ArgumentException("A group's name has half a surrogate pair, which no other node could be told. "
                + "Cure: refuse it; a name is valid Unicode.", nameof(group));
        return group;
    }

    /// <summary>
    /// Has a message delivered here at once, and published. It is written for the other nodes first: one that cannot be is an
    /// exception, and reaches nobody.
    /// </summary>
    private void Deliver(string? group, GroupMessage message, Exclusion except)
    {
        byte[]? wire = _backplane is null ? null : Write(group, message, except);
        DeliverHere(group, message, except);
        if (wire is null || TryPublish(wire)) return;
        Interlocked.Increment(ref _unpublished);
        Log.GroupMessageNotPublished(_logger());
    }

    private byte[] Write(string? group, GroupMessage message, Exclusion except)
    {
        byte[] wire = GroupWire.Write(_node, group, message, except.Groups);
        return wire.Length <= _options.MaxMessageSize
            ? wire
            : throw new ArgumentException($"The message has {wire.Length} bytes for other nodes, and may have "
                + $"{_options.MaxMessageSize}. Cure: send less, or set GroupsOptions.MaxMessageSize.", nameof(message));
    }

    private void DeliverHere(string? group, GroupMessage message, Exclusion except)
    {
        if (message is DissolveMessage)
        {
            _table.Dissolve(group!);
            return;
        }
        long dropped = _table.Dropped;
        _table.Send(group, message, except);
        if (_table.Dropped != dropped) Log.GroupMessageDropped(_logger(), _options.MaxQueueSize);
    }

    /// <summary>A backplane of the application's does not throw; if it does, the message is lost as if it had said so.</summary>
    private bool TryPublish(byte[] wire)
    {
        try
        {
            return _backplane!.TryPublish(wire);
        }
        catch (Exception e)
        {
            Log.GroupBackplaneFailed(_logger(), e);
            return false;
        }
    }

    private void Receive(ReadOnlyMemory<byte> bytes)
    {
        RemoteMessage message;
        try
        {
            message = GroupWire.Read(bytes);
        }
        catch (GroupWireException e)
        {
            Interlocked.Increment(ref _malformed);
            Log.GroupMessageMalformed(_logger(), bytes.Length, e.Message);
            return;
        }
        if (message.Node != _node) DeliverHere(message.Group, message.Message, message.Except);
    }

    /// <summary>Sends to those of its groups who are not excepted. Immutable; any thread.</summary>
    private sealed class PartialSender(Groups groups, Exclusion except) : GroupSender
    {
        public override GroupSender Except(params ReadOnlySpan<TcpConnection> connections)
        {
            HashSet<TcpConnection> excepted = [.. except.Connections];
            foreach (TcpConnection connection in connections)
            {
                ArgumentNullException.ThrowIfNull(connection, nameof(connections));
                excepted.Add(connection);
            }
            return new PartialSender(groups, except with { Connections = excepted });
        }

        public override GroupSender ExceptGroups(params ReadOnlySpan<string> names)
        {
            string[] excepted = [.. except.Groups, .. names];
            foreach (string name in excepted) groups.CheckName(name);
            if (excepted.Length > GroupWire.MostExcepted)
                throw new ArgumentException($"{excepted.Length} groups are excepted, and may be {GroupWire.MostExcepted}. "
                    + "Cure: have the connections that are meant join one more group, and except that.", nameof(names));
            return new PartialSender(groups, except with { Groups = excepted });
        }

        private protected override void Deliver(string? group, GroupMessage message) => groups.Deliver(group, message, except);

        private protected override string Named(string group) => groups.CheckName(group);
    }
}
