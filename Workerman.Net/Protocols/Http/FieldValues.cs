using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>Comma-separated lists of options, as in Connection (RFC 9110 section 7.6.1). Pure.</summary>
internal static class OptionList
{
    public static bool Contains(ReadOnlySpan<char> list, ReadOnlySpan<char> option)
    {
        foreach (Range range in list.Split(','))
        {
            if (list[range].Trim(" \t").Equals(option, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }
}

/// <summary>The type of a Content-Type header field, without its parameters (RFC 9110 section 8.3.1). Pure.</summary>
internal static class MediaType
{
    public static bool Is(string? contentType, string type) => Of(contentType).Equals(type, StringComparison.OrdinalIgnoreCase);

    /// <summary>application/json, and what is built on it (RFC 6839 section 3.1).</summary>
    public static bool IsJson(string? contentType)
    {
        ReadOnlySpan<char> type = Of(contentType);
        return type.EndsWith("/json", StringComparison.OrdinalIgnoreCase)
            || type.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The type by itself.</summary>
    public static ReadOnlySpan<char> Of(string? contentType)
    {
        ReadOnlySpan<char> text = contentType;
        int semicolon = text.IndexOf(';');
        return (semicolon < 0 ? text : text[..semicolon]).Trim(" \t");
    }
}

/// <summary>
/// value *( OWS ";" OWS name OWS "=" OWS ( token / quoted-string ) ), as in Content-Type and Content-Disposition of a form (RFC
/// 2045 section 5.1, RFC 2183 section 2). It reads what clients send in practice, not only what the grammar allows: a part that
/// cannot be read is skipped, the others are read. Pure.
/// </summary>
internal static class HeaderParameters
{
    /// <summary>Reads a field value with its parameters.</summary>
    /// <param name="text">The field value.</param>
    /// <param name="value">What stands before the first semicolon.</param>
    /// <returns>Names in any case. A parameter that comes twice with different values is null, because it is not known which of
    /// them counts.</returns>
    public static Dictionary<string, string?> Read(ReadOnlySpan<char> text, out string value)
    {
        var parameters = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        int semicolon = text.IndexOf(';');
        value = (semicolon < 0 ? text : text[..semicolon]).Trim(" \t").ToString();
        ReadOnlySpan<char> rest = semicolon < 0 ? default : text[(semicolon + 1)..];
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOfAny('=', ';');
            if (end < 0) break;
            string name = rest[..end].Trim(" \t").ToString();
            bool hasValue = rest[end] == '=';
            rest = rest[(end + 1)..];
            if (!hasValue) continue;
            string parameter = ReadValue(rest.TrimStart(" \t"), out rest);
            if (!parameters.TryAdd(name, parameter) && parameters[name] != parameter) parameters[name] = null;
        }
        return parameters;
    }

    /// <summary>
    /// Without quotes a value ends at the next semicolon, also if it is no token, such as <c>----=_Part_7</c> or <c>my
    /// file.txt</c>.
    /// </summary>
    private static string ReadValue(ReadOnlySpan<char> text, out ReadOnlySpan<char> rest)
    {
        if (text.StartsWith("\"")) return ReadQuoted(text[1..], out rest);
        int end = text.IndexOf(';');
        rest = end < 0 ? default : text[(end + 1)..];
        return (end < 0 ? text : text[..end]).TrimEnd(" \t").ToString();
    }

    /// <summary>
    /// Old browsers do not escape the quotes and backslashes of a name, a whole path for instance. So a quote ends the value only
    /// if a semicolon or nothing follows it, and a backslash escapes only a quote or another backslash. A value without a closing
    /// quote ends with the text.
    /// </summary>
    private static string ReadQuoted(ReadOnlySpan<char> text, out ReadOnlySpan<char> rest)
    {
        var unquoted = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '"' && TrySkipEnd(text[(i + 1)..], out rest)) return unquoted.ToString();
            bool escapes = text[i] == '\\' && i + 1 < text.Length && text[i + 1] is '"' or '\\';
            // A backslash before the very last quote is the last character of a name: browsers do not escape backslashes.
            if (escapes && !(text[i + 1] == '"' && text[(i + 2)..].TrimStart(" \t").IsEmpty)) i++;
            unquoted.Append(text[i]);
        }
        rest = default;
        return unquoted.ToString();
    }

    private static bool TrySkipEnd(ReadOnlySpan<char> behind, out ReadOnlySpan<char> rest)
    {
        rest = behind.TrimStart(" \t");
        if (rest.IsEmpty) return true;
        if (rest[0] != ';') return false;
        rest = rest[1..];
        return true;
    }
}
