namespace Workerman.Protocols.Http;

/// <summary>
/// The codings that a request's body was sent in (Content-Encoding, RFC 9110 section 8.4), and those that can be taken off again.
/// Pure.
/// </summary>
internal static class ContentCodings
{
    /// <summary>More of them one upon another are nobody's but an attacker's.</summary>
    private const int Most = 3;

    /// <summary>Accept-Encoding of a 415, which says what would have been read (RFC 9110 section 15.5.16).</summary>
    public static string Accepted(HttpOptions options) => options.DecompressRequests ? "gzip, deflate, br" : "identity";

    /// <summary>The codings in the order in which they were applied; identity is none.</summary>
    public static string[] Read(string? field)
    {
        if (field is null) return [];
        return [.. field.Split(',').Select(coding => AsciiCase.ToLower(coding.Trim(' ', '\t')))
            .Where(coding => coding is not ("" or "identity"))];
    }

    /// <summary>The way through all codings, the last one first.</summary>
    /// <param name="codings">As they were applied.</param>
    /// <param name="limit">Bytes that may come out of each.</param>
    /// <param name="body">Where the plain bytes go.</param>
    /// <returns>Null if one of the codings is not known.</returns>
    public static ContentDecoder? Decoder(string[] codings, long limit, BodySink body)
    {
        if (codings.Length is 0 or > Most || !codings.All(coding => coding is "gzip" or "x-gzip" or "deflate" or "br"))
            return null;
        ContentDecoder? decoder = null;
        foreach (string coding in codings)
        {
            BodySink next = decoder is null ? body : decoder.Append;
            decoder = coding == "br"
                ? new BrotliBody(limit, decoder, next)
                : new InflatedBody(coding == "deflate" ? "deflate" : "gzip", limit, decoder, next);
        }
        return decoder;
    }
}
