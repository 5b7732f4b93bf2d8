using Workerman.Connection;
using Workerman.Protocols;

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
        ProtocolCatalog.Check<T>(SchemeOf(address));
        // Any protocol of the application's will do, so that only the scheme is in question.
        if (typeof(T) != typeof(ReadOnlyMemory<byte>) && SchemeOf(address) == "tcp") return;
        ProtocolCatalog.FactoryFor<T>(SchemeOf(address), Options, null, isSecure: false);
    }

    /// <summary>Makes the protocols of a client's connections; null if it has yet to be said which.</summary>
    /// <exception cref="ArgumentException">The scheme brings its own protocol.</exception>
    public static Func<ConnectionProtocol>? FactoryFor<T>(ClientAddress address, Func<IProtocol<T>>? protocol) =>
        protocol is null && typeof(T) != typeof(ReadOnlyMemory<byte>) && SchemeOf(address) == "tcp"
            ? null
            : ProtocolCatalog.FactoryFor(SchemeOf(address), Options, protocol, isSecure: false);

    /// <summary>A Unix socket carries what a TCP connection does.</summary>
    private static string SchemeOf(ClientAddress address) => address.IsUnix ? "tcp" : address.Scheme;
}
