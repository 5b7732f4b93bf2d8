using System.Net;
using System.Net.Sockets;

namespace Workerman.Connection;

/// <summary>
/// The address that a client connects to, <c>scheme://host:port/path?query</c> or <c>unix:///path/to.sock</c>, taken apart. Pure:
/// it looks no name up.
/// </summary>
/// <param name="Scheme">In lower case.</param>
/// <param name="Server">Host and port; nothing for a Unix socket.</param>
/// <param name="Uri">Path and query as they go over the wire, at least <c>/</c> (see <see cref="UrlPath"/>); for a Unix socket
/// its path as it is.</param>
internal sealed record ClientAddress(string Scheme, HostAndPort Server, string Uri)
{
    private const string Form = "write it as scheme://host:port, for example tcp://127.0.0.1:9000 or tcp://[::1]:9000, "
        + "or as unix:///path/to.sock";

    private static readonly AddressParser Parser = new(lowestPort: 1, Bad);

    /// <summary>Empty for a Unix socket.</summary>
    public string Host => Server.Host;

    /// <summary>1 to 65535; 0 for a Unix socket.</summary>
    public int Port => Server.Port;

    public bool IsUnix => Scheme == "unix";

    /// <summary>Whether the scheme means TLS.</summary>
    public bool IsSecure => Scheme is "ssl" or "wss";

    /// <summary>Whether the connection begins with HTTP/1.1.</summary>
    public bool SpeaksHttp => SpeaksHttpBy(Scheme);

    /// <summary>What a Host field says: the port only where it is not the scheme's own (RFC 6455 section 4.1).</summary>
    public string HostField
    {
        get
        {
            string authority = Server.ToString();
            return Port == ImpliedPort(Scheme) ? authority[..authority.LastIndexOf(':')] : authority;
        }
    }

    /// <exception cref="ArgumentException">It is no address; the message says why and how to write it.</exception>
    public static ClientAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.Trim(' ');
        (string scheme, string rest) = Parser.Split(text);
        if (scheme == "unix") return Unix(text, rest);
        bool isWeb = SpeaksHttpBy(scheme);
        int length = rest.AsSpan().IndexOfAny(isWeb ? "/?#\\" : "/?#");
        string authority = length < 0 ? rest : rest[..length];
        if (AddressParser.HasUser(authority, rest)) throw User(scheme);
        if (authority.Any(char.IsWhiteSpace)) throw Bad(text, "it has a space in its host or port");
        if (isWeb && authority.EndsWith(':')) authority = authority[..^1];
        if (ImpliedPort(scheme) is { } implied && !AddressParser.HasPort(authority)) authority = $"{authority}:{implied}";
        return new ClientAddress(scheme, Parser.ParseAuthority(text, authority),
            UrlPath.Of(length < 0 ? "" : rest[length..], isWeb));
    }

    public override string ToString() => IsUnix ? $"unix://{Uri}" : $"{Scheme}://{Server}";

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
        return new ClientAddress("unix", new HostAndPort("", 0), path);
    }

    /// <summary>It quotes nothing of the address: the password may be anywhere in it.</summary>
    private static ArgumentException User(string scheme) => new(
        $"Cannot connect to {scheme}://...: it has a user name or a password before an @, "
        + $"and {scheme}:// has no place for a user. Cure: leave them out, and "
        + (SpeaksHttpBy(scheme)
            ? "send them as a header field: "
            + "connection.WebSocket.Headers[\"Authorization\"] = \"Basic \" + Convert.ToBase64String(\"user:password\"u8)."
            : "send them as your protocol has it, in OnConnect."));

    private static ArgumentException Bad(string text, string cause) => new($"Cannot connect to {text}: {cause}. Cure: {Form}.");
}
