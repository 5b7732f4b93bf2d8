using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;

namespace Workerman.Workers;

/// <summary>Which of the catalog's protocols a client speaks, and how it comes to one. Any thread.</summary>
internal static class ClientProtocols
{
    /// <summary>A client has chosen whom it hears, and may hear slowly.</summary>
    private static readonly WorkerOptions Options = new() { MinMessageRate = 0 };

    /// <summary>Refuses a scheme that no client speaks, or that cannot deliver <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The message says why, and what to use.</exception>
    public static void Check<T>(ClientAddress address)
    {
        if (address.Scheme is "http" or "https")
            throw new ArgumentException($"Cannot connect to {address}: {address.Scheme}:// is for workers. Cure: "
                + $"use .NET's HttpClient, or {(address.Scheme == "http" ? "tcp" : "ssl")}:// to write the request yourself.");
        ProtocolCatalog.Check<T>(SchemeOf(address), isClient: true);
        if (NeedsProtocol<T>(address)) return;
        ProtocolCatalog.FactoryFor<T>(SchemeOf(address), Options, null, isSecure: false);
    }

    /// <summary>Makes the protocols of a client's connections; null if it has yet to be said which.</summary>
    /// <exception cref="ArgumentException">The scheme brings its own protocol.</exception>
    /// <param name="address">Where to.</param>
    /// <param name="protocol">The application's own; null for the scheme's.</param>
    /// <param name="webSocket">What a WebSocket client asks for.</param>
    /// <param name="timeout">How long a handshake of the protocol may take; asked when it begins.</param>
    public static Func<ConnectionProtocol>? FactoryFor<T>(ClientAddress address, Func<IProtocol<T>>? protocol,
        WebSocketClientOptions webSocket, Func<TimeSpan> timeout) =>
        protocol is null && address.SpeaksHttp ? () => WebSocket<T>(address, webSocket, timeout)
        : protocol is null && NeedsProtocol<T>(address) ? null
        : ProtocolCatalog.FactoryFor(SchemeOf(address), Options, protocol, isSecure: false);

    /// <summary>
    /// Whether it takes a protocol of the application's own, which may be any, so that only the scheme is in question.
    /// </summary>
    private static bool NeedsProtocol<T>(ClientAddress address) =>
        SchemeOf(address) == "tcp" && typeof(T) != typeof(string) && typeof(T) != typeof(byte[])
        && typeof(T) != typeof(ReadOnlyMemory<byte>);

    private static WebSocketProtocol WebSocket<T>(ClientAddress address, WebSocketClientOptions options,
        Func<TimeSpan> timeout) =>
        new(typeof(T) == typeof(WebSocketMessage), options.Options, new ClientHandshake(address.HostField, address.Uri, options))
        {
            HandshakeTimeout = timeout
        };

    /// <summary>Below TLS, and on a Unix socket, it is what it is on a TCP connection.</summary>
    private static string SchemeOf(ClientAddress address) => address.Scheme switch
    {
        "unix" or "ssl" => "tcp",
        "wss" => "ws",
        _ => address.Scheme,
    };
}
