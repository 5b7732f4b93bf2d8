using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The grammar that all addresses of the library have in common, <c>scheme://host:port</c>: those of workers, clients, UDP
/// clients and proxies. Each of these types says what else its addresses may have, and how it refuses one. It looks no name up.
/// Immutable; any thread.
/// </summary>
/// <param name="lowestPort">0 where the system may choose the port, else 1.</param>
/// <param name="refuse">Makes an exception of the address, as it may be quoted, and of what is wrong with it.</param>
internal sealed class AddressParser(int lowestPort, Func<string, string, Exception> refuse)
{
    /// <summary>
    /// What no host name has (WHATWG URL section 3.2): each of it would mean something else where the name is written.
    /// </summary>
    private static readonly SearchValues<char> NotInNames = SearchValues.Create(" #%/:<>?@[\\]^|");

    private static readonly SearchValues<char> InIPv4 = SearchValues.Create("0123456789.");

    /// <summary>The scheme of an address in lower case, or an empty text if it has none.</summary>
    public static string SchemeOf(string text)
    {
        int end = text.IndexOf("://", StringComparison.Ordinal);
        return end < 0 ? "" : AsciiCase.ToLower(text[..end]);
    }

    /// <summary>
    /// Whether an address has a user, also where a slash in its password ends the authority. Ask before anything quotes the
    /// address: a password stands in no log.
    /// </summary>
    /// <param name="authority">What stands before the path.</param>
    /// <param name="rest">All behind <c>scheme://</c>.</param>
    public static bool HasUser(string authority, string rest) =>
        authority.Contains('@', StringComparison.Ordinal)
        || (rest.Contains('@', StringComparison.Ordinal)
            && authority.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon
            && !authority.StartsWith('[')
            && authority.AsSpan(colon + 1).ContainsAnyExceptInRange('0', '9'));

    /// <summary>Takes the scheme off, in lower case, and leaves what stands behind <c>://</c>.</summary>
    public (string Scheme, string AfterScheme) Split(string text)
    {
        // A control character would end a line of what is said to proxies and servers, and of the log.
        if (HasControl(text)) throw refuse(Visible(text), "it has a control character");
        string scheme = SchemeOf(text);
        return scheme.Length == 0 ? throw refuse(text, "it has no scheme") : (scheme, text[(scheme.Length + 3)..]);
    }

    /// <summary>Takes <c>host:port</c> apart.</summary>
    /// <param name="text">What an error quotes.</param>
    /// <param name="authority">Host and port.</param>
    public HostAndPort ParseAuthority(string text, string authority)
    {
        if (!HasPort(authority)) throw refuse(text, "it has no port");
        int colon = authority.LastIndexOf(':');
        string digits = authority[(colon + 1)..];
        if (!ushort.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port < lowestPort)
            throw refuse(text, $"'{digits}' is no port ({lowestPort} to 65535)");
        return new HostAndPort(HostOf(text, authority[..colon]), port);
    }

    /// <summary>Whether a port is said: a colon behind the brackets of an IPv6 address.</summary>
    public static bool HasPort(string authority) => authority.LastIndexOf(':') > authority.LastIndexOf(']');

    // Loops without LINQ: what a server needs before its first answer is compiled while its client waits.
    private static bool HasControl(string text)
    {
        foreach (char c in text)
        {
            if (char.IsControl(c)) return true;
        }
        return false;
    }

    private static string Visible(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));

    private string HostOf(string text, string host)
    {
        if (host.Length == 0) throw refuse(text, "it has no host");
        if (host.StartsWith('[')) return IsIPv6(host) ? host[1..^1] : throw refuse(text, $"{host} is no IPv6 address");
        if (host.Contains(':', StringComparison.Ordinal)) throw refuse(text, "an IPv6 address goes into brackets");
        if (host.AsSpan().ContainsAnyExcept(InIPv4)) return NameOf(text, host);
        // Four numbers: IPAddress would also read 1 and 127.1 as addresses.
        bool isIPv4 = host.AsSpan().Count('.') == 3 && IPAddress.TryParse(host, out _);
        return isIPv4 ? host : throw refuse(text, $"{host} is no IPv4 address");
    }

    private static bool IsIPv6(string host) => host.EndsWith(']')
        && IPAddress.TryParse(host.AsSpan(1, host.Length - 2), out IPAddress? address)
        && address.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>A name as DNS and proxies know it (RFC 5891), at most 255 bytes, which is what SOCKS has room for.</summary>
    private string NameOf(string text, string host)
    {
        string name;
        try
        {
            // In lower case first: without ICU the mapping leaves capitals as they are, which are another name in DNS.
            name = Ascii.IsValid(host)
                ? host
                : new IdnMapping().GetAscii(string.Concat(host.Normalize().Select(char.ToLowerInvariant)));
        }
        catch (ArgumentException)
        {
            throw refuse(text, $"{host} is no host name");
        }
        if (name.AsSpan().ContainsAny(NotInNames)) throw refuse(text, $"{host} is no host name");
        return name.Length <= 255 ? name : throw refuse(text, "its host name has more than 255 characters");
    }
}

/// <summary>A host and a port, taken apart. Immutable.</summary>
/// <param name="Host">A host name in ASCII, or an IP address, without brackets.</param>
/// <param name="Port">0 to 65535.</param>
internal readonly record struct HostAndPort(string Host, int Port)
{
    /// <summary>The host's address, where it is one, as IPv4 where it is that; null for a name.</summary>
    public IPAddress? Address => IPAddress.TryParse(Host, out IPAddress? address) ? address.Unmapped() : null;

    /// <summary>As it is written in an address.</summary>
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
