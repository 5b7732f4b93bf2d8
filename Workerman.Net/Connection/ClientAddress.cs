using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The address that a client connects to, <c>scheme://host:port/path?query</c> or <c>unix:///path/to.sock</c>, taken apart. Pure: it looks no name up.
/// </summary>
/// <param name="Scheme">In lower case.</param>
/// <param name="Host">A host name in ASCII, or an IP address, without brackets; empty for a Unix socket.</param>
/// <param name="Port">1 to 65535; 0 for a Unix socket.</param>
/// <param name="Uri">Path and query as they go over the wire, at least <c>/</c> (see <see cref="UrlPath"/>); for a Unix socket
/// its path as it is.</param>
internal sealed record ClientAddress(string Scheme, string Host, int Port, string Uri)
{
    private const string Form = "write it as scheme://host:port, for example tcp://127.0.0.1:9000 or tcp://[::1]:9000, or as unix:///path/to.sock";

    /// <summary>
    /// What no host name has (WHATWG URL section 3.2): each of it would mean something else where the name is written.
    /// </summary>
    private static readonly SearchValues<char> NotInNames = SearchValues.Create(" #%/:<>?@[\\]^|");

    public bool IsUnix => Scheme == "unix";

    /// <summary>Whether the scheme means TLS.</summary>
    public bool IsSecure => Scheme is "ssl" or "wss";

    /// <summary>Whether the connection begins with HTTP/1.1.</summary>
    public bool SpeaksHttp => SpeaksHttpBy(Scheme);

    /// <summary>The host's address, where it is one; null for a name.</summary>
    public IPAddress? Address => !IPAddress.TryParse(Host, out IPAddress? address) ? null : address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>Host and port as they are written in an address.</summary>
    public string Authority => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    /// <summary>What a Host field says: the port only where it is not the scheme's own (RFC 6455 section 4.1).</summary>
    public string HostField => Port == ImpliedPort(Scheme) ? Authority[..Authority.LastIndexOf(':')] : Authority;

    /// <exception cref="ArgumentException">It is no address; the message says why and how to write it.</exception>
    public static ClientAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        // They would end a line of what is said to proxies and servers.
        if (text.Any(char.IsControl)) throw Bad(string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)), "it has a control character");
        text = text.Trim(' ');
        int end = text.IndexOf("://", StringComparison.Ordinal);
        if (end <= 0) throw Bad(text, "it has no scheme");
        string scheme = AsciiCase.ToLower(text[..end]);
        string rest = text[(end + 3)..];
        if (scheme == "unix") return Unix(text, rest);
        bool isWeb = SpeaksHttpBy(scheme);
        int length = rest.AsSpan().IndexOfAny(isWeb ? "/?#\\" : "/?#");
        string authority = length < 0 ? rest : rest[..length];
        string path = UrlPath.Of(length < 0 ? "" : rest[length..], isWeb);
        // Before anything quotes the address: a password is nobody's business.
        if (HasUser(authority, rest)) throw User(scheme);
        if (authority.Any(char.IsWhiteSpace)) throw Bad(text, "it has a space in its host or port");
        if (isWeb && authority.EndsWith(':')) authority = authority[..^1];
        bool isPortImplied = authority.LastIndexOf(':') <= authority.LastIndexOf(']');
        (string host, int port) = ParseAuthority(text, isPortImplied && ImpliedPort(scheme) is { } implied ? $"{authority}:{implied}" : authority);
        return new ClientAddress(scheme, host, port, path);
    }

    /// <summary>Host and port of <c>host:port</c>; <paramref name="text"/> is what error messages quote.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static (string Host, int Port) ParseAuthority(string text, string authority)
    {
        int colon = authority.LastIndexOf(':');
        if (colon < 0 || colon < authority.LastIndexOf(']')) throw Bad(text, "it has no port");
        if (!ushort.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0)
            throw Bad(text, $"'{authority[(colon + 1)..]}' is no port (1 to 65535)");
        return (HostOf(text, authority[..colon]), port);
    }

    public override string ToString() => IsUnix ? $"unix://{Uri}" : $"{Scheme}://{Authority}";

    private static bool SpeaksHttpBy(string scheme) => scheme is "ws" or "websocket" or "wss";

    /// <summary>RFC 6455 section 3: the port where none is said.</summary>
    private static int? ImpliedPort(string scheme) => scheme switch
    {
        "ws" or "websocket" => 80,
        "wss" => 443,
        _ => null,
    };

    private static ClientAddress Unix(string text, string path)
    {
        if (path.Length == 0) throw Bad(text, "it has no path");
        try
        {
            _ = new UnixDomainSocketEndPoint(path);
        }
        catch (Exception e) when (e is ArgumentException or PlatformNotSupportedException)
        {
            throw Bad(text, "the system takes no such path for a socket (it is too long, mostly)");
        }
        return new ClientAddress("unix", "", 0, path);
    }

    private static string HostOf(string text, string host)
    {
        if (host.Length == 0) throw Bad(text, "it has no host");
        if (host.StartsWith('['))
        {
            return host.EndsWith(']') && IPAddress.TryParse(host[1..^1], out IPAddress? v6) && v6.AddressFamily == AddressFamily.InterNetworkV6
                ? host[1..^1]
                : throw Bad(text, $"{host} is no IPv6 address");
        }
        if (host.Contains(':', StringComparison.Ordinal)) throw Bad(text, "an IPv6 address goes into brackets");
        if (host.All(c => char.IsAsciiDigit(c) || c == '.'))
        {
            // Four numbers: IPAddress would also read 1 and 0x7f.1 as addresses.
            return host.Count(c => c == '.') == 3 && IPAddress.TryParse(host, out _) ? host : throw Bad(text, $"{host} is no IPv4 address");
        }
        return NameOf(text, host);
    }

    /// <summary>A name as DNS and proxies know it (RFC 5891), at most 255 bytes, which is what SOCKS has room for.</summary>
    private static string NameOf(string text, string host)
    {
        string name;
        try
        {
            // In lower case first: without ICU the mapping leaves capitals as they are, which are another name in DNS.
            name = host.All(char.IsAscii) ? host : new IdnMapping().GetAscii(string.Concat(host.Normalize().Select(char.ToLowerInvariant)));
        }
        catch (ArgumentException)
        {
            throw Bad(text, $"{host} is no host name");
        }
        if (name.AsSpan().ContainsAny(NotInNames)) throw Bad(text, $"{host} is no host name");
        return name.Length <= 255 ? name : throw Bad(text, "its host name has more than 255 characters");
    }

    /// <summary>It quotes nothing of the address: the password may be anywhere in it.</summary>
    private static ArgumentException User(string scheme) => new(
        $"Cannot connect to {scheme}://...: it has a user name or a password before an @, and {scheme}:// has no place for a user. Cure: leave them out, and "
        + (SpeaksHttpBy(scheme)
            ? "send them as a header field: connection.WebSocket.Headers[\"Authorization\"] = \"Basic \" + Convert.ToBase64String(\"user:password\"u8)."
            : "send them as your protocol has it, in OnConnect."));

    /// <summary>Whether the authority has a user, or ends within a password that has a slash.</summary>
    private static bool HasUser(string authority, string rest) =>
        authority.Contains('@', StringComparison.Ordinal) || (rest.Contains('@', StringComparison.Ordinal) && authority.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon && !authority.StartsWith('[') && authority.AsSpan(colon + 1).ContainsAnyExceptInRange('0', '9'));

    private static ArgumentException Bad(string text, string cause) => new($"Cannot connect to {text}: {cause}. Cure: {Form}.");
}
