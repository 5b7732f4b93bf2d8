using System.Runtime.CompilerServices;

namespace Workerman.Protocols.Http;

/// <summary>How much of a line there is.</summary>
internal enum LineEnd
{
    /// <summary>More of it may come.</summary>
    Open,

    /// <summary>It has ended but for the LF, which has not arrived: its content cannot change any more.</summary>
    HalfEnded,

    /// <summary>It has ended, with its CRLF.</summary>
    Ended,

    /// <summary>A CR without an LF stands in it: it is malformed, whatever it says.</summary>
    Broken,
}

/// <summary>
/// Hands out the lines of a head, each ended by CRLF and by nothing else (RFC 9112 section 2.2). A value of the parser; pure.
/// </summary>
internal ref struct LineReader(ReadOnlySpan<byte> input)
{
    /// <summary>The lines.</summary>
    public readonly ReadOnlySpan<byte> Input = input;

    /// <summary>Where the next line starts.</summary>
    public int Position { get; set; }

    /// <summary>
    /// How many bytes the empty lines before a request line have (section 2.2), which count as bytes of the head.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int EmptyLines(ReadOnlySpan<byte> input)
    {
        int length = 0;
        while (input[length..].StartsWith("\r\n"u8)) length += 2;
        return length;
    }

    /// <summary>Skips an empty line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TrySkipEmptyLine()
    {
        if (!Input[Position..].StartsWith("\r\n"u8)) return false;
        Position += 2;
        return true;
    }

    /// <summary>The next line, or the beginning of one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public LineEnd Read(out ReadOnlySpan<byte> line, out int start)
    {
        start = Position;
        ReadOnlySpan<byte> rest = Input[start..];
        int end = rest.IndexOfAny((byte)'\r', (byte)'\n');
        line = end < 0 ? rest : rest[..end];
        if (end < 0) return LineEnd.Open;
        if (rest[end] == '\n')
        {
            // A bare LF is left in its line: the rules for lines refuse it there.
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
        // A line that starts with white space is an obsolete line folding (section 5.2), and section 5.1 forbids white space
        // between name and colon. White space is no token character, so the name's check refuses both.
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
