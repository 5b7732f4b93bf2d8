using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Percent-decoding for query strings, forms and cookies (WHATWG URL, application/x-www-form-urlencoded). An invalid escape stays
/// as it is, as in PHP; bytes that are not UTF-8 become U+FFFD. Pure.
/// </summary>
internal static class UrlEncoding
{
    /// <summary>Reads <c>a=1&amp;b=2</c>.</summary>
    /// <param name="text">A query.</param>
    /// <param name="limit">Members that it may have.</param>
    /// <param name="tooMany">Makes the exception for more.</param>
    public static FieldCollection<string> Parse(ReadOnlySpan<byte> text, int limit, Func<BadRequestException> tooMany)
    {
        var members = new FieldCollection<string>();
        while (TryReadMember(ref text, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value))
        {
            if (members.Total == limit) throw tooMany();
            members.Add(Decode(name, plusIsSpace: true), Decode(value, plusIsSpace: true));
        }
        return members;
    }

    /// <summary>Finds the last member of a name, without reading the others.</summary>
    /// <param name="text">A query.</param>
    /// <param name="name">The name, decoded.</param>
    /// <param name="limit">Members that the query may have.</param>
    /// <param name="tooMany">Makes the exception for more.</param>
    /// <param name="value">The value, as it was sent.</param>
    public static bool TryFind(ReadOnlySpan<byte> text, string name, int limit, Func<BadRequestException> tooMany,
        out ReadOnlySpan<byte> value)
    {
        value = default;
        bool found = false;
        int count = 0;
        while (TryReadMember(ref text, out ReadOnlySpan<byte> next, out ReadOnlySpan<byte> nextValue))
        {
            if (count++ == limit) throw tooMany();
            if (!IsNamed(next, name)) continue;
            value = nextValue;
            found = true;
        }
        return found;
    }

    /// <summary>Reads the next <c>name=value</c>; members without a name are none.</summary>
    private static bool TryReadMember(scoped ref ReadOnlySpan<byte> text, out ReadOnlySpan<byte> name,
        out ReadOnlySpan<byte> value)
    {
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'&');
            ReadOnlySpan<byte> member = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            int equals = member.IndexOf((byte)'=');
            name = equals < 0 ? member : member[..equals];
            value = equals < 0 ? default : member[(equals + 1)..];
            if (!name.IsEmpty) return true;
        }
        name = value = default;
        return false;
    }

    private static bool IsNamed(ReadOnlySpan<byte> sent, string name) =>
        IsPlain(sent) && Ascii.IsValid(sent) ? Ascii.Equals(sent, name) : Decode(sent, plusIsSpace: true) == name;

    /// <summary>Whether nothing of it is encoded.</summary>
    public static bool IsPlain(ReadOnlySpan<byte> text) => text.IndexOfAny((byte)'%', (byte)'+') < 0;

    public static string Decode(ReadOnlySpan<byte> text, bool plusIsSpace)
    {
        if (text.IndexOf((byte)'%') < 0 && !(plusIsSpace && text.Contains((byte)'+'))) return Encoding.UTF8.GetString(text);
        byte[] decoded = ArrayPool<byte>.Shared.Rent(text.Length);
        string result = Encoding.UTF8.GetString(decoded, 0, Decode(text, decoded, plusIsSpace));
        ArrayPool<byte>.Shared.Return(decoded);
        return result;
    }

    /// <summary>The bytes of escaped text, in whatever charset they are.</summary>
    public static byte[] DecodeBytes(ReadOnlySpan<byte> text, bool plusIsSpace)
    {
        byte[] decoded = new byte[text.Length];
        return decoded[..Decode(text, decoded, plusIsSpace)];
    }

    /// <summary>How many bytes escaped text has when it is decoded.</summary>
    public static int DecodedLength(ReadOnlySpan<byte> text)
    {
        int length = text.Length;
        for (int i; (i = text.IndexOf((byte)'%')) >= 0; text = text[(i + 1)..])
        {
            if (IsHexPair(text, i + 1)) length -= 2;
        }
        return length;
    }

    /// <summary>Whether two hex digits stand there.</summary>
    public static bool IsHexPair(ReadOnlySpan<byte> text, int start) =>
        start + 1 < text.Length && char.IsAsciiHexDigit((char)text[start]) && char.IsAsciiHexDigit((char)text[start + 1]);

    private static int Decode(ReadOnlySpan<byte> text, Span<byte> decoded, bool plusIsSpace)
    {
        int length = 0;
        for (int i = 0; i < text.Length; i++)
        {
            byte b = text[i];
            if (b == '%' && IsHexPair(text, i + 1))
            {
                b = (byte)(HexValue(text[i + 1]) << 4 | HexValue(text[i + 2]));
                i += 2;
            }
            else if (b == '+' && plusIsSpace)
            {
                b = (byte)' ';
            }
            decoded[length++] = b;
        }
        return length;
    }

    public static int HexValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

/// <summary>URI references for header fields (RFC 3986 section 4.1). Pure.</summary>
internal static class UriReference
{
    /// <summary>The characters that stay: reserved, unreserved, and the percent sign of what is encoded already.</summary>
    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("%:/?#[]@!$&'()*+,;=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>Percent-encodes what a URI cannot contain, the backslash too, which browsers read as a slash.</summary>
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
