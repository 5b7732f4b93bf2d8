using System.Buffers;
using System.Runtime.CompilerServices;

namespace Workerman.Protocols.Http;

/// <summary>
/// Reads the head of a request (RFC 9112 sections 2 to 6). Pure: bytes in, a verdict out, no state between calls. Bytes that
/// arrive in pieces are judged like bytes that arrive at once: what is refused is refused at the first byte that makes it
/// invalid. It does not read bodies. Any thread.
/// </summary>
internal static class HttpParser
{
    /// <summary>The number of fields whose positions are kept on the stack.</summary>
    private const int StackFields = 128;

    /// <summary>Reads one head from the start of the input.</summary>
    /// <param name="input">What has arrived.</param>
    /// <param name="options">The limits.</param>
    /// <param name="head">The head, where the verdict is <see cref="VerdictKind.Message"/>.</param>
    /// <param name="consumed">How many bytes it had, with the empty lines before it.</param>
    /// <param name="isSecure">Whether it came over TLS.</param>
    public static Verdict TryParse(in ReadOnlySequence<byte> input, HttpOptions options, out RequestHead head, out int consumed,
        bool isSecure = false)
    {
        // Bytes beyond the limit are not read, so a rule that is broken before them is reported rather than the size.
        ReadOnlySpan<byte> first = input.FirstSpan;
        int size = (int)Math.Min(input.IsSingleSegment ? first.Length : input.Length, options.MaxHeadSize);
        Verdict verdict = first.Length >= size
            ? TryParse(first[..size], options, isSecure, out head, out consumed)
            : TryParseCopy(input.Slice(0, size), size, options, isSecure, out head, out consumed);
        return verdict.Kind == VerdictKind.NeedMore && size == options.MaxHeadSize ? Refusals.HeadTooLarge : verdict;
    }

    private static Verdict TryParseCopy(in ReadOnlySequence<byte> input, int size, HttpOptions options, bool isSecure,
        out RequestHead head, out int consumed)
    {
        byte[] whole = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            input.CopyTo(whole);
            return TryParse(whole.AsSpan(0, size), options, isSecure, out head, out consumed);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    [SkipLocalsInit]
    private static Verdict TryParse(ReadOnlySpan<byte> input, HttpOptions options, bool isSecure, out RequestHead head,
        out int consumed)
    {
        head = default;
        consumed = 0;
        Span<HeaderField> fields = options.MaxHeaderCount <= StackFields
            ? stackalloc HeaderField[StackFields]
            : new HeaderField[options.MaxHeaderCount];
        var reader = new LineReader(input);
        int start = reader.SkipEmptyLines();
        Verdict verdict = ReadRequestLine(ref reader, options, isSecure, out RequestLine line);
        if (verdict.Kind != VerdictKind.Message) return verdict;

        var framing = new RequestFraming(line.MinorVersion, Authority(input[start..], line));
        for (int count = 0; ; count++)
        {
            LineEnd end = reader.Read(out ReadOnlySpan<byte> text, out int lineStart);
            if (text.IsEmpty)
            {
                verdict = end == LineEnd.Open ? Verdict.NeedMore : framing.Judge();
                if (verdict.Kind != VerdictKind.Message || end != LineEnd.Ended) return OrWait(verdict, end);
                consumed = reader.Position;
                head = Build(input[start..consumed], fields[..count], line, framing);
                return verdict;
            }
            if (count == options.MaxHeaderCount) return Refusals.TooManyHeaders;
            verdict = ReadField(text, end != LineEnd.Open, lineStart - start, ref framing, out HeaderField field);
            if (verdict.Kind != VerdictKind.Message || end != LineEnd.Ended) return OrWait(verdict, end);
            fields[count] = field;
        }
    }

    /// <summary>
    /// Section 3: a request line that is too long is a 414, which is about the target; if the method alone is too long, a 400.
    /// </summary>
    private static Verdict ReadRequestLine(ref LineReader reader, HttpOptions options, bool isSecure, out RequestLine line)
    {
        line = new RequestLine();
        LineEnd end = reader.Read(out ReadOnlySpan<byte> text, out _);
        int limit = options.MaxRequestLineSize;
        bool tooLong = text.Length > limit;
        if (text.IsEmpty) return OrWait(Verdict.NeedMore, end);
        Verdict verdict = tooLong
            ? line.Read(text[..(limit + 1)], isWhole: false, options, isSecure)
            : line.Read(text, end != LineEnd.Open, options, isSecure);
        if (tooLong && verdict.Kind != VerdictKind.Reject)
            return text[..limit].Contains((byte)' ') ? Refusals.RequestLineTooLong : Refusals.MethodTooLong;
        return end == LineEnd.Ended ? verdict : OrWait(verdict, end);
    }

    private static Verdict ReadField(ReadOnlySpan<byte> text, bool isWhole, int offset, ref RequestFraming framing,
        out HeaderField field)
    {
        field = default;
        var line = new HeaderLine();
        Verdict verdict = line.Read(text, isWhole);
        if (verdict.Kind != VerdictKind.Message) return verdict;
        field = new HeaderField(offset, line.NameLength, offset + line.ValueStart, line.ValueLength);
        return framing.Note(text[..line.NameLength], text.Slice(line.ValueStart, line.ValueLength), isWhole);
    }

    /// <summary>
    /// While a line has not ended, only a refusal is final: the line's own, or that of a CR without LF (section 2.2).
    /// </summary>
    private static Verdict OrWait(Verdict verdict, LineEnd end) =>
        verdict.Kind == VerdictKind.Reject ? verdict : end == LineEnd.Broken ? Verdict.Reject(400, "bare CR") : Verdict.NeedMore;

    private static ReadOnlySpan<byte> Authority(ReadOnlySpan<byte> head, in RequestLine line)
    {
        ReadOnlySpan<byte> target = head.Slice(line.MethodLength + 1, line.TargetLength);
        if (target[0] == '/') return default;
        return head[..line.MethodLength].SequenceEqual("CONNECT"u8) ? target : RequestTarget.Authority(target);
    }

    private static RequestHead Build(ReadOnlySpan<byte> bytes, ReadOnlySpan<HeaderField> fields, in RequestLine line,
        in RequestFraming framing) => new(bytes, fields)
        {
            MethodLength = line.MethodLength,
            TargetLength = line.TargetLength,
            IsHttp11 = line.MinorVersion == 1,
            ContentLength = framing.ContentLength,
            KeepAlive = framing.KeepAlive,
            ExpectsContinue = framing.ExpectsContinue,
        };
}
