using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.WebSockets;

/// <summary>
/// A worker's callbacks for its WebSockets, besides messages. Called on the connection's loop; the caller catches what they
/// throw.
/// </summary>
internal interface IWebSocketEvents
{
    /// <summary>A request asks for a WebSocket.</summary>
    Action<TcpConnection, Request>? OnWebSocketConnect { get; }

    /// <summary>It is open.</summary>
    Action<TcpConnection, Request>? OnWebSocketConnected { get; }

    /// <summary>The peer's close frame has arrived.</summary>
    Action<TcpConnection, int, string>? OnWebSocketClose { get; }

    /// <summary>The peer has sent a ping.</summary>
    Action<TcpConnection, byte[]>? OnWebSocketPing { get; }

    /// <summary>The peer has sent a pong.</summary>
    Action<TcpConnection, byte[]>? OnWebSocketPong { get; }

    /// <summary>The application has refused a WebSocket, which is logged for the operator.</summary>
    /// <param name="connection">Its connection.</param>
    /// <param name="request">The request.</param>
    /// <param name="status">The status that it was answered with; 0 for none.</param>
    void ReportRefusal(TcpConnection connection, Request request, int status);
}
