using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

namespace Workerman.WebSockets;

/// <summary>
/// How a request of HTTP becomes a WebSocket (RFC 6455 section 4.2): the request is judged and answered with 101, and its
/// connection goes on with <see cref="WebSocketProtocol"/> and a handler for messages. The one place for it:
/// <see cref="HandshakeHandler"/> calls it for connections of <c>websocket://</c>, <c>UpgradeToWebSocket</c> for those of HTTP
/// workers. No state; on the connection's loop.
/// </summary>
internal static class WebSocketUpgrade
{
    /// <summary>Upgrades the connection of a request in place of an answer, when the application asks for it.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="request">The request.</param>
    /// <param name="options">Limits and timeouts.</param>
    /// <param name="handler">Receives the messages.</param>
    /// <returns>Whether it is a WebSocket now.</returns>
    /// <exception cref="InvalidOperationException">It is called off the loop, the request has been answered, or a field of
    /// <see cref="Request.UpgradeHeaders"/> is not allowed.</exception>
    public static bool AnswerWith(TcpConnection connection, Request request, WebSocketOptions options, ConnectionHandler handler)
    {
        if (!connection.Loop.IsCurrent)
            throw new InvalidOperationException("UpgradeToWebSocket belongs on the connection's loop: call it in OnMessage, "
                + "or after an await in OnMessageAsync.");
        if (connection.Status != ConnectionStatus.Established) return false;
        if (connection.Protocol is not HttpProtocol http || !http.IsUnanswered(request))
            throw new InvalidOperationException("This request has been answered already, or belongs to another connection. "
                + "Upgrade the connection that the request came on, once, in place of an answer.");
        return Refuse(connection, request) is null && Accept(connection, request, takesBinary: true, options, handler);
    }

    /// <summary>Refuses a request that is no valid opening handshake, with the answer that says why (400, 405 or 426).</summary>
    /// <returns>The answer; null if the request is one, and was not answered.</returns>
    public static Response? Refuse(TcpConnection connection, Request request)
    {
        Response? refusal = ServerHandshake.Refuse(request);
        if (refusal is not null) connection.Send(refusal);
        return refusal;
    }

    /// <summary>Accepts a request that was not refused.</summary>
    /// <returns>Whether it is a WebSocket now: the peer may be gone, or a session that could not be saved has made the answer an
    /// error response.</returns>
    /// <exception cref="InvalidOperationException">A field of <see cref="Request.UpgradeHeaders"/> is not allowed.</exception>
    public static bool Accept(
        TcpConnection connection, Request request, bool takesBinary, WebSocketOptions options, ConnectionHandler handler)
    {
        var protocol = new WebSocketProtocol(takesBinary, options, ServerHandshake.Negotiate(request, options.Deflate));
        Response answer = ServerHandshake.Accept(request, protocol.Deflate);
        if (ServerHandshake.SubprotocolOf(request) is { } subprotocol)
            WebSocketCallbacks.Of(connection).Subprotocol = subprotocol;
        bool stopping = connection.Protocol is HttpProtocol { IsStopping: true };
        connection.Upgrade(new UpgradeAnswer(answer), protocol, handler);
        if (connection.Protocol != protocol) return false;
        // The request was answered after the server began to stop: HTTP was told of that, the new protocol was not.
        if (stopping) connection.Drain();
        return true;
    }
}
