using Workerman.Protocols.Http;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// What a WebSocket client asks for, and what it was answered. Belongs to its connection; set it before <c>Connect()</c>.
/// </summary>
public sealed class WebSocketClientOptions
{
    /// <summary>
    /// Header fields of the request besides those of the handshake: <c>Origin</c>, <c>Authorization</c>, <c>Cookie</c> (PHP:
    /// <c>$headers</c>).
    /// </summary>
    public ResponseHeaders Headers { get; } = [];

    /// <summary>
    /// The subprotocols that are offered, the preferred one first; none to offer none (PHP: <c>$websocketClientProtocol</c>).
    /// </summary>
    public IList<string> Subprotocols { get; } = [];

    /// <summary>
    /// The server's answer to the last handshake, whether it agreed or refused (with a 401 for instance, whose body is not read);
    /// null while there is none. It is set in <c>OnWebSocketConnect</c>, and in <c>OnError</c> after a refusal.
    /// </summary>
    public Response? Response { get; internal set; }

    /// <summary>Limits, timeouts, and whether compression is offered.</summary>
    public WebSocketOptions Options { get; } = new();
}
