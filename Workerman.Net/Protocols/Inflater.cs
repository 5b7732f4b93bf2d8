namespace Workerman.Protocols;

/// <summary>
/// One of the runtime's decompressors, which is given its input as that arrives. The runtime's are streams that read another
/// stream; here that other stream has only the bytes that were given last, and is at its end, for now, when they are used up. It
/// knows no format: its owner chooses the decompressor. Belongs to its owner, on the loop's thread.
/// </summary>
internal sealed class Inflater : IDisposable
{
    private readonly Input _input = new();
    private readonly Stream _decompressor;

    /// <param name="open">Makes the decompressor of the stream that it is to read.</param>
    public Inflater(Func<Stream, Stream> open) => _decompressor = open(_input);

    /// <summary>How many of the bytes that were given last are not read: the format has ended before them.</summary>
    public int Left => _input.Rest.Length;

    /// <summary>The next bytes of the input. They stay unchanged until they are used up, or others are given.</summary>
    public void Give(ReadOnlyMemory<byte> bytes) => _input.Rest = bytes;

    /// <summary>Decompresses as much as fits.</summary>
    /// <returns>How many bytes; 0 if it needs more input, or the format has ended.</returns>
    /// <exception cref="InvalidDataException">The input is not of the format.</exception>
    public int Read(Span<byte> into) => _decompressor.Read(into);

    public void Dispose() => _decompressor.Dispose();

    private sealed class Input : Stream
    {
        public ReadOnlyMemory<byte> Rest { get; set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            int count = Math.Min(buffer.Length, Rest.Length);
            Rest.Span[..count].CopyTo(buffer);
            Rest = Rest[count..];
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
