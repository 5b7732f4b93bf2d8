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
    public const int StackFields = 128;

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
        int start = LineReader.EmptyLines(input);
        int offset = (progress?.LineStart ?? 0) + start;
        input = input[start..];
        var reader = new LineReader(input);
        var line = new RequestLine();
        Verdict verdict = line.TryReadUsual(ref reader, options)
            ? Verdict.Message
            : ReadRequestLine(ref reader, options, isSecure, out line);
        if (verdict.Kind != VerdictKind.Message)
        {
            if (verdict.Kind == VerdictKind.NeedMore) progress = HeadProgress.InRequestLine(input, offset, options);
            return verdict;
        }
        HeaderField[]? rented = null;
        int most = MostFields(input.Length - reader.Position, options.MaxHeaderCount);
        Span<HeaderField> fields = most <= StackFields
            ? stackalloc HeaderField[StackFields]
            : rented = ArrayPool<HeaderField>.Shared.Rent(most);
        ReadOnlySpan<byte> authority = Authority(input, line);
        var framing = new RequestFraming(line.MinorVersion, authority, options.MaxListElements);
        int count = 0;
        verdict = ReadFields(ref reader, ref framing, fields[..most], ref count);
        if (verdict.Kind == VerdictKind.Message)
        {
            consumed = offset + reader.Position;
            progress = null;
            RequestHead.Keep(ref head, input[..reader.Position], fields[..count], line, framing);
        }
        else if (verdict.Kind == VerdictKind.NeedMore)
        {
            progress = HeadProgress.InFields(input, reader.Position, offset, line.MinorVersion, authority);
            progress.Keep(framing, count);
        }
        if (rented is not null) ArrayPool<HeaderField>.Shared.Return(rented);
        return verdict;
    }

    /// <summary>
    /// For how many fields there must be room: no more than the limit, and no more than so many bytes can hold. So a high limit
    /// costs no memory by itself.
    /// </summary>
    /// <param name="length">Bytes of field lines; each has three at least: of its name, the colon, and of its end.</param>
    /// <param name="limit">How many fields there may be.</param>
    public static int MostFields(int length, int limit) => Math.Min(limit, (length / 3) + 1);

    /// <summary>
    /// Reads header fields up to the empty line, or to the line that has not ended, which the reader stands before then.
    /// </summary>
    /// <param name="reader">Stands behind the request line, or behind a field.</param>
    /// <param name="framing">What whole fields say, is noted in it.</param>
    /// <param name="fields">Takes the positions of the fields; more than it has room for there may not be.</param>
    /// <param name="count">How many fields there are.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Verdict ReadFields(ref LineReader reader, ref RequestFraming framing, scoped Span<HeaderField> fields,
        ref int count)
    {
        while (true)
        {
            int first = count;
            int position = reader.Position;
            count += FieldScanner.Scan(reader.Input, ref position, fields[count..]);
            reader.Position = position;
            Verdict verdict = Note(reader.Input, fields[first..count], ref framing);
            if (verdict.Kind != VerdictKind.Message) return verdict;
            if (reader.TrySkipEmptyLine()) return framing.Judge();
            verdict = ReadUnusualField(ref reader, count < fields.Length, ref framing, out HeaderField field);
            if (verdict.Kind != VerdictKind.Message) return verdict;
            fields[count++] = field;
        }
    }

    /// <summary>What the fields mean that were found, in their order.</summary>
    private static Verdict Note(ReadOnlySpan<byte> input, scoped ReadOnlySpan<HeaderField> fields, ref RequestFraming framing)
    {
        foreach (ref readonly HeaderField field in fields)
        {
            if (!RequestFraming.MayMean(field.NameLength, input[field.NameStart])) continue;
            Verdict verdict = framing.Note(input.Slice(field.NameStart, field.NameLength),
                input.Slice(field.ValueStart, field.ValueLength), isWhole: true);
            if (verdict.Kind != VerdictKind.Message) return verdict;
        }
        return Verdict.Message;
    }

    /// <summary>Reads a field that <see cref="FieldScanner"/> does not take: it has not ended, or may be invalid.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Verdict ReadUnusualField(ref LineReader reader, bool hasRoom, ref RequestFraming framing,
        out HeaderField field)
    {
        field = default;
        LineEnd end = reader.Read(out ReadOnlySpan<byte> text, out int start);
        if (text.IsEmpty) return end == LineEnd.Open ? Verdict.NeedMore : OrWait(framing.Judge(), end);
        if (!hasRoom) return Refusals.TooManyHeaders;
        if (end == LineEnd.Ended) return ReadField(text, isWhole: true, start, ref framing, out field);
        RequestFraming trial = framing;
        return OrWait(ReadField(text, end != LineEnd.Open, start, ref trial, out _), end);
    }

    /// <summary>
    /// Section 3: a request line that is too long is a 414, which is about the target; if the method alone is too long, a 400.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
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
}
