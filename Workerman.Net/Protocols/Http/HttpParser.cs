using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Reads the head of a request (RFC 9112 sections 2 to 6). Pure: bytes in, a verdict out, no state between calls, so bytes
/// that come in pieces are judged like bytes that come at once. It does not read bodies. Any thread.
/// </summary>
internal static class HttpParser
{
    [ThreadStatic]
    private static HeaderField[]? _scratch;

    /// <summary>Reads one head from the start of the input.</summary>
    /// <param name="input">What has arrived.</param>
    /// <param name="options">The limits.</param>
    /// <param name="head">The head, where the verdict is <see cref="VerdictKind.Message"/>.</param>
    /// <param name="consumed">How many bytes it had, with the empty lines before it.</param>
    public static Verdict TryParse(in ReadOnlySequence<byte> input, HttpOptions options, out RequestHead? head, out int consumed)
    {
        if (input.IsSingleSegment) return TryParse(input.FirstSpan, options, out head, out consumed);
        int size = (int)Math.Min(input.Length, options.MaxHeadSize + 1);
        byte[] whole = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            input.Slice(0, size).CopyTo(whole);
            return TryParse(whole.AsSpan(0, size), options, out head, out consumed);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    private static Verdict TryParse(ReadOnlySpan<byte> input, HttpOptions options, out RequestHead? head, out int consumed)
    {
        head = null;
        consumed = 0;
        HeaderField[] fields = Scratch(options.MaxHeaderCount);
        var reader = new LineReader(input, options.MaxHeadSize);

        int start = reader.SkipEmptyLines();
        var line = new RequestLine();
        Verdict verdict = reader.TryReadLine(out int lineStart, out int lineLength);
        if (verdict.Kind == VerdictKind.Message) verdict = line.Read(input.Slice(lineStart, lineLength));
        if (verdict.Kind != VerdictKind.Message) return verdict;

        var framing = new RequestFraming(line.MinorVersion);
        for (int count = 0; ; count++)
        {
            verdict = reader.TryReadLine(out lineStart, out lineLength);
            if (verdict.Kind != VerdictKind.Message) return verdict;
            if (lineLength == 0)
            {
                verdict = framing.Judge();
                if (verdict.Kind != VerdictKind.Message) return verdict;
                consumed = reader.Position;
                head = Build(input[start..consumed], fields.AsSpan(0, count), line, framing);
                return verdict;
            }
            if (count == options.MaxHeaderCount) return Verdict.Reject(431, "too many header fields");
            verdict = ReadField(input.Slice(lineStart, lineLength), lineStart - start, ref framing, out fields[count]);
            if (verdict.Kind != VerdictKind.Message) return verdict;
        }
    }

    /// <summary>field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5).</summary>
    private static Verdict ReadField(ReadOnlySpan<byte> line, int offset, ref RequestFraming framing, out HeaderField field)
    {
        field = default;
        // A line that starts with white space is an obsolete fold (section 5.2); no token starts so.
        int colon = line.IndexOf((byte)':');
        if (colon < 0) return Verdict.Reject(400, "header field without a colon");
        // Section 5.1: no white space between name and colon; it is no token character either.
        ReadOnlySpan<byte> name = line[..colon];
        if (!HttpChars.IsToken(name)) return Verdict.Reject(400, "bad header field name");
        ReadOnlySpan<byte> rest = line[(colon + 1)..];
        if (!HttpChars.IsFieldValue(rest)) return Verdict.Reject(400, "bad header field value");
        ReadOnlySpan<byte> value = HttpChars.TrimWhitespace(rest);
        int valueStart = colon + 1 + (rest.Length - rest.TrimStart(" \t"u8).Length);
        field = new HeaderField(offset, colon, offset + valueStart, value.Length);
        return framing.Note(name, value);
    }

    private static RequestHead Build(ReadOnlySpan<byte> bytes, ReadOnlySpan<HeaderField> fields, in RequestLine line, in RequestFraming framing) => new()
    {
        Bytes = bytes.ToArray(),
        Fields = fields.ToArray(),
        MethodLength = line.MethodLength,
        TargetLength = line.TargetLength,
        MinorVersion = line.MinorVersion,
        ContentLength = framing.ContentLength,
        KeepAlive = framing.KeepAlive,
    };

    private static HeaderField[] Scratch(int count)
    {
        if (_scratch is null || _scratch.Length < count) _scratch = new HeaderField[count];
        return _scratch;
    }

    /// <summary>Hands out the lines of a head, each ended by CRLF and by nothing else (RFC 9112 section 2.2).</summary>
    private ref struct LineReader(ReadOnlySpan<byte> input, int maxSize)
    {
        private readonly ReadOnlySpan<byte> _input = input;
        public int Position { get; private set; }

        /// <summary>Section 2.2: empty lines before a request line are ignored, but they count. Answers where the head starts.</summary>
        public int SkipEmptyLines()
        {
            while (_input[Position..].StartsWith("\r\n"u8)) Position += 2;
            return Position;
        }

        public Verdict TryReadLine(out int start, out int length)
        {
            start = Position;
            length = 0;
            ReadOnlySpan<byte> rest = _input[start..];
            int end = rest.IndexOf((byte)'\n');
            if (Position + (end < 0 ? rest.Length : end) >= maxSize) return Verdict.Reject(431, "request head too large");
            if (end < 0) return JudgePartial(rest);
            if (end == 0 || rest[end - 1] != '\r') return Verdict.Reject(400, "line not ended by CRLF");
            length = end - 1;
            Position += end + 1;
            return Verdict.Message;
        }

        /// <summary>A line that has not ended yet; a CR that no LF follows can never be part of one.</summary>
        private static Verdict JudgePartial(ReadOnlySpan<byte> line)
        {
            int cr = line.IndexOf((byte)'\r');
            return cr >= 0 && cr < line.Length - 1 ? Verdict.Reject(400, "bare CR") : Verdict.NeedMore;
        }
    }
}
