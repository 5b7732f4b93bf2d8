using System.Net;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Where a request comes from: the peer, or, if that is a trusted proxy, the client that it names. The fields are read from the
/// right, because each proxy adds its entry there, up to the first address that is no trusted proxy: that is the client. What
/// stands left of it was sent by the client itself and proves nothing. A value; pure.
/// </summary>
/// <param name="Ip">The client's address; empty if it is not known.</param>
/// <param name="Scheme">The scheme that the client used: <c>http</c> or <c>https</c>.</param>
/// <param name="Host">The host that the client asked for, with its port if it has one.</param>
internal sealed record RequestOrigin(string Ip, string Scheme, string Host)
{
    /// <summary>The origin as it is known without any header field.</summary>
    public static RequestOrigin OfPeer(IPAddress? peer, bool isSecure, string host) =>
        new(peer is null ? "" : NetworkList.Unmap(peer).ToString(), isSecure ? "https" : "http", host);

    /// <summary>The origin that a trusted proxy names.</summary>
    /// <exception cref="BadRequestException">Forwarded and X-Forwarded-… do not say the same, so one of them may have been sent
    /// by the client. What only one of them says may have been too.</exception>
    public RequestOrigin Follow(Request request, HttpOptions options)
    {
        ForwardedFields fields = options.ForwardedFields;
        string? Field(ForwardedFields field, string name) => (fields & field) == 0 ? null : request.Header(name);
        RequestOrigin? standard = Field(ForwardedFields.Forwarded,
            "forwarded") is { } forwarded ? FollowForwarded(forwarded, options.TrustedProxies) : null;
        RequestOrigin? usual = FollowLists(
            Field(ForwardedFields.XForwardedFor, "x-forwarded-for"), Field(ForwardedFields.XForwardedProto, "x-forwarded-proto"),
            Field(ForwardedFields.XForwardedHost, "x-forwarded-host"), options.TrustedProxies);
        if (standard is not null && usual is not null && standard != usual)
            throw new BadRequestException(400, "Forwarded and X-Forwarded-... do not say the same of the client");
        return standard ?? usual ?? this;
    }

    private RequestOrigin FollowForwarded(string field, NetworkList proxies)
    {
        RequestOrigin origin = this;
        var elements = new ListFromRight(field);
        bool isProxy = true;
        while (isProxy && elements.TryTake(out ReadOnlySpan<char> text))
        {
            ForwardedElement element = ForwardedElement.Read(text);
            origin = new RequestOrigin(element.For?.ToString() ?? origin.Ip, element.Scheme ?? origin.Scheme,
                element.Host ?? origin.Host);
            isProxy = element.For is not null && proxies.Contains(element.For);
        }
        return origin;
    }

    /// <summary>
    /// The X-Forwarded fields are a list for each kind. In each of them the entry counts that is as many steps from the right as
    /// the client's address is in the list of addresses; in a shorter list the first one.
    /// </summary>
    private RequestOrigin? FollowLists(string? addresses, string? schemes, string? hosts, NetworkList proxies)
    {
        if (addresses is null && schemes is null && hosts is null) return null;
        string ip = Ip;
        int steps = 0;
        var nodes = new ListFromRight(addresses);
        bool isProxy = true;
        while (isProxy && nodes.TryTake(out ReadOnlySpan<char> node))
        {
            steps++;
            isProxy = ForwardedElement.TryReadNode(node, out IPAddress? address) && proxies.Contains(address!);
            if (address is not null) ip = address.ToString();
        }
        return new RequestOrigin(ip, ForwardedElement.SchemeOf(FromRight(schemes, steps)) ?? Scheme,
            ForwardedElement.HostOf(FromRight(hosts, steps)) ?? Host);
    }

    private static ReadOnlySpan<char> FromRight(string? list, int steps)
    {
        var elements = new ListFromRight(list);
        ReadOnlySpan<char> found = default;
        for (int i = 0; i < Math.Max(steps, 1) && elements.TryTake(out ReadOnlySpan<char> element); i++) found = element;
        return found;
    }
}

/// <summary>
/// One element of Forwarded (RFC 7239 section 4): what one proxy says of the request that it received. Each part is null if it is
/// missing or cannot be read. A value that should be quoted and is not is read too; an element with one name twice counts as
/// empty. Pure.
/// </summary>
internal readonly record struct ForwardedElement(IPAddress? For, string? Scheme, string? Host)
{
    /// <summary>forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )</summary>
    public static ForwardedElement Read(ReadOnlySpan<char> text)
    {
        var pairs = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (!(text = text.TrimStart(" \t;")).IsEmpty)
        {
            int equals = text.IndexOf('=');
            if (equals < 0 || !HttpChars.IsToken(text[..equals])) return default;
            string name = text[..equals].ToString();
            if (!TryReadValue(text[(equals + 1)..], out string value, out text) || !pairs.TryAdd(name, value)) return default;
        }
        return new ForwardedElement(
            TryReadNode(pairs.GetValueOrDefault("for"), out IPAddress? node) ? node : null,
            SchemeOf(pairs.GetValueOrDefault("proto")), HostOf(pairs.GetValueOrDefault("host")));
    }

    /// <summary>
    /// An address with or without a port; in brackets if it is one of IPv6, which <c>X-Forwarded-For</c> has without them too
    /// (RFC 7239 section 6). <c>unknown</c> and <c>_hidden</c> are not addresses.
    /// </summary>
    public static bool TryReadNode(ReadOnlySpan<char> node, out IPAddress? address)
    {
        address = null;
        ReadOnlySpan<char> name = node;
        int colon = node.LastIndexOf(':');
        if (node.StartsWith("["))
        {
            int end = node.IndexOf(']');
            if (end < 0 || (end + 1 < node.Length && (colon != end + 1 || !IsPort(node[(colon + 1)..])))) return false;
            name = node[1..end];
            if (!name.Contains(':')) return false;
        }
        else if (colon >= 0 && node.IndexOf(':') == colon)
        {
            if (!IsPort(node[(colon + 1)..])) return false;
            name = node[..colon];
        }
        if (!AddressText.TryRead(name, out IPAddress? parsed)) return false;
        address = NetworkList.Unmap(parsed!);
        return true;
    }

    /// <summary>
    /// The scheme that a request came by, <c>http</c> or <c>https</c>; null for any other. Some proxies say <c>ws</c> or
    /// <c>wss</c> of the request that a WebSocket begins with.
    /// </summary>
    public static string? SchemeOf(ReadOnlySpan<char> scheme) =>
        Is(scheme, "https") || Is(scheme, "wss") ? "https" : Is(scheme, "http") || Is(scheme, "ws") ? "http" : null;

    private static bool Is(ReadOnlySpan<char> scheme, string known) => scheme.Equals(known, StringComparison.OrdinalIgnoreCase);

    /// <summary>A host with or without a port; null if the text is not one.</summary>
    public static string? HostOf(ReadOnlySpan<char> host)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(host)];
        Encoding.UTF8.GetBytes(host, bytes);
        return HostName.IsHost(bytes) ? host.ToString() : null;
    }

    /// <summary>node-port = 1*5DIGIT / obfport</summary>
    private static bool IsPort(ReadOnlySpan<char> port) =>
        port.StartsWith("_") ? HttpChars.IsToken(port) : port.Length is > 0 and <= 5 && !port.ContainsAnyExceptInRange('0', '9');

    private static bool TryReadValue(ReadOnlySpan<char> text, out string value, out ReadOnlySpan<char> rest)
    {
        if (text.StartsWith("\"")) return TryReadQuoted(text[1..], out value, out rest);
        int end = text.IndexOf(';');
        value = (end < 0 ? text : text[..end]).Trim(" \t").ToString();
        rest = end < 0 ? default : text[end..];
        return value.Length > 0 && !value.Contains('"', StringComparison.Ordinal);
    }

    private static bool TryReadQuoted(ReadOnlySpan<char> text, out string value, out ReadOnlySpan<char> rest)
    {
        var unquoted = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '"')
            {
                value = unquoted.ToString();
                rest = text[(i + 1)..].TrimStart(" \t");
                return rest.IsEmpty || rest[0] == ';';
            }
            if (text[i] == '\\' && i + 1 < text.Length) i++;
            unquoted.Append(text[i]);
        }
        value = "";
        rest = default;
        return false;
    }
}

/// <summary>
/// The elements of a comma-separated list, the last first. Each proxy adds one at the right end, so what a client has sent at the
/// left, even a quote that is never closed, does not change how the elements after it are read. Pure.
/// </summary>
internal ref struct ListFromRight(ReadOnlySpan<char> list)
{
    private ReadOnlySpan<char> _rest = list;

    /// <summary>Takes the last element that is left and not empty, without the white space around it.</summary>
    public bool TryTake(out ReadOnlySpan<char> element)
    {
        do
        {
            int comma = LastComma(_rest);
            element = _rest[(comma + 1)..].Trim(" \t");
            _rest = comma < 0 ? default : _rest[..comma];
        }
        while (element.IsEmpty && !_rest.IsEmpty);
        return !element.IsEmpty;
    }

    /// <summary>The last comma that is not within a quoted string.</summary>
    private static int LastComma(ReadOnlySpan<char> text)
    {
        bool quoted = false;
        for (int i = text.Length - 1; i >= 0; i--)
        {
            if (text[i] == '"' && !IsEscaped(text, i)) quoted = !quoted;
            else if (text[i] == ',' && !quoted) return i;
        }
        return -1;
    }

    /// <summary>An odd number of backslashes stands before it (RFC 9110 section 5.6.4).</summary>
    private static bool IsEscaped(ReadOnlySpan<char> text, int index)
    {
        int first = index;
        while (first > 0 && text[first - 1] == '\\') first--;
        return (index - first) % 2 == 1;
    }
}
