using System.Net;

namespace Workerman.Connection;

/// <summary>The address of a UDP client, <c>scheme://host:port</c>, taken apart. Pure: it looks no name up.</summary>
/// <param name="Scheme">In lower case.</param>
/// <param name="Host">A name or an IP address, without brackets.</param>
/// <param name="Port">1 to 65535.</param>
internal sealed record DatagramAddress(string Scheme, string Host, int Port)
{
    /// <summary>The host's address, where it is one; null for a name.</summary>
    public IPAddress? Address => !IPAddress.TryParse(Host, out IPAddress? address) ? null : address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <exception cref="ArgumentException">It is no such address; the message says why and how to write it.</exception>
    public static DatagramAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0) throw Bad(text, "it is no address");
        if (uri.Scheme is not ("udp" or "text" or "frame")) throw Bad(text, $"{uri.Scheme}:// is not spoken over UDP");
        if (uri.Port <= 0) throw Bad(text, "it has no port");
        if (uri.UserInfo.Length > 0) throw Bad($"{uri.Scheme}://...@{uri.Authority}", "it has a user name before the @, and datagrams have no place for a user");
        if (uri.PathAndQuery.Length > 1 || uri.Fragment.Length > 0) throw Bad(text, "it has more than host and port");
        return new DatagramAddress(uri.Scheme, uri.IdnHost.Trim('[', ']'), uri.Port);
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"{Scheme}://[{Host}]:{Port}" : $"{Scheme}://{Host}:{Port}";

    private static ArgumentException Bad(string text, string cause) =>
        new($"Cannot send to {text}: {cause}. Cure: write it as udp://host:port, for example udp://127.0.0.1:9292 or udp://[::1]:9292, or with text:// or frame://.");
}
