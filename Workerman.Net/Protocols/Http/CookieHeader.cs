using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Reads the Cookie header field (RFC 6265 section 4.2.1). Values are percent-decoded, the inverse of <see cref="SetCookie"/>; a
/// plus stays a plus, because cookies are often Base64. Names are taken as they are: one that is decoded could pass for another,
/// whose prefix browsers guard (RFC 6265bis section 4.1.3). Pure.
/// </summary>
internal static class CookieHeader
{
    /// <summary>Adds the cookies to <paramref name="cookies"/>.</summary>
    /// <exception cref="BadRequestException">There are more than <paramref name="limit"/>.</exception>
    public static void Read(ReadOnlySpan<byte> value, FieldCollection<string> cookies, int limit)
    {
        foreach (Range range in value.Split((byte)';'))
        {
            ReadOnlySpan<byte> pair = HttpChars.TrimWhitespace(value[range]);
            int equals = pair.IndexOf((byte)'=');
            if (equals <= 0) continue;
            ReadOnlySpan<byte> text = HttpChars.TrimWhitespace(pair[(equals + 1)..]);
            if (text is [(byte)'"', .., (byte)'"']) text = text[1..^1];
            string name = Encoding.UTF8.GetString(HttpChars.TrimWhitespace(pair[..equals]));
            if (cookies.Total == limit) throw Refusals.TooMany("cookies", nameof(HttpOptions.MaxCookies), 431);
            cookies.Add(name, UrlEncoding.Decode(text, plusIsSpace: false));
        }
    }
}
