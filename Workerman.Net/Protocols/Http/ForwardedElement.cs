using System.Net;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// One element of Forwarded (RFC 7239 section 4): what one proxy says of what it received, each part null where it does not say,
/// or not in a form that is of use. A value that is not quoted though it should be is read too; a name twice makes nothing of the
/// whole. Pure.
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
    /// (RFC 7239 section 6). <c>unknown</c> and <c>_hidden</c> are none.
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

    /// <summary>A host with or without a port; null for what is none.</summary>
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
