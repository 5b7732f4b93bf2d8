using System.IO.Compression;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// Compresses the messages that one WebSocket sends (RFC 7692 section 7.2.1). Belongs to its protocol, on the loop's thread;
/// whoever made it disposes of it.
/// </summary>
/// <param name="level">How hard to try.</param>
/// <param name="takesContextOver">Whether a message may refer back to those before it (context takeover).</param>
/// <param name="windowBits">How far back it refers at most, as a power of two.</param>
internal sealed class MessageDeflater(CompressionLevel level, bool takesContextOver, int windowBits) : IDisposable
{
    /// <summary>What every message ends with, and is sent without (section 7.2.1).</summary>
    public static readonly byte[] Tail = [0x00, 0x00, 0xFF, 0xFF];

    private const int KeptSize = 64 * 1024;

    /// <summary>
    /// The smallest window for whose sake the compressor is restarted. Restarting costs about as much as compressing 1 KiB, so
    /// with the smallest of all (8 bits) a message would take seven times as long.
    /// </summary>
    private const int LeastBitsToRestart = 12;

    private MemoryStream _output = new();
    private DeflateStream? _stream;

    /// <summary>The message compressed; valid until the next one.</summary>
    public ReadOnlySpan<byte> Compress(ReadOnlySpan<byte> message)
    {
        if (_output.Capacity > KeptSize) _output = Renewed();
        _output.SetLength(0);
        // Section 7.2.3.6: an empty message is one empty block.
        if (message.IsEmpty) return "\0"u8;
        // The runtime's compressor has the largest window only. One that is restarted after so many bytes never refers back
        // further, and one that finds nothing but runs refers back by one byte.
        int pieceSize = IsRestarted ? 1 << windowBits : message.Length;
        while (!message.IsEmpty)
        {
            int size = Math.Min(pieceSize, message.Length);
            CompressPiece(message[..size]);
            message = message[size..];
        }
        return _output.GetBuffer().AsSpan(0, (int)_output.Length - Tail.Length);
    }

    public void Dispose() => EndCompressor();

    private bool IsRestarted => windowBits is >= LeastBitsToRestart and < DeflateParameters.LargestWindow;

    private void CompressPiece(ReadOnlySpan<byte> piece)
    {
        _stream ??= NewStream();
        _stream.Write(piece);
        // A sync flush: all is written, and an empty block after it, whose last four bytes are the tail.
        _stream.Flush();
        if (!takesContextOver || IsRestarted) EndCompressor();
    }

    private DeflateStream NewStream() => windowBits >= LeastBitsToRestart
        ? new DeflateStream(_output, level, leaveOpen: true)
        : new DeflateStream(_output, new ZLibCompressionOptions
        {
            CompressionLevel = level == CompressionLevel.NoCompression ? 0 : 1,
            CompressionStrategy = ZLibCompressionStrategy.RunLengthEncoding,
        }, leaveOpen: true);

    /// <summary>Ends the compressor. What it writes at its end is not part of the message and is cut off.</summary>
    private void EndCompressor()
    {
        if (_stream is null) return;
        long length = _output.Length;
        _stream.Dispose();
        _stream = null;
        _output.SetLength(length);
    }

    /// <summary>
    /// The buffer of one large message is not kept for the life of the connection. A compressor that goes on is bound to its
    /// stream, so that stream is shrunk instead of replaced.
    /// </summary>
    private MemoryStream Renewed()
    {
        if (_stream is null) return new MemoryStream();
        _output.SetLength(0);
        _output.Capacity = KeptSize;
        return _output;
    }
}

/// <summary>
/// Inflates the messages that one WebSocket receives (RFC 7692 section 7.2.2). Belongs to its protocol, on the loop's thread;
/// whoever made it disposes of it.
/// </summary>
/// <param name="takesContextOver">Whether a message may refer to those before it.</param>
internal sealed class MessageInflater(bool takesContextOver) : IDisposable
{
    private const int Step = 16 * 1024;

    private Inflater? _inflater;
    private bool _isAtTail;

    /// <summary>Begins one message.</summary>
    /// <param name="compressed">Its payload; unchanged until it is inflated.</param>
    public void Begin(ReadOnlyMemory<byte> compressed)
    {
        _inflater ??= new Inflater(static input => new DeflateStream(input, CompressionMode.Decompress));
        _inflater.Give(compressed);
        _isAtTail = false;
    }

    /// <summary>Inflates the message that has begun, as much of it as a turn has room for.</summary>
    /// <param name="limit">Bytes that it may come to. If it comes to more the object cannot be used any more.</param>
    /// <param name="into">Where to.</param>
    /// <returns>Whether that was all of it.</returns>
    /// <exception cref="InvalidDataException">It is not in the compressed format.</exception>
    public bool Inflate(long limit, ref MessageBuffer into)
    {
        long end = into.Length + (long)TurnWork.InflatedBytes;
        if (!TryRead(Math.Min(limit, end), ref into)) return into.Length > limit;
        if (!_isAtTail)
        {
            if (_inflater!.Left > 0) throw new InvalidDataException("the compressed data go on behind their end");
            _isAtTail = true;
            _inflater.Give(MessageDeflater.Tail);
            if (!TryRead(Math.Min(limit, end), ref into)) return into.Length > limit;
        }
        // RFC 7692 section 7.2.3.4: a block may have BFINAL set; then the tail is not read, and the next message begins anew.
        if (!takesContextOver || _inflater!.Left > 0) Dispose();
        return true;
    }

    public void Dispose()
    {
        _inflater?.Dispose();
        _inflater = null;
    }

    /// <summary>Inflates what was given.</summary>
    /// <returns>Whether that was all of it; false if the message has become longer than so many bytes before.</returns>
    private bool TryRead(long end, ref MessageBuffer into)
    {
        while (true)
        {
            int before = into.Length;
            int count = _inflater!.Read(into.Extend(Step));
            into.Truncate(before + count);
            if (count == 0) return true;
            // How much a few bytes become is only known as they are inflated.
            if (into.Length > end) return false;
        }
    }
}
