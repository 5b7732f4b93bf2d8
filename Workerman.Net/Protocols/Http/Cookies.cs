using System.Globalization;
using System.Text;
using Workerman.Protocols.Http.Files;

namespace Workerman.Protocols.Http;

/// <summary>When a browser sends a cookie along with requests from other sites (RFC 6265bis section 5.6.7).</summary>
public enum SameSite
{
    /// <summary>The attribute is left out: the browser decides.</summary>
    Unspecified,

    /// <summary>Always; browsers want <c>Secure</c> with it.</summary>
    None,

    /// <summary>Only when the user navigates to the site.</summary>
    Lax,

    /// <summary>Never.</summary>
    Strict,
}

/// <summary>
/// Writes the value of a Set-Cookie header field (RFC 6265bis section 4.1.1). What browsers would ignore is refused, with the
/// reason, because they ignore it without telling the server. Pure.
/// </summary>
internal static class SetCookie
{
    public static string Format(string name, string value, int? maxAge, string path, string domain, bool secure, bool httpOnly,
        SameSite sameSite, DateTimeOffset? expires = null, bool partitioned = false)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        if (!HttpChars.IsToken(name))
            throw new ArgumentException(
                $"'{Printable.Of(name)}' is no cookie name; it may have letters, digits and !#$%&'*+-.^_`|~.", nameof(name));
        if (!Enum.IsDefined(sameSite))
            throw new ArgumentOutOfRangeException(nameof(sameSite), sameSite, "It is none of the enumeration's values.");
        CheckTogether(name, path, domain, secure, sameSite, partitioned);
        var cookie = new StringBuilder($"{name}={Uri.EscapeDataString(value)}");
        if (domain.Length > 0) cookie.Append("; Domain=").Append(Attribute(domain, nameof(domain)));
        if (expires is { } end) cookie.Append("; Expires=").Append(HttpDate.Format(end));
        if (maxAge is { } seconds) cookie.Append(CultureInfo.InvariantCulture, $"; Max-Age={seconds}");
        if (path.Length > 0) cookie.Append("; Path=").Append(Attribute(path, nameof(path)));
        if (secure) cookie.Append("; Secure");
        if (httpOnly) cookie.Append("; HttpOnly");
        if (sameSite != SameSite.Unspecified) cookie.Append("; SameSite=").Append(sameSite);
        if (partitioned) cookie.Append("; Partitioned");
        return cookie.ToString();
    }

    /// <summary>
    /// Refuses combinations of attributes that browsers ignore though each attribute is valid: RFC 6265bis sections 4.1.3 and
    /// 5.7; Partitioned is defined by the draft on cookies having independent partitioned state (CHIPS).
    /// </summary>
    public static void CheckTogether(string name, string path, string domain, bool secure, SameSite sameSite,
        bool partitioned = false)
    {
        if (sameSite == SameSite.None && !secure)
            throw new ArgumentException($"Cookie {name}: browsers take SameSite=None only with Secure; set secure.",
                nameof(secure));
        if (partitioned && !secure)
            throw new ArgumentException($"Cookie {name}: browsers take Partitioned only with Secure; set secure.",
                nameof(secure));
        if (path.Length > 0 && path[0] != '/')
            throw new ArgumentException($"Cookie {name}: browsers ignore a path that does not begin with a slash; "
                + $"write /{Printable.Of(path)}.", nameof(path));
        if (!Ascii.IsValid(domain))
            throw new ArgumentException($"Cookie {name}: a domain has letters of ASCII only; write it in Punycode (xn--\u2026).",
                nameof(domain));
        bool host = name.StartsWith("__Host-", StringComparison.OrdinalIgnoreCase);
        if ((host || name.StartsWith("__Secure-", StringComparison.OrdinalIgnoreCase)) && !secure)
            throw new ArgumentException($"Cookie {name}: browsers take this prefix only with Secure; set secure.",
                nameof(secure));
        if (host && (path != "/" || domain.Length > 0))
            throw new ArgumentException($"Cookie {name}: browsers take the prefix __Host- only with the path / and without "
                + "a domain.", path != "/" ? nameof(path) : nameof(domain));
    }

    private static string Attribute(string value, string parameter) =>
        value.Contains(';', StringComparison.Ordinal) || !HttpChars.IsFieldValue(value)
            ? throw new ArgumentException($"The cookie's {parameter} has a semicolon or a control character; remove it.",
                parameter)
            : value;
}

/// <summary>
/// Reads the Cookie header field (RFC 6265 section 4.2.1). Values are percent-decoded, the inverse of <see cref="SetCookie"/>; a
/// plus stays a plus, because cookies are often Base64. Names are not decoded: a decoded one could begin with a prefix such as
/// <c>__Host-</c>, which browsers would not have let it have (RFC 6265bis section 4.1.3). Pure.
/// </summary>
internal static class CookieHeader
{
    /// <summary>Adds the cookies to <paramref name="cookies"/>.</summary>
    /// <exception cref="BadRequestException">There are more than <paramref name="limit"/>.</exception>
    public static void Read(ReadOnlySpan<byte> value, FieldCollection<string> cookies, int limit)
    {
        while (TryReadPair(ref value, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> text))
        {
            if (cookies.Total == limit) throw TooMany();
            cookies.Add(Encoding.UTF8.GetString(name), Decode(text));
        }
    }

    /// <summary>Finds the last cookie of a name, without reading the others.</summary>
    /// <param name="value">A Cookie header field.</param>
    /// <param name="name">The name.</param>
    /// <param name="limit">Cookies that the request may have.</param>
    /// <param name="count">Those that it has in the fields before; then, with those of this one.</param>
    /// <returns>Its value; null if there is none.</returns>
    /// <exception cref="BadRequestException">There are more than <paramref name="limit"/>.</exception>
    public static string? Find(ReadOnlySpan<byte> value, string name, int limit, ref int count)
    {
        ReadOnlySpan<byte> last = default;
        bool found = false;
        while (TryReadPair(ref value, out ReadOnlySpan<byte> next, out ReadOnlySpan<byte> text))
        {
            if (count++ == limit) throw TooMany();
            if (!IsNamed(next, name)) continue;
            last = text;
            found = true;
        }
        return found ? Decode(last) : null;
    }

    /// <summary>Reads the next <c>name=value</c>; what has no name is no cookie.</summary>
    private static bool TryReadPair(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> text)
    {
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)';');
            ReadOnlySpan<byte> pair = HttpChars.TrimWhitespace(end < 0 ? rest : rest[..end]);
            rest = end < 0 ? default : rest[(end + 1)..];
            int equals = pair.IndexOf((byte)'=');
            if (equals <= 0) continue;
            name = HttpChars.TrimWhitespace(pair[..equals]);
            text = HttpChars.TrimWhitespace(pair[(equals + 1)..]);
            if (text is [(byte)'"', .., (byte)'"']) text = text[1..^1];
            return true;
        }
        name = text = default;
        return false;
    }

    private static bool IsNamed(ReadOnlySpan<byte> name, string wanted) =>
        Ascii.Equals(name, wanted) || (!Ascii.IsValid(wanted) && Encoding.UTF8.GetString(name) == wanted);

    private static string Decode(ReadOnlySpan<byte> text) => UrlEncoding.Decode(text, plusIsSpace: false);

    private static BadRequestException TooMany() => Refusals.TooMany("cookies", nameof(HttpOptions.MaxCookies), 431);
}
