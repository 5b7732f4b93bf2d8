using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// value *( OWS ";" OWS name "=" ( token / quoted-string ) ), as in Content-Type and Content-Disposition (RFC 9110 sections
/// 5.6.6 and 8.3.1, RFC 6266 section 4.1). Pure.
/// </summary>
internal static class HeaderParameters
{
    /// <summary>Reads a field value with its parameters.</summary>
    /// <param name="text">The field value.</param>
    /// <param name="value">What stands before the first semicolon.</param>
    /// <param name="parameters">Names in any case, each once.</param>
    /// <returns>False if it is malformed, or has a parameter twice.</returns>
    public static bool TryRead(ReadOnlySpan<char> text, out string value, out Dictionary<string, string> parameters)
    {
        parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        int semicolon = text.IndexOf(';');
        value = (semicolon < 0 ? text : text[..semicolon]).Trim(" \t").ToString();
        if (value.Length == 0) return false;
        ReadOnlySpan<char> rest = semicolon < 0 ? default : text[(semicolon + 1)..];
        while (!rest.IsEmpty)
        {
            rest = rest.TrimStart(" \t;");
            if (rest.IsEmpty) break;
            int equals = rest.IndexOf('=');
            if (equals < 0 || !HttpChars.IsToken(rest[..equals])) return false;
            string name = rest[..equals].ToString();
            if (!TryReadValue(rest[(equals + 1)..], out string parameter, out rest) || !parameters.TryAdd(name, parameter)) return false;
        }
        return true;
    }

    private static bool TryReadValue(ReadOnlySpan<char> text, out string value, out ReadOnlySpan<char> rest)
    {
        if (text.StartsWith("\"")) return TryReadQuoted(text[1..], out value, out rest);
        int end = text.IndexOf(';');
        value = (end < 0 ? text : text[..end]).TrimEnd(" \t").ToString();
        rest = end < 0 ? default : text[(end + 1)..];
        return HttpChars.IsToken(value);
    }

    /// <summary>
    /// A backslash quotes only a quote or another one: old browsers send whole paths as they are, and theirs are the only
    /// other backslashes there are.
    /// </summary>
    private static bool TryReadQuoted(ReadOnlySpan<char> text, out string value, out ReadOnlySpan<char> rest)
    {
        var unquoted = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '"')
            {
                value = unquoted.ToString();
                rest = text[(i + 1)..].TrimStart(" \t");
                return rest.IsEmpty || rest[0] == ';';
            }
            if (text[i] == '\\' && i + 1 < text.Length && text[i + 1] is '"' or '\\') i++;
            unquoted.Append(text[i]);
        }
        value = "";
        rest = default;
        return false;
    }
}
