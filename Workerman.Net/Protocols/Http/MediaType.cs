namespace Workerman.Protocols.Http;

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
