using Workerman.Protocols;

namespace Workerman.Extensions.Hosting;

/// <summary>What the configuration says of <see cref="ProxyProtocolOptions"/>. Belongs to its <see cref="WorkerSettings"/>.
/// </summary>
public sealed class ProxyProtocolSettings
{
    /// <summary>Addresses and networks of the proxies, as <see cref="NetworkList.Add(string)"/> takes them; they take the place
    /// of those that the program sets.</summary>
    public IReadOnlyList<string>? TrustedProxies { get; set; }

    /// <inheritdoc cref="ProxyProtocolOptions.HandshakeTimeout"/>
    public TimeSpan? HandshakeTimeout { get; set; }

    /// <inheritdoc cref="ProxyProtocolOptions.MaxHeaderSize"/>
    public int? MaxHeaderSize { get; set; }

    internal void ApplyTo(ProxyProtocolOptions options, SettingPath path)
    {
        path.Set(TrustedProxies, value => options.TrustedProxies = ListOf(value));
        path.Set(HandshakeTimeout, value => options.HandshakeTimeout = value);
        path.Set(MaxHeaderSize, value => options.MaxHeaderSize = value);
    }

    /// <exception cref="ArgumentException">One is no network.</exception>
    internal static NetworkList ListOf(IEnumerable<string> networks)
    {
        var list = new NetworkList();
        foreach (string network in networks) list.Add(network);
        return list;
    }
}
