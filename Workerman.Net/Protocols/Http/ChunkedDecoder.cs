using System.Buffers;
using System.Globalization;

namespace Workerman.Protocols.Http;

/// <summary>
/// Reads a chunked body (RFC 9112 section 7.1), in as many pieces as it comes in. It judges and gathers; it knows no
/// connection. Belongs to the protocol of one connection, for one body.
/// </summary>
internal sealed class ChunkedDecoder(int maxBodySize, int maxTrailerSize)
{
    /// <summary>A chunk-size line with its extensions: generous for what anyone sends, small for what an attacker might.</summary>
    private const int MaxSizeLine = 1024;

    private readonly ArrayBufferWriter<byte> _body = new();
    private State _state;
    private long _remaining;
    private int _trailerSize;

    private enum State
    {
        Size,
        Data,
        DataEnd,
        Trailer,
    }

    /// <summary>Reads on; consumes all that it understands.</summary>
    /// <returns><see cref="VerdictKind.Message"/> when the body is complete.</returns>
    public Verdict TryDecode(ref ReadOnlySequence<byte> input)
    {
        while (true)
        {
            bool ended = _state == State.Trailer;
            Verdict verdict = _state switch
            {
                State.Size => ReadSize(ref input),
                State.Data => ReadData(ref input),
                State.DataEnd => ReadDataEnd(ref input),
                _ => ReadTrailer(ref input),
            };
            if (verdict.Kind != VerdictKind.Message || (ended && _trailerSize < 0)) return verdict;
        }
    }

    /// <summary>The body. Owned by the caller from here on.</summary>
    public byte[] ToArray() => _body.WrittenSpan.ToArray();

    /// <summary>chunk-size [ chunk-ext ] CRLF</summary>
    private Verdict ReadSize(ref ReadOnlySequence<byte> input)
    {
        Verdict verdict = TryReadLine(ref input, MaxSizeLine, 400, out byte[] line);
        if (verdict.Kind != VerdictKind.Message) return verdict;
        int end = line.AsSpan().IndexOfAny(" \t;"u8);
        ReadOnlySpan<byte> size = end < 0 ? line : line.AsSpan(0, end);
        // Only hex digits, and few enough not to overflow: no sign, no 0x.
        if (size.Length is 0 or > 15 || !long.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _remaining))
            return Verdict.Reject(400, "bad chunk size");
        // Section 7.1.1: extensions are ignored, but they do start with a semicolon.
        if (end >= 0 && (!HttpChars.TrimWhitespace(line.AsSpan(end)).StartsWith(";"u8) || !HttpChars.IsFieldValue(line.AsSpan(end))))
            return Verdict.Reject(400, "bad chunk extension");
        if (_body.WrittenCount + _remaining > maxBodySize) return Verdict.Reject(413, "request body too large");
        _state = _remaining == 0 ? State.Trailer : State.Data;
        return Verdict.Message;
    }

    private Verdict ReadData(ref ReadOnlySequence<byte> input)
    {
        if (input.IsEmpty) return Verdict.NeedMore;
        ReadOnlySequence<byte> data = input.Slice(0, Math.Min(_remaining, input.Length));
        foreach (ReadOnlyMemory<byte> segment in data) _body.Write(segment.Span);
        _remaining -= data.Length;
        input = input.Slice(data.End);
        if (_remaining == 0) _state = State.DataEnd;
        return Verdict.Message;
    }

    private Verdict ReadDataEnd(ref ReadOnlySequence<byte> input)
    {
        if (input.IsEmpty) return Verdict.NeedMore;
        if (input.FirstSpan[0] != '\r') return Verdict.Reject(400, "chunk not ended by CRLF");
        if (input.Length < 2) return Verdict.NeedMore;
        if (input.Slice(1).FirstSpan[0] != '\n') return Verdict.Reject(400, "chunk not ended by CRLF");
        input = input.Slice(2);
        _state = State.Size;
        return Verdict.Message;
    }

    /// <summary>Section 7.1.2: trailer fields are checked like header fields and dropped.</summary>
    private Verdict ReadTrailer(ref ReadOnlySequence<byte> input)
    {
        Verdict verdict = TryReadLine(ref input, maxTrailerSize - _trailerSize, 431, out byte[] line);
        if (verdict.Kind != VerdictKind.Message) return verdict;
        if (line.Length == 0)
        {
            _trailerSize = -1;
            return verdict;
        }
        int colon = line.AsSpan().IndexOf((byte)':');
        if (colon < 0 || !HttpChars.IsToken(line.AsSpan(0, colon)) || !HttpChars.IsFieldValue(line.AsSpan(colon + 1)))
            return Verdict.Reject(400, "bad trailer field");
        _trailerSize += line.Length + 2;
        return verdict;
    }

    private static Verdict TryReadLine(ref ReadOnlySequence<byte> input, int maxSize, int tooLong, out byte[] line)
    {
        line = [];
        SequencePosition? end = input.PositionOf((byte)'\n');
        long size = end is null ? input.Length : input.Slice(0, end.Value).Length;
        if (size > maxSize) return Verdict.Reject(tooLong, tooLong == 431 ? "trailer too large" : "chunk size line too long");
        byte[] bytes = input.Slice(0, size).ToArray();
        int cr = bytes.AsSpan().IndexOf((byte)'\r');
        // The only CR is the one before the LF.
        if (end is null) return cr >= 0 && cr < bytes.Length - 1 ? Verdict.Reject(400, "bare CR") : Verdict.NeedMore;
        if (cr < 0 || cr != bytes.Length - 1) return Verdict.Reject(400, "line not ended by CRLF");
        line = bytes[..^1];
        input = input.Slice(size + 1);
        return Verdict.Message;
    }
}
