using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

namespace Workerman.WebSockets;

/// <summary>
/// The handler of a <c>websocket://</c> connection until it is one: it takes the one request, lets the application refuse, and
/// goes on as a WebSocket (RFC 6455 section 4.2). One per worker and loop; runs on the loop's thread.
/// </summary>
/// <param name="open">The handler that goes on.</param>
/// <param name="events">Whom to ask and tell.</param>
/// <param name="takesBinary">Whether messages of bytes are taken.</param>
/// <param name="options">Limits and patience.</param>
internal sealed class HandshakeHandler(ConnectionHandler open, IWebSocketEvents events, bool takesBinary,
    WebSocketOptions options) : DelegatingHandler<Request>(open)
{
    protected override void OnMessage(TcpConnection connection, Request request)
    {
        try
        {
            Accept(connection, request);
        }
        catch (Exception e)
        {
            OnFault(connection, e);
            connection.AnswerFault(connection.Protocol.JudgeFault(e), request);
        }
        // There will be no WebSocket, so what waits for one has nobody to go to. The peer may ask again.
        if (connection.Protocol.IsOpening) connection.DropEarly();
    }

    private void Accept(TcpConnection connection, Request request)
    {
        if (ServerHandshake.Refuse(request) is { } refusal)
        {
            OnRejected(connection, Verdict.Reject(refusal.StatusCode, "no opening handshake of a WebSocket"));
            connection.Send(refusal);
            return;
        }
        if (connection.Protocol is not HandshakeProtocol opening) return;
        opening.AnsweredWith = 0;
        (WebSocketCallbacks.Find(connection)?.OnConnect ?? events.OnWebSocketConnect)?.Invoke(connection, request);
        // Piped on.
        if (connection.Protocol != opening) return;
        if (connection.Status != ConnectionStatus.Established || !opening.IsUnanswered(request))
        {
            events.ReportRefusal(connection, request, opening.AnsweredWith);
            return;
        }
        WebSocketUpgrade.Open(connection, request,
            new WebSocketProtocol(takesBinary, options, ServerHandshake.Negotiate(request, options.Deflate)), Inner);
        if (connection.Protocol is not WebSocketProtocol) return;
        if ((WebSocketCallbacks.Find(connection)?.OnConnected ?? events.OnWebSocketConnected) is { } connected)
            ControlFrames.Guard(this, connection, () => connected(connection, request));
    }
}
