using System.Buffers;
using Workerman.Connection;
using Workerman.Protocols;

namespace Workerman.Hosting;

/// <summary>
/// One message for many connections, all of a worker or members of a group: encoded once for each kind of connection, by the
/// first whose protocol says that its bytes are right for the others too (<see cref="ConnectionProtocol.SharedEncoding"/>).
/// Shared by the loops; what is encoded never changes.
/// </summary>
/// <param name="message">What is sent.</param>
internal sealed class Broadcast<T>(T message)
{
    /// <summary>One for each kind, of which there are few. Replaced when it changes.</summary>
    private Encoding[] _encodings = [];

    /// <summary>The bytes, and the kind of connections that they are right for.</summary>
    private sealed record Encoding(object Kind, byte[] Bytes);

    /// <summary>Sends it to the connections of one loop, on its thread.</summary>
    public void SendTo(ConnectionCollection connections)
    {
        foreach (TcpConnection connection in connections)
        {
            if (connection.Status == ConnectionStatus.Established && connection.Protocol.CanBroadcast<T>()) SendTo(connection);
        }
    }

    /// <summary>Sends it to one connection, unless the connection is about to end. On its loop.</summary>
    /// <returns>False if the connection has no form for such messages.</returns>
    public bool TrySendTo(TcpConnection connection)
    {
        if (!connection.Protocol.Takes<T>()) return false;
        if (connection.Protocol.CanBroadcast<T>()) SendTo(connection);
        return true;
    }

    private void SendTo(TcpConnection connection)
    {
        if (connection.Protocol.SharedEncoding is { } kind) connection.SendEncoded(BytesFor(kind, connection.Protocol));
        else connection.SendMessage(message);
    }

    private byte[] BytesFor(object kind, ConnectionProtocol protocol)
    {
        Encoding[] known = Volatile.Read(ref _encodings);
        foreach (Encoding encoding in known)
        {
            if (encoding.Kind.Equals(kind)) return encoding.Bytes;
        }
        byte[] bytes = Encode(protocol);
        // A connection that sends nothing does not decide for the others.
        if (bytes.Length == 0) return bytes;
        // Two loops may do it at the same time: then one of the two encodings is made again.
        Volatile.Write(ref _encodings, [.. known, new Encoding(kind, bytes)]);
        return bytes;
    }

    private byte[] Encode(ConnectionProtocol protocol)
    {
        var output = new ArrayBufferWriter<byte>();
        ((IEncoder<T>)protocol).Encode(message, output);
        return output.WrittenSpan.ToArray();
    }
}
