using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Strips a prefix from a path, part by part: <c>/assets/a</c> is below <c>/assets</c>, and <c>/assetsX</c> is not. Pure.
/// </summary>
internal static class PathPrefix
{
    /// <summary>The rest of a path below a prefix, as it was sent: empty for the prefix itself, else with its slash; null if it
    /// is not below.</summary>
    /// <param name="path">The path of a request, not decoded.</param>
    /// <param name="prefix">The prefix, as it is or percent-encoded.</param>
    /// <exception cref="ArgumentException">The prefix is no path.</exception>
    public static string? Strip(string path, string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        if (prefix is "/" or "") return path;
        ReadOnlySpan<char> parts = Check(prefix);
        ReadOnlySpan<char> rest = path;
        foreach (Range range in parts.Split('/'))
        {
            if (rest.IsEmpty || rest[0] != '/') return null;
            int end = rest[1..].IndexOf('/');
            ReadOnlySpan<char> part = end < 0 ? rest[1..] : rest.Slice(1, end);
            if (!AreSame(part, parts[range])) return null;
            rest = rest[(part.Length + 1)..];
        }
        return rest.ToString();
    }

    /// <summary>
    /// A character may be sent as it is or percent-encoded, and both are the same path (RFC 3986 section 6.2.2.2).
    /// </summary>
    private static bool AreSame(ReadOnlySpan<char> part, ReadOnlySpan<char> wanted)
    {
        if (part.SequenceEqual(wanted)) return true;
        string decoded = Decode(part);
        return wanted.SequenceEqual(decoded) || decoded == Decode(wanted);
    }

    private static string Decode(ReadOnlySpan<char> part)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(part)];
        Encoding.UTF8.GetBytes(part, bytes);
        return UrlEncoding.Decode(bytes, plusIsSpace: false);
    }

    /// <summary>The prefix without the slashes at its ends.</summary>
    private static ReadOnlySpan<char> Check(string prefix)
    {
        ReadOnlySpan<char> parts = prefix.EndsWith('/') ? prefix.AsSpan(0, prefix.Length - 1) : prefix;
        bool isPath = parts.StartsWith("/") && !parts.ContainsAny('?', '#', '\\');
        if (isPath)
        {
            foreach (Range range in parts[1..].Split('/')) isPath &= parts[1..][range] is not ("" or "." or "..");
        }
        if (isPath) return parts[1..];
        throw new ArgumentException($"'{Printable.Of(prefix)}' is no path that files can be below; give one such as /assets.",
            nameof(prefix));
    }
}
