using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Percent-decoding for query strings and cookies (WHATWG URL, application/x-www-form-urlencoded). A broken escape stays as
/// it is, as in PHP; what is not UTF-8 becomes U+FFFD. Pure.
/// </summary>
internal static class UrlEncoding
{
    /// <summary>Reads <c>a=1&amp;b=2</c>. Of two members with one name the last wins, as in PHP.</summary>
    public static Dictionary<string, string> ParseQuery(ReadOnlySpan<byte> query)
    {
        var members = new Dictionary<string, string>();
        foreach (Range range in query.Split((byte)'&'))
        {
            ReadOnlySpan<byte> member = query[range];
            if (member.IsEmpty) continue;
            int equals = member.IndexOf((byte)'=');
            ReadOnlySpan<byte> name = equals < 0 ? member : member[..equals];
            ReadOnlySpan<byte> value = equals < 0 ? default : member[(equals + 1)..];
            if (!name.IsEmpty) members[Decode(name, plusIsSpace: true)] = Decode(value, plusIsSpace: true);
        }
        return members;
    }

    public static string Decode(ReadOnlySpan<byte> text, bool plusIsSpace)
    {
        if (text.IndexOf((byte)'%') < 0 && !(plusIsSpace && text.Contains((byte)'+'))) return Encoding.UTF8.GetString(text);
        byte[] decoded = ArrayPool<byte>.Shared.Rent(text.Length);
        int length = 0;
        for (int i = 0; i < text.Length; i++)
        {
            byte b = text[i];
            if (b == '%' && i + 2 < text.Length && char.IsAsciiHexDigit((char)text[i + 1]) && char.IsAsciiHexDigit((char)text[i + 2]))
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
        string result = Encoding.UTF8.GetString(decoded, 0, length);
        ArrayPool<byte>.Shared.Return(decoded);
        return result;
    }

    private static int HexValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
