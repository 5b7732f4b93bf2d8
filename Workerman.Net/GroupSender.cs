using Workerman.Connection;
using Workerman.Grouping;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

namespace Workerman;

/// <summary>
/// Sends to the members of groups: all of them, as a <see cref="Groups"/> does, or all but some (<see cref="Except"/>). A message
/// is encoded once for each kind of connection, and leaves on the loops that the members belong to. A member whose send buffer is
/// full misses it, as with <c>Send</c> of a connection, and holds nobody up. With a <see cref="GroupsOptions.Backplane"/> the
/// members on other nodes are sent it too, at most once. Messages of one thread to a group reach each member in their order; a
/// connection whose <c>Join</c> has returned gets what is sent after that, one that joins meanwhile may get it. Do not change a
/// message afterwards. Any thread; immutable.
/// </summary>
public abstract class GroupSender
{
    private protected GroupSender()
    {
    }

    /// <summary>
    /// Sends text to the members of a group: as the usual message of their protocols, and on open event streams as an event with
    /// that data (PHP: <c>Gateway::sendToGroup</c>, <c>sendToUid</c>). Nobody is in a group that does not exist.
    /// </summary>
    /// <param name="group">The group.</param>
    /// <param name="text">The text; JSON, for example.</param>
    /// <exception cref="ArgumentException">The name is empty or no valid text, or the text is larger than
    /// <see cref="GroupsOptions.MaxMessageSize"/>.</exception>
    /// <exception cref="GroupLimitException">The name is longer than <see cref="GroupsOptions.MaxNameLength"/>.</exception>
    public void Send(string group, string text) => Deliver(Named(group), TextOf(text));

    /// <summary>
    /// Sends bytes to the members of a group as the usual message of their protocols; event streams have none (PHP:
    /// <c>Gateway::sendToGroup</c>, <c>sendToUid</c>).
    /// </summary>
    /// <inheritdoc cref="Send(string, string)"/>
    public void Send(string group, byte[] bytes) => Deliver(Named(group), BytesOf(bytes));

    /// <inheritdoc cref="Send(string, byte[])"/>
    public void Send(string group, ReadOnlyMemory<byte> bytes) => Deliver(Named(group), new BytesMessage(bytes));

    /// <summary>Sends a message of a WebSocket to the members of a group, whatever they speak: text as text, bytes as
    /// bytes.</summary>
    /// <inheritdoc cref="Send(string, string)"/>
    public void Send(string group, WebSocketMessage message) => Deliver(Named(group), MessageOf(message));

    /// <summary>Sends an event to those members of a group whose event stream is open; it is nothing to the others.</summary>
    /// <inheritdoc cref="Send(string, string)"/>
    public void Send(string group, ServerSentEvents message) => Deliver(Named(group), EventOf(message));

    /// <summary>
    /// Sends a message of a protocol of your own to the members of a group that speak it. It is not sent to other nodes, which
    /// could not read it.
    /// </summary>
    /// <typeparam name="T">What the protocol encodes.</typeparam>
    /// <inheritdoc cref="Send(string, string)"/>
    /// <exception cref="InvalidOperationException">There is a <see cref="GroupsOptions.Backplane"/>.</exception>
    public void SendMessage<T>(string group, T message) => Deliver(Named(group), OwnOf(message));

    /// <summary>
    /// Sends text to all connections that are in any group, each once (PHP: <c>Gateway::sendToAll</c>).
    /// </summary>
    /// <param name="text">The text; JSON, for example.</param>
    /// <exception cref="ArgumentException">The text is larger than <see cref="GroupsOptions.MaxMessageSize"/>.</exception>
    public void SendToAll(string text) => Deliver(null, TextOf(text));

    /// <summary>
    /// Sends bytes to all connections that are in any group, each once (PHP: <c>Gateway::sendToAll</c>).
    /// </summary>
    /// <inheritdoc cref="SendToAll(string)"/>
    public void SendToAll(byte[] bytes) => Deliver(null, BytesOf(bytes));

    /// <inheritdoc cref="SendToAll(byte[])"/>
    public void SendToAll(ReadOnlyMemory<byte> bytes) => Deliver(null, new BytesMessage(bytes));

    /// <summary>Sends a message of a WebSocket to all connections that are in any group, each once.</summary>
    /// <inheritdoc cref="SendToAll(string)"/>
    public void SendToAll(WebSocketMessage message) => Deliver(null, MessageOf(message));

    /// <summary>Sends an event to all connections that are in any group and whose event stream is open, each once.</summary>
    /// <inheritdoc cref="SendToAll(string)"/>
    public void SendToAll(ServerSentEvents message) => Deliver(null, EventOf(message));

    /// <summary>
    /// Closes the members of a group, behind what they have been sent (PHP: <c>Gateway::closeClient</c>). They leave the group
    /// with their end.
    /// </summary>
    /// <inheritdoc cref="Send(string, string)"/>
    public void Close(string group) => Deliver(Named(group), new CloseMessage(null));

    /// <summary>
    /// Sends the members of a group a last text and closes them (PHP: <c>Gateway::closeClient</c> with a message). They leave the
    /// group with their end.
    /// </summary>
    /// <inheritdoc cref="Send(string, string)"/>
    public void Close(string group, string text) => Deliver(Named(group), new CloseMessage(TextOf(text)));

    /// <summary>
    /// A sender that leaves some connections out: <c>rooms.Except(connection).Send("room", "hello")</c> (PHP:
    /// <c>$exclude_client_id</c>).
    /// </summary>
    /// <param name="connections">These.</param>
    public abstract GroupSender Except(params ReadOnlySpan<TcpConnection> connections);

    /// <summary>
    /// A sender that leaves out who is in some groups, on all nodes: all connections of a user, for example.
    /// </summary>
    /// <param name="groups">These; up to 255.</param>
    /// <exception cref="ArgumentException">There are more, or a name is empty or no valid text.</exception>
    /// <exception cref="GroupLimitException">A name is longer than <see cref="GroupsOptions.MaxNameLength"/>.</exception>
    public abstract GroupSender ExceptGroups(params ReadOnlySpan<string> groups);

    /// <summary>Has a message delivered, here and on the other nodes.</summary>
    /// <param name="group">To whom; null for all.</param>
    /// <param name="message">The message.</param>
    private protected abstract void Deliver(string? group, GroupMessage message);

    /// <summary>A name of a group that may be one.</summary>
    private protected abstract string Named(string group);

    private static TextMessage TextOf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new TextMessage(text);
    }

    private static BytesMessage BytesOf(byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        return new BytesMessage(bytes);
    }

    private static GroupMessage MessageOf(WebSocketMessage message) =>
        message.IsText ? new TextMessage(message.Text) : new BytesMessage(message.Data);

    private static EventMessage EventOf(ServerSentEvents message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return new EventMessage(message);
    }

    private static OwnMessage<T> OwnOf<T>(T message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return new OwnMessage<T>(message);
    }
}
