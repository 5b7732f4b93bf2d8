using System.Runtime.CompilerServices;

namespace Workerman.Protocols.Http;

/// <summary>How much of a line there is.</summary>
internal enum LineEnd
{
    /// <summary>More of it may come.</summary>
    Open,

    /// <summary>All but the LF: nothing of it can change any more.</summary>
    HalfEnded,

    /// <summary>All of it, and its CRLF.</summary>
    Ended,

    /// <summary>A CR that no LF follows: whatever the line says, it is none.</summary>
    Broken,
}

/// <summary>
/// Hands out the lines of a head, each ended by CRLF and by nothing else (RFC 9112 section 2.2). A value of the parser; pure.
/// </summary>
internal ref struct LineReader(ReadOnlySpan<byte> input)
{
    private readonly ReadOnlySpan<byte> _input = input;

    public int Position { get; private set; }

    /// <summary>
    /// Section 2.2: empty lines before a request line are ignored, but they count. Answers where the head starts.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int SkipEmptyLines()
    {
        while (_input[Position..].StartsWith("\r\n"u8)) Position += 2;
        return Position;
    }

    /// <summary>The next line, or the beginning of one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public LineEnd Read(out ReadOnlySpan<byte> line, out int start)
    {
        start = Position;
        ReadOnlySpan<byte> rest = _input[start..];
        int end = rest.IndexOfAny((byte)'\r', (byte)'\n');
        line = end < 0 ? rest : rest[..end];
        if (end < 0) return LineEnd.Open;
        if (rest[end] == '\n')
        {
            // An LF alone is left in its line, where no rule lets it be.
            line = rest[..(end + 1)];
            return LineEnd.Open;
        }
        if (end + 1 == rest.Length) return LineEnd.HalfEnded;
        if (rest[end + 1] != '\n') return LineEnd.Broken;
        Position += end + 2;
        return LineEnd.Ended;
    }
}

/// <summary>
/// field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5), also of a line that has not ended yet. Header
/// and trailer fields alike. A value of the parsers; pure.
/// </summary>
internal struct HeaderLine
{
    /// <summary>Where the colon is, if there is one.</summary>
    public int NameLength;

    public int ValueStart;

    public int ValueLength;

    /// <summary>Judges a line, or the beginning of one.</summary>
    public Verdict Read(ReadOnlySpan<byte> line, bool isWhole)
    {
        // A line that starts with white space is an obsolete fold (section 5.2); no token starts so. Section 5.1: no white space
        // between name and colon; it is no token character either.
        NameLength = HttpChars.TokenLength(line);
        if (NameLength == line.Length && NameLength > 0)
            return isWhole ? Verdict.Reject(400, "header field without a colon") : Verdict.NeedMore;
        if (NameLength == 0 || line[NameLength] != ':') return Verdict.Reject(400, "bad header field name");
        ReadOnlySpan<byte> rest = line[(NameLength + 1)..];
        if (!HttpChars.IsFieldValue(rest)) return Verdict.Reject(400, "bad header field value");
        int start = 0;
        int end = rest.Length;
        while (start < end && HttpChars.IsWhitespace(rest[start])) start++;
        while (end > start && HttpChars.IsWhitespace(rest[end - 1])) end--;
        ValueStart = NameLength + 1 + start;
        ValueLength = end - start;
        return Verdict.Message;
    }
}
