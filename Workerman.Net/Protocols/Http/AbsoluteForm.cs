using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>A request target that is a whole URI, as proxies get it (RFC 9112 section 3.2.2). Pure.</summary>
internal static class AbsoluteForm
{
    public static bool Match(ReadOnlySpan<byte> target) => AuthorityStart(target) is var start && start > 0 && start < target.Length && target[start] is not ((byte)'/' or (byte)'?');

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
