using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Which bytes may follow a line that has come in part and is valid so far, without any effect on that judgement.
/// </summary>
internal enum Harmless : byte
{
    /// <summary>None.</summary>
    Nothing,

    /// <summary>Those of a token: a method, or the name of a field.</summary>
    Token,

    /// <summary>Those of a request target.</summary>
    Target,

    /// <summary>Those of a host with its port.</summary>
    Host,

    /// <summary>More zeros before a number.</summary>
    Zero,

    /// <summary>Spaces and tabs.</summary>
    Whitespace,

    /// <summary>Those of a field value.</summary>
    Value,
}

/// <summary>
/// A line that has come in part and was found valid so far. It is judged again only when a byte comes that may change that, not
/// for every packet: a line in single bytes costs a number of steps that grows with its length, not with its square. Pure.
/// </summary>
internal static class OpenLine
{
    /// <summary>What is harmless after the beginning of a request line.</summary>
    public static Harmless OfRequestLine(ReadOnlySpan<byte> line)
    {
        int space = line.IndexOf((byte)' ');
        if (space < 0) return line.IsEmpty ? Harmless.Nothing : Harmless.Token;
        ReadOnlySpan<byte> target = line[(space + 1)..];
        if (target.IsEmpty || target.Contains((byte)' ')) return Harmless.Nothing;
        if (line[..space].SequenceEqual("CONNECT"u8)) return Harmless.Host;
        if (target[0] == '/') return Harmless.Target;
        // An absolute target: its authority ends with the path or the query.
        ReadOnlySpan<byte> authority = RequestTarget.Authority(target);
        if (!target.Overlaps(authority, out int start)) return Harmless.Nothing;
        return start + authority.Length == target.Length ? Harmless.Host : Harmless.Target;
    }

    /// <summary>What is harmless after the beginning of a header field.</summary>
    public static Harmless OfHeaderField(ReadOnlySpan<byte> line)
    {
        int colon = line.IndexOf((byte)':');
        if (colon is not (4 or 14)) return OfField(line);
        ReadOnlySpan<byte> name = line[..colon];
        bool isHost = Ascii.EqualsIgnoreCase(name, "host"u8);
        if (!isHost && !Ascii.EqualsIgnoreCase(name, "content-length"u8)) return Harmless.Value;
        ReadOnlySpan<byte> value = line[(colon + 1)..];
        // Within these values white space is malformed, behind them it is not.
        if (value.IsEmpty || HttpChars.IsWhitespace(value[^1])) return Harmless.Whitespace;
        if (isHost) return Harmless.Host;
        return HttpChars.TrimWhitespace(value).ContainsAnyExcept((byte)'0') ? Harmless.Nothing : Harmless.Zero;
    }

    /// <summary>What is harmless after the beginning of a field that means nothing for the framing, such as one of a
    /// trailer.</summary>
    public static Harmless OfField(ReadOnlySpan<byte> line) =>
        line.IsEmpty ? Harmless.Nothing : line.Contains((byte)':') ? Harmless.Value : Harmless.Token;

    /// <summary>Whether all bytes are harmless.</summary>
    public static bool Allows(Harmless harmless, in ReadOnlySequence<byte> bytes)
    {
        if (harmless == Harmless.Nothing) return false;
        foreach (ReadOnlyMemory<byte> segment in bytes)
        {
            if (!Allows(harmless, segment.Span)) return false;
        }
        return true;
    }

    private static bool Allows(Harmless harmless, ReadOnlySpan<byte> bytes) => harmless switch
    {
        Harmless.Token => bytes.IsEmpty || HttpChars.IsToken(bytes),
        Harmless.Target => HttpChars.IndexOfNonTarget(bytes) < 0,
        Harmless.Host => HostName.CanBegin(bytes),
        Harmless.Zero => !bytes.ContainsAnyExcept((byte)'0'),
        Harmless.Whitespace => !bytes.ContainsAnyExcept((byte)' ', (byte)'\t'),
        _ => HttpChars.IsFieldValue(bytes),
    };
}
