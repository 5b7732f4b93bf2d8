using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;

namespace Workerman.WebSockets;

/// <summary>
/// Control frames of a connection (RFC 6455 section 5.5): sends pings and close frames for the application, and tells it of those
/// of the peer, by the connection's own callbacks or else its worker's. No state; on the connection's loop, but for what says
/// otherwise.
/// </summary>
internal static class ControlFrames
{
    /// <summary>Sends a ping, if the WebSocket is open. Any thread.</summary>
    /// <exception cref="ArgumentException">There are more than 125 bytes.</exception>
    /// <exception cref="InvalidOperationException">The connection never becomes a WebSocket.</exception>
    public static void Ping(TcpConnection connection, ReadOnlySpan<byte> payload)
    {
        ThrowIfNoWebSocket(connection);
        byte[] copy = payload.ToArray();
        WebSocketProtocol.CheckPing(copy);
        OnLoop(connection, () =>
        {
            if (connection.Status != ConnectionStatus.Established
                || connection.Protocol is not WebSocketProtocol { IsOpening: false } protocol) return;
            protocol.QueuePing(copy);
            connection.SendControl();
        });
    }

    /// <summary>
    /// Closes a WebSocket with a close frame; one that is not open yet without; other connections not at all. Any thread.
    /// </summary>
    /// <exception cref="ArgumentException">The code may not be sent, or the reason is too long.</exception>
    /// <exception cref="InvalidOperationException">The connection never becomes a WebSocket.</exception>
    public static void Close(TcpConnection connection, int code, string reason)
    {
        ThrowIfNoWebSocket(connection);
        WebSocketProtocol.CheckClose(code, reason);
        OnLoop(connection, () =>
        {
            if (connection.Protocol is WebSocketProtocol protocol) protocol.SetClose(code, reason);
            if (connection.Protocol is WebSocketProtocol or HandshakeProtocol) connection.Close();
        });
    }

    /// <summary>
    /// After a read that returned no message: calls the application for the ping, pong or close frame that ended it, if one did.
    /// </summary>
    /// <param name="connection">The connection that was read.</param>
    /// <param name="verdict">The verdict of the read.</param>
    /// <param name="events">The worker's callbacks; null for none.</param>
    /// <param name="handler">The handler that exceptions of the application are reported to.</param>
    /// <returns>The verdict to return: to go on reading, if there is no pending control to send first.</returns>
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
        return AfterCallback(connection, verdict);
    }

    /// <summary>
    /// The verdict to return after a callback. The connection goes on reading after it has sent pending control; if there is none
    /// any more, because the callback has sent it or has closed the connection, the verdict of a message makes it go on.
    /// </summary>
    public static Verdict AfterCallback(TcpConnection connection, Verdict verdict) =>
        connection.Status == ConnectionStatus.Closed || !connection.Protocol.HasPendingControl ? Verdict.Message : verdict;

    /// <summary>Calls the application; what it throws is reported, and has no other effect.</summary>
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

    private static void ThrowIfNoWebSocket(TcpConnection connection)
    {
        if (connection.Protocol is not WebSocketProtocol && !connection.Protocol.SharesPort && !connection.HasOwnProtocol)
            throw new InvalidOperationException($"A {connection.Protocol.Name} connection is no WebSocket and becomes none; "
                + "those of websocket:// and ws:// are, and of http:// by UpgradeToWebSocket.");
    }

    private static void OnLoop(TcpConnection connection, Action action)
    {
        if (connection.Loop.IsCurrent) action();
        else connection.Loop.Post(action);
    }

    private static void Call(Action<TcpConnection, byte[]>? callback, TcpConnection connection, byte[] payload,
        ConnectionHandler handler)
    {
        if (callback is not null) Guard(handler, connection, () => callback(connection, payload));
    }
}
