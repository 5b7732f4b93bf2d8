using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The way out: a message is encoded once, into the loop's outbox; at the end of the turn all that it has for a connection leaves in one send; only
/// what the socket does not take is copied and waits.
/// </summary>
public partial class TcpConnection
{
    private PendingBytes? _output;
    private long _stalledSince;

    private delegate void EncodeInto<in TState>(TcpConnection connection, TState state, OutputBuffer output)
        where TState : allows ref struct;

    /// <summary>As a value of its own type the usual message has machine code of its own, with no look-ups of what its type is.</summary>
    private readonly record struct Text(string Value);

    /// <summary>
    /// Sends text as the protocol's usual message: for HTTP a 200 response (PHP: <c>send($data)</c>). Before the handshake of a
    /// WebSocket it waits. Where it has no place now, because no request waits for an answer perhaps, it is dropped, and
    /// <see cref="OnError"/> tells why. Any thread.
    /// </summary>
    /// <exception cref="InvalidOperationException">No connection of the protocol sends such a message.</exception>
    public SendResult Send(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Loop.IsCurrent
            ? Send(new Text(text), static (connection, text, output) => connection.Protocol.Encode(text.Value, output))
            : HandOver(text, static (connection, text) => connection.Send(text));
    }

    /// <summary>Sends bytes as the protocol's usual message: for HTTP a 200 response (PHP: <c>send($data)</c>). Any thread.</summary>
    /// <inheritdoc cref="Send(string)"/>
    public SendResult Send(ReadOnlySpan<byte> bytes)
    {
        if (Loop.IsCurrent) return Send(bytes, static (connection, bytes, output) => connection.Protocol.Encode(bytes, output));
        return HandOver(bytes.ToArray(), static (connection, copy) => connection.Send(copy.AsSpan()));
    }

    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    public SendResult Send(byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        return Send(bytes.AsSpan());
    }

    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    public SendResult Send(ReadOnlyMemory<byte> bytes) => Send(bytes.Span);

    /// <summary>
    /// Sends a message of the protocol (PHP: <c>send($data)</c>): for HTTP a <c>Response</c>, <c>Chunk</c> or <c>ServerSentEvents</c>. Any
    /// thread; from another than the loop's, do not change the message afterwards. Numbers, and the messages of a protocol of
    /// your own, are sent by <see cref="SendExtensions"/>.
    /// </summary>
    /// <inheritdoc cref="Send(string)"/>
    public SendResult Send<T>(T message)
        where T : IMessage => SendMessage(message);

    /// <summary>Does not compile: which message it is, is not known.</summary>
    [Obsolete("An IMessage is sent by the type that it is: Send((Response)message).", error: true)]
    public SendResult Send(IMessage message) => throw new NotSupportedException();

    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    public SendResult Send(ArraySegment<byte> bytes) => Send(bytes.AsSpan());

    /// <summary>Sends whatever the protocol encodes. Any thread.</summary>
    /// <inheritdoc cref="Send{T}(T)"/>
    internal SendResult SendMessage<T>(T message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (Protocol is not IEncoder<T>) return Misplaced(message);
        return Loop.IsCurrent
            ? Send(message, static (connection, message, output) => ((IEncoder<T>)connection.Protocol).Encode(message, output))
            : HandOver(message, static (connection, message) => connection.SendMessage(message));
    }

    /// <summary>
    /// Sends bytes as they are, past the protocol (PHP: <c>send($data, true)</c>). For HTTP the first of them count as the answer:
    /// where it ends is known to the application alone, and so is whether the connection ends with it. Before the handshake of a
    /// WebSocket they wait for it, but for those of <c>Close(bytes, raw: true)</c>. Any thread.
    /// </summary>
    public SendResult SendRaw(ReadOnlySpan<byte> bytes)
    {
        if (Loop.IsCurrent) return Send(bytes, WriteRaw);
        return HandOver(bytes.ToArray(), static (connection, copy) => connection.SendRaw(copy));
    }

    /// <summary>Sends text as UTF-8, past the protocol (PHP: <c>send($data, true)</c>). Any thread.</summary>
    /// <inheritdoc cref="SendRaw(ReadOnlySpan{byte})"/>
    public SendResult SendRaw(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return SendRaw(Encoding.UTF8.GetBytes(text));
    }

    void ISocketHandler.OnSent(int count, SocketError error)
    {
        try
        {
            Sent(count, error);
        }
        catch (Exception e)
        {
            Break(e);
        }
    }

    private void Sent(int count, SocketError error)
    {
        if (_fileOrdered)
        {
            FileSent(count, error);
            return;
        }
        if (error != SocketError.Success)
        {
            SendFailed();
            return;
        }
        BytesWritten += count;
        _stalledSince = Loop.Now;
        _output!.Skip(count);
        if (_output.Length > 0) _watch.SendWhenWritable(_output.First());
        else OnDrained();
    }

    /// <summary>
    /// Tells the peer of a message whose handler failed: by an answer, if nothing of one is on its way yet. It is not dropped
    /// when the buffer is full, because the peer would wait for ever.
    /// </summary>
    internal void AnswerFault(Verdict verdict, object? message)
    {
        if (Status != ConnectionStatus.Established) return;
        Write((verdict, message), static (connection, fault, output) => connection.Protocol.EncodeFault(fault.verdict, fault.message, output));
        if (Protocol.IsBrokenOff) Reset();
    }

    /// <summary>
    /// Sends what another connection received. Nothing of it is dropped when the buffer is full: reading there is paused,
    /// but what was on its way already still has its place in the stream.
    /// </summary>
    internal SendResult Relay(ReadOnlySpan<byte> bytes)
    {
        if (Loop.IsCurrent) return Status == ConnectionStatus.Established && !_holding ? Write(bytes, WriteRaw) : Keep(bytes);
        return HandOver(bytes.ToArray(), static (connection, copy) => connection.Relay(copy));
    }

    /// <summary>
    /// Sends bytes that are encoded already and perhaps shared with other connections: they are copied only if they have to wait. Nothing is
    /// dropped for a full buffer: whoever feeds goes by <see cref="Source"/>. On the loop.
    /// </summary>
    internal SendResult Feed(ReadOnlySpan<byte> bytes)
    {
        FlushOutbox();
        return Status == ConnectionStatus.Established ? Settle(WriteOut(bytes)) : SendResult.Dropped;
    }

    /// <summary>Whether <see cref="Feed"/> would give bytes to the socket now and as they are, so that a <see cref="SendBatch"/> can.</summary>
    internal bool CanShareFeed => Status == ConnectionStatus.Established && Outboxed == 0 && SendsAtOnce;

    /// <summary>Sends a message that was encoded elsewhere, as <see cref="Send{T}(T)"/> would. On the loop.</summary>
    internal SendResult SendEncoded(byte[] message) =>
        Send(message, static (_, message, output) =>
        {
            message.CopyTo(output.GetSpan(message.Length));
            output.Advance(message.Length);
        });

    private static void WriteRaw(TcpConnection connection, ReadOnlySpan<byte> bytes, OutputBuffer output)
    {
        if (!connection.Protocol.TryBeginRaw()) return;
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
    }

    /// <summary>A closed connection is handed over to as well: what is dropped, the protocol is told on the loop.</summary>
    private SendResult HandOver<TMessage>(TMessage message, Func<TcpConnection, TMessage, SendResult> send)
    {
        bool open = Status <= ConnectionStatus.Established;
        return Loop.Post(() => SendHandedOver(message, send)) && open ? SendResult.Queued : SendResult.Dropped;
    }

    /// <summary>Nobody is left to catch what it throws, so it counts as the handler's fault: logged, and answered if an answer is owed.</summary>
    private void SendHandedOver<TMessage>(TMessage message, Func<TcpConnection, TMessage, SendResult> send)
    {
        try
        {
            send(this, message);
        }
        catch (Exception e)
        {
            _handler.OnFault(this, e);
            AnswerFault(Protocol.JudgeFault(e), message: null);
        }
    }

    private SendResult Send<TState>(TState state, EncodeInto<TState> encode) where TState : allows ref struct
    {
        if (Status > ConnectionStatus.Established)
        {
            Protocol.OnDropped();
            return SendResult.Dropped;
        }
        // An answer that refuses an opening is not one of the messages that fill the buffer while it lasts.
        if (SendBufferQueueSize >= MaxSendBufferSize && !(_holding && Protocol.BelongsToOpening<TState>()))
        {
            Protocol.OnOverflow();
            _handler.OnError(this, ConnectionError.SendFail, "send buffer full and drop package");
            if (Protocol.IsBrokenOff) Reset();
            return SendResult.Dropped;
        }
        return Status == ConnectionStatus.Established && !_holding ? Write(state, encode) : SendEarly(state, encode);
    }

    private SendResult Write<TState>(TState state, EncodeInto<TState> encode) where TState : allows ref struct
    {
        return Buffers.Outbox.IsBusy ? WriteApart(state, encode) : WriteToOutbox(state, encode);
    }

    private SendResult WriteToOutbox<TState>(TState state, EncodeInto<TState> encode) where TState : allows ref struct
    {
        Outbox outbox = Buffers.Outbox;
        int mark = outbox.Buffer.Length;
        outbox.Begin();
        try
        {
            encode(this, state, outbox.Buffer);
        }
        catch
        {
            outbox.Abandon(mark);
            throw;
        }
        // Before the outbox, whose flush may end the connection, and with it the file.
        if (Protocol.PendingFile is not null) TakeFile();
        if (!outbox.End(this, mark) && Protocol.TakeRefusal() is { } reason) return Refuse(reason);
        // Within its own read batch the next step is taken once, at the batch's end.
        if (Buffers.Corked != this)
        {
            AfterSend();
            outbox.FlushIfOld();
        }
        return Status == ConnectionStatus.Closed ? SendResult.Dropped : BatchResult();
    }

    /// <summary>For an encoder of the application's that sends something else while it encodes.</summary>
    private SendResult WriteApart<TState>(TState state, EncodeInto<TState> encode) where TState : allows ref struct
    {
        var output = new OutputBuffer();
        encode(this, state, output);
        if (Protocol.PendingFile is not null) TakeFile();
        if (output.Length == 0 && Protocol.TakeRefusal() is { } reason) return Refuse(reason);
        FlushOutbox();
        SendResult result = Settle(WriteOut(output.Written));
        if (Buffers.Corked != this) AfterSend();
        return result == SendResult.Sent ? BatchResult() : result;
    }

    /// <summary>How many entries of the outbox are this connection's; with the sign turned only while the outbox makes up a batch.</summary>
    internal int Outboxed { get; set; }

    /// <summary>What the outbox had for this connection leaves.</summary>
    internal void SendOutboxed(ReadOnlySpan<byte> bytes)
    {
        if (Status == ConnectionStatus.Closed) return;
        Settle(WriteOut(bytes));
    }

    /// <summary>Before anything that must not overtake what the outbox has.</summary>
    private void FlushOutbox()
    {
        if (Outboxed > 0) Buffers.Outbox.Flush();
    }

    private SendResult BatchResult() => HasUnsent ? SendResult.Queued : SendResult.Sent;

    /// <summary>
    /// Whether something waits for the peer to read. What waits for the connection to be established, or for its protocol to
    /// open, does not.
    /// </summary>
    private bool HasUnsent => _output is not null || _file is not null;

    /// <summary>The connection, as it is now, has no place for a message: it is dropped, and the application told.</summary>
    private SendResult Refuse(string reason)
    {
        _handler.OnError(this, ConnectionError.SendFail, reason);
        return SendResult.Dropped;
    }

    private void Cork()
    {
        Debug.Assert(Buffers.Corked is null, "one connection at a time is corked");
        Buffers.Corked = this;
    }

    /// <summary>Ends a read batch: its answers leave with the turn, or at once with a connection that is finished.</summary>
    private void Uncork()
    {
        // Destroyed meanwhile.
        if (Buffers.Corked != this) return;
        Buffers.Corked = null;
        AfterFlush();
    }

    private WriteOutcome WriteOut(ReadOnlySpan<byte> bytes) => _tls is null ? WriteToSocket(bytes) : WriteEncrypted(bytes);

    private WriteOutcome WriteToSocket(ReadOnlySpan<byte> bytes)
    {
        if (_output is null)
        {
            if (bytes.IsEmpty) return WriteOutcome.Sent;
            int sent = _watch.Send(bytes, out SocketError error);
            return Took(bytes, sent, error);
        }
        _output.Append(bytes);
        return Backlog();
    }

    /// <summary>Whether what is sent goes to the socket now and as it is.</summary>
    internal bool SendsAtOnce => Status != ConnectionStatus.Closed && _tls is null && _output is null;

    /// <summary>A send to this connection's socket, for a <see cref="SendBatch"/>.</summary>
    internal SocketSend SendOf(int offset, int length) => new(_watch, offset, length);

    /// <summary>Notes what the socket took of bytes; the rest waits. Nothing is called back.</summary>
    internal WriteOutcome Took(ReadOnlySpan<byte> bytes, int sent, SocketError error)
    {
        if (error == SocketError.WouldBlock) sent = 0;
        else if (error != SocketError.Success) return WriteOutcome.Failed;
        BytesWritten += sent;
        if (sent == bytes.Length) return WriteOutcome.Sent;
        Wait(bytes[sent..]);
        return Backlog();
    }

    private WriteOutcome Backlog() => _output!.Length >= MaxSendBufferSize ? WriteOutcome.Full : WriteOutcome.Queued;

    private void Wait(ReadOnlySpan<byte> bytes)
    {
        _output = new PendingBytes();
        _output.Append(bytes);
        _stalledSince = Loop.Now;
        _watch.SendWhenWritable(_output.First());
    }

    /// <summary>Calls back for the outcome of a flush. Only now: a callback may send again, so the buffer has to be free.</summary>
    internal SendResult Settle(WriteOutcome outcome)
    {
        switch (outcome)
        {
            case WriteOutcome.Sent:
                return SendResult.Sent;
            case WriteOutcome.Failed:
                SendFailed();
                return SendResult.Dropped;
            // A callback for another one of the same batch has closed it.
            case WriteOutcome.Full or WriteOutcome.Queued when Status == ConnectionStatus.Closed:
                return SendResult.Dropped;
            case WriteOutcome.Full:
                _handler.OnBufferFull(this);
                return SendResult.Queued;
            default:
                return SendResult.Queued;
        }
    }

    /// <summary>After a send outside a read batch: the answer may free the way for the next message, or be the last.</summary>
    private void AfterSend()
    {
        AfterFlush();
        if (Status != ConnectionStatus.Established) return;
        TrackPhase(sent: true);
        if (Protocol.IsReady && (_input is not null || _peerClosed || !_watch.ReadEnabled)) DeferResume();
    }

    private void OnDrained()
    {
        _output!.Discard();
        _output = null;
        ShutdownIfSent();
        _handler.OnBufferDrain(this);
        Source?.OnDrained(this);
        AfterFlush();
        if (Status == ConnectionStatus.Established) DeferResume();
    }

    private void SendFailed()
    {
        if (Status == ConnectionStatus.Closed) return;
        _handler.OnError(this, ConnectionError.SendFail, "client closed");
        TearDown();
    }

    /// <summary>
    /// The protocol does not know a message. Another connection of the worker may, and then the fault is this one's state: it is
    /// piped, or has become a WebSocket, or has not. A message that none of them could send is a mistake of whoever sends it.
    /// </summary>
    private SendResult Misplaced<T>(T message)
    {
        string reason = $"A {Protocol.Name} connection cannot send {typeof(T)}; it sends {Protocol.Sends}. SendRaw sends bytes past the protocol.";
        if (!IsPiped && !HasOwnProtocol && !(Protocol.SharesPort && message is IMessage)) throw new InvalidOperationException(reason);
        return Loop.IsCurrent ? RefuseOpen(reason) : HandOver(reason, static (connection, reason) => connection.RefuseOpen(reason));
    }

    private SendResult RefuseOpen(string reason) => Status > ConnectionStatus.Established ? SendResult.Dropped : Refuse(reason);
}
