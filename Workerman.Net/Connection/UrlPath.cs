using System.Globalization;
using System.Text;

namespace Workerman.Connection;

/// <summary>
/// Path and query of an address as they go over the wire: what is no ASCII, or would mean something else there, is
/// percent-encoded, as a browser does (WHATWG URL section 4.4). What is
/// encoded already stays as it is. The fragment is left out: RFC 6455 section 3 allows none, and WHATWG's WebSocket sends none.
/// Pure; any thread.
/// </summary>
internal static class UrlPath
{
    /// <summary>The query percent-encode set, of what is printable (section 1.3).</summary>
    private const string QuerySet = " \"#<>";

    /// <summary>The special-query percent-encode set.</summary>
    private const string WebQuerySet = QuerySet + "'";

    /// <summary>The path percent-encode set.</summary>
    private const string PathSet = QuerySet + "?^`{}";

    /// <summary>Encodes what follows the authority of an address.</summary>
    /// <param name="text">Empty, or from its first <c>/</c>, <c>?</c> or <c>#</c> on.</param>
    /// <param name="isWeb">Whether the scheme is one of the web's, to which <c>\</c> is another <c>/</c>.</param>
    /// <returns>Path and query; at least <c>/</c>.</returns>
    public static string Of(string text, bool isWeb)
    {
        int fragment = text.IndexOf('#', StringComparison.Ordinal);
        if (fragment >= 0) text = text[..fragment];
        int query = text.IndexOf('?', StringComparison.Ordinal);
        string path = query < 0 ? text : text[..query];
        if (isWeb) path = WithoutDots(path.Replace('\\', '/'));
        string encoded = Encode(path, PathSet);
        if (!encoded.StartsWith('/')) encoded = "/" + encoded;
        return query < 0 ? encoded : $"{encoded}?{Encode(text[(query + 1)..], isWeb ? WebQuerySet : QuerySet)}";
    }

    /// <summary>
    /// Section 4.4, path state: <c>.</c> is nothing, <c>..</c> takes the part before it away, and either may be written with
    /// <c>%2e</c>.
    /// </summary>
    private static string WithoutDots(string path)
    {
        if (!path.Contains('.', StringComparison.Ordinal) && !path.Contains("%2e", StringComparison.OrdinalIgnoreCase))
            return path;
        string[] parts = path[1..].Split('/');
        List<string> kept = [];
        for (int i = 0; i < parts.Length; i++)
        {
            string dots = parts[i].Replace("%2e", ".", StringComparison.OrdinalIgnoreCase);
            if (dots == ".." && kept.Count > 0) kept.RemoveAt(kept.Count - 1);
            if (dots is not ("." or "..")) kept.Add(parts[i]);
            else if (i == parts.Length - 1) kept.Add("");
        }
        return "/" + string.Join('/', kept);
    }

    private static string Encode(string text, string set)
    {
        if (!text.Any(c => MustEncode(c, set))) return text;
        var encoded = new StringBuilder();
        // Half a surrogate pair becomes U+FFFD, as in a browser.
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            if (MustEncode((char)b, set)) encoded.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
            else encoded.Append((char)b);
        }
        return encoded.ToString();
    }

    private static bool MustEncode(char c, string set) => c is < ' ' or > '~' || set.Contains(c, StringComparison.Ordinal);
}
