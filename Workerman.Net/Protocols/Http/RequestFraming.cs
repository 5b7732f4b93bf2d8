using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// What the header fields say about the message's length and about the connection (RFC 9112 sections 3.2, 6 and 9). Whatever two
/// programs could read differently is refused. A value of the parser; pure.
/// </summary>
/// <param name="minorVersion">0 or 1.</param>
/// <param name="authority">The authority of a target that has one (absolute-form, authority-form), or nothing.</param>
/// <param name="maxElements">Elements that its lists may have.</param>
internal ref struct RequestFraming(int minorVersion, ReadOnlySpan<byte> authority, int maxElements)
{
    private readonly ReadOnlySpan<byte> _authority = authority;

    /// <summary>What the fields so far have said.</summary>
    public FramingState State;

    /// <summary>Bytes of the body, -1 if it is chunked.</summary>
    public readonly long ContentLength => State.ContentLength;

    /// <summary>Whether the client waits for 100 Continue before it sends the body.</summary>
    public readonly bool ExpectsContinue => State.ExpectsContinue;

    public readonly bool KeepAlive => !State.Close && (minorVersion == 1 || State.KeepAlive);

    /// <summary>Whether a field may be one that is known here, by the length and the first letter of its name.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MayMean(int nameLength, byte first) => nameLength switch
    {
        4 => (first | 0x20) == 'h',
        6 => (first | 0x20) == 'e',
        10 or 12 or 14 => (first | 0x20) == 'c',
        17 => (first | 0x20) == 't',
        _ => false,
    };

    /// <summary>Takes one header field into account.</summary>
    /// <param name="name">A whole name.</param>
    /// <param name="value">Its value without white space around it, or the beginning of it.</param>
    /// <param name="isWhole">Whether the value has ended.</param>
    public Verdict Note(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool isWhole)
    {
        switch (name.Length)
        {
            case 4 when name.SequenceEqual("Host"u8) || Ascii.EqualsIgnoreCase(name, "host"u8):
                return NoteHost(value, isWhole);
            case 6 when isWhole && Ascii.EqualsIgnoreCase(name, "expect"u8):
                return NoteExpectation(value);
            case 10 when isWhole && (name.SequenceEqual("Connection"u8) || Ascii.EqualsIgnoreCase(name, "connection"u8)):
                return NoteConnection(value);
            // RFC 9110 section 5.3: a field that is no list may occur once; of several it is not defined which one counts.
            case 12 when Ascii.EqualsIgnoreCase(name, "content-type"u8):
                return NoteOnce(ref State.HasType, "more than one Content-Type");
            case 14 when Ascii.EqualsIgnoreCase(name, "content-length"u8):
                return NoteLength(value, isWhole);
            case 17 when Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8):
                return NoteEncoding(value, isWhole);
            default:
                return Verdict.Message;
        }
    }

    /// <summary>The verdict when all fields are known.</summary>
    public readonly Verdict Judge() =>
        // Section 3.2: a HTTP/1.1 request without Host is answered with 400.
        !State.HasHost && minorVersion == 1 ? Verdict.Reject(400, "Host is missing") : Verdict.Message;

    private static Verdict NoteOnce(ref bool seen, string otherwise)
    {
        if (seen) return Verdict.Reject(400, otherwise);
        seen = true;
        return Verdict.Message;
    }

    private Verdict NoteHost(ReadOnlySpan<byte> value, bool isWhole)
    {
        // Section 3.2: more than one Host, or one that is no uri-host [":" port], is refused; so is an empty one, which names no
        // host.
        if (State.HasHost) return Verdict.Reject(400, "more than one Host");
        if (!isWhole) return HostName.CanBegin(value) ? Verdict.NeedMore : Verdict.Reject(400, "bad Host");
        if (!HostName.IsHost(value)) return Verdict.Reject(400, "bad Host");
        // Section 3.2: Host is identical to the authority of the target.
        if (!_authority.IsEmpty && !HostName.AreSame(value, _authority))
            return Verdict.Reject(400, "Host contradicts the request target");
        State.HasHost = true;
        return Verdict.Message;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Verdict NoteLength(ReadOnlySpan<byte> value, bool isWhole)
    {
        // Section 6.3: repeated lengths may be merged if they are equal, or refused, which is safer.
        if (State.HasLength) return Verdict.Reject(400, "more than one Content-Length");
        // Section 6.1: a request with both is a sign of request smuggling.
        if (State.HasEncoding) return Verdict.Reject(400, "Content-Length beside Transfer-Encoding");
        if (value.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return Verdict.Reject(400, "bad Content-Length");
        if (value.IsEmpty) return isWhole ? Verdict.Reject(400, "bad Content-Length") : Verdict.NeedMore;
        // A number that does not fit. One that fits and is above the limit is a 413, when the head is complete.
        if (!long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long length))
            return Verdict.Reject(400, "bad Content-Length");
        if (!isWhole) return Verdict.NeedMore;
        State.HasLength = true;
        State.ContentLength = length;
        return Verdict.Message;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private Verdict NoteEncoding(ReadOnlySpan<byte> value, bool isWhole)
    {
        if (State.HasEncoding) return Verdict.Reject(400, "more than one Transfer-Encoding");
        if (State.HasLength) return Verdict.Reject(400, "Content-Length beside Transfer-Encoding");
        // Section 6.1: HTTP/1.0 does not have it, so the framing counts as faulty.
        if (minorVersion == 0) return Verdict.Reject(400, "Transfer-Encoding in HTTP/1.0");
        if (!isWhole) return Verdict.NeedMore;
        Verdict verdict = JudgeEncoding(value);
        if (verdict.Kind == VerdictKind.Reject) return verdict;
        State.HasEncoding = true;
        State.ContentLength = -1;
        return verdict;
    }

    /// <summary>
    /// Section 6.3: if chunked is not the last coding, the end of the body is not known: 400. Section 6.1: a coding before it
    /// that is not understood: 501. Chunked twice (section 7.1), with parameters or in an untidy list: 400.
    /// </summary>
    private Verdict JudgeEncoding(ReadOnlySpan<byte> value)
    {
        if (Ascii.EqualsIgnoreCase(value, "chunked"u8)) return Verdict.Message;
        int comma = value.LastIndexOf((byte)',');
        if (comma < 0 || !Ascii.EqualsIgnoreCase(HttpChars.TrimWhitespace(value[(comma + 1)..]), "chunked"u8))
            return Verdict.Reject(400, "bad Transfer-Encoding");
        foreach (Range range in value[..comma].Split((byte)','))
        {
            if (++State.Elements > maxElements) return Refusals.TooManyElements;
            ReadOnlySpan<byte> coding = HttpChars.TrimWhitespace(value[range]);
            if (!HttpChars.IsToken(coding) || Ascii.EqualsIgnoreCase(coding, "chunked"u8))
                return Verdict.Reject(400, "bad Transfer-Encoding");
        }
        return Verdict.Reject(501, "unknown Transfer-Encoding");
    }

    /// <summary>
    /// RFC 9110 section 10.1.1: any other expectation is not supported, 417; HTTP/1.0 has none, so it is ignored.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Verdict NoteExpectation(ReadOnlySpan<byte> value)
    {
        if (minorVersion == 0) return Verdict.Message;
        foreach (Range range in value.Split((byte)','))
        {
            if (++State.Elements > maxElements) return Refusals.TooManyElements;
            if (!Ascii.EqualsIgnoreCase(HttpChars.TrimWhitespace(value[range]), "100-continue"u8))
                return Verdict.Reject(417, "unknown expectation");
        }
        State.ExpectsContinue = true;
        return Verdict.Message;
    }

    /// <summary>
    /// Section 9.6: close wins over keep-alive. RFC 9110 section 5.6.1.2: empty elements are ignored, but no more of them than
    /// make sense.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private Verdict NoteConnection(ReadOnlySpan<byte> value)
    {
        // What browsers send.
        if (value.SequenceEqual("keep-alive"u8) && State.Elements < maxElements)
        {
            State.Elements++;
            State.KeepAlive = true;
            return Verdict.Message;
        }
        foreach (Range range in value.Split((byte)','))
        {
            if (++State.Elements > maxElements) return Refusals.TooManyElements;
            ReadOnlySpan<byte> option = HttpChars.TrimWhitespace(value[range]);
            if (Ascii.EqualsIgnoreCase(option, "close"u8)) State.Close = true;
            else if (Ascii.EqualsIgnoreCase(option, "keep-alive"u8)) State.KeepAlive = true;
        }
        return Verdict.Message;
    }
}

/// <summary>
/// What the header fields have said so far, for <see cref="RequestFraming"/>. A value of the parser; owned by
/// <see cref="HeadProgress"/> while a head has come in part.
/// </summary>
internal struct FramingState
{
    public bool HasHost;
    public bool HasLength;
    public bool HasEncoding;
    public bool HasType;
    public bool Close;
    public bool KeepAlive;
    public bool ExpectsContinue;

    /// <summary>Elements of the lists that were split.</summary>
    public int Elements;

    /// <summary>Bytes of the body, -1 if it is chunked.</summary>
    public long ContentLength;
}
