using Workerman.Connection;
using Workerman.Hosting;
using Workerman.Protocols.Http;

namespace Workerman.Grouping;

/// <summary>
/// What the members of a group are sent, or what is done to them; the same object for all loops. Immutable, but for what is
/// encoded when it is first needed; any thread.
/// </summary>
internal abstract class GroupMessage
{
    /// <summary>About what a message takes besides its content, while it waits.</summary>
    protected const int Overhead = 200;

    /// <summary>Bytes that it takes while it waits for a loop, about.</summary>
    public virtual int Size => Overhead;

    /// <summary>What it is, in words, for error messages.</summary>
    public abstract string Kind { get; }

    /// <summary>Sends it to a member. On the connection's loop.</summary>
    /// <returns>False if the connection has no form for it, which is to be told.</returns>
    public abstract bool TrySendTo(TcpConnection connection);
}

/// <summary>
/// Text: a message of each protocol that has text, and on an open event stream an event with that data. Immutable.
/// </summary>
internal sealed class TextMessage(string text) : GroupMessage
{
    private readonly Broadcast<string> _text = new(text);

    /// <summary>Made for the first event stream. Two loops may make one each.</summary>
    private Broadcast<ServerSentEvents>? _event;

    public string Text => text;

    public override int Size => Overhead + (int)Math.Min(sizeof(char) * (long)text.Length, int.MaxValue - Overhead);

    public override string Kind => "text";

    public override bool TrySendTo(TcpConnection connection) =>
        _text.TrySendTo(connection)
        || (_event ??= new Broadcast<ServerSentEvents>(new ServerSentEvents { Data = text })).TrySendTo(connection);
}

/// <summary>Bytes: a message of each protocol that has bytes. They are not changed by anybody any more.</summary>
internal sealed class BytesMessage(ReadOnlyMemory<byte> bytes) : GroupMessage
{
    private readonly Broadcast<ReadOnlyMemory<byte>> _bytes = new(bytes);

    public ReadOnlyMemory<byte> Bytes => bytes;

    public override int Size => (int)Math.Min(Overhead + (long)bytes.Length, int.MaxValue);

    public override string Kind => "bytes";

    public override bool TrySendTo(TcpConnection connection) => _bytes.TrySendTo(connection);
}

/// <summary>An event, for members whose event stream is open; it is nothing to the others. Immutable.</summary>
internal sealed class EventMessage(ServerSentEvents message) : GroupMessage
{
    private readonly Broadcast<ServerSentEvents> _event = new(message);

    public ServerSentEvents Event => message;

    public override int Size =>
        Overhead + (int)Math.Min(sizeof(char) * ((long)(message.Data?.Length ?? 0) + (message.Comment?.Length ?? 0)),
            int.MaxValue - Overhead);

    public override string Kind => "an event";

    public override bool TrySendTo(TcpConnection connection)
    {
        _event.TrySendTo(connection);
        return true;
    }
}

/// <summary>A message of the application's own protocol, for members that speak it. Not of other nodes. Immutable.</summary>
internal sealed class OwnMessage<T>(T message) : GroupMessage
{
    private readonly Broadcast<T> _message = new(message);

    public override string Kind => typeof(T).ToString();

    public override bool TrySendTo(TcpConnection connection) => _message.TrySendTo(connection);
}

/// <summary>The end of the members' connections, after a last text perhaps. Immutable.</summary>
internal sealed class CloseMessage(TextMessage? last) : GroupMessage
{
    public TextMessage? Last => last;

    public override int Size => last?.Size ?? Overhead;

    public override string Kind => "a last text";

    public override bool TrySendTo(TcpConnection connection)
    {
        if (last?.TrySendTo(connection) == false) connection.RefuseFromGroup(Kind);
        connection.Close();
        return true;
    }
}

/// <summary>
/// No message: the members leave the group on the node that gets it. It is not delivered to anybody, and has effect at once.
/// Immutable.
/// </summary>
internal sealed class DissolveMessage : GroupMessage
{
    public static readonly DissolveMessage Instance = new();

    public override string Kind => "nothing";

    public override bool TrySendTo(TcpConnection connection) => true;
}
