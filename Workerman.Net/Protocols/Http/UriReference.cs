using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>URI references for header fields (RFC 3986 section 4.1). Pure.</summary>
internal static class UriReference
{
    /// <summary>reserved, unreserved and the percent of what is encoded already.</summary>
    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("%:/?#[]@!$&'()*+,;=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>Percent-encodes what a URI cannot hold, the backslash too: browsers take a bare one for a slash.</summary>
    /// <exception cref="ArgumentException">There is a control character.</exception>
    public static string Encode(string text)
    {
        if (text.Any(char.IsControl))
            throw new ArgumentException("The location has a line break or another control character; remove or encode it.",
                nameof(text));
        if (!text.AsSpan().ContainsAnyExcept(Allowed)) return text;
        var encoded = new StringBuilder();
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            if (b < 0x80 && Allowed.Contains((char)b)) encoded.Append((char)b);
            else encoded.Append('%').Append(b.ToString("X2", null));
        }
        return encoded.ToString();
    }
}
