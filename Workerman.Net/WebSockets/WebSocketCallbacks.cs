using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.WebSockets;

/// <summary>
/// What a connection has besides when it is a WebSocket, or may become one: callbacks of its own that take the place of its
/// worker's, and what was agreed on. Made when it is needed; belongs to the connection.
/// </summary>
internal sealed class WebSocketCallbacks
{
    public Action<TcpConnection, Request>? OnConnect { get; set; }

    public Action<TcpConnection, Request>? OnConnected { get; set; }

    public Action<TcpConnection, int, string>? OnClose { get; set; }

    public Action<TcpConnection, byte[]>? OnPing { get; set; }

    public Action<TcpConnection, byte[]>? OnPong { get; set; }

    public string? Subprotocol { get; set; }

    /// <summary>What a connection has, or null.</summary>
    public static WebSocketCallbacks? Find(TcpConnection connection) => connection.Extension as WebSocketCallbacks;

    /// <summary>What a connection has, made if need be.</summary>
    public static WebSocketCallbacks Of(TcpConnection connection)
    {
        if (connection.Extension is WebSocketCallbacks known) return known;
        var made = new WebSocketCallbacks();
        connection.Extension = made;
        return made;
    }
}
