using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;

namespace Workerman;

/// <summary>Which of the catalog's protocols a client speaks, and how it comes to one. Any thread.</summary>
internal static class ClientProtocols
{
    private static readonly WorkerOptions Options = new();

    /// <summary>Refuses a scheme that no client speaks, or that cannot deliver <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The message says why, and what to use.</exception>
    public static void Check<T>(ClientAddress address)
    {
        if (address.Scheme == "http")
            throw new ArgumentException($"Cannot connect to {address}: {address.Scheme}:// is for workers. Cure: use .NET's HttpClient, or tcp:// to write the request yourself.");
        if (address.Scheme is "wss" or "https" or "ssl")
            throw new ArgumentException($"Cannot connect to {address}: clients do not speak TLS yet. Cure: use .NET's ClientWebSocket or HttpClient, or a TLS proxy on this machine.");
        ProtocolCatalog.Check<T>(SchemeOf(address));
        // Any protocol of the application's will do, so that only the scheme is in question.
        if (typeof(T) != typeof(ReadOnlyMemory<byte>) && SchemeOf(address) == "tcp") return;
        ProtocolCatalog.FactoryFor<T>(SchemeOf(address), Options, null, isSecure: false);
    }

    /// <summary>Makes the protocols of a client's connections; null if it has yet to be said which.</summary>
    /// <exception cref="ArgumentException">The scheme brings its own protocol.</exception>
    /// <param name="address">Where to.</param>
    /// <param name="protocol">The application's own; null for the scheme's.</param>
    /// <param name="webSocket">What a WebSocket client asks for.</param>
    /// <param name="timeout">How long a handshake of the protocol may take; asked when it begins.</param>
    public static Func<ConnectionProtocol>? FactoryFor<T>(ClientAddress address, Func<IProtocol<T>>? protocol, WebSocketClientOptions webSocket, Func<TimeSpan> timeout) =>
        protocol is null && IsWebSocket(address) ? () => WebSocket<T>(address, webSocket, timeout)
        : protocol is null && typeof(T) != typeof(ReadOnlyMemory<byte>) && SchemeOf(address) == "tcp"
            ? null
            : ProtocolCatalog.FactoryFor(SchemeOf(address), Options, protocol, isSecure: false);

    private static bool IsWebSocket(ClientAddress address) => address.Scheme is "ws" or "websocket";

    private static WebSocketProtocol WebSocket<T>(ClientAddress address, WebSocketClientOptions options, Func<TimeSpan> timeout) =>
        new(typeof(T) == typeof(WebSocketMessage), options.Options, new ClientHandshake(address.Authority, address.Uri, options)) { HandshakeTimeout = timeout };

    /// <summary>A Unix socket carries what a TCP connection does.</summary>
    private static string SchemeOf(ClientAddress address) => address.IsUnix ? "tcp" : address.Scheme;
}
