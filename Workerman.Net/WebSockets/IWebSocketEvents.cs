using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.WebSockets;

/// <summary>
/// What a worker is told of its WebSockets besides messages. Called on the connection's loop, guarded by whoever calls.
/// </summary>
internal interface IWebSocketEvents
{
    /// <summary>Somebody asks for a WebSocket.</summary>
    Action<TcpConnection, Request>? OnWebSocketConnect { get; }

    /// <summary>It is open.</summary>
    Action<TcpConnection, Request>? OnWebSocketConnected { get; }

    /// <summary>The peer has said that it ends.</summary>
    Action<TcpConnection, int, string>? OnWebSocketClose { get; }

    /// <summary>The peer has sent a ping.</summary>
    Action<TcpConnection, byte[]>? OnWebSocketPing { get; }

    /// <summary>The peer has sent a pong.</summary>
    Action<TcpConnection, byte[]>? OnWebSocketPong { get; }

    /// <summary>The application has refused a WebSocket: for the operator.</summary>
    /// <param name="connection">Its connection.</param>
    /// <param name="request">What was asked for.</param>
    /// <param name="status">The status that it was answered with; 0 for none.</param>
    void ReportRefusal(TcpConnection connection, Request request, int status);
}
