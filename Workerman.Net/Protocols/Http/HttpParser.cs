using System.Buffers;
using System.Runtime.CompilerServices;

namespace Workerman.Protocols.Http;

/// <summary>
/// Reads the head of a request (RFC 9112 sections 2 to 6). Pure: bytes in, a verdict out. Bytes that arrive in pieces are judged
/// like bytes that arrive at once: what is refused is refused at the first byte that makes it invalid. How far a head was judged
/// that has not come whole is kept by the caller (<see cref="HeadProgress"/>). It does not read bodies. Any thread.
/// </summary>
internal static class HttpParser
{
    /// <summary>The number of fields whose positions are kept on the stack.</summary>
    private const int StackFields = 128;

    /// <summary>Reads one head from the start of the input, of which nothing is known.</summary>
    /// <inheritdoc cref="TryParse(in ReadOnlySequence{byte}, HttpOptions, bool, ref HeadProgress?, out RequestHead, out int)"/>
    public static Verdict TryParse(in ReadOnlySequence<byte> input, HttpOptions options, out RequestHead head, out int consumed,
        bool isSecure = false)
    {
        HeadProgress? progress = null;
        return TryParse(input, options, isSecure, ref progress, out head, out consumed);
    }

    /// <summary>Reads one head from the start of the input.</summary>
    /// <param name="input">What has arrived.</param>
    /// <param name="options">The limits.</param>
    /// <param name="isSecure">Whether it came over TLS.</param>
    /// <param name="progress">How far it was judged while there was less of it; null at first, and once it is whole.</param>
    /// <param name="head">The head, where the verdict is <see cref="VerdictKind.Message"/>.</param>
    /// <param name="consumed">How many bytes it had, with the empty lines before it.</param>
    public static Verdict TryParse(in ReadOnlySequence<byte> input, HttpOptions options, bool isSecure,
        ref HeadProgress? progress, out RequestHead head, out int consumed)
    {
        // Bytes beyond the limit are not read, so a rule that is broken before them is reported rather than the size.
        ReadOnlySpan<byte> first = input.FirstSpan;
        int size = (int)Math.Min(input.IsSingleSegment ? first.Length : input.Length, options.MaxHeadSize);
        Verdict verdict;
        if (progress is not null) verdict = GoOn(input, size, options, isSecure, ref progress, out head, out consumed);
        else if (first.Length >= size) verdict = TryParse(first[..size], options, isSecure, ref progress, out head, out consumed);
        else verdict = TryParseCopy(Capped(input, size), 0, options, isSecure, ref progress, out head, out consumed);
        return verdict.Kind == VerdictKind.NeedMore && size == options.MaxHeadSize ? Refusals.HeadTooLarge : verdict;
    }

    /// <summary>
    /// Judges what has come since: nothing but the new bytes where they are harmless, otherwise the lines that had not ended.
    /// </summary>
    private static Verdict GoOn(in ReadOnlySequence<byte> input, int size, HttpOptions options, bool isSecure,
        ref HeadProgress? progress, out RequestHead head, out int consumed)
    {
        (head, consumed) = (default, 0);
        HeadProgress before = progress!;
        ReadOnlySequence<byte> capped = Capped(input, size);
        if (before.IsUnchangedBy(capped)) return Verdict.NeedMore;
        Verdict verdict = TryParseCopy(capped, before.LineStart, options, isSecure, ref progress, out head, out consumed);
        if (verdict.Kind != VerdictKind.Message || !head.IsEmpty) return verdict;
        // All lines are valid: once more as a whole, for the positions of the fields.
        progress = null;
        return TryParseCopy(capped, 0, options, isSecure, ref progress, out head, out consumed);
    }

    private static ReadOnlySequence<byte> Capped(in ReadOnlySequence<byte> input, int size) =>
        size < input.Length ? input.Slice(0, size) : input;

    private static Verdict TryParseCopy(in ReadOnlySequence<byte> input, int from, HttpOptions options, bool isSecure,
        ref HeadProgress? progress, out RequestHead head, out int consumed)
    {
        int size = (int)input.Length - from;
        byte[] whole = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            SequenceTail.From(input, from).CopyTo(whole);
            return TryParse(whole.AsSpan(0, size), options, isSecure, ref progress, out head, out consumed);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    /// <param name="input">From the start of the head, or of the line that <paramref name="progress"/> has come to.</param>
    /// <param name="options">The limits.</param>
    /// <param name="isSecure">Whether it came over TLS.</param>
    /// <param name="progress">How far the head was judged.</param>
    /// <param name="head">The head; where its request line was judged before, none, though the verdict is a message.</param>
    /// <param name="consumed">How many bytes of the input it had.</param>
    [SkipLocalsInit]
    private static Verdict TryParse(ReadOnlySpan<byte> input, HttpOptions options, bool isSecure, ref HeadProgress? progress,
        out RequestHead head, out int consumed)
    {
        head = default;
        consumed = 0;
        if (progress is { HasLine: true }) return progress.ReadFields(input, options);
        Span<HeaderField> fields = options.MaxHeaderCount <= StackFields
            ? stackalloc HeaderField[StackFields]
            : new HeaderField[options.MaxHeaderCount];
        int offset = progress?.LineStart ?? 0;
        var reader = new LineReader(input);
        int start = reader.SkipEmptyLines();
        Verdict verdict = ReadRequestLine(ref reader, options, isSecure, out RequestLine line);
        if (verdict.Kind != VerdictKind.Message)
        {
            if (verdict.Kind == VerdictKind.NeedMore)
                progress = HeadProgress.InRequestLine(input[start..], offset + start, options);
            return verdict;
        }
        ReadOnlySpan<byte> authority = Authority(input[start..], line);
        var framing = new RequestFraming(line.MinorVersion, authority, options.MaxListElements);
        int count = 0;
        verdict = ReadFields(ref reader, start, options, ref framing, fields, ref count);
        if (verdict.Kind == VerdictKind.Message)
        {
            consumed = offset + reader.Position;
            progress = null;
            head = Build(input[start..reader.Position], fields[..count], line, framing);
        }
        else if (verdict.Kind == VerdictKind.NeedMore)
        {
            progress = HeadProgress.InFields(input, reader.Position, offset, start, line.MinorVersion, authority);
            progress.Keep(framing, count);
        }
        return verdict;
    }

    /// <summary>
    /// Reads header fields up to the empty line, or to the line that has not ended, which the reader stands before then.
    /// </summary>
    /// <param name="reader">Stands behind the request line, or behind a field.</param>
    /// <param name="start">Where the request line starts.</param>
    /// <param name="options">The limits.</param>
    /// <param name="framing">What whole fields say, is noted in it.</param>
    /// <param name="fields">Takes the positions of the fields, if it has room.</param>
    /// <param name="count">How many fields there are.</param>
    internal static Verdict ReadFields(ref LineReader reader, int start, HttpOptions options, ref RequestFraming framing,
        scoped Span<HeaderField> fields, ref int count)
    {
        for (; ; count++)
        {
            LineEnd end = reader.Read(out ReadOnlySpan<byte> text, out int lineStart);
            Verdict verdict;
            if (text.IsEmpty)
            {
                verdict = end == LineEnd.Open ? Verdict.NeedMore : framing.Judge();
                return verdict.Kind == VerdictKind.Message && end == LineEnd.Ended ? verdict : OrWait(verdict, end);
            }
            if (count == options.MaxHeaderCount) return Refusals.TooManyHeaders;
            if (end != LineEnd.Ended)
            {
                RequestFraming trial = framing;
                return OrWait(ReadField(text, end != LineEnd.Open, lineStart - start, ref trial, out _), end);
            }
            verdict = ReadField(text, isWhole: true, lineStart - start, ref framing, out HeaderField field);
            if (verdict.Kind != VerdictKind.Message) return OrWait(verdict, end);
            if (count < fields.Length) fields[count] = field;
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
        if (verdict.Kind == VerdictKind.Reject) return JudgeBeginning(text, line.NameLength, framing) ?? verdict;
        if (verdict.Kind != VerdictKind.Message) return verdict;
        field = new HeaderField(offset, line.NameLength, offset + line.ValueStart, line.ValueLength);
        return framing.Note(text[..line.NameLength], text.Slice(line.ValueStart, line.ValueLength), isWhole);
    }

    /// <summary>
    /// Of a field whose value has a character that no value may have: what stands before it is judged first, as it is where it
    /// comes by itself. Null if it is not refused.
    /// </summary>
    private static Verdict? JudgeBeginning(ReadOnlySpan<byte> text, int nameLength, RequestFraming trial)
    {
        if (nameLength == 0 || nameLength == text.Length || text[nameLength] != ':') return null;
        int bad = HttpChars.IndexOfNonFieldValue(text[(nameLength + 1)..]);
        int end = nameLength + 1 + bad;
        var line = new HeaderLine();
        if (bad < 0 || line.Read(text[..end], isWhole: false).Kind != VerdictKind.Message) return null;
        Verdict verdict = trial.Note(text[..nameLength], text.Slice(line.ValueStart, line.ValueLength), isWhole: false);
        return verdict.Kind == VerdictKind.Reject ? verdict : null;
    }

    /// <summary>
    /// While a line has not ended, only a refusal is final: the line's own, or that of a CR without LF (section 2.2).
    /// </summary>
    private static Verdict OrWait(Verdict verdict, LineEnd end) =>
        verdict.Kind == VerdictKind.Reject ? verdict : end == LineEnd.Broken ? Verdict.Reject(400, "bare CR") : Verdict.NeedMore;

    private static ReadOnlySpan<byte> Authority(ReadOnlySpan<byte> head, scoped in RequestLine line)
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
