using System.Buffers;
using Workerman.Connection;
using Workerman.Protocols;

namespace Workerman.Hosting;

/// <summary>
/// One message for all connections of a worker: encoded once, by the first connection whose protocol says that its bytes are
/// right for the others too (<see cref="ConnectionProtocol.SharedEncoding"/>). Shared by the loops; what is encoded never
/// changes.
/// </summary>
/// <param name="message">What is sent.</param>
internal sealed class Broadcast<T>(T message)
{
    private Encoding? _encoding;

    /// <summary>The bytes, and the kind of connections that they are right for.</summary>
    private sealed record Encoding(Type Kind, byte[] Bytes);

    /// <summary>Sends it to the connections of one loop, on its thread.</summary>
    public void SendTo(ConnectionCollection connections)
    {
        foreach (TcpConnection connection in connections)
        {
            if (connection.Status != ConnectionStatus.Established || !connection.Protocol.CanBroadcast<T>()) continue;
            if (connection.Protocol.SharedEncoding is { } kind) connection.SendEncoded(BytesFor(kind, connection.Protocol));
            else connection.SendMessage(message);
        }
    }

    private byte[] BytesFor(Type kind, ConnectionProtocol protocol)
    {
        if (Volatile.Read(ref _encoding) is { } encoding && encoding.Kind == kind) return encoding.Bytes;
        byte[] bytes = Encode(protocol);
        Volatile.Write(ref _encoding, new Encoding(kind, bytes));
        return bytes;
    }

    private byte[] Encode(ConnectionProtocol protocol)
    {
        var output = new ArrayBufferWriter<byte>();
        ((IEncoder<T>)protocol).Encode(message, output);
        return output.WrittenSpan.ToArray();
    }
}
