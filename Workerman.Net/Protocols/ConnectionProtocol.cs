using System.Buffers;
using System.Diagnostics;
using System.Net;

namespace Workerman.Protocols;

/// <summary>Who is at the other end, for a protocol that wants to know. It is a connection, which protocols do not know. On its
/// loop.</summary>
internal interface IPeer
{
    /// <summary>The peer's address; null on a Unix socket, and if it is gone.</summary>
    IPEndPoint? RemoteAddress { get; }

    /// <summary>The name of the worker that the connection belongs to; empty for none.</summary>
    string WorkerName => "";

    /// <summary>Whether the connection is closed.</summary>
    bool IsGone => false;

    /// <summary>
    /// What the protocol has waited for has happened: it is asked again what it has to send, and whether it is ready. Any thread.
    /// </summary>
    void GoOn()
    {
    }

    /// <summary>
    /// Answers a message that cannot be handled, if it has no answer yet; the application may not know of it. Any thread.
    /// </summary>
    void AnswerFault(Verdict verdict, object message)
    {
    }
}

/// <summary>How much a protocol does in one turn of the loop with what it has been given.</summary>
internal static class TurnWork
{
    /// <summary>Bytes that are inflated; it takes about half a millisecond.</summary>
    public const int InflatedBytes = 256 * 1024;
}

/// <summary>What a connection waits for its peer to do.</summary>
internal enum WaitPhase : byte
{
    /// <summary>Nothing: it is the application's turn, or the protocol has no time limits.</summary>
    Nothing,

    /// <summary>To begin a message.</summary>
    Idle,

    /// <summary>To end the head of a message; measured from its first byte.</summary>
    Head,

    /// <summary>To go on with the body of a message; measured from the last byte.</summary>
    Body,
}

/// <summary>
/// The protocol of one connection at work: its state, and what every connection asks of any protocol. What it reads and
/// sends beyond text and bytes it says by implementing <see cref="IDecoder{T}"/> and <see cref="IEncoder{T}"/>. It judges and
/// encodes; it neither sends nor closes and knows no socket. Belongs to its connection, on the loop's thread.
/// </summary>
internal abstract class ConnectionProtocol : IDisposable, IEncoder<string>, IEncoder<byte[]>, IEncoder<ReadOnlyMemory<byte>>
{
    /// <summary>Scheme of the addresses that speak it.</summary>
    public abstract string Name { get; }

    /// <summary>What <c>Send</c> takes, in words, for error messages.</summary>
    public abstract string Sends { get; }

    /// <summary>
    /// Whether the peer has yet to agree that this protocol is spoken: until then no message comes, and what is sent waits.
    /// </summary>
    public virtual bool IsOpening => false;

    /// <summary>
    /// Whether a message is part of the opening itself, such as an answer that refuses it, and so does not wait until it has
    /// ended.
    /// </summary>
    public virtual bool BelongsToOpening<T>()
        where T : allows ref struct => false;

    /// <summary>Whether the next message may be read. False while the last one waits for its answer.</summary>
    public virtual bool IsReady => true;

    /// <summary>Whether nothing follows what has been written: the connection ends once that is sent.</summary>
    public virtual bool IsFinished => false;

    /// <summary>Whether an answer was broken off, and the peer can know that only from a reset of the connection.</summary>
    public bool IsBrokenOff { get; protected set; }

    /// <summary>
    /// Whether the end of the connection is what tells the peer that an answer is complete, and this one is not: then only a
    /// reset tells it that some is missing.
    /// </summary>
    public virtual bool EndsByClose => false;

    /// <summary>
    /// The file that follows what was written last. The connection takes it after the encoding; the protocol is not ready before
    /// <see cref="OnFileSent"/> is called. Not virtual, because it is read after every send.
    /// </summary>
    public FileRange? PendingFile { get; set; }

    /// <summary>
    /// Whether a message is being read of which more comes than can be kept: the protocol may have a <see cref="Room"/> for it,
    /// and while it is not ready nothing is read ahead. Not virtual, because it is read before every receive.
    /// </summary>
    public bool HasRoom { get; protected set; }

    /// <summary>
    /// Where the next bytes belong, if that is known before they come: the connection may receive them there, past its buffer and
    /// the decoder, and then calls <see cref="OnFilled"/>. Empty for none. They never complete a message.
    /// </summary>
    public virtual Span<byte> Room() => default;

    /// <summary>So many bytes were received into the <see cref="Room"/>.</summary>
    /// <returns>A rejection, or that more is needed.</returns>
    public virtual Verdict OnFilled(int count) => Verdict.NeedMore;

    /// <summary>
    /// Whether a message is of no use when its peer is gone: a request, whose answer nobody would get. Messages of others are
    /// handed on although the peer has reset the connection behind them, which the system does for a program that ends without
    /// having read everything.
    /// </summary>
    public virtual bool NeedsPeer => false;

    /// <summary>What the peer is waited for, which decides the time limit.</summary>
    public virtual WaitPhase Waiting => WaitPhase.Nothing;

    /// <summary>Whether sending to the peer begins the time limit of a phase anew.</summary>
    public virtual bool SendingCounts => true;

    /// <summary>How long a phase may last.</summary>
    public virtual TimeSpan TimeoutOf(WaitPhase phase) => Timeout.InfiniteTimeSpan;

    /// <summary>A phase has lasted longer than <see cref="TimeoutOf"/> allows.</summary>
    /// <returns>A rejection, which the peer is told; or anything else: then pending control is sent, and where there is none the
    /// connection closes without an error response.</returns>
    public virtual Verdict OnTimeout(WaitPhase phase) => Verdict.NeedMore;

    /// <summary>
    /// Asked about once a second while <see cref="WaitPhase.Body"/> lasts and the peer is read from: a rejection if the body
    /// comes too slowly.
    /// </summary>
    /// <param name="now">The loop's clock.</param>
    public virtual Verdict JudgeRate(long now) => Verdict.NeedMore;

    /// <summary>Encodes text as the protocol's usual message.</summary>
    public abstract void Encode(string text, IBufferWriter<byte> output);

    /// <summary>Encodes bytes as the protocol's usual message.</summary>
    public abstract void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output);

    /// <summary>
    /// Encodes bytes that nobody changes any more as the protocol's usual message (<see cref="LastingBytes"/>).
    /// </summary>
    public virtual void Encode(ReadOnlyMemory<byte> bytes, IBufferWriter<byte> output) => Encode(bytes.Span, output);

    void IEncoder<byte[]>.Encode(byte[] message, IBufferWriter<byte> output) => Encode(message.AsMemory(), output);

    /// <summary>The application is about to write bytes of its own past the protocol.</summary>
    /// <returns>False if they have no place there now; <see cref="TakeRefusal"/> says why.</returns>
    public virtual bool TryBeginRaw() => true;

    /// <summary>
    /// Asked when an encoder has written nothing: why the message has no place on the connection as it is now; null if there was
    /// just nothing to write. It is asked once. A message that no connection of the protocol could send is an exception instead.
    /// </summary>
    public virtual string? TakeRefusal() => null;

    /// <summary>
    /// Whether one port may have connections of this protocol beside others that send other messages: pages, event streams and
    /// WebSockets. A message that one of them cannot send is no mistake then: another one could.
    /// </summary>
    public virtual bool SharesPort => false;

    /// <summary>A message of the application's is not written: the send buffer is full.</summary>
    public virtual void OnOverflow()
    {
    }

    /// <summary>A message of the application's is not written: the peer is gone.</summary>
    public virtual void OnDropped()
    {
    }

    /// <summary>The file that followed has left, whole.</summary>
    public virtual void OnFileSent()
    {
    }

    /// <summary>
    /// Writes the error response that tells the peer why its bytes were refused, if the protocol has one. The connection ends
    /// with it.
    /// </summary>
    public virtual void EncodeRejection(Verdict verdict, IBufferWriter<byte> output)
    {
    }

    /// <summary>
    /// Whether the protocol has something of its own to send, before more is read: a pong, a close frame, 100 Continue, or the
    /// request of a client's opening handshake.
    /// </summary>
    public virtual bool HasPendingControl => false;

    /// <summary>Writes what is pending.</summary>
    public virtual void EncodeControl(IBufferWriter<byte> output)
    {
    }

    /// <summary>
    /// Whether what has come means more work than one turn has room for, such as a small message that inflates to a large one
    /// (<see cref="TurnWork"/>): then it asks for more though it has not read all, and is asked again in the next turn, also if
    /// nothing has come by then.
    /// </summary>
    public virtual bool HasUnfinishedWork => false;

    /// <summary>
    /// The error response for a handler that has failed: with a reason if the fault is the peer's, without if it is the server's.
    /// </summary>
    public virtual Verdict JudgeFault(Exception exception) => new(VerdictKind.Reject, 500);

    /// <summary>Writes an answer to the message whose handler failed.</summary>
    /// <param name="verdict">What to answer.</param>
    /// <param name="message">The message; null if it is not known, and then the one that waits for an answer.</param>
    /// <param name="output">Where to.</param>
    /// <returns>False if nothing was written: the answer has begun already, or the protocol has no answers.</returns>
    public virtual bool EncodeFault(Verdict verdict, object? message, IBufferWriter<byte> output) => false;

    /// <summary>No further message is wanted: the server stops, or the application sends its last.</summary>
    /// <param name="stopping">Whether the server stops.</param>
    /// <returns>True if the connection may end now; false if a request still waits for its answer, after which the protocol is
    /// finished.</returns>
    public virtual bool Drain(bool stopping) => true;

    /// <summary>
    /// Whether a close frame is to be sent before the connection ends (RFC 6455 section 7.1.2). The peer then gets time to answer
    /// it.
    /// </summary>
    public virtual bool NeedsCloseFrame => false;

    /// <summary>Writes the close frame.</summary>
    public virtual void EncodeCloseFrame(IBufferWriter<byte> output)
    {
    }

    /// <summary>
    /// Whether the connection, as it is now, has a form for messages of a type that come unasked; that one may not be sent in
    /// spite of it, <see cref="CanBroadcast{T}"/> says.
    /// </summary>
    public virtual bool Takes<T>() => this is IEncoder<T>;

    /// <summary>
    /// Whether a message of a type may be sent to all connections, and to this one now: it is not the answer to a request.
    /// </summary>
    public virtual bool CanBroadcast<T>() => this is IEncoder<T>;

    /// <summary>
    /// Connections that name equal objects send a message as the same bytes, so that one encoding serves all; null where each has
    /// its own.
    /// </summary>
    public virtual object? SharedEncoding => null;

    /// <summary>The activity of the request that is with the application; null for none, and while nobody listens.</summary>
    public virtual Activity? Activity => null;

    /// <summary>A handler has failed, which is told before it is judged.</summary>
    /// <param name="exception">What it has thrown.</param>
    /// <param name="message">The message; null if it is not known.</param>
    public virtual void OnFault(Exception exception, object? message)
    {
    }

    /// <summary>It is the protocol of an accepted connection from here on, whose peer it may ask about.</summary>
    public virtual void OnAttached(IPeer peer)
    {
    }

    /// <summary>The connection has ended, or has another protocol from here on: releases what this one holds.</summary>
    public virtual void Dispose()
    {
    }
}
