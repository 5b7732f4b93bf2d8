using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>When a browser sends a cookie along with requests from other sites (RFC 6265bis section 5.6.7).</summary>
public enum SameSite
{
    /// <summary>Not said: the browser decides.</summary>
    Unspecified,

    /// <summary>Always; browsers want <c>Secure</c> with it.</summary>
    None,

    /// <summary>Only with navigation.</summary>
    Lax,

    /// <summary>Never.</summary>
    Strict,
}

/// <summary>Writes the value of a Set-Cookie header field (RFC 6265 section 4.1.1). Pure.</summary>
internal static class SetCookie
{
    public static string Format(string name, string value, int? maxAge, string path, string domain, bool secure, bool httpOnly, SameSite sameSite)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(value);
        if (!HttpChars.IsToken(name)) throw new ArgumentException($"'{Printable.Of(name)}' is no cookie name; it may have letters, digits and !#$%&'*+-.^_`|~.", nameof(name));
        var cookie = new StringBuilder($"{name}={Uri.EscapeDataString(value)}");
        if (domain.Length > 0) cookie.Append("; Domain=").Append(Attribute(domain, nameof(domain)));
        if (maxAge is { } seconds) cookie.Append("; Max-Age=").Append(seconds);
        if (path.Length > 0) cookie.Append("; Path=").Append(Attribute(path, nameof(path)));
        if (secure) cookie.Append("; Secure");
        if (httpOnly) cookie.Append("; HttpOnly");
        if (sameSite != SameSite.Unspecified) cookie.Append("; SameSite=").Append(sameSite);
        return cookie.ToString();
    }

    private static string Attribute(string value, string parameter) =>
        value.Contains(';') || !HttpChars.IsFieldValue(value)
            ? throw new ArgumentException($"The cookie's {parameter} has a semicolon or a control character; remove it.", parameter)
            : value;
}
