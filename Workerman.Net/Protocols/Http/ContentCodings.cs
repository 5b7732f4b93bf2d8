using System.Buffers;
using System.IO.Compression;

namespace Workerman.Protocols.Http;

/// <summary>
/// The codings that a request's body was sent in (Content-Encoding, RFC 9110 section 8.4), and the decoders of those that can be
/// decoded here. Pure.
/// </summary>
internal static class ContentCodings
{
    /// <summary>Codings that one body may have. More of them are only sent to make the server work.</summary>
    private const int Most = 3;

    /// <summary>The Accept-Encoding of a 415: the codings that are decoded here (RFC 9110 section 15.5.16).</summary>
    public static string Accepted(HttpOptions options) => options.DecompressRequests ? "gzip, deflate, br" : "identity";

    /// <summary>
    /// The codings in the order in which they were applied, without identity; of too many only so many as show that.
    /// </summary>
    public static string[] Read(string? field)
    {
        if (field is null) return [];
        var codings = new List<string>();
        foreach (Range range in field.AsSpan().Split(','))
        {
            ReadOnlySpan<char> coding = field.AsSpan(range).Trim(" \t");
            if (coding.IsEmpty || coding.Equals("identity", StringComparison.OrdinalIgnoreCase)) continue;
            codings.Add(AsciiCase.ToLower(coding.ToString()));
            if (codings.Count > Most) break;
        }
        return [.. codings];
    }

    /// <summary>A decoder for all codings, which decodes the last one first.</summary>
    /// <param name="codings">The codings, in the order in which they were applied.</param>
    /// <param name="limit">Bytes that each may decode to.</param>
    /// <param name="body">Where the plain bytes go.</param>
    /// <returns>Null if one of the codings is not known.</returns>
    public static ContentDecoder? Decoder(string[] codings, long limit, BodySink body)
    {
        if (codings.Length is 0 or > Most || !codings.All(coding => coding is "gzip" or "x-gzip" or "deflate" or "br"))
            return null;
        ContentDecoder? decoder = null;
        foreach (string coding in codings)
        {
            BodySink next = decoder is null ? body : decoder.Append;
            decoder = coding == "br"
                ? new BrotliBody(limit, decoder, next)
                : new InflatedBody(coding == "deflate" ? "deflate" : "gzip", limit, decoder, next);
        }
        return decoder;
    }
}

/// <summary>Receives bytes of a body as they arrive.</summary>
internal delegate void BodySink(ReadOnlySpan<byte> bytes);

/// <summary>
/// Decodes one content coding of a body, as it arrives and as much of it in a turn as that has room for, and hands on the result;
/// no more of it than the limit, so that a small body cannot decode to a huge one. Belongs to a <see cref="RequestBody"/>, which
/// disposes of it.
/// </summary>
/// <param name="coding">Its name, for error messages.</param>
/// <param name="limit">Bytes that it may decode to.</param>
/// <param name="following">The decoder that its output goes to, if there is one.</param>
/// <param name="next">Where the bytes go.</param>
internal abstract class ContentDecoder(string coding, long limit, ContentDecoder? following, BodySink next) : IDisposable
{
    private const int Step = 64 * 1024;

    /// <summary>What has come, until all of it is decoded.</summary>
    private MessageBuffer _input;
    private bool _isDone = true;
    private long _length;

    /// <summary>Whether something has come that is not decoded.</summary>
    public bool HasWork => !_isDone || following?.HasWork == true;

    /// <summary>Keeps bytes that have come, to be decoded; not before those that came earlier are.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        bytes.CopyTo(_input.Extend(bytes.Length));
        HasBegun = true;
        _isDone = false;
    }

    /// <summary>Decodes what has come.</summary>
    /// <param name="room">Bytes that it may decode to; what is left of them.</param>
    /// <exception cref="BadRequestException">They are not of the coding (400), or decode to more than the limit
    /// (413).</exception>
    public void Work(ref long room)
    {
        byte[] output = ArrayPool<byte>.Shared.Rent(Step);
        try
        {
            while (true)
            {
                following?.Work(ref room);
                if (room <= 0 || _isDone) return;
                int count = Decode(_input.Memory, output);
                room -= count;
                if (count > 0) Emit(output.AsSpan(0, count));
                else Forget();
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    /// <summary>No more will come, and all that has come is decoded.</summary>
    /// <exception cref="BadRequestException">The body breaks off.</exception>
    public void Complete()
    {
        // An empty body is complete, whatever its coding.
        if (HasBegun && !TryEnd()) throw Malformed();
        following?.Complete();
    }

    public virtual void Dispose()
    {
        _input.Release();
        _isDone = true;
        following?.Dispose();
    }

    protected bool HasBegun { get; private set; }

    /// <summary>Decodes the next bytes.</summary>
    /// <param name="input">All that has come; the same from call to call until it has decoded to nothing more.</param>
    /// <param name="output">Where to.</param>
    /// <returns>How many bytes; 0 if it needs more input, or the coding has ended.</returns>
    protected abstract int Decode(ReadOnlyMemory<byte> input, Span<byte> output);

    /// <summary>Ends the decoding; nothing can be appended afterwards.</summary>
    /// <returns>Whether the coding has come to its own end: otherwise the body breaks off.</returns>
    protected abstract bool TryEnd();

    private void Forget()
    {
        _input.Release();
        _isDone = true;
    }

    private void Emit(ReadOnlySpan<byte> bytes)
    {
        if ((_length += bytes.Length) > limit)
            throw new BadRequestException(Refusals.BodyTooLarge.Status, Refusals.BodyTooLarge.Reason!);
        next(bytes);
    }

    protected BadRequestException Malformed(Exception? reason = null) => new(400, $"malformed {coding} body", reason);
}

/// <summary>br, RFC 7932. What follows its end is left unread. Belongs to a <see cref="RequestBody"/>.</summary>
internal sealed class BrotliBody(long limit, ContentDecoder? following, BodySink next)
    : ContentDecoder("br", limit, following, next)
{
    // Not readonly: it is a struct that changes.
    private BrotliDecoder _decoder;
    private int _consumed;
    private bool _ended;

    protected override int Decode(ReadOnlyMemory<byte> input, Span<byte> output)
    {
        int written = 0;
        while (!_ended && written == 0)
        {
            OperationStatus status = _decoder.Decompress(input.Span[_consumed..], output, out int consumed, out written);
            _consumed += consumed;
            if (status == OperationStatus.InvalidData) throw Malformed();
            _ended = status == OperationStatus.Done;
            if (status == OperationStatus.NeedMoreData) break;
        }
        if (written == 0) _consumed = 0;
        return written;
    }

    public override void Dispose()
    {
        _decoder.Dispose();
        base.Dispose();
    }

    protected override bool TryEnd() => _ended;
}
