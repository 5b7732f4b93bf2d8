using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// =?charset?encoding?text?= (RFC 2047): how mail, and .NET's HttpClient in multipart forms, write letters beyond ASCII. No
/// header field of HTTP itself has
/// them. Pure.
/// </summary>
internal static class EncodedWords
{
    /// <summary>Decodes the encoded words in a text, each by itself between white space or the ends.</summary>
    /// <returns>Null if there is none that can be decoded.</returns>
    public static string? Decode(string text)
    {
        if (!text.Contains("=?", StringComparison.Ordinal)) return null;
        var result = new StringBuilder();
        var bytes = new List<byte>();
        Encoding? charset = null;
        bool any = false;
        int position = 0;
        while (position < text.Length)
        {
            int start = position;
            while (position < text.Length && text[position] is ' ' or '\t') position++;
            ReadOnlySpan<char> space = text.AsSpan(start, position - start);
            start = position;
            while (position < text.Length && text[position] is not (' ' or '\t')) position++;
            ReadOnlySpan<char> word = text.AsSpan(start, position - start);
            bool encoded = TryDecode(word, out Encoding? own, out byte[] decoded);
            // Section 6.2: white space between two encoded words is none of the text's. Some clients cut within a character, so
            // the bytes are joined first.
            if (!encoded || own != charset)
            {
                if (charset is not null) result.Append(charset.GetString([.. bytes]));
                bytes.Clear();
            }
            if (!encoded || charset is null) result.Append(space);
            charset = encoded ? own : null;
            bytes.AddRange(decoded);
            if (!encoded) result.Append(word);
            any |= encoded;
        }
        if (charset is not null) result.Append(charset.GetString([.. bytes]));
        return any ? result.ToString() : null;
    }

    private static bool TryDecode(ReadOnlySpan<char> word, out Encoding? charset, out byte[] bytes)
    {
        charset = null;
        bytes = [];
        if (!word.StartsWith("=?") || !word.EndsWith("?=") || word.Length < 4) return false;
        string[] parts = word[2..^2].ToString().Split('?');
        if (parts is not [var name, [var encoding], var text]) return false;
        // RFC 2231 section 5: a language may follow the charset.
        charset = Charsets.Find(name.Split('*')[0]);
        if (charset is null) return false;
        if (encoding is 'Q' or 'q') bytes = Quoted(text);
        else if (encoding is not ('B' or 'b') || !TryBase64(text, out bytes)) return false;
        return true;
    }

    private static bool TryBase64(string text, out byte[] bytes)
    {
        byte[] room = new byte[text.Length];
        bool valid = Convert.TryFromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '='), room, out int length);
        bytes = room[..length];
        return valid;
    }

    /// <summary>Section 4.2: an underscore is a space, =XX a byte. A broken escape stays as it is.</summary>
    private static byte[] Quoted(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        int length = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            byte b = bytes[i] == '_' ? (byte)' ' : bytes[i];
            if (b == '=' && UrlEncoding.IsHexPair(bytes, i + 1))
            {
                b = (byte)(UrlEncoding.HexValue(bytes[i + 1]) << 4 | UrlEncoding.HexValue(bytes[i + 2]));
                i += 2;
            }
            bytes[length++] = b;
        }
        return bytes[..length];
    }
}
