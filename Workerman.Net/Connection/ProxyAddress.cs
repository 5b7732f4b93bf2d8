using Workerman.Protocols.Proxies;

namespace Workerman.Connection;

/// <summary>What kind of proxy it is.</summary>
internal enum ProxyKind
{
    Socks5,
    HttpConnect,
}

/// <summary>
/// A proxy to connect through, and who is asking: <c>[user:password@]host:port</c>, taken apart. Immutable; it is never printed
/// with its password.
/// </summary>
internal sealed record ProxyAddress(ProxyKind Kind, HostAndPort Server, string? User, string? Password)
{
    private const string Cure = "Cure: write it as [user:password@]host:port.";

    /// <summary>RFC 1929, section 2: user and password have 1 to 255 bytes each.</summary>
    private const int MaxSecret = 255;

    private static readonly AddressParser Parser = new(
        lowestPort: 1,
        static (authority, cause) => new ArgumentException($"Cannot connect to the proxy {authority}: {cause}. {Cure}"));

    /// <exception cref="ArgumentException">It is no such address.</exception>
    public static ProxyAddress Parse(ProxyKind kind, string text)
    {
        string scheme = AddressParser.SchemeOf(text);
        if (scheme.Length > 0 && scheme != "tcp" && scheme != SchemeOf(kind))
            throw new ArgumentException($"A proxy of {scheme}:// is not known here. {Cure}");
        string rest = scheme.Length == 0 ? text : text[(scheme.Length + 3)..];
        int at = rest.LastIndexOf('@');
        string authority = rest[(at + 1)..].TrimEnd('/');
        if (authority.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
            throw new ArgumentException($"The proxy's address has a control character or a space. {Cure}");
        HostAndPort server = Parser.ParseAuthority(authority, authority);
        if (at < 0) return new ProxyAddress(kind, server, null, null);
        string[] secrets = rest[..at].Split(':', 2);
        string user = Uri.UnescapeDataString(secrets[0]);
        string password = secrets.Length > 1 ? Uri.UnescapeDataString(secrets[1]) : "";
        Check(kind, user, password);
        return new ProxyAddress(kind, server, user, password);
    }

    /// <summary>The conversation that leads through it to a target.</summary>
    public ProxyHandshake HandshakeTo(ClientAddress target) => Kind == ProxyKind.Socks5
        ? new Socks5Handshake(target.Host, target.Port, User, Password)
        : new HttpConnectHandshake(target.Server.ToString(), User, Password);

    public override string ToString() => $"{SchemeOf(Kind)}://{Server}";

    private static string SchemeOf(ProxyKind kind) => kind == ProxyKind.Socks5 ? "socks5" : "http";

    private static void Check(ProxyKind kind, string user, string password)
    {
        if (kind == ProxyKind.Socks5)
        {
            if (Size(user) is 0 or > MaxSecret || Size(password) is 0 or > MaxSecret)
                throw new ArgumentException("A SOCKS5 proxy takes a user and a password of 1 to 255 bytes each (RFC 1929). Cure: "
                    + "write it as user:password@host:port.");
        }
        else if (user.Contains(':', StringComparison.Ordinal) || user.Any(char.IsControl) || password.Any(char.IsControl))
        {
            // RFC 7617, section 2.
            throw new ArgumentException(
                "The user of an HTTP proxy has no colon, and neither user nor password has a control character (RFC 7617).");
        }
    }

    private static int Size(string text) => System.Text.Encoding.UTF8.GetByteCount(text);
}
