using Workerman.Connection;
using Workerman.Diagnostics;
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

    /// <summary>Calls the application for the ping, the pong or the close frame that the peer has sent last.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="events">The worker's callbacks; null for none.</param>
    /// <param name="faults">Where exceptions of the application go.</param>
    public static void Tell(TcpConnection connection, IWebSocketEvents? events, IFaultHandler<TcpConnection> faults)
    {
        if (connection.Protocol is not WebSocketProtocol protocol) return;
        WebSocketCallbacks? own = WebSocketCallbacks.Find(connection);
        RunningCallback running = connection.Handler.Running;
        if (protocol.PeerClose is { } close)
            ApplicationGuard.Call(running, CallbackKind.OnWebSocketClose, faults, connection,
                own?.OnClose ?? events?.OnWebSocketClose, close.Code, close.Reason);
        else if (protocol.TakePong() is { } pong)
            ApplicationGuard.Call(running, CallbackKind.OnWebSocketPong, faults, connection,
                own?.OnPong ?? events?.OnWebSocketPong, pong);
        else if (protocol.ReceivedPing is { } ping)
            ApplicationGuard.Call(running, CallbackKind.OnWebSocketPing, faults, connection,
                own?.OnPing ?? events?.OnWebSocketPing, ping);
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
}
