using System.Buffers;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The handler of a connection that is piped into another: what arrives is sent on as it is, and the end of one is the end
/// of the other. All else stays with the handler it stands in for. Runs on the source's loop.
/// </summary>
internal sealed class PipeHandler(ConnectionHandler inner, TcpConnection destination) : ConnectionHandler(inner.Loop, inner.Buffers)
{
    public override object? Owner => inner.Owner;

    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input)
    {
        foreach (ReadOnlyMemory<byte> segment in input)
        {
            if (destination.Relay(segment.Span) == SendResult.Dropped) connection.Close();
        }
        input = input.Slice(input.End);
        return Verdict.Message;
    }

    public override void OnClose(TcpConnection connection)
    {
        destination.Close();
        inner.OnClose(connection);
    }

    public override void OnError(TcpConnection connection, ConnectionError error, string reason) => inner.OnError(connection, error, reason);

    public override void OnBufferFull(TcpConnection connection) => inner.OnBufferFull(connection);

    public override void OnBufferDrain(TcpConnection connection) => inner.OnBufferDrain(connection);

    public override void OnRejected(TcpConnection connection, Verdict verdict) => inner.OnRejected(connection, verdict);

    public override void OnFault(TcpConnection connection, Exception exception) => inner.OnFault(connection, exception);

    public override void OnGone(TcpConnection connection) => inner.OnGone(connection);
}
