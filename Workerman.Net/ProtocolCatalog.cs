using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.Http;

namespace Workerman;

/// <summary>
/// Which schemes there are and what they deliver: the one place that a new protocol is entered. Any thread.
/// </summary>
internal static class ProtocolCatalog
{
    private static readonly Dictionary<string, Type> Messages = new()
    {
        ["http"] = typeof(Request),
        ["tcp"] = typeof(ReadOnlyMemory<byte>),
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
    public static bool SpeaksHttp(string scheme) => Plain(scheme) is "http" or "websocket";

    /// <summary>Refuses a known scheme that cannot deliver <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The schemes that can are named.</exception>
    public static void Check<T>(string scheme)
    {
        if (!Messages.TryGetValue(Plain(scheme), out Type? delivered) || delivered == typeof(T)) return;
        // tcp:// carries any application protocol, which is known only later.
        if (scheme == "tcp") return;
        throw new ArgumentException($"A worker on {scheme}:// receives {delivered}, not {typeof(T)}. {Cure<T>()}");
    }

    /// <summary>Makes the protocols of a worker's connections.</summary>
    /// <exception cref="ArgumentException">The scheme is not known, or does not deliver the type.</exception>
    public static Func<ConnectionProtocol> FactoryFor<T>(string scheme, WorkerOptions options, Func<IProtocol<T>>? protocol, bool isSecure)
    {
        if (!Messages.TryGetValue(Plain(scheme), out Type? delivered))
            throw new ArgumentException($"the scheme {scheme} is not known. Cure: use {string.Join(" or ", Schemes.Select(known => known + "://"))}");
        if (protocol is not null)
        {
            return scheme == "tcp"
                ? () => new MessageProtocol<T>(scheme, protocol())
                : throw new ArgumentException($"Protocol is set, but {scheme}:// brings its own; use tcp://");
        }
        if (delivered != typeof(T)) throw new ArgumentException($"{scheme}:// receives {delivered}, not {typeof(T)}; set Protocol. {Cure<T>()}");
        return Plain(scheme) == "http" ? HttpFactory(options.Http, isSecure) : () => RawProtocol.Instance;
    }

    private static Func<ConnectionProtocol> HttpFactory(HttpOptions options, bool isSecure)
    {
        options.Session.Check();
        options.Session.Store.Report = static (what, reason) => Log.SessionFailed(Worker.SafeLogger, what, reason);
        return () => new HttpProtocol(options, isSecure);
    }

    private static IEnumerable<string> Schemes => Messages.Keys.Concat(Secure.Keys.Where(scheme => Messages.ContainsKey(Plain(scheme))));

    private static string Plain(string scheme) => Secure.GetValueOrDefault(scheme, scheme);

    private static string Cure<T>()
    {
        string[] fitting = [.. Schemes.Where(scheme => Messages[Plain(scheme)] == typeof(T)).Select(scheme => scheme + "://")];
        return fitting.Length > 0
            ? $"Schemes that deliver it: {string.Join(", ", fitting)}."
            : $"No scheme delivers it; use tcp:// with a Protocol of your own (IProtocol<{typeof(T).Name}>).";
    }
}
