using System.Buffers;

namespace Workerman.Protocols;

/// <summary>Reads messages off a stream of bytes (PHP: <c>ProtocolInterface::input</c> and <c>decode</c>).</summary>
/// <typeparam name="T">What <c>OnMessage</c> receives.</typeparam>
public interface IDecoder<T>
{
    /// <summary>Tries to read the next message.</summary>
    /// <param name="input">What has arrived and is not consumed. The decoder moves its start past what it has consumed, which it
    /// may also do while it needs more. The bytes live only during the call: a message owns a copy.</param>
    /// <param name="maxPackageSize">Bytes that a message may have, from the connection. All bytes consumed since the last message
    /// count, also while the decoder needs more. The library checks this itself; a decoder checks it only if it can know
    /// earlier.</param>
    /// <param name="message">The message, where the verdict is <see cref="VerdictKind.Message"/>.</param>
    Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out T message);
}

/// <summary>Writes messages as bytes (PHP: <c>ProtocolInterface::encode</c>).</summary>
/// <typeparam name="T">What <c>Send</c> is given.</typeparam>
public interface IEncoder<in T>
{
    /// <summary>
    /// Writes all of <paramref name="message"/> to <paramref name="output"/>. If it throws, what it has written is not sent.
    /// </summary>
    void Encode(T message, IBufferWriter<byte> output);
}

/// <summary>
/// An application's own protocol in two methods: messages of one type, both ways. One object serves one connection, on its loop's
/// thread, so it may keep state between calls. An error in it affects that connection alone: it is closed, with a line in the
/// log, when its decoder throws or refuses, returns a message without consuming it, or needs more than <c>MaxPackageSize</c>
/// bytes for one.
/// </summary>
/// <typeparam name="T">The message.</typeparam>
public interface IProtocol<T> : IDecoder<T>, IEncoder<T>;

/// <summary>
/// Marks a protocol of your own whose <see cref="IEncoder{T}.Encode"/> goes by the message alone: what one object has written is
/// right for the connections of all others of its type. What is sent to many of them (<c>worker.Broadcast</c>, <c>Groups</c>) is
/// encoded once then, and not for each. It has no members. Not for one that numbers, encrypts or compresses its messages.
/// </summary>
public interface IStatelessEncoder;

/// <summary>
/// Marks what the library's protocols send besides text and bytes, so that <c>Send</c> accepts it on every connection:
/// <c>Response</c>, <c>Chunk</c>, <c>ServerSentEvents</c>, <c>WebSocketMessage</c>. It has no members. A message of your own
/// needs it only where it is sent on a <c>TcpConnection</c> whose type does not say what its worker receives; the connections
/// that callbacks get are typed, and send it without.
/// </summary>
public interface IMessage;
