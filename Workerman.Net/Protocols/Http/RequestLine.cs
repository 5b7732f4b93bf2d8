using System.Runtime.CompilerServices;
using System.Text;
using Workerman.Diagnostics;

namespace Workerman.Protocols.Http;

/// <summary>
/// method SP request-target SP HTTP-version (RFC 9112 section 3), also of a line that has not ended yet: it is refused at the
/// first byte that makes it invalid. A value of the parser; pure.
/// </summary>
internal struct RequestLine
{
    /// <summary>Bytes of the longest method that <see cref="TryReadUsual"/> takes.</summary>
    private const int MostUsual = 6;

    public int MethodLength;
    public int TargetLength;
    public int MinorVersion;

    /// <summary>Judges a line, or the beginning of one.</summary>
    public Verdict Read(ReadOnlySpan<byte> line, bool isWhole, HttpOptions options, bool isSecure)
    {
        int space = line.IndexOf((byte)' ');
        ReadOnlySpan<byte> method = space < 0 ? line : line[..space];
        // Section 3.1: any token is a method; the application decides which it supports.
        if (!HttpChars.IsToken(method)) return Verdict.Reject(400, "bad method");
        if (space < 0) return isWhole ? Verdict.Reject(400, "bad request line") : Verdict.NeedMore;
        Verdict verdict = HttpMethods.Judge(method, options);
        if (verdict.Kind == VerdictKind.Reject) return verdict;

        ReadOnlySpan<byte> rest = line[(space + 1)..];
        space = rest.IndexOf((byte)' ');
        ReadOnlySpan<byte> target = space < 0 ? rest : rest[..space];
        verdict = RequestTarget.Judge(method, target, isWhole || space >= 0, isSecure);
        if (verdict.Kind == VerdictKind.Reject) return verdict;
        if (space < 0) return isWhole ? Verdict.Reject(400, "bad request line") : Verdict.NeedMore;
        MethodLength = method.Length;
        TargetLength = target.Length;
        return ReadVersion(rest[(space + 1)..], isWhole);
    }

    /// <summary>
    /// Reads the usual request line, a short method, a path and HTTP/1.1, which saves half of its cost
    /// (ParserBenchmarks.ShortRequest). It refuses nothing: any other line is judged step by step.
    /// </summary>
    /// <param name="reader">Has read nothing; stands behind the line if it is such a one.</param>
    /// <param name="options">The limits.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadUsual(ref LineReader reader, HttpOptions options)
    {
        ReadOnlySpan<byte> line = reader.Input;
        ReadOnlySpan<byte> version = " HTTP/1.1\r\n"u8;
        int space = line.StartsWith("GET "u8) ? 3 : UsualMethodLength(line);
        if (space < 0 || space + 1 >= line.Length || line[space + 1] != '/') return false;
        int length = HttpChars.IndexOfNonTarget(line[(space + 1)..]);
        int end = space + 1 + length;
        if (length < 0 || !line[end..].StartsWith(version) || end + version.Length - 2 > options.MaxRequestLineSize) return false;
        MethodLength = space;
        TargetLength = length;
        MinorVersion = 1;
        reader.Position = end + version.Length;
        return true;
    }

    /// <summary>The length of a short method; CONNECT and TRACE are for the application to allow, and OPTIONS has another
    /// form.</summary>
    /// <returns>-1 for any other.</returns>
    private static int UsualMethodLength(ReadOnlySpan<byte> line)
    {
        int space = HttpChars.TokenLength(line[..Math.Min(line.Length, MostUsual + 1)]);
        bool isUsual = space is > 0 and <= MostUsual && space < line.Length && line[space] == ' ' && !line.StartsWith("TRACE"u8);
        return isUsual ? space : -1;
    }

    /// <summary>
    /// Section 2.3: HTTP-name is case-sensitive, one digit each. Another major version: 505 (RFC 9110 section 15.6.6), once the
    /// version is complete.
    /// </summary>
    private Verdict ReadVersion(ReadOnlySpan<byte> version, bool isWhole)
    {
        ReadOnlySpan<byte> name = "HTTP/"u8;
        int known = Math.Min(version.Length, name.Length);
        if (!version[..known].SequenceEqual(name[..known])) return Verdict.Reject(400, "bad HTTP version");
        if (version.Length > 5 && !char.IsAsciiDigit((char)version[5])) return Verdict.Reject(400, "bad HTTP version");
        if (version.Length > 6 && version[6] != '.') return Verdict.Reject(400, "bad HTTP version");
        if (version.Length > 7 && !char.IsAsciiDigit((char)version[7])) return Verdict.Reject(400, "bad HTTP version");
        if (version.Length > 8 || (isWhole && version.Length < 8)) return Verdict.Reject(400, "bad HTTP version");
        if (!isWhole) return Verdict.NeedMore;
        if (version[5] != '1') return Verdict.Reject(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
        // RFC 9110 section 2.5: a higher minor version is read as the highest that is known.
        MinorVersion = version[7] == '0' ? 0 : 1;
        return Verdict.Message;
    }
}

/// <summary>
/// The methods of RFC 9110 section 9 and RFC 5789: those that OpenTelemetry tells apart. All others count as one there, because
/// clients may make up as many as they like.
/// </summary>
internal enum KnownMethod : byte
{
    Other,
    Get,
    Post,
    Head,
    Put,
    Delete,
    Patch,
    Options,
    Connect,
    Trace,
}

/// <summary>The usual methods as strings that exist already, and those that the application has to allow. Pure.</summary>
internal static class HttpMethods
{
    /// <summary>Bytes of the longest known method.</summary>
    public const int MaxKnownLength = 7;

    private static readonly string[] Names =
        [HttpInstruments.OtherMethod, "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];

    public static string NameOf(ReadOnlySpan<byte> method) =>
        KnownOf(method) is not KnownMethod.Other and var known ? NameOf(known) : Encoding.ASCII.GetString(method);

    /// <summary>The method's name; OpenTelemetry's for those that are not known.</summary>
    public static string NameOf(KnownMethod method) => Names[(int)method];

    public static KnownMethod KnownOf(ReadOnlySpan<byte> method) => method switch
    {
        _ when method.SequenceEqual("GET"u8) => KnownMethod.Get,
        _ when method.SequenceEqual("POST"u8) => KnownMethod.Post,
        _ when method.SequenceEqual("HEAD"u8) => KnownMethod.Head,
        _ when method.SequenceEqual("PUT"u8) => KnownMethod.Put,
        _ when method.SequenceEqual("DELETE"u8) => KnownMethod.Delete,
        _ when method.SequenceEqual("PATCH"u8) => KnownMethod.Patch,
        _ when method.SequenceEqual("OPTIONS"u8) => KnownMethod.Options,
        _ when method.SequenceEqual("CONNECT"u8) => KnownMethod.Connect,
        _ when method.SequenceEqual("TRACE"u8) => KnownMethod.Trace,
        _ => KnownMethod.Other,
    };

    /// <summary>
    /// CONNECT would open a tunnel, and TRACE would disclose credentials (RFC 9110 sections 9.3.6 and 9.3.8): not implemented,
    /// 501 (section 15.6.2), unless the application allows them.
    /// </summary>
    public static Verdict Judge(ReadOnlySpan<byte> method, HttpOptions options) => method.Length switch
    {
        5 when !options.AllowTrace && method.SequenceEqual("TRACE"u8) => Verdict.Reject(501, "TRACE is not served here"),
        7 when !options.AllowConnect && method.SequenceEqual("CONNECT"u8) => Verdict.Reject(501, "CONNECT is not served here"),
        _ => Verdict.Message,
    };
}
