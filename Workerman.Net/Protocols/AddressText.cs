using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace Workerman.Protocols;

/// <summary>
/// IP addresses as they are usually written: four decimal numbers, or IPv6 without brackets and scope. .NET reads <c>127.1</c>,
/// <c>017.0.0.1</c> and <c>[::1]:80</c> as addresses too, which others take for something else. Pure.
/// </summary>
internal static class AddressText
{
    private static readonly SearchValues<char> Characters = SearchValues.Create("0123456789abcdefABCDEF:.");

    public static bool TryRead(ReadOnlySpan<char> text, out IPAddress? address)
    {
        address = null;
        if (text.ContainsAnyExcept(Characters) || !IPAddress.TryParse(text, out IPAddress? parsed)) return false;
        if (parsed.AddressFamily == AddressFamily.InterNetwork && !text.SequenceEqual(parsed.ToString())) return false;
        address = parsed;
        return true;
    }
}
