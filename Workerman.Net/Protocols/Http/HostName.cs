using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>uri-host [ ":" port ], as in Host and in authorities (RFC 9110 section 7.2, RFC 3986 section 3.2). Pure.</summary>
internal static class HostName
{
    /// <summary>
    /// reg-name and IPv4, without the comma that RFC 3986 allows: two Host fields that were merged into a list look like one name
    /// with a comma (RFC 9112 section 3.2).
    /// </summary>
    private static readonly SearchValues<byte> PlainBytes = SearchValues.Create(
        "-._~!$&'()*+;=0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>All characters that may occur in a host with its port.</summary>
    private static readonly SearchValues<byte> HostBytes = SearchValues.Create(
        "-._~!$&'()*+;=%0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:[]"u8);

    /// <summary>A host that is not empty, with or without a port.</summary>
    public static bool IsHost(ReadOnlySpan<byte> text)
    {
        // The usual host: a name without escapes, alone or with a port.
        int end = text.IndexOfAnyExcept(PlainBytes);
        if (end < 0) return !text.IsEmpty;
        if (text[end] == ':' && end > 0) return IsPort(text[(end + 1)..]);
        ReadOnlySpan<byte> name = Name(text);
        ReadOnlySpan<byte> after = text[name.Length..];
        if (name.IsEmpty || !(after.IsEmpty || (after[0] == ':' && IsPort(after[1..])))) return false;
        return name[0] == '[' ? IsLiteral(name) : HasWholeEscapes(name);
    }

    /// <summary>Whether a text can be the beginning of a host.</summary>
    public static bool CanBegin(ReadOnlySpan<byte> text) => !text.ContainsAnyExcept(HostBytes);

    /// <summary>The digits after the colon, or nothing.</summary>
    public static ReadOnlySpan<byte> Port(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> after = text[Name(text).Length..];
        return after.IsEmpty ? after : after[1..];
    }

    /// <summary>Whether two hosts of the http scheme are the same: case does not matter, and port 80 may be left out.</summary>
    public static bool AreSame(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) =>
        one.SequenceEqual(other) || (Ascii.EqualsIgnoreCase(Name(one), Name(other)) && PortNumber(one) == PortNumber(other));

    private static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text[0] != '[')
        {
            int colon = text.IndexOf((byte)':');
            return colon < 0 ? text : text[..colon];
        }
        int end = text.IndexOf((byte)']');
        return end < 0 ? text : text[..(end + 1)];
    }

    private static int PortNumber(ReadOnlySpan<byte> text) =>
        int.TryParse(Port(text), NumberStyles.None, CultureInfo.InvariantCulture, out int port) ? port : 80;

    /// <summary>port = *DIGIT; TCP has no port above 65535.</summary>
    private static bool IsPort(ReadOnlySpan<byte> digits)
    {
        int port = 0;
        foreach (byte digit in digits)
        {
            if (!char.IsAsciiDigit((char)digit) || (port = (port * 10) + digit - '0') > ushort.MaxValue) return false;
        }
        return true;
    }

    /// <summary>Plain characters, and escapes of two digits each (RFC 3986 section 2.1).</summary>
    private static bool HasWholeEscapes(ReadOnlySpan<byte> name)
    {
        for (int i = name.IndexOfAnyExcept(PlainBytes); i >= 0; i = name.IndexOfAnyExcept(PlainBytes))
        {
            if (name[i] != '%' || i + 2 >= name.Length || !char.IsAsciiHexDigit((char)name[i + 1])
                || !char.IsAsciiHexDigit((char)name[i + 2])) return false;
            name = name[(i + 3)..];
        }
        return true;
    }

    /// <summary>
    /// [ IPv6 ] without a zone, which has a meaning only on the client's own machine (RFC 3986 section 3.2.2). IPvFuture has no
    /// version yet.
    /// </summary>
    private static bool IsLiteral(ReadOnlySpan<byte> name) =>
        name.Length > 2 && name[^1] == ']' && !name.Contains((byte)'%') && !name[1..].Contains((byte)'[')
        && IPAddress.TryParse(Encoding.ASCII.GetString(name[1..^1]), out IPAddress? address)
        && address.AddressFamily == AddressFamily.InterNetworkV6;
}
