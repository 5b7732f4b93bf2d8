namespace Workerman.Protocols.Http;

/// <summary>
/// Reads the Cookie header field (RFC 6265 section 4.2.1). Values are percent-decoded, the inverse of
/// <see cref="SetCookie"/>; a plus stays a plus, because cookies are often Base64. Pure.
/// </summary>
internal static class CookieHeader
{
    /// <summary>Adds the cookies to <paramref name="cookies"/>; of two with one name the last wins, as in PHP.</summary>
    public static void Read(ReadOnlySpan<byte> value, Dictionary<string, string> cookies)
    {
        foreach (Range range in value.Split((byte)';'))
        {
            ReadOnlySpan<byte> pair = HttpChars.TrimWhitespace(value[range]);
            int equals = pair.IndexOf((byte)'=');
            if (equals <= 0) continue;
            ReadOnlySpan<byte> text = HttpChars.TrimWhitespace(pair[(equals + 1)..]);
            if (text is [(byte)'"', .., (byte)'"']) text = text[1..^1];
            string name = UrlEncoding.Decode(HttpChars.TrimWhitespace(pair[..equals]), plusIsSpace: false);
            cookies[name] = UrlEncoding.Decode(text, plusIsSpace: false);
        }
    }
}
