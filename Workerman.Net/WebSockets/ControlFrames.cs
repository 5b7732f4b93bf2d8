using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;

namespace Workerman.WebSockets;

/// <summary>
/// Tells the application of control frames (RFC 6455 section 5.5), by the connection's own callbacks or else its worker's. No
/// state; on the connection's loop.
/// </summary>
internal static class ControlFrames
{
    /// <summary>After a reading that gave no message: tells of the ping, pong or close that ended it, if one did.</summary>
    /// <param name="connection">The connection that was read.</param>
    /// <param name="verdict">What the reading gave.</param>
    /// <param name="events">The worker's callbacks; null for none.</param>
    /// <param name="handler">Whom faults of the application are reported to.</param>
    /// <returns>What the reading gives now: to go on, where nothing is owed to the peer before.</returns>
    public static Verdict Tell(TcpConnection connection, Verdict verdict, IWebSocketEvents? events, ConnectionHandler handler)
    {
        if (connection.Protocol is not WebSocketProtocol protocol) return verdict;
        if (protocol.PeerClose is { } close)
        {
            if ((WebSocketCallbacks.Find(connection)?.OnClose ?? events?.OnWebSocketClose) is { } closed)
                Guard(handler, connection, () => closed(connection, close.Code, close.Reason));
        }
        else if (protocol.TakePong() is { } pong)
        {
            Call(WebSocketCallbacks.Find(connection)?.OnPong ?? events?.OnWebSocketPong, connection, pong, handler);
        }
        else if (protocol.ReceivedPing is { } ping)
        {
            Call(WebSocketCallbacks.Find(connection)?.OnPing ?? events?.OnWebSocketPing, connection, ping, handler);
        }
        else
        {
            return verdict;
        }
        return GoOn(connection, verdict);
    }

    /// <summary>
    /// What a reading gives after a callback: whoever reads comes back for more by itself only where something is owed, which the
    /// application may have paid.
    /// </summary>
    public static Verdict GoOn(TcpConnection connection, Verdict verdict) =>
        connection.Status == ConnectionStatus.Closed || !connection.Protocol.HasPendingControl ? Verdict.Message : verdict;

    /// <summary>Calls the application; what it throws is reported and costs nothing else.</summary>
    public static void Guard(ConnectionHandler handler, TcpConnection connection, Action call)
    {
        try
        {
            call();
        }
        catch (Exception e)
        {
            handler.OnFault(connection, e);
        }
    }

    private static void Call(Action<TcpConnection, byte[]>? callback, TcpConnection connection, byte[] payload,
        ConnectionHandler handler)
    {
        if (callback is not null) Guard(handler, connection, () => callback(connection, payload));
    }
}
