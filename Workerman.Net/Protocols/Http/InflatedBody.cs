using System.Buffers;
using System.IO.Compression;

namespace Workerman.Protocols.Http;

/// <summary>
/// gzip, RFC 1952, in any number of members; or deflate, which is zlib (RFC 1950) and from some clients the bare format within
/// (RFC 1951). What follows its
/// end is left unread. Belongs to a <see cref="RequestBody"/>.
/// </summary>
internal sealed class InflatedBody(string coding, long limit, ContentDecoder? following, BodySink next)
    : ContentDecoder(coding, limit, following, next)
{
    private const int Step = 64 * 1024;

    private readonly bool _isGzip = coding == "gzip";
    private readonly Feed _feed = new();
    private Stream? _stream;
    private byte? _first;

    public override void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        HasBegun = true;
        if (_stream is null && !_isGzip && _first is null)
        {
            // Which of the two formats it is, the first two bytes say.
            _first = bytes[0];
            bytes = bytes[1..];
            if (bytes.IsEmpty) return;
        }
        byte[] input = ArrayPool<byte>.Shared.Rent(bytes.Length + 1);
        byte[] output = ArrayPool<byte>.Shared.Rent(Step);
        try
        {
            int length = 0;
            if (_stream is null && _first is { } first) input[length++] = first;
            bytes.CopyTo(input.AsSpan(length));
            length += bytes.Length;
            _stream ??= Open(input);
            _feed.Give(input.AsMemory(0, length));
            for (int count; (count = _stream.Read(output.AsSpan(0, Step))) > 0;) Emit(output.AsSpan(0, count));
        }
        catch (InvalidDataException e)
        {
            throw Malformed(e);
        }
        finally
        {
            _feed.Give(default);
            ArrayPool<byte>.Shared.Return(input);
            ArrayPool<byte>.Shared.Return(output);
        }
    }

    public override void Dispose()
    {
        _stream?.Dispose();
        base.Dispose();
    }

    /// <summary>
    /// The runtime's streams do not say whether they are at the end of the format, so they are shown what cannot go on with it:
    /// one that is at its end leaves it or takes
    /// it for nothing, one that is not makes something of it, or fails.
    /// </summary>
    protected override bool IsWhole()
    {
        if (_stream is null) return false;
        try
        {
            _feed.GiveNonsense();
            int count = _stream.Read(new byte[1]);
            return count == 0 && (_isGzip || _feed.IsUntouched);
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private Stream Open(ReadOnlySpan<byte> begin)
    {
        if (_isGzip) return new GZipStream(_feed, CompressionMode.Decompress);
        // RFC 1950 section 2.2: method 8, and a check that makes of both a multiple of 31. No compressor begins a bare stream so.
        bool zlib = (begin[0] & 0xF) == 8 && ((begin[0] << 8) | begin[1]) % 31 == 0;
        return zlib ? new ZLibStream(_feed, CompressionMode.Decompress) : new DeflateStream(_feed, CompressionMode.Decompress);
    }

    /// <summary>
    /// What has come, as the stream that the runtime's decompressor reads; at the end of it, for now, it has nothing.
    /// </summary>
    private sealed class Feed : Stream
    {
        /// <summary>
        /// Ones, which are neither a block nor a checksum nor the beginning of another member, more of them than the longest
        /// field of a gzip header has; and zeros
        /// behind them, which end whatever text a header has.
        /// </summary>
        private static readonly byte[] Nonsense = [.. Enumerable.Repeat((byte)0xFF, 70_000), .. new byte[1000]];

        private ReadOnlyMemory<byte> _rest;

        public bool IsUntouched { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void Give(ReadOnlyMemory<byte> bytes) => _rest = bytes;

        public void GiveNonsense()
        {
            _rest = Nonsense;
            IsUntouched = true;
        }

        public override int Read(Span<byte> buffer)
        {
            IsUntouched = false;
            int count = Math.Min(buffer.Length, _rest.Length);
            _rest.Span[..count].CopyTo(buffer);
            _rest = _rest[count..];
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
