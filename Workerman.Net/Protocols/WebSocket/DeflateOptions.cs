using System.IO.Compression;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// How messages are compressed (permessage-deflate, RFC 7692), with peers that can. Set it before the worker runs.
/// </summary>
public sealed class DeflateOptions
{
    /// <summary>How hard to try; <see cref="CompressionLevel.Fastest"/>, because a server compresses while others wait.</summary>
    public CompressionLevel Level { get; init; } = CompressionLevel.Fastest;

    /// <summary>
    /// Whether each message that is sent is compressed by itself: larger, but between messages nothing is kept, where otherwise
    /// it is some 260 KiB for each connection. The peer may ask for it too.
    /// </summary>
    public bool NoContextTakeover { get; init; }

    /// <summary>
    /// Whether the peer is to compress each message by itself, which saves some 50 KiB for each connection here.
    /// </summary>
    public bool PeerNoContextTakeover { get; init; }

    /// <summary>Bytes from which on a message is compressed; 64. What is shorter hardly gains.</summary>
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
