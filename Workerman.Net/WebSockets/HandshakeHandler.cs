using Workerman.Connection;
using Workerman.Diagnostics;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

namespace Workerman.WebSockets;

/// <summary>
/// The handler of a <c>websocket://</c> connection that speaks <see cref="HandshakeProtocol"/>: it takes the opening handshake,
/// lets the application refuse it, and upgrades the connection (<see cref="WebSocketUpgrade"/>). One per worker and loop; runs on
/// the loop's thread.
/// </summary>
/// <param name="inner">The worker's handler, which is that of the open WebSocket.</param>
/// <param name="events">The worker's callbacks.</param>
/// <param name="takesBinary">Whether messages of bytes are accepted.</param>
/// <param name="options">Limits and timeouts.</param>
internal sealed class HandshakeHandler(ConnectionHandler inner, IWebSocketEvents events, bool takesBinary,
    WebSocketOptions options) : ConnectionHandler<Request>(inner)
{
    protected override void OnMessage(TcpConnection connection, Request request)
    {
        ApplicationGuard.Deliver(
            Running, CallbackKind.OnWebSocketConnect, this, connection, request, Accept, onMessageAsync: null);
        // The handshake was refused: what was sent to the WebSocket is dropped. The peer may send another request.
        if (connection.Protocol.IsOpening) connection.DropHeld();
    }

    private void Accept(TcpConnection connection, Request request)
    {
        if (WebSocketUpgrade.Refuse(connection, request) is { } refusal)
        {
            OnRejected(connection, Verdict.Reject(refusal.StatusCode, "no opening handshake of a WebSocket"));
            return;
        }
        if (connection.Protocol is not HandshakeProtocol opening) return;
        opening.AnsweredWith = 0;
        Running.Call(CallbackKind.OnWebSocketConnect,
            WebSocketCallbacks.Find(connection)?.OnConnect ?? events.OnWebSocketConnect, connection, request);
        // The application has piped the connection, and with it changed its protocol.
        if (connection.Protocol != opening) return;
        if (connection.Status != ConnectionStatus.Established || !opening.IsUnanswered(request))
        {
            events.ReportRefusal(connection, request, opening.AnsweredWith);
            return;
        }
        if (!WebSocketUpgrade.Accept(connection, request, takesBinary, options, Root)) return;
        ApplicationGuard.Call(Running, CallbackKind.OnWebSocketConnected, this, connection,
            WebSocketCallbacks.Find(connection)?.OnConnected ?? events.OnWebSocketConnected, request);
    }
}
