using Workerman.Connection;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.WebSockets;

namespace Workerman;

/// <summary>
/// Which schemes there are and what they deliver: the one place that a new protocol is entered. Any thread.
/// </summary>
internal static class ProtocolCatalog
{
    private static readonly Type[] Plain = [typeof(string), typeof(byte[]), typeof(ReadOnlyMemory<byte>)];

    private static readonly Dictionary<string, Type[]> Messages = new()
    {
        ["http"] = [typeof(Request)],
        ["websocket"] = [typeof(string), typeof(WebSocketMessage)],
        ["ws"] = [typeof(string), typeof(WebSocketMessage)],
        ["tcp"] = Plain,
        ["text"] = Plain,
        ["frame"] = Plain,
        ["unix"] = [.. Plain, typeof(Request), typeof(WebSocketMessage)],
    };

    /// <summary>Refuses a known scheme that cannot deliver <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The schemes that can are named.</exception>
    public static void Check<T>(string scheme)
    {
        if (scheme == "udp") throw new ArgumentException($"A worker on udp:// has datagrams instead of connections. Cure: new UdpWorker<string>(\"udp://0.0.0.0:9292\"), which also takes byte[], ReadOnlyMemory<byte> and any IProtocol<T>.");
        if (!Messages.TryGetValue(scheme, out Type[]? delivered) || delivered.Contains(typeof(T))) return;
        // They carry any application protocol, which is known only later.
        if (CarriesAny(scheme)) return;
        throw new ArgumentException($"A worker on {scheme}:// receives {Names(delivered)}, not {typeof(T)}. {Cure<T>()}");
    }

    /// <summary>Makes the protocols of a worker's connections.</summary>
    /// <exception cref="ArgumentException">The scheme is not known, or does not deliver the type.</exception>
    public static Func<ConnectionProtocol> FactoryFor<T>(string scheme, WorkerOptions options, Func<IProtocol<T>>? protocol)
    {
        if (!Messages.TryGetValue(scheme, out Type[]? delivered))
            throw new ArgumentException($"the scheme {scheme} is not known. Cure: use {string.Join(" or ", Messages.Keys.Select(known => known + "://"))}");
        if (protocol is not null)
        {
            return CarriesAny(scheme)
                ? () => new MessageProtocol<T>(scheme, protocol())
                : throw new ArgumentException($"Protocol is set, but {scheme}:// brings its own; use tcp://");
        }
        return Own<T>(scheme, options) ?? throw new ArgumentException($"{scheme}:// receives {Names(delivered)}, not {typeof(T)}; set Protocol. {Cure<T>()}");
    }

    private static Func<ConnectionProtocol>? Own<T>(string scheme, WorkerOptions options) => scheme switch
    {
        _ when IsWebSocket<T>(scheme) => HttpFactory(options.Http),
        "http" or "unix" when typeof(T) == typeof(Request) => HttpFactory(options.Http),
        "tcp" or "unix" => PlainProtocols.Raw<T>(scheme),
        "text" => PlainProtocols.Text<T>(),
        "frame" => PlainProtocols.Frame<T>(),
        _ => null,
    };

    /// <summary>The handler that a worker's new connections begin with: the worker's own, or one that stands before it until the handshake is done.</summary>
    public static ConnectionHandler HandlerFor<T>(string scheme, WorkerOptions options, ConnectionHandler<T> handler, IWebSocketEvents events) => IsWebSocket<T>(scheme)
        ? new HandshakeHandler(new WebSocketHandler<T>(handler, events), events, typeof(T) == typeof(WebSocketMessage), options.WebSocket)
        : handler;

    private static bool IsWebSocket<T>(string scheme) => scheme is "websocket" or "ws" || (scheme == "unix" && typeof(T) == typeof(WebSocketMessage));

    private static bool CarriesAny(string scheme) => scheme is "tcp" or "unix";

    private static Func<ConnectionProtocol> HttpFactory(HttpOptions options)
    {
        options.Session.Check();
        options.Session.Store.Report = static (what, reason) => Log.SessionFailed(Worker.SafeLogger, what, reason);
        return () => new HttpProtocol(options);
    }

    private static string Names(Type[] types) => string.Join(" or ", types.Select(type => type.ToString()));

    private static string Cure<T>()
    {
        string[] fitting = [.. Messages.Where(entry => entry.Value.Contains(typeof(T))).Select(entry => entry.Key + "://")];
        return fitting.Length > 0
            ? $"Schemes that deliver it: {string.Join(", ", fitting)}."
            : $"No scheme delivers it; use tcp:// with a Protocol of your own (IProtocol<{typeof(T).Name}>).";
    }
}
