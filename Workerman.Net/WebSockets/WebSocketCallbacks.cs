using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.WebSockets;

/// <summary>
/// What a connection that is or may become a WebSocket has in addition: callbacks of its own, which replace its worker's, and the
/// subprotocol that was agreed on. Created when it is first needed; belongs to the connection.
/// </summary>
internal sealed class WebSocketCallbacks
{
    public Action<TcpConnection, Request>? OnConnect { get; set; }

    public Action<TcpConnection, Request>? OnConnected { get; set; }

    public Action<TcpConnection, int, string>? OnClose { get; set; }

    public Action<TcpConnection, byte[]>? OnPing { get; set; }

    public Action<TcpConnection, byte[]>? OnPong { get; set; }

    public string? Subprotocol { get; set; }

    /// <summary>Those of a connection; null if it has none.</summary>
    public static WebSocketCallbacks? Find(TcpConnection connection) => connection.Extension as WebSocketCallbacks;

    /// <summary>Those of a connection, created if it has none.</summary>
    public static WebSocketCallbacks Of(TcpConnection connection)
    {
        if (connection.Extension is WebSocketCallbacks known) return known;
        var made = new WebSocketCallbacks();
        connection.Extension = made;
        return made;
    }
}
