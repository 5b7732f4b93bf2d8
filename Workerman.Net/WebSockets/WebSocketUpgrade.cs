using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

namespace Workerman.WebSockets;

/// <summary>The step from HTTP to WebSocket on one connection. On its loop.</summary>
internal static class WebSocketUpgrade
{
    /// <summary>Answers the request and goes on as a WebSocket.</summary>
    /// <exception cref="InvalidOperationException">The application has set a header field that cannot be.</exception>
    public static void Open(TcpConnection connection, Request request, WebSocketProtocol protocol, ConnectionHandler handler)
    {
        Response answer = ServerHandshake.Accept(request, protocol.Deflate);
        if (ServerHandshake.SubprotocolOf(request) is { } subprotocol) WebSocketCallbacks.Of(connection).Subprotocol = subprotocol;
        bool stopping = connection.Protocol is HttpProtocol { IsStopping: true };
        connection.Upgrade(new UpgradeAnswer(answer), protocol, handler);
        // The request was answered late: who stops was told of it as HTTP.
        if (stopping && connection.Protocol == protocol) connection.Drain();
    }
}
