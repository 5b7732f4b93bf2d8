using System.Net;
using Workerman.Protocols.Proxies;

namespace Workerman.Connection;

/// <summary>What kind of proxy it is.</summary>
internal enum ProxyKind
{
    Socks5,
    HttpConnect,
}

/// <summary>A proxy to connect through, and who is asking: <c>[user:password@]host:port</c>, taken apart. Immutable; it is never printed with its password.</summary>
internal sealed record ProxyAddress(ProxyKind Kind, string Host, int Port, string? User, string? Password)
{
    /// <summary>RFC 1929, section 2: user and password have 1 to 255 bytes each.</summary>
    private const int MaxSecret = 255;

    public IPAddress? Address => !IPAddress.TryParse(Host, out IPAddress? address) ? null : address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private string Scheme => Kind == ProxyKind.Socks5 ? "socks5" : "http";

    /// <exception cref="ArgumentException">It is no such address.</exception>
    public static ProxyAddress Parse(ProxyKind kind, string text)
    {
        int scheme = text.IndexOf("://", StringComparison.Ordinal);
        string rest = scheme < 0 ? text : text[(scheme + 3)..];
        int at = rest.LastIndexOf('@');
        string authority = rest[(at + 1)..].TrimEnd('/');
        if (scheme >= 0 && text[..scheme] is var given && given != "tcp" && given != (kind == ProxyKind.Socks5 ? "socks5" : "http"))
            throw new ArgumentException($"A proxy of {given}:// is not known here. Cure: write it as [user:password@]host:port.");
        if (authority.Any(c => char.IsControl(c) || char.IsWhiteSpace(c))) throw new ArgumentException("The proxy's address has a control character or a space. Cure: write it as [user:password@]host:port.");
        (string host, int port) = ClientAddress.ParseAuthority($"the proxy {authority}", authority);
        if (at < 0) return new ProxyAddress(kind, host, port, null, null);
        string[] secrets = rest[..at].Split(':', 2);
        string user = Uri.UnescapeDataString(secrets[0]);
        string password = secrets.Length > 1 ? Uri.UnescapeDataString(secrets[1]) : "";
        Check(kind, user, password);
        return new ProxyAddress(kind, host, port, user, password);
    }

    /// <summary>The conversation that leads through it to a target.</summary>
    public ProxyHandshake HandshakeTo(ClientAddress target) => Kind == ProxyKind.Socks5
        ? new Socks5Handshake(target.Host, target.Port, User, Password)
        : new HttpConnectHandshake(target.Authority, User, Password);

    public override string ToString() => $"{Scheme}://{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}";

    private static void Check(ProxyKind kind, string user, string password)
    {
        if (kind == ProxyKind.Socks5)
        {
            if (Size(user) is 0 or > MaxSecret || Size(password) is 0 or > MaxSecret)
                throw new ArgumentException("A SOCKS5 proxy takes a user and a password of 1 to 255 bytes each (RFC 1929). Cure: write it as user:password@host:port.");
        }
        else if (user.Contains(':', StringComparison.Ordinal) || user.Any(char.IsControl) || password.Any(char.IsControl))
        {
            // RFC 7617, section 2.
            throw new ArgumentException("The user of an HTTP proxy has no colon, and neither user nor password has a control character (RFC 7617).");
        }
    }

    private static int Size(string text) => System.Text.Encoding.UTF8.GetByteCount(text);
}
