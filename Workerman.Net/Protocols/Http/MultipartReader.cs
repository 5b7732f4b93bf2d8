using System.Buffers;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>What a <see cref="MultipartReader"/> finds, in order.</summary>
internal interface IMultipartSink
{
    /// <summary>A part begins, with these header fields.</summary>
    void BeginPart(ReadOnlySpan<byte> head);

    /// <summary>Some of its content.</summary>
    void Append(ReadOnlySpan<byte> content);

    /// <summary>It is complete.</summary>
    void EndPart();
}

/// <summary>
/// Splits a multipart body into its parts (RFC 2046 section 5.1.1), in as many pieces as it arrives in. It keeps only what may be
/// the beginning of a delimiter, or the head of a part. It judges, and passes the content on. Belongs to one
/// <see cref="MultipartForm"/> or <see cref="StreamedParts"/>.
/// </summary>
internal sealed class MultipartReader
{
    private readonly IMultipartSink _sink;
    private readonly int _maxHeadSize;

    /// <summary>CRLF "--" boundary</summary>
    private readonly byte[] _delimiter;

    private byte[] _rest = [];
    private int _restLength;

    /// <summary>Bytes of a head that were searched for its end.</summary>
    private int _searched;

    /// <summary>White space behind a delimiter so far.</summary>
    private int _padding;

    private State _state = State.Preamble;

    /// <summary>Bytes of the empty line before the content of a part, which do not belong to it.</summary>
    private int _skip;
    private bool _first = true;

    /// <param name="boundary">The boundary between its parts.</param>
    /// <param name="sink">The receiver of the parts.</param>
    /// <param name="maxHeadSize">Bytes that the header fields of a part may have.</param>
    public MultipartReader(string boundary, IMultipartSink sink, int maxHeadSize)
    {
        _sink = sink;
        _maxHeadSize = maxHeadSize;
        _delimiter = [.. "\r\n--"u8, .. Encoding.ASCII.GetBytes(boundary)];
    }

    private enum State
    {
        Preamble,

        /// <summary>After a delimiter: "--", or white space and the end of its line.</summary>
        DelimiterEnd,
        Head,
        Content,
        Epilogue,
    }

    /// <summary>Whether the closing delimiter was read.</summary>
    public bool IsEnded => _state == State.Epilogue;

    /// <summary>
    /// Bytes that were looked at, again for each time: it must not grow with more than the length of the body, however small the
    /// pieces are.
    /// </summary>
    public long Examined { get; private set; }

    /// <exception cref="BadRequestException">The body is malformed.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_first)
        {
            _first = false;
            // The first delimiter needs no CRLF before it, so one is put there.
            Append("\r\n"u8);
        }
        if (_restLength == 0)
        {
            Keep(bytes[Read(bytes)..]);
            return;
        }
        if (bytes.Length < _restLength)
        {
            AppendToRest(bytes);
            return;
        }
        byte[] joined = ArrayPool<byte>.Shared.Rent(_restLength + bytes.Length);
        try
        {
            _rest.AsSpan(0, _restLength).CopyTo(joined);
            bytes.CopyTo(joined.AsSpan(_restLength));
            ReadOnlySpan<byte> all = joined.AsSpan(0, _restLength + bytes.Length);
            Keep(all[Read(all)..]);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }

    /// <summary>Pieces that are smaller than what is kept: that is not copied for each of them.</summary>
    private void AppendToRest(ReadOnlySpan<byte> bytes)
    {
        int length = _restLength + bytes.Length;
        if (_rest.Length < length) Array.Resize(ref _rest, Math.Max(length, 2 * _rest.Length));
        bytes.CopyTo(_rest.AsSpan(_restLength));
        int read = Read(_rest.AsSpan(0, length));
        _restLength = length - read;
        if (read > 0) _rest.AsSpan(read, _restLength).CopyTo(_rest);
    }

    /// <summary>Reads as far as the bytes allow.</summary>
    /// <returns>How many bytes were read.</returns>
    private int Read(ReadOnlySpan<byte> bytes)
    {
        int position = 0;
        while (_state != State.Epilogue)
        {
            ReadOnlySpan<byte> rest = bytes[position..];
            Examined += rest.Length - _searched;
            int consumed = _state switch
            {
                State.Preamble or State.Content => ReadContent(rest),
                State.DelimiterEnd => ReadDelimiterEnd(rest),
                _ => ReadHead(rest),
            };
            if (consumed < 0) return position + ~consumed;
            position += consumed;
        }
        // Section 5.1.1: what follows the closing delimiter is to be ignored.
        return bytes.Length;
    }

    /// <summary>Reads content up to the next delimiter.</summary>
    /// <returns>How many bytes were read; as a complement if no whole delimiter was found.</returns>
    private int ReadContent(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf(_delimiter);
        int length = end >= 0 ? end : bytes.Length - PossibleDelimiter(bytes);
        if (_state == State.Content && length >= _skip)
        {
            _sink.Append(bytes[_skip..length]);
            _skip = 0;
        }
        if (end < 0) return ~length;
        if (_state == State.Content) _sink.EndPart();
        _state = State.DelimiterEnd;
        return end + _delimiter.Length;
    }

    /// <summary>How many bytes at the end may be the beginning of a delimiter.</summary>
    private int PossibleDelimiter(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> tail = bytes[^Math.Min(bytes.Length, _delimiter.Length - 1)..];
        for (int start = tail.IndexOf((byte)'\r'); start >= 0;)
        {
            if (_delimiter.AsSpan().StartsWith(tail[start..])) return tail.Length - start;
            int next = tail[(start + 1)..].IndexOf((byte)'\r');
            start = next < 0 ? -1 : start + 1 + next;
        }
        return 0;
    }

    /// <summary>
    /// "--" closes the body; otherwise padding and CRLF follow. Anything else would be a boundary that is longer than the one in
    /// Content-Type.
    /// </summary>
    private int ReadDelimiterEnd(ReadOnlySpan<byte> bytes)
    {
        if (_padding == 0 && bytes.StartsWith("--"u8))
        {
            _state = State.Epilogue;
            return 2;
        }
        if (_padding == 0 && bytes.Length < 2 && (bytes.IsEmpty || bytes[0] == '-')) return ~0;
        int padding = bytes.Length - bytes.TrimStart(" \t"u8).Length;
        if ((_padding += padding) > _maxHeadSize) throw Malformed("white space behind a boundary");
        ReadOnlySpan<byte> rest = bytes[padding..];
        if (rest.Length < 2 && (rest.IsEmpty || rest[0] == '\r')) return ~padding;
        if (!rest.StartsWith("\r\n"u8)) throw Malformed("a boundary that goes on");
        _state = State.Head;
        _padding = 0;
        return padding + 2;
    }

    /// <summary>Header fields up to an empty line.</summary>
    private int ReadHead(ReadOnlySpan<byte> bytes)
    {
        // The empty line is searched together with the line end before it, so a part without any field has a head too. Of an end
        // that has not come whole there may be all bytes but the last.
        int from = Math.Max(0, _searched - 3);
        int found = bytes[from..].IndexOf("\r\n\r\n"u8);
        int end = bytes.StartsWith("\r\n"u8) ? 0 : found < 0 ? -1 : from + found;
        if (end > _maxHeadSize || (end < 0 && bytes.Length > _maxHeadSize + 3)) throw FormLimits.NameTooLong();
        _searched = end < 0 ? bytes.Length : 0;
        if (end < 0) return ~0;
        int length = end == 0 ? 0 : end + 2;
        _sink.BeginPart(bytes[..length]);
        _state = State.Content;
        // The CRLF of the empty line is not consumed yet: if the content is empty, it is the beginning of the delimiter (RFC 2046
        // section 5.1.1).
        _skip = 2;
        return length;
    }

    private void Keep(ReadOnlySpan<byte> rest)
    {
        if (_rest.Length < rest.Length) _rest = new byte[Math.Max(256, rest.Length)];
        rest.CopyTo(_rest);
        _restLength = rest.Length;
    }

    private static BadRequestException Malformed(string what) => new($"malformed multipart body: {what}");
}
