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

    /// <summary>Refuses a known scheme that cannot deliver <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The schemes that can are named.</exception>
    public static void Check<T>(string scheme)
    {
        if (!Messages.TryGetValue(scheme, out Type? delivered) || delivered == typeof(T)) return;
        // tcp:// carries any application protocol, which is known only later.
        if (scheme == "tcp") return;
        throw new ArgumentException($"A worker on {scheme}:// receives {delivered}, not {typeof(T)}. {Cure<T>()}");
    }

    /// <summary>Makes the protocols of a worker's connections.</summary>
    /// <exception cref="ArgumentException">The scheme is not known, or does not deliver the type.</exception>
    public static Func<ConnectionProtocol> FactoryFor<T>(string scheme, WorkerOptions options, Func<IProtocol<T>>? protocol)
    {
        if (!Messages.TryGetValue(scheme, out Type? delivered))
            throw new ArgumentException($"the scheme {scheme} is not known. Cure: use {string.Join(" or ", Messages.Keys.Select(known => known + "://"))}");
        if (protocol is not null)
        {
            return scheme == "tcp"
                ? () => new MessageProtocol<T>(scheme, protocol())
                : throw new ArgumentException($"Protocol is set, but {scheme}:// brings its own; use tcp://");
        }
        if (delivered != typeof(T)) throw new ArgumentException($"{scheme}:// receives {delivered}, not {typeof(T)}; set Protocol. {Cure<T>()}");
        return scheme == "http" ? HttpFactory(options.Http) : () => RawProtocol.Instance;
    }

    private static Func<ConnectionProtocol> HttpFactory(HttpOptions options)
    {
        options.Session.Check();
        options.Session.Store.Report = static (what, reason) => Log.SessionFailed(Worker.SafeLogger, what, reason);
        return () => new HttpProtocol(options);
    }

    private static string Cure<T>()
    {
        string[] fitting = [.. Messages.Where(entry => entry.Value == typeof(T)).Select(entry => entry.Key + "://")];
        return fitting.Length > 0
            ? $"Schemes that deliver it: {string.Join(", ", fitting)}."
            : $"No scheme delivers it; use tcp:// with a Protocol of your own (IProtocol<{typeof(T).Name}>).";
    }
}
