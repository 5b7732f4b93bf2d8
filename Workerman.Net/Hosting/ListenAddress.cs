using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Workerman.Protocols;

namespace Workerman.Hosting;

/// <summary>An address to listen on, <c>scheme://host:port</c> or <c>unix://path</c>, taken apart. Pure but for the look-up of host names.</summary>
/// <param name="Text">As it was given.</param>
/// <param name="Scheme">In lower case.</param>
/// <param name="EndPoint">Where to listen: an <see cref="IPEndPoint"/>, or a <see cref="UnixDomainSocketEndPoint"/>.</param>
internal sealed record ListenAddress(string Text, string Scheme, EndPoint EndPoint)
{
    private const string Form = "write it as scheme://host:port, for example http://0.0.0.0:8080 or http://[::1]:8080";

    /// <summary>The scheme of an address, or an empty text if it has none.</summary>
    public static string SchemeOf(string text)
    {
        int end = text.IndexOf("://", StringComparison.Ordinal);
        return end < 0 ? "" : AsciiCase.ToLower(text[..end]);
    }

    /// <exception cref="WorkerStartException">It is no address, or its host is unknown.</exception>
    public static ListenAddress Parse(string text)
    {
        if (HasControl(text)) throw Bad(Visible(text), "it has a control character");
        string scheme = SchemeOf(text);
        if (scheme.Length == 0) throw Bad(text, "it has no scheme");
        if (scheme == "unix") return new ListenAddress(text, scheme, UnixPath.EndPointOf(text));
        string authority = text[(scheme.Length + 3)..].TrimEnd('/');
        // Before anything quotes the address: a password is nobody's business.
        if (authority.Contains('@', StringComparison.Ordinal))
            throw new WorkerStartException($"Cannot listen on {scheme}://...: it has a user name or a password before an @, and who may connect is not said there. Cure: {Form}.");
        int colon = authority.LastIndexOf(':');
        if (colon < 0 || colon < authority.LastIndexOf(']')) throw Bad(text, "it has no port");
        if (!ushort.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
            throw Bad(text, $"'{authority[(colon + 1)..]}' is no port (0 to 65535)");
        return new ListenAddress(text, scheme, new IPEndPoint(Resolve(text, authority[..colon]), port));
    }

    private static IPAddress Resolve(string text, string host)
    {
        if (host.Length == 0) throw Bad(text, "it has no host");
        if (host.StartsWith('[') != host.EndsWith(']')) throw Bad(text, "its brackets do not match");
        if (host.StartsWith('[')) return IPAddress.TryParse(host[1..^1], out IPAddress? v6) && v6.AddressFamily == AddressFamily.InterNetworkV6 ? Unmapped(v6) : throw Bad(text, $"{host} is no IPv6 address");
        if (host.Contains(':', StringComparison.Ordinal)) throw Bad(text, "an IPv6 address goes into brackets");
        // Four numbers: IPAddress would also read 1 and 0x7f.1 as addresses.
        if (host.AsSpan().Count('.') == 3 && IPAddress.TryParse(host, out IPAddress? v4)) return v4;
        if (IsNumeric(host)) throw Bad(text, $"{host} is no IPv4 address");
        return LookUp(text, host);
    }

    private static bool HasControl(string text)
    {
        foreach (char c in text)
        {
            if (char.IsControl(c)) return true;
        }
        return false;
    }

    // Loops of their own, without LINQ: what a server needs before its first answer is compiled while its client waits.
    private static bool IsNumeric(string host)
    {
        foreach (char c in host)
        {
            if (!char.IsAsciiDigit(c) && c != '.') return false;
        }
        return true;
    }

    /// <summary>An IPv4 address in IPv6 clothes is listened on as what it is.</summary>
    private static IPAddress Unmapped(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static IPAddress LookUp(string text, string host)
    {
        try
        {
            IPAddress[] addresses = Dns.GetHostAddresses(host);
            return addresses.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses[0];
        }
        catch (Exception e) when (e is SocketException or ArgumentException or IndexOutOfRangeException)
        {
            throw new WorkerStartException($"Cannot listen on {text}: the host name {host} is not known. Cure: check it, or use an IP address.", e);
        }
    }

    private static string Visible(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));

    private static WorkerStartException Bad(string text, string cause) => new($"Cannot listen on {text}: {cause}. Cure: {Form}.");
}
