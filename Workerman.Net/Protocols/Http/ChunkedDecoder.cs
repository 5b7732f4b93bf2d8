using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Reads a chunked body (RFC 9112 section 7.1), in as many pieces as it comes in, into a <see cref="RequestBody"/>. It judges,
/// and passes the data on; it knows no connection. Belongs to the protocol of one connection, for one body.
/// </summary>
/// <param name="body">Where the data goes.</param>
/// <param name="maxBodySize">Bytes that the data may have: beyond, 413.</param>
/// <param name="options">The limits of the trailer section: those of a head.</param>
internal sealed class ChunkedDecoder(RequestBody body, long maxBodySize, HttpOptions options)
{
    /// <summary>
    /// Bytes of a chunk-size line with its extensions: more than any client needs, and too few to make the server work for
    /// nothing.
    /// </summary>
    private const int MaxSizeLine = 1024;

    /// <summary>Digits of a size that is read at once.</summary>
    private const int MaxPlainDigits = 6;

    /// <summary>Bytes of a line that are not counted as extensions.</summary>
    private const int MaxPlainLine = 16;

    private State _state;
    private ChunkSizeLine _line;
    private int _lineLength;
    private long _extensions;
    private long _size;
    private long _remaining;
    private int _trailerSize;

    /// <summary>Bytes of a trailer line that were judged though it has not ended.</summary>
    private int _seen;
    private Harmless _harmless;
    private List<KeyValuePair<string, string>>? _trailers;

    private enum State
    {
        Size,
        SizeEnd,
        Data,
        DataCr,
        DataLf,
        Trailer,
        Ended,
    }

    /// <summary>The trailer fields, once the body is complete.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Trailers => _trailers ?? [];

    /// <summary>Reads on, and consumes what it has read.</summary>
    /// <returns><see cref="VerdictKind.Message"/> when the body is complete.</returns>
    public Verdict TryDecode(ref ReadOnlySequence<byte> input)
    {
        while (_state != State.Ended)
        {
            if (input.IsEmpty) return Verdict.NeedMore;
            Verdict verdict = _state == State.Trailer ? ReadTrailer(ref input) : Read(ref input);
            if (verdict.Kind != VerdictKind.Message) return verdict;
        }
        return Verdict.Message;
    }

    /// <summary>
    /// Reads the first bytes as far as they go. A body may have a million chunks of a byte, so a step of one costs no more than
    /// its bytes do.
    /// </summary>
    private Verdict Read(ref ReadOnlySequence<byte> input)
    {
        ReadOnlySpan<byte> rest = FirstBytes(input);
        int length = rest.Length;
        var data = new SmallPieces(body, stackalloc byte[1024]);
        Verdict verdict = Verdict.Message;
        while (!rest.IsEmpty && _state < State.Trailer && verdict.Kind == VerdictKind.Message)
        {
            if (!TryReadWhole(rest, ref data, out int consumed)) verdict = Read(rest, ref data, out consumed);
            rest = rest[consumed..];
        }
        data.Flush();
        input = input.Slice(length - rest.Length);
        return verdict;
    }

    /// <summary>
    /// Reads a chunk that is there whole and has no extension; any other, and one that is refused, is read byte by byte.
    /// </summary>
    private bool TryReadWhole(ReadOnlySpan<byte> input, ref SmallPieces data, out int consumed)
    {
        consumed = 0;
        if (_state != State.Size || _lineLength > 0) return false;
        int size = 0;
        int at = 0;
        for (; at < Math.Min(input.Length, MaxPlainDigits) && char.IsAsciiHexDigit((char)input[at]); at++)
            size = (size << 4) | UrlEncoding.HexValue(input[at]);
        // A chunk of size 0 is the last one, and no chunk has less than a digit.
        if (size == 0 || size > maxBodySize - _size || input.Length - at - size < 4) return false;
        ReadOnlySpan<byte> chunk = input.Slice(at, size + 4);
        if (!chunk.StartsWith("\r\n"u8) || !chunk.EndsWith("\r\n"u8)) return false;
        data.Append(chunk[2..^2]);
        _size += size;
        consumed = at + chunk.Length;
        return true;
    }

    private Verdict Read(ReadOnlySpan<byte> input, ref SmallPieces data, out int consumed)
    {
        consumed = 1;
        return _state switch
        {
            State.Size => ReadSize(input, out consumed),
            State.SizeEnd => input[0] == '\n' ? BeginChunk() : Verdict.Reject(400, "bare CR"),
            State.Data => ReadData(input, ref data, out consumed),
            State.DataCr => Expect(input[0], '\r', State.DataLf),
            _ => Expect(input[0], '\n', State.Size),
        };
    }

    /// <summary>A sequence may begin with empty segments.</summary>
    private static ReadOnlySpan<byte> FirstBytes(in ReadOnlySequence<byte> input)
    {
        if (!input.FirstSpan.IsEmpty) return input.FirstSpan;
        foreach (ReadOnlyMemory<byte> segment in input)
        {
            if (!segment.IsEmpty) return segment.Span;
        }
        return default;
    }

    /// <summary>chunk-size [ chunk-ext ] CR</summary>
    private Verdict ReadSize(ReadOnlySpan<byte> input, out int consumed)
    {
        for (consumed = 0; consumed < input.Length;)
        {
            byte next = input[consumed++];
            if (next == '\r')
            {
                if (!_line.CanEnd) return Verdict.Reject(400, "bad chunk size");
                _state = State.SizeEnd;
                return Verdict.Message;
            }
            if (!_line.Take(next)) return Verdict.Reject(400, "bad chunk size or extension");
            if (++_lineLength > MaxSizeLine) return Verdict.Reject(400, "chunk size line too long");
            // A kilobyte of extensions for each byte of data is only sent to make the server work.
            if (_lineLength > MaxPlainLine && ++_extensions > options.MaxHeadSize)
                return Verdict.Reject(400, "too many chunk extensions");
        }
        return Verdict.Message;
    }

    private Verdict BeginChunk()
    {
        _remaining = _line.Size;
        _line = default;
        _lineLength = 0;
        // Compared by subtraction: the sum could overflow.
        if (_remaining > maxBodySize - _size) return Refusals.BodyTooLarge;
        _size += _remaining;
        _state = _remaining == 0 ? State.Trailer : State.Data;
        return Verdict.Message;
    }

    private Verdict ReadData(ReadOnlySpan<byte> input, ref SmallPieces data, out int consumed)
    {
        consumed = (int)Math.Min(_remaining, input.Length);
        data.Append(input[..consumed]);
        _remaining -= consumed;
        if (_remaining == 0) _state = State.DataCr;
        return Verdict.Message;
    }

    private Verdict Expect(byte next, char wanted, State then)
    {
        if (next != wanted) return Verdict.Reject(400, "chunk not ended by CRLF");
        _state = then;
        return Verdict.Message;
    }

    /// <summary>
    /// Section 7.1.2: trailer fields are judged like header fields, but not merged with them, because they must not be taken for
    /// header fields (RFC 9110 section 6.5.1).
    /// </summary>
    private Verdict ReadTrailer(ref ReadOnlySequence<byte> input)
    {
        int limit = options.MaxHeadSize - _trailerSize;
        int size = (int)Math.Min(input.Length, limit);
        if (size < limit && _harmless != Harmless.Nothing && OpenLine.Allows(_harmless, SequenceTail.From(input, _seen)))
        {
            _seen = size;
            return Verdict.NeedMore;
        }
        byte[]? copy = input.FirstSpan.Length >= size ? null : FirstLine(input.Slice(0, size));
        var reader = new LineReader(copy ?? input.FirstSpan[..size]);
        LineEnd end = reader.Read(out ReadOnlySpan<byte> text, out _);
        Verdict verdict = ReadTrailer(text, end, out KeyValuePair<string, string> field);
        if (verdict.Kind == VerdictKind.NeedMore && size == limit) return Refusals.TrailersTooLarge;
        (_seen, _harmless) = end == LineEnd.Open ? (size, OpenLine.OfField(text)) : (0, Harmless.Nothing);
        if (verdict.Kind != VerdictKind.Message) return verdict;
        if (text.IsEmpty) _state = State.Ended;
        else (_trailers ??= []).Add(field);
        _trailerSize += reader.Position;
        input = input.Slice(reader.Position);
        return verdict;
    }

    /// <summary>What lies in several pieces is copied up to the end of its first line, not for each line as a whole.</summary>
    private static byte[] FirstLine(in ReadOnlySequence<byte> lines) =>
        (lines.PositionOf((byte)'\n') is { } end ? lines.Slice(0, lines.GetPosition(1, end)) : lines).ToArray();

    private Verdict ReadTrailer(ReadOnlySpan<byte> text, LineEnd end, out KeyValuePair<string, string> field)
    {
        field = default;
        var line = new HeaderLine();
        Verdict verdict = text.IsEmpty ? Verdict.Message : line.Read(text, end != LineEnd.Open);
        if (!text.IsEmpty && _trailers?.Count == options.MaxHeaderCount) return Refusals.TooManyTrailers;
        if (verdict.Kind == VerdictKind.Reject) return verdict;
        if (end == LineEnd.Broken) return Verdict.Reject(400, "bare CR");
        if (end != LineEnd.Ended) return Verdict.NeedMore;
        if (text.IsEmpty) return Verdict.Message;
        string name = Encoding.ASCII.GetString(text[..line.NameLength]);
        field = new(name, Encoding.UTF8.GetString(text.Slice(line.ValueStart, line.ValueLength)));
        return Verdict.Message;
    }

    /// <summary>
    /// Gathers the data of small chunks, so that the body is given more than a byte at a time. A value of one call, on its
    /// thread.
    /// </summary>
    private ref struct SmallPieces(RequestBody body, Span<byte> buffer)
    {
        private readonly Span<byte> _buffer = buffer;
        private int _length;

        public void Append(ReadOnlySpan<byte> piece)
        {
            if (piece.Length > _buffer.Length - _length) Flush();
            if (piece.Length > _buffer.Length)
            {
                body.Append(piece);
                return;
            }
            piece.CopyTo(_buffer[_length..]);
            _length += piece.Length;
        }

        public void Flush()
        {
            if (_length > 0) body.Append(_buffer[.._length]);
            _length = 0;
        }
    }
}
