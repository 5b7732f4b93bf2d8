namespace Workerman.Connection;

/// <summary>The address of a UDP client, <c>scheme://host:port</c>, taken apart. Pure: it looks no name up.</summary>
/// <param name="Scheme">In lower case.</param>
/// <param name="Server">Host and port.</param>
internal sealed record DatagramAddress(string Scheme, HostAndPort Server)
{
    private const string Form = "write it as udp://host:port, for example udp://127.0.0.1:9292 or udp://[::1]:9292, "
        + "or with text:// or frame://";

    private static readonly AddressParser Parser = new(lowestPort: 1, Bad);

    /// <exception cref="ArgumentException">It is no such address; the message says why and how to write it.</exception>
    public static DatagramAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = text.Trim(' ');
        (string scheme, string rest) = Parser.Split(text);
        if (scheme is not ("udp" or "text" or "frame")) throw Bad(text, $"{scheme}:// is not spoken over UDP");
        int length = rest.AsSpan().IndexOfAny("/?#\\");
        string authority = length < 0 ? rest : rest[..length];
        if (AddressParser.HasUser(authority, rest)) throw User(scheme, rest);
        if (authority.Length == 0) throw Bad(text, "it is no address");
        if (length >= 0 && rest[length..] != "/") throw Bad(text, "it has more than host and port");
        return new DatagramAddress(scheme, Parser.ParseAuthority(text, authority));
    }

    public override string ToString() => $"{Scheme}://{Server}";

    private static ArgumentException User(string scheme, string rest) => Bad(
        $"{scheme}://...{rest[rest.LastIndexOf('@')..]}",
        "it has a user name before the @, and datagrams have no place for a user");

    private static ArgumentException Bad(string text, string cause) => new($"Cannot send to {text}: {cause}. Cure: {Form}.");
}
