using System.IO.Compression;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// Inflates the messages that one WebSocket receives (RFC 7692 section 7.2.2). Belongs to its protocol, on the loop's thread;
/// whoever made it disposes of it.
/// </summary>
/// <param name="takesContextOver">Whether a message may refer to those before it.</param>
internal sealed class MessageInflater(bool takesContextOver) : IDisposable
{
    private const int Step = 16 * 1024;

    private readonly Feed _feed = new();
    private DeflateStream? _stream;

    /// <summary>Inflates one message.</summary>
    /// <param name="compressed">Its payload.</param>
    /// <param name="limit">Bytes that it may come to.</param>
    /// <param name="into">Where to.</param>
    /// <returns>False if it comes to more; then nothing can be read any more.</returns>
    /// <exception cref="InvalidDataException">It is not what a compressor makes.</exception>
    public bool TryInflate(ReadOnlyMemory<byte> compressed, long limit, ref MessageBuffer into)
    {
        _stream ??= new DeflateStream(_feed, CompressionMode.Decompress, leaveOpen: true);
        _feed.Give(compressed);
        while (true)
        {
            int before = into.Length;
            int count = _stream.Read(into.Extend(Step));
            into.Truncate(before + count);
            if (count == 0) break;
            // What a few bytes inflate to is only known as it comes out.
            if (into.Length > limit) return false;
        }
        // RFC 7692 section 7.2.3.4: a last block may say that it is the last; the tail is then left, and the next message begins
        // anew.
        if (!_feed.IsEmpty && !_feed.HasOnlyTail) throw new InvalidDataException("the compressed data go on behind their end");
        if (!takesContextOver || !_feed.IsEmpty) Dispose();
        return true;
    }

    public void Dispose()
    {
        _stream?.Dispose();
        _stream = null;
    }

    /// <summary>
    /// A message's payload, and the tail that it came without, as the stream that the runtime's decompressor reads.
    /// </summary>
    private sealed class Feed : Stream
    {
        private ReadOnlyMemory<byte> _rest;
        private ReadOnlyMemory<byte> _tail;

        public bool IsEmpty => _rest.IsEmpty && _tail.IsEmpty;

        public bool HasOnlyTail => _rest.IsEmpty;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void Give(ReadOnlyMemory<byte> payload)
        {
            _rest = payload;
            _tail = MessageDeflater.Tail;
        }

        public override int Read(Span<byte> buffer)
        {
            if (_rest.IsEmpty) (_rest, _tail) = (_tail, default);
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
