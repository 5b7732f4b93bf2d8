namespace Workerman.Protocols.Http;

/// <summary>method SP request-target SP HTTP-version (RFC 9112 section 3). A value of the parser; pure.</summary>
internal struct RequestLine
{
    public int MethodLength;
    public int TargetLength;
    public int MinorVersion;

    public Verdict Read(ReadOnlySpan<byte> line)
    {
        int space = line.IndexOf((byte)' ');
        if (space < 0) return Verdict.Reject(400, "bad request line");
        ReadOnlySpan<byte> method = line[..space];
        // Section 3.1: any token is a method; what it means is the application's business.
        if (!HttpChars.IsToken(method)) return Verdict.Reject(400, "bad method");
        ReadOnlySpan<byte> rest = line[(space + 1)..];
        space = rest.IndexOf((byte)' ');
        if (space < 0) return Verdict.Reject(400, "bad request line");
        ReadOnlySpan<byte> target = rest[..space];
        if (!IsTarget(method, target)) return Verdict.Reject(400, "bad request target");
        MethodLength = method.Length;
        TargetLength = target.Length;
        return ReadVersion(rest[(space + 1)..]);
    }

    /// <summary>Section 3.2: origin-form; absolute-form; asterisk-form for OPTIONS; authority-form for CONNECT.</summary>
    private static bool IsTarget(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target)
    {
        if (!HttpChars.IsTarget(target)) return false;
        if (method.SequenceEqual("CONNECT"u8)) return target[0] != '/' && target.Contains((byte)':');
        return target[0] == '/' || AbsoluteForm.Match(target) || (target.SequenceEqual("*"u8) && method.SequenceEqual("OPTIONS"u8));
    }

    /// <summary>Section 2.3: HTTP-name is case-sensitive, one digit each. Another major version: 505 (RFC 9110 section 15.6.6).</summary>
    private Verdict ReadVersion(ReadOnlySpan<byte> version)
    {
        bool wellFormed = version.Length == 8 && version.StartsWith("HTTP/"u8) && version[6] == '.'
            && char.IsAsciiDigit((char)version[5]) && char.IsAsciiDigit((char)version[7]);
        if (!wellFormed) return Verdict.Reject(400, "bad HTTP version");
        if (version[5] != '1') return Verdict.Reject(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
        // RFC 9110 section 2.5: a higher minor version is read as the highest that is known.
        MinorVersion = version[7] == '0' ? 0 : 1;
        return Verdict.Message;
    }
}
