using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.WebSockets;

/// <summary>
/// What a connection has besides when it is a WebSocket, or may become one: callbacks of its own that take the place of its
/// worker's, and what was agreed on. Made when it is needed; belongs to the connection.
/// </summary>
internal sealed class WebSocketExtension
{
    public Action<TcpConnection, Request>? OnConnect { get; set; }

    public Action<TcpConnection, Request>? OnConnected { get; set; }

    public Action<TcpConnection, int, string>? OnClose { get; set; }

    public Action<TcpConnection, byte[]>? OnPing { get; set; }

    public Action<TcpConnection, byte[]>? OnPong { get; set; }

    public string? Subprotocol { get; set; }

    /// <summary>What a connection has, or null.</summary>
    public static WebSocketExtension? Find(TcpConnection connection) => connection.Extension as WebSocketExtension;

    /// <summary>What a connection has, made if need be.</summary>
    public static WebSocketExtension Of(TcpConnection connection)
    {
        if (connection.Extension is WebSocketExtension known) return known;
        var made = new WebSocketExtension();
        connection.Extension = made;
        return made;
    }
}
