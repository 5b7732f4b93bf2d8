using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// The text that a parameter of Content-Disposition stands for, in whichever way its letters beyond ASCII are encoded: as they
/// are, in encoded words
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
        // RFC 6266 section 4.3: the one that can say more is preferred, if it can be read.
        if (extended is not null && Extended(extended) is { } text) return text;
        if (parameters.TryGetValue(name, out string? plain)) return plain is null ? "" : Plain(plain);
        if (Pieces(parameters, name) is { } joined) return joined;
        if (!hasExtended) return null;
        return extended is null ? "" : Undecodable(extended);
    }

    private static string Plain(string value) => EncodedWords.Decode(value) ?? Unescape(value);

    /// <summary>What browsers escape in names, and nothing else (WHATWG HTML, multipart/form-data encoding algorithm).</summary>
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
    /// In a charset that is not known: its ASCII can be read all the same, and in most charsets that is most of it.
    /// </summary>
    private static string Undecodable(string value) => Encoding.UTF8.GetString(Bytes(value[(value.LastIndexOf('\'') + 1)..]));

    private static byte[] Bytes(string escaped) => UrlEncoding.DecodeBytes(Encoding.UTF8.GetBytes(escaped), plusIsSpace: false);

    /// <summary>
    /// RFC 2231 sections 3 and 4.1: name*0, name*1 and so on, those with an asterisk behind escaped, and the first of them with
    /// the charset.
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
