using System.IO.Compression;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// How messages are compressed (permessage-deflate, RFC 7692), with peers that support it. Set it before the worker runs.
/// </summary>
public sealed class DeflateOptions
{
    /// <summary>
    /// The compression level; <see cref="CompressionLevel.Fastest"/>, because the other connections of the loop wait meanwhile.
    /// </summary>
    public CompressionLevel Level { get; init; } = CompressionLevel.Fastest;

    /// <summary>
    /// Whether each message that is sent is compressed by itself: it is larger then, but nothing is kept between messages;
    /// otherwise some 260 KiB are, for each connection, and a message for many connections is compressed once for all of them and
    /// not once for each. The peer may ask for it too.
    /// </summary>
    public bool NoContextTakeover { get; init; }

    /// <summary>
    /// Whether the peer is to compress each message by itself, which saves some 50 KiB for each connection here.
    /// </summary>
    public bool PeerNoContextTakeover { get; init; }

    /// <summary>Bytes from which on a message is compressed; 64. A shorter one hardly becomes smaller.</summary>
    public int MinSize
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    } = 64;
}
