using System.IO.Compression;

namespace Workerman.Protocols.Http;

/// <summary>
/// gzip, RFC 1952, in any number of members; or deflate, which is zlib (RFC 1950), and from some clients the bare format within
/// it (RFC 1951). What follows the end of the format is left unread. Belongs to a <see cref="RequestBody"/>, on the loop's
/// thread.
/// </summary>
internal sealed class InflatedBody(string coding, long limit, ContentDecoder? following, BodySink next)
    : ContentDecoder(coding, limit, following, next)
{
    /// <summary>
    /// Bytes that no gzip, zlib or deflate data can go on with: 0xFF begins neither a block nor a member and is no checksum, and
    /// there are more of them than the longest field of a gzip header has; the zeros behind end any text of such a header.
    /// </summary>
    private static readonly byte[] Nonsense = [.. Enumerable.Repeat((byte)0xFF, 70_000), .. new byte[1000]];

    private readonly bool _isGzip = coding == "gzip";
    private Inflater? _inflater;
    private byte? _first;

    /// <summary>Whether the input that has come is with the inflater.</summary>
    private bool _isGiven;

    protected override int Decode(ReadOnlyMemory<byte> input, Span<byte> output)
    {
        // The first two bytes say which of the two formats deflate is.
        if (_inflater is null && !_isGzip && _first is null && input.Length == 1)
        {
            _first = input.Span[0];
            return 0;
        }
        try
        {
            if (!_isGiven) Give(input);
            int count = _inflater!.Read(output);
            if (count > 0) return count;
            _inflater.Give(default);
            _isGiven = false;
            return 0;
        }
        catch (InvalidDataException e)
        {
            throw Malformed(e);
        }
    }

    private void Give(ReadOnlyMemory<byte> input)
    {
        if (_inflater is null && _first is { } first) input = (byte[])[first, .. input.Span];
        _inflater ??= new Inflater(FormatOf(input.Span));
        _inflater.Give(input);
        _isGiven = true;
    }

    public override void Dispose()
    {
        _inflater?.Dispose();
        base.Dispose();
    }

    /// <summary>
    /// The runtime's decompressors do not say whether they have come to the end of the format, so they are given what cannot go
    /// on with it: one that is at its end leaves it unread or ignores it; one that is not decodes some of it, or fails.
    /// </summary>
    protected override bool TryEnd()
    {
        if (_inflater is null) return false;
        try
        {
            _inflater.Give(Nonsense);
            int count = _inflater.Read(new byte[1]);
            return count == 0 && (_isGzip || _inflater.Left == Nonsense.Length);
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private Func<Stream, Stream> FormatOf(ReadOnlySpan<byte> begin)
    {
        if (_isGzip) return static input => new GZipStream(input, CompressionMode.Decompress);
        // RFC 1950 section 2.2: method 8, and the first two bytes are a multiple of 31. No compressor begins bare data so.
        bool zlib = (begin[0] & 0xF) == 8 && ((begin[0] << 8) | begin[1]) % 31 == 0;
        return zlib
            ? static input => new ZLibStream(input, CompressionMode.Decompress)
            : static input => new DeflateStream(input, CompressionMode.Decompress);
    }
}
