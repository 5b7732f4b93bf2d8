using System.Globalization;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// What the header fields say of the message's length and of the connection (RFC 9112 sections 3.2, 6 and 9). Whatever
/// could be read in two ways is refused. A value of the parser; pure.
/// </summary>
internal struct RequestFraming(int minorVersion)
{
    private bool _hasHost;
    private bool _hasLength;
    private bool _hasEncoding;
    private bool _close;
    private bool _keepAlive;

    /// <summary>Bytes of the body, -1 if it is chunked.</summary>
    public long ContentLength { get; private set; }

    public readonly bool KeepAlive => !_close && (minorVersion == 1 || _keepAlive);

    /// <summary>Takes one header field into account.</summary>
    public Verdict Note(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        switch (name.Length)
        {
            case 4 when Ascii.EqualsIgnoreCase(name, "host"u8):
                return NoteHost(value);
            case 10 when Ascii.EqualsIgnoreCase(name, "connection"u8):
                NoteConnection(value);
                return Verdict.Message;
            case 14 when Ascii.EqualsIgnoreCase(name, "content-length"u8):
                return NoteLength(value);
            case 17 when Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8):
                return NoteEncoding(value);
            default:
                return Verdict.Message;
        }
    }

    /// <summary>The last word, when all fields are known.</summary>
    public readonly Verdict Judge()
    {
        // Section 3.2: a HTTP/1.1 request without Host is answered with 400.
        if (!_hasHost && minorVersion == 1) return Verdict.Reject(400, "Host is missing");
        // Section 6.1: both lengths at once is how requests are smuggled.
        if (_hasEncoding && _hasLength) return Verdict.Reject(400, "Content-Length beside Transfer-Encoding");
        // Section 6.1: a HTTP/1.0 sender cannot mean it.
        if (_hasEncoding && minorVersion == 0) return Verdict.Reject(400, "Transfer-Encoding in HTTP/1.0");
        return Verdict.Message;
    }

    private Verdict NoteHost(ReadOnlySpan<byte> value)
    {
        // Section 3.2: more than one Host, or one that is no uri-host [":" port].
        if (_hasHost) return Verdict.Reject(400, "more than one Host");
        if (!HttpChars.IsHost(value)) return Verdict.Reject(400, "bad Host");
        _hasHost = true;
        return Verdict.Message;
    }

    private Verdict NoteLength(ReadOnlySpan<byte> value)
    {
        // Section 6.3: repeats and lists may be merged when they agree; refusing them is allowed and cannot be misread.
        if (_hasLength) return Verdict.Reject(400, "more than one Content-Length");
        _hasLength = true;
        if (value.IsEmpty || value.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return Verdict.Reject(400, "bad Content-Length");
        if (!long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long length)) return Verdict.Reject(413, "Content-Length too large");
        ContentLength = length;
        return Verdict.Message;
    }

    private Verdict NoteEncoding(ReadOnlySpan<byte> value)
    {
        if (_hasEncoding) return Verdict.Reject(400, "more than one Transfer-Encoding");
        _hasEncoding = true;
        // Section 6.1: a coding that is not understood is answered with 501. Chunked not last, or twice, is no framing at all.
        if (!Ascii.EqualsIgnoreCase(value, "chunked"u8))
        {
            return value.IndexOf("chunked"u8) >= 0 || value.IsEmpty
                ? Verdict.Reject(400, "bad Transfer-Encoding")
                : Verdict.Reject(501, "unknown Transfer-Encoding");
        }
        ContentLength = -1;
        return Verdict.Message;
    }

    /// <summary>Section 9.6: close wins over keep-alive.</summary>
    private void NoteConnection(ReadOnlySpan<byte> value)
    {
        foreach (Range range in value.Split((byte)','))
        {
            ReadOnlySpan<byte> option = HttpChars.TrimWhitespace(value[range]);
            if (Ascii.EqualsIgnoreCase(option, "close"u8)) _close = true;
            else if (Ascii.EqualsIgnoreCase(option, "keep-alive"u8)) _keepAlive = true;
        }
    }
}
