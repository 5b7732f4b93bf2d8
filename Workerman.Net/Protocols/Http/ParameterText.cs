using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Decodes a parameter of Content-Disposition, in whichever way its non-ASCII letters are encoded: as they are, in encoded words
/// (RFC 2047, which .NET's client sends), as name* (RFC 8187) or in pieces name*0 (RFC 2231). What cannot be decoded stays as it
/// was sent. Pure.
/// </summary>
internal static class ParameterText
{
    /// <summary>The text of a parameter.</summary>
    /// <returns>Null if there is no such parameter in any form; empty if it is there twice.</returns>
    public static string? Read(Dictionary<string, string?> parameters, string name)
    {
        bool hasExtended = parameters.TryGetValue(name + "*", out string? extended);
        // RFC 6266 section 4.3: name* is preferred, if it can be decoded.
        if (extended is not null && Extended(extended) is { } text) return text;
        if (parameters.TryGetValue(name, out string? plain)) return plain is null ? "" : Plain(plain);
        if (Pieces(parameters, name) is { } joined) return joined;
        if (!hasExtended) return null;
        return extended is null ? "" : Undecodable(extended);
    }

    private static string Plain(string value) => EncodedWords.Decode(value) ?? Unescape(value);

    /// <summary>
    /// Undoes the three escapes that browsers use in names (WHATWG HTML, multipart/form-data encoding algorithm).
    /// </summary>
    private static string Unescape(string name) => !name.Contains('%', StringComparison.Ordinal) ? name : name
        .Replace("%22", "\"", StringComparison.Ordinal)
        .Replace("%0D", "\r", StringComparison.OrdinalIgnoreCase)
        .Replace("%0A", "\n", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// ext-value = charset "'" [ language ] "'" value-chars (RFC 8187 section 3.2.1); null if the charset is not known here.
    /// </summary>
    private static string? Extended(string value)
    {
        string[] parts = value.Split('\'', 3);
        return parts.Length == 3 && Charsets.Find(parts[0]) is { } charset ? charset.GetString(Bytes(parts[2])) : null;
    }

    /// <summary>
    /// A text in a charset that is not known here: read as UTF-8, so that its ASCII characters come out right in most charsets.
    /// </summary>
    private static string Undecodable(string value) => Encoding.UTF8.GetString(Bytes(value[(value.LastIndexOf('\'') + 1)..]));

    private static byte[] Bytes(string escaped) => UrlEncoding.DecodeBytes(Encoding.UTF8.GetBytes(escaped), plusIsSpace: false);

    /// <summary>
    /// RFC 2231 sections 3 and 4.1: name*0, name*1 and so on. Those that end with an asterisk are escaped, and the first of them
    /// names the charset.
    /// </summary>
    private static string? Pieces(Dictionary<string, string?> parameters, string name)
    {
        List<byte>? bytes = null;
        Encoding charset = Encoding.UTF8;
        for (int i = 0; ; i++)
        {
            string key = $"{name}*{i}";
            if (parameters.TryGetValue(key, out string? plain))
            {
                (bytes ??= []).AddRange(charset.GetBytes(plain ?? ""));
                continue;
            }
            if (!parameters.TryGetValue(key + "*", out string? escaped))
                return bytes is null ? null : charset.GetString([.. bytes]);
            string[] parts = (escaped ?? "").Split('\'', 3);
            if (i == 0 && parts.Length == 3) charset = Charsets.Find(parts[0]) ?? Encoding.UTF8;
            (bytes ??= []).AddRange(Bytes(i == 0 ? parts[^1] : escaped ?? ""));
        }
    }
}

/// <summary>
/// =?charset?encoding?text?= (RFC 2047): how mail, and .NET's HttpClient in multipart forms, write non-ASCII letters. Header
/// fields of HTTP itself do not have them. Pure.
/// </summary>
internal static class EncodedWords
{
    /// <summary>
    /// Decodes the encoded words in a text. Each is delimited by white space or an end of the text. Behind a charset that is not
    /// known here nothing is decoded any more: each of them costs an exception of the runtime.
    /// </summary>
    /// <returns>Null if there is none that can be decoded.</returns>
    public static string? Decode(string text)
    {
        if (!text.Contains("=?", StringComparison.Ordinal)) return null;
        var result = new StringBuilder();
        var bytes = new List<byte>();
        Encoding? charset = null;
        bool any = false;
        bool gaveUp = false;
        int position = 0;
        while (position < text.Length)
        {
            int start = position;
            while (position < text.Length && text[position] is ' ' or '\t') position++;
            ReadOnlySpan<char> space = text.AsSpan(start, position - start);
            start = position;
            while (position < text.Length && text[position] is not (' ' or '\t')) position++;
            ReadOnlySpan<char> word = text.AsSpan(start, position - start);
            Encoding? own = null;
            byte[] decoded = [];
            bool encoded = !gaveUp && TryDecode(word, out own, out decoded, out gaveUp);
            // Section 6.2: white space between two encoded words is not part of the text. Some clients split a character between
            // two words, so their bytes are joined before they are decoded.
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

    private static bool TryDecode(ReadOnlySpan<char> word, out Encoding? charset, out byte[] bytes, out bool isUnknown)
    {
        charset = null;
        bytes = [];
        isUnknown = false;
        if (!word.StartsWith("=?") || !word.EndsWith("?=") || word.Length < 4) return false;
        string[] parts = word[2..^2].ToString().Split('?');
        if (parts is not [var name, [var encoding], var text]) return false;
        // RFC 2231 section 5: a language may follow the charset.
        charset = Charsets.Find(name.Split('*')[0]);
        isUnknown = charset is null;
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

/// <summary>
/// Charsets by their names: those of the runtime, and of a provider that the application has registered
/// (<c>Encoding.RegisterProvider</c>). Pure.
/// </summary>
internal static class Charsets
{
    /// <summary>The charset, whose decoder replaces invalid bytes by U+FFFD; null if it is not known.</summary>
    public static Encoding? Find(string name)
    {
        try
        {
            return Encoding.GetEncoding(name);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            // NotSupportedException is thrown for UTF-7.
            return null;
        }
    }
}
