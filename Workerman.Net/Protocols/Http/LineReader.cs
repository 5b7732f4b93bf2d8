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
