using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>A request target that is a whole URI, as proxies get it (RFC 9112 section 3.2.2). Pure.</summary>
internal static class AbsoluteForm
{
    /// <summary>With a host, and without userinfo, which RFC 9110 section 4.2.4 has recipients refuse.</summary>
    public static bool Match(ReadOnlySpan<byte> target) => Authority(target) is { IsEmpty: false } authority && !authority.Contains((byte)'@');

    /// <summary>The authority of the URI that a target is, or nothing.</summary>
    public static ReadOnlySpan<byte> Authority(ReadOnlySpan<byte> target)
    {
        ReadOnlySpan<byte> rest = target[AuthorityStart(target)..];
        if (rest.Length == target.Length) return default;
        int end = rest.IndexOfAny((byte)'/', (byte)'?');
        return end < 0 ? rest : rest[..end];
    }

    /// <summary>The path and query of a target: of itself, or of the URI that it is.</summary>
    public static ReadOnlySpan<byte> PathAndQuery(ReadOnlySpan<byte> target)
    {
        int start = AuthorityStart(target);
        if (start == 0) return target;
        int path = target[start..].IndexOfAny((byte)'/', (byte)'?');
        return path < 0 ? "/"u8 : target[(start + path)..];
    }

    private static int AuthorityStart(ReadOnlySpan<byte> target)
    {
        if (target.IsEmpty || target[0] == '/') return 0;
        if (target.Length > 7 && Ascii.EqualsIgnoreCase(target[..7], "http://"u8)) return 7;
        return target.Length > 8 && Ascii.EqualsIgnoreCase(target[..8], "https://"u8) ? 8 : 0;
    }
}
