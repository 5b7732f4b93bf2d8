using System.Buffers;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

namespace Workerman.WebSockets;

/// <summary>
/// The protocol of a <c>websocket://</c> connection before the upgrade: HTTP for the requests that arrive and for answers that
/// refuse them; text, bytes and messages that are sent meanwhile are written as frames, which the connection keeps until the
/// WebSocket is open. These frames are not compressed, whatever the handshake agrees on later: RFC 7692 section 6 leaves that to
/// each message. It belongs to its connection, on the loop's thread.
/// </summary>
internal sealed class HandshakeProtocol(HttpOptions options, bool isSecure, bool isUnix)
    : HttpProtocol(options, isSecure, isUnix), IEncoder<Response>, IEncoder<WebSocketMessage>
{
    /// <summary>Writes the frames. Writing is stateless on a server without compression, so all connections share it.</summary>
    private static readonly WebSocketProtocol Frames = new(takesBinary: true, new WebSocketOptions(), deflate: null);

    public override string Name => "websocket";

    public override string Sends => "text, bytes and WebSocketMessage, and a Response to refuse the handshake";

    public override bool IsOpening => true;

    public override object? SharedEncoding => Frames.SharedEncoding;

    /// <summary>The status of the HTTP answer that the application has sent to this request; 0 for none.</summary>
    public int AnsweredWith { get; set; }

    public override bool BelongsToOpening<T>() =>
        typeof(Response).IsAssignableFrom(typeof(T)) || typeof(T) == typeof(Chunk) || typeof(T) == typeof(ServerSentEvents);

    /// <summary>A broadcast message is kept until the WebSocket is open, as other messages are.</summary>
    public override bool CanBroadcast<T>() => Takes<T>();

    public override bool Takes<T>() => this is IEncoder<T> && !BelongsToOpening<T>();

    public override void Encode(string text, IBufferWriter<byte> output) => Frames.Encode(text, output);

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output) => Frames.Encode(bytes, output);

    public override void Encode(ReadOnlyMemory<byte> bytes, IBufferWriter<byte> output) => Frames.Encode(bytes, output);

    void IEncoder<Response>.Encode(Response message, IBufferWriter<byte> output)
    {
        // Only the first answer is sent.
        if (AnsweredWith == 0) AnsweredWith = message.StatusCode;
        Encode(message, output);
    }

    void IEncoder<WebSocketMessage>.Encode(WebSocketMessage message, IBufferWriter<byte> output) =>
        ((IEncoder<WebSocketMessage>)Frames).Encode(message, output);
}
