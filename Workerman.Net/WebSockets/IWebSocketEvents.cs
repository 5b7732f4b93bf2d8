using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.WebSockets;

/// <summary>What a worker is told of its WebSockets besides messages. Called on the connection's loop, guarded by whoever calls.</summary>
internal interface IWebSocketEvents
{
    /// <summary>Somebody asks for a WebSocket.</summary>
    Action<TcpConnection, Request>? OnWebSocketConnect { get; }

    /// <summary>It is open.</summary>
    Action<TcpConnection, Request>? OnWebSocketConnected { get; }

    /// <summary>The peer has said that it ends.</summary>
    Action<TcpConnection, int, string>? OnWebSocketClose { get; }
}
