using System.Buffers;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The handler of a connection that is piped into another: what arrives is sent on as it is, and the end of one is the end
/// of the other. All else stays with the handler it stands in for. Runs on the source's loop.
/// </summary>
internal sealed class PipeHandler(ConnectionHandler inner, TcpConnection destination) : ConnectionHandler(inner)
{
    /// <summary>Where what arrives is sent on to.</summary>
    public TcpConnection Destination => destination;

    public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input)
    {
        foreach (ReadOnlyMemory<byte> segment in input)
        {
            if (destination.Relay(segment.Span) == SendResult.Dropped) connection.Close();
        }
        input = input.Slice(input.End);
        return Verdict.Message;
    }

    /// <summary>
    /// Between two connections of one loop that are piped into each other an end is handed on as what it is: the other peer hears
    /// it, and may still answer. Elsewhere it closes both.
    /// </summary>
    public override bool OnPeerEnded(TcpConnection connection)
    {
        if (destination == connection || destination.Loop != Loop || !destination.IsPipedInto(connection)) return false;
        destination.EndSending();
        // The other peer may have ended too, and what it sent last still wait for room here.
        return !destination.HasHandledAll && destination.Status <= ConnectionStatus.Established;
    }

    /// <summary>A connection that was broken off must not look to the other peer like one that has come to its end.</summary>
    public override void OnClose(TcpConnection connection)
    {
        if (connection.Peer == PeerSide.BrokenOff) destination.Reset();
        else destination.Close();
        base.OnClose(connection);
    }
}
