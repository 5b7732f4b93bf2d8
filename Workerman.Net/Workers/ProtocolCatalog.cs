using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.WebSockets;

namespace Workerman.Workers;

/// <summary>
/// Which schemes there are and what they deliver: the one place that a new protocol is entered. Any thread.
/// </summary>
internal static class ProtocolCatalog
{
    private static readonly Type[] TextOrBytes = [typeof(string), typeof(byte[]), typeof(ReadOnlyMemory<byte>)];

    private static readonly Type[] WebSocketMessages = [typeof(string), typeof(WebSocketMessage)];

    private static readonly Dictionary<string, Type[]> Messages = new()
    {
        ["http"] = [typeof(Request)],
        ["websocket"] = WebSocketMessages,
        ["ws"] = WebSocketMessages,
        ["tcp"] = TextOrBytes,
        ["text"] = TextOrBytes,
        ["frame"] = TextOrBytes,
        ["unix"] = [typeof(string), typeof(byte[]), typeof(ReadOnlyMemory<byte>), typeof(Request), typeof(WebSocketMessage)],
    };

    /// <summary>Schemes that are another one over TLS.</summary>
    private static readonly Dictionary<string, string> Secure = new()
    {
        ["https"] = "http",
        ["wss"] = "websocket",
    };

    /// <summary>Whether the scheme means TLS.</summary>
    public static bool IsSecure(string scheme) => Secure.ContainsKey(scheme);

    /// <summary>Whether it begins with HTTP/1.1.</summary>
    public static bool SpeaksHttp(string scheme) => WithoutTls(scheme) is "http" or "websocket" or "ws";

    /// <summary>Refuses a known scheme that cannot deliver <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The schemes that can are named.</exception>
    /// <param name="scheme">In lower case.</param>
    /// <param name="isClient">Whether it is a client's, which the cure is written for.</param>
    public static void Check<T>(string scheme, bool isClient = false)
    {
        if (scheme == "udp")
        {
            throw new ArgumentException(isClient
                ? "A connection to udp:// is one of datagrams. Cure: new AsyncUdpConnection<string>(\"udp://127.0.0.1:9292\"), "
                + "which also takes byte[], ReadOnlyMemory<byte> and any IProtocol<T>."
                : "A worker on udp:// has datagrams instead of connections. Cure: new UdpWorker<string>(\"udp://0.0.0.0:9292\"), "
                + "which also takes byte[], ReadOnlyMemory<byte> and any IProtocol<T>.");
        }
        if (!Messages.TryGetValue(WithoutTls(scheme), out Type[]? delivered) || Has<T>(delivered)) return;
        // They carry any application protocol, which is known only later.
        if (CarriesAny(scheme)) return;
        throw Mismatch<T>(scheme, delivered, isClient);
    }

    /// <summary>Makes the protocols of a worker's connections.</summary>
    /// <exception cref="ArgumentException">The scheme is not known, or does not deliver the type.</exception>
    /// <param name="scheme">In lower case.</param>
    /// <param name="options">The worker's.</param>
    /// <param name="protocol">The application's own; null for the scheme's.</param>
    /// <param name="isSecure">Whether the connections are encrypted.</param>
    /// <param name="logger">Where failures of sessions go; null for a client, which has none.</param>
    public static Func<ConnectionProtocol> FactoryFor<T>(
        string scheme, WorkerOptions options, Func<IProtocol<T>>? protocol, bool isSecure, ILogger? logger = null)
    {
        if (!Messages.TryGetValue(WithoutTls(scheme), out Type[]? delivered)) throw Unknown(scheme);
        if (protocol is not null)
        {
            return CarriesAny(scheme)
                ? () => new MessageProtocol<T>(scheme, protocol(), options.MessageRate)
                : throw new ArgumentException($"Protocol is set, but {scheme}:// brings its own; use tcp://");
        }
        return Own<T>(WithoutTls(scheme), options, isSecure, logger)
            ?? throw new ArgumentException($"{scheme}:// receives {Names(delivered)}, not {typeof(T)}; set Protocol. "
                + $"{Cure<T>(scheme, delivered, isClient: false)}");
    }

    /// <summary>
    /// The handler that a worker's new connections begin with: the worker's own, or one that stands before it until the handshake
    /// is done.
    /// </summary>
    public static ConnectionHandler HandlerFor<T>(string scheme, WorkerOptions options, ConnectionHandler<T> handler,
        IWebSocketEvents events) => IsWebSocket<T>(WithoutTls(scheme))
        ? new HandshakeHandler(handler, events, typeof(T) == typeof(WebSocketMessage), options.WebSocket)
        : handler;

    private static Func<ConnectionProtocol>? Own<T>(string scheme, WorkerOptions options, bool isSecure, ILogger? logger) =>
        scheme switch
        {
            _ when !Has<T>(Messages[scheme]) => null,
            _ when IsWebSocket<T>(scheme) =>
                HttpFactory(options.Http, logger, () => new HandshakeProtocol(options.Http, isSecure, scheme == "unix")),
            "http" or "unix" when typeof(T) == typeof(Request) => HttpFactory(options.Http, isSecure, scheme == "unix", logger),
            "text" => PlainProtocols.Text<T>(options.MessageRate),
            "frame" => PlainProtocols.Frame<T>(options.MessageRate),
            _ => PlainProtocols.Raw<T>(scheme),
        };

    private static bool IsWebSocket<T>(string scheme) =>
        scheme is "websocket" or "ws" || (scheme == "unix" && typeof(T) == typeof(WebSocketMessage));

    private static bool CarriesAny(string scheme) => scheme is "tcp" or "unix";

    /// <summary>Makes the protocols of HTTP connections.</summary>
    /// <exception cref="InvalidOperationException">The settings of sessions cannot work.</exception>
    public static Func<ConnectionProtocol> HttpFactory(HttpOptions options, bool isSecure, bool isUnix, ILogger? logger) =>
        HttpFactory(options, logger, () => new HttpProtocol(options, isSecure, isUnix));

    private static Func<ConnectionProtocol> HttpFactory(HttpOptions options, ILogger? logger, Func<ConnectionProtocol> make)
    {
        options.Session.Check();
        options.SweepUploads();
        if (logger is null) return make;
        LogFollower.Report = (what, reason) => Log.SessionFailed(logger, what, reason);
        options.Session.Store.Report = (what, reason) => Log.SessionFailed(logger, what, reason);
        options.ReportBodiesFull = reason => Log.BodiesFull(logger, reason);
        options.ReportDiskFull = reason => Log.DiskFull(logger, options.UploadFolder, reason);
        options.Session.Store.ReportRefused = limit => Log.SessionRefused(logger, limit);
        return make;
    }

    private static IEnumerable<string> Schemes => Messages.Keys.Concat(Secure.Keys);

    private static string WithoutTls(string scheme) => Secure.GetValueOrDefault(scheme, scheme);

    /// <summary>A loop of its own: what a server needs for its first answer is compiled while its client waits.</summary>
    private static bool Has<T>(Type[] types)
    {
        foreach (Type type in types)
        {
            if (type == typeof(T)) return true;
        }
        return false;
    }

    /// <summary>PHP finds a protocol of the application's own by the scheme; here it is set.</summary>
    private static ArgumentException Unknown(string scheme) => new(scheme is "ssl" or "tls"
        ? $"the scheme {scheme} is for clients. Cure: use https:// or wss://, or another scheme with Transport = \"ssl\""
        : $"the scheme {scheme} is not known. Cure: for a protocol of your own use tcp:// and set Protocol (IProtocol<T>); "
        + $"otherwise use {string.Join(" or ", Schemes.Select(known => known + "://"))}");

    private static ArgumentException Mismatch<T>(string scheme, Type[] delivered, bool isClient) =>
        new($"A {(isClient ? "client" : "worker")} on {scheme}:// receives {Names(delivered)}, not {typeof(T)}. "
            + $"{Cure<T>(scheme, delivered, isClient)}");

    private static string Names(Type[] types) => string.Join(" or ", types.Select(type => type.ToString()));

    /// <summary>A type as it is written in C#.</summary>
    private static string NameOf(Type type) => type == typeof(string) ? "string"
        : type == typeof(byte[]) ? "byte[]"
        : type == typeof(ReadOnlyMemory<byte>) ? "ReadOnlyMemory<byte>"
        : type.Name;

    private static string Cure<T>(string scheme, Type[] delivered, bool isClient)
    {
        string maker = delivered[0] == typeof(Request)
            ? "Worker"
            : $"{(isClient ? "AsyncTcpConnection" : "Worker")}<{NameOf(delivered[0])}>";
        string[] fitting = [.. Schemes.Where(other => Has<T>(Messages[WithoutTls(other)])).Select(other => other + "://")];
        string others = fitting.Length > 0
            ? $"Schemes that deliver it: {string.Join(", ", fitting)}."
            : $"No scheme delivers it; use tcp:// with a Protocol of your own (IProtocol<{typeof(T).Name}>).";
        return $"{others} Cure: new {maker}(\"{scheme}://…\").";
    }
}
