using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// The request target in its four forms (RFC 9112 section 3.2): judges one, or the beginning of one, and finds its parts. Pure.
/// </summary>
internal static class RequestTarget
{
    /// <summary>Judges a target, or the beginning of one.</summary>
    public static Verdict Judge(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, bool isWhole, bool isSecure)
    {
        if (target.IsEmpty) return isWhole ? Bad : Verdict.NeedMore;
        int bad = HttpChars.IndexOfNonTarget(target);
        if (bad >= 0)
        {
            // The bytes before it may break another rule, which is reported then, because it is broken first.
            Verdict before = Judge(method, target[..bad], isWhole: false, isSecure);
            return before.Kind == VerdictKind.Reject ? before : Bad;
        }
        if (method.SequenceEqual("CONNECT"u8)) return JudgeAuthority(target, isWhole, needsPort: true);
        if (target[0] == '/') return Verdict.Message;
        if (target[0] == '*') return JudgeAsterisk(method, target, isWhole);
        return JudgeAbsolute(target, isWhole, isSecure);
    }

    /// <summary>The authority of the URI that a target is, or nothing.</summary>
    public static ReadOnlySpan<byte> Authority(ReadOnlySpan<byte> target)
    {
        int start = AuthorityStart(target);
        if (start == 0) return default;
        ReadOnlySpan<byte> rest = target[start..];
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

    private static Verdict Bad => Verdict.Reject(400, "bad request target");

    /// <summary>
    /// Section 3.2.4: for OPTIONS only. PRI is the preface of HTTP/2, which is not supported (RFC 9113 section 3.4).
    /// </summary>
    private static Verdict JudgeAsterisk(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, bool isWhole)
    {
        bool preface = method.SequenceEqual("PRI"u8);
        if (target.Length > 1 || !(preface || method.SequenceEqual("OPTIONS"u8))) return Bad;
        return preface && isWhole ? Verdict.Reject(505, "HTTP/2 is not spoken here") : Verdict.Message;
    }

    /// <summary>Section 3.2.2: a whole URI, as proxies get it.</summary>
    private static Verdict JudgeAbsolute(ReadOnlySpan<byte> target, bool isWhole, bool isSecure)
    {
        int start = AuthorityStart(target);
        if (start == 0)
            return !isWhole && (IsBeginning(target, "http://"u8) || IsBeginning(target, "https://"u8)) ? Verdict.NeedMore : Bad;
        // RFC 9110 section 7.4: a request for an https URI is not answered without TLS.
        if (start == 8 && !isSecure) return Verdict.Reject(421, "an https target on a connection without TLS");
        ReadOnlySpan<byte> authority = Authority(target);
        return JudgeAuthority(authority, isWhole || start + authority.Length < target.Length, needsPort: false);
    }

    /// <summary>RFC 9110 section 4.2: an empty host, or userinfo, is refused.</summary>
    private static Verdict JudgeAuthority(ReadOnlySpan<byte> authority, bool isWhole, bool needsPort)
    {
        if (!isWhole) return HostName.CanBegin(authority) ? Verdict.NeedMore : Bad;
        if (!HostName.IsHost(authority)) return Bad;
        return !needsPort || HostName.Port(authority).Length > 0 ? Verdict.Message : Bad;
    }

    private static bool IsBeginning(ReadOnlySpan<byte> text, ReadOnlySpan<byte> of) =>
        text.Length <= of.Length && Ascii.EqualsIgnoreCase(text, of[..text.Length]);

    private static int AuthorityStart(ReadOnlySpan<byte> target)
    {
        if (target.IsEmpty || target[0] == '/') return 0;
        if (target.Length >= 7 && Ascii.EqualsIgnoreCase(target[..7], "http://"u8)) return 7;
        return target.Length >= 8 && Ascii.EqualsIgnoreCase(target[..8], "https://"u8) ? 8 : 0;
    }
}
