using System.Buffers;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The way out, which all that leaves takes: a message is encoded once, into the <see cref="WriteBatch"/> of the loop; at the end
/// of the turn <see cref="Write(ReadOnlySpan{byte}, ReadOnlyMemory{byte})"/> gives the socket all that the batch has; what the
/// socket does not take waits in a <see cref="SendQueue"/>, and a file follows it there. Before the peer can be sent messages
/// they are held in the queue too.
/// </summary>
public partial class TcpConnection
{
    private SendQueue? _queue;
    private long _bytesWritten;

    private delegate void EncodeInto<in TState>(TcpConnection connection, TState state, BatchBuffer output)
        where TState : allows ref struct;

    /// <summary>
    /// As a value of its own type the usual message has machine code of its own, with no look-ups of what its type is.
    /// </summary>
    private readonly record struct Text(string Value);

    /// <summary>Bytes that nobody changes any more, as a type of their own for the same reason.</summary>
    private readonly record struct Lasting(ReadOnlyMemory<byte> Bytes);

    /// <summary>What feeds the connection from outside its own callbacks; null for none.</summary>
    internal IFeedSource? Source { get; set; }

    /// <summary>How many writes of the batch are this connection's.</summary>
    internal int PendingWrites { get; set; }

    /// <summary>The system call of the batch that the connection was put into last.</summary>
    internal int WriteRound { get; set; }

    /// <summary>Whether its bytes would go to the socket now, and so can be sent together with others'.</summary>
    internal bool CanJoinBatch => !_life.IsGone && _socket.JoinsBatches && _queue is null or { Length: 0, File: null };

    private SendQueue Queue => _queue ??= new SendQueue();

    /// <summary>Whether something waits for the peer to read. What is held does not.</summary>
    private bool HasUnsent => _queue is { HasUnsent: true };

    /// <summary>Sends what the protocol has to send of its own accord at this moment. On the loop.</summary>
    internal void SendControl() => Write(this, static (connection, _, output) => connection.Protocol.EncodeControl(output));

    /// <summary>
    /// Tells the peer of a message whose handler failed: by an answer, if nothing of one is on its way yet. It is not dropped
    /// when the buffer is full, because the peer would wait for ever.
    /// </summary>
    internal void AnswerFault(Verdict verdict, object? message)
    {
        if (!_life.IsEstablished) return;
        Write((verdict, message), static (connection, fault, output) =>
            connection.Protocol.EncodeFault(fault.verdict, fault.message, output));
        if (Protocol.IsBrokenOff) Reset();
    }

    /// <summary>
    /// Sends what another connection received. Nothing of it is dropped when the buffer is full: reading there is paused,
    /// but what was on its way already still has its place in the stream.
    /// </summary>
    internal SendResult Relay(ReadOnlySpan<byte> bytes)
    {
        if (!Loop.IsCurrent) return HandOver(bytes.ToArray(), static (connection, copy) => connection.Relay(copy));
        return _life.HoldsMessages || _life.IsEnding ? Hold(bytes) : Write(bytes, WriteRaw);
    }

    /// <summary>
    /// Sends bytes that are encoded already, past the protocol. Nothing is dropped for a full buffer: whoever feeds goes by
    /// <see cref="Source"/>. On the loop.
    /// </summary>
    /// <returns>False if the connection is ending.</returns>
    internal bool Feed(ReadOnlySpan<byte> bytes)
    {
        if (!_life.IsEstablished) return false;
        Buffers.Batch.Send(this, bytes);
        return true;
    }

    /// <summary>Sends pieces that nobody changes any more, as <see cref="Feed(ReadOnlySpan{byte})"/> would.</summary>
    /// <returns>False if the connection is ending.</returns>
    internal bool Feed(ReadOnlySpan<byte[]> pieces)
    {
        if (!_life.IsEstablished) return false;
        BatchBuffer output = Buffers.Batch.Begin(out int mark);
        foreach (byte[] piece in pieces) output.WriteLasting(piece, UnsentBytes.LeastReferenced);
        Buffers.Batch.End(this, output, mark);
        return true;
    }

    /// <summary>
    /// Sends bytes that several connections are sent and nobody changes any more, as <see cref="Feed(ReadOnlySpan{byte})"/>
    /// would; they leave by the batch's next flush.
    /// </summary>
    /// <returns>False if the connection is ending.</returns>
    internal bool FeedShared(ArraySegment<byte> bytes)
    {
        if (!_life.IsEstablished) return false;
        Buffers.Batch.SendShared(this, bytes);
        return true;
    }

    /// <summary>
    /// Sends a message that was encoded elsewhere, and that nobody changes any more, as <see cref="Send{T}(T)"/> would. On the
    /// loop.
    /// </summary>
    internal SendResult SendEncoded(byte[] message) =>
        Send(message, static (_, message, output) => output.WriteLasting(message, UnsentBytes.LeastReferenced));

    /// <summary>Gives the socket bytes, behind those that wait. Nothing is called back.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="lasting">The same, where nobody changes them any more: what the socket does not take is not copied
    /// then.</param>
    internal WriteOutcome Write(ReadOnlySpan<byte> bytes, ReadOnlyMemory<byte> lasting = default)
    {
        if (_life.IsGone) return WriteOutcome.Failed;
        if (_queue is { Length: > 0 })
        {
            _queue.Append(bytes, lasting);
            return OutcomeOfQueue();
        }
        int sent = FileFollowsAtOnce()
            ? _socket.SendBeforeFile(bytes, out SocketError error)
            : _socket.Send(bytes, out error);
        return OnWritten(bytes, lasting, sent, error);
    }

    /// <summary>A send of the connection's, for a system call that makes several.</summary>
    internal SocketSend SendOf(int offset, int length) => new(_socket, offset, length);

    /// <summary>Notes what the socket took of bytes; the rest waits. Nothing is called back.</summary>
    internal WriteOutcome OnWritten(ReadOnlySpan<byte> bytes, ReadOnlyMemory<byte> lasting, int sent, SocketError error)
    {
        if (error == SocketError.WouldBlock) sent = 0;
        else if (error != SocketError.Success) return WriteOutcome.Failed;
        if (TlsSocket is null) CountWritten(sent);
        if (sent == bytes.Length) return WriteOutcome.Sent;
        SendQueue queue = Queue;
        queue.Append(bytes[sent..], lasting.IsEmpty ? lasting : lasting[sent..]);
        queue.ProgressAt = Loop.Now;
        queue.FileIsCached = false;
        _socket.SendWhenWritable(queue.First());
        return OutcomeOfQueue();
    }

    /// <summary>The system has taken bytes; over TLS those of the wire.</summary>
    private void CountWritten(int count)
    {
        _bytesWritten += count;
        _handler.Figures.CountWritten(count);
    }

    /// <summary>
    /// Calls back for the outcome of a write. Only when the batch is through with it: a callback may send again.
    /// </summary>
    internal void Complete(WriteOutcome outcome)
    {
        if (outcome == WriteOutcome.Sent) return;
        if (outcome == WriteOutcome.Failed)
        {
            SendFailed();
            return;
        }
        // A callback for another one of the same batch has closed it.
        if (_life.IsGone) return;
        Source?.OnBackPressured(this);
        if (outcome == WriteOutcome.Full) RaiseBufferFull();
    }

    void ISocketHandler.OnSent(int count, SocketError error)
    {
        try
        {
            OnSent(count, error);
        }
        catch (Exception e)
        {
            Break(e);
        }
    }

    /// <summary>Whether something waits until the peer can be sent messages.</summary>
    private protected bool HasHeld => _queue is { HeldLength: > 0 };

    /// <summary>Drops what was sent before there was a peer, or a protocol to send it by.</summary>
    internal void DropHeld()
    {
        _queue?.TakeHeld()?.Discard();
        DropEmptyQueue();
    }

    /// <summary>The protocol is open: what was held for that leaves, behind what the opening itself has sent.</summary>
    /// <returns>Whether so much was held that the application was told to stop, and is to hear when all has left.</returns>
    internal bool ReleaseHeld()
    {
        if (_life.Phase == ConnectionPhase.Opening) MoveTo(ConnectionPhase.Open);
        bool wasFull = _queue is not null && _queue.HeldLength >= MaxSendBufferSize;
        Complete(SendHeld());
        return wasFull;
    }

    /// <summary>Sends what was held, in its order and behind what was sent. Nothing is called back for it.</summary>
    private protected WriteOutcome SendHeld()
    {
        var outcome = WriteOutcome.Sent;
        if (_queue?.TakeHeld() is { } held)
        {
            FlushWrites();
            while (held.Length > 0 && outcome != WriteOutcome.Failed)
            {
                ReadOnlyMemory<byte> piece = held.First(out bool isLasting);
                outcome = Write(piece.Span, isLasting ? piece : default);
                held.Skip(piece.Length);
            }
            held.Discard();
            DropEmptyQueue();
        }
        if (outcome != WriteOutcome.Failed) HalfCloseIfSent();
        return outcome;
    }

    /// <summary>Tells that what was held has left, to whoever waits for that. After <c>OnConnect</c>.</summary>
    private protected void AnnounceDrain()
    {
        if (_life.IsEstablished && BufferIsEmpty) RaiseBufferDrain();
    }

    private static void WriteRaw(TcpConnection connection, ReadOnlySpan<byte> bytes, BatchBuffer output)
    {
        if (connection.Protocol.TryBeginRaw()) output.Write(bytes);
    }

    /// <summary>A closed connection is handed over to as well: what is dropped, the protocol is told on the loop.</summary>
    private SendResult HandOver<TMessage>(TMessage message, Func<TcpConnection, TMessage, SendResult> send)
    {
        bool open = !_life.IsEnding;
        return Loop.Post(() => SendHandedOver(message, send)) && open ? SendResult.Queued : SendResult.Dropped;
    }

    /// <summary>
    /// The sender has gone on, so a failure counts as the handler's: logged, and answered if an answer is owed.
    /// </summary>
    private void SendHandedOver<TMessage>(TMessage message, Func<TcpConnection, TMessage, SendResult> send)
    {
        try
        {
            send(this, message);
        }
        catch (Exception e)
        {
            _handler.OnFault(this, e);
            Protocol.OnFault(e, message: null);
            AnswerFault(Protocol.JudgeFault(e), message: null);
        }
    }

    private SendResult Send<TState>(TState state, EncodeInto<TState> encode)
        where TState : allows ref struct
    {
        if (_life.IsEnding)
        {
            Protocol.OnDropped();
            return SendResult.Dropped;
        }
        // An answer that refuses an opening is not one of the messages that fill the buffer while it lasts.
        bool belongsToOpening = _life.Phase == ConnectionPhase.Opening && Protocol.BelongsToOpening<TState>();
        if (!belongsToOpening && _queue is not null && SendBufferQueueSize >= MaxSendBufferSize)
        {
            Protocol.OnOverflow();
            RaiseError(ConnectionError.SendFail, "send buffer full and drop package");
            if (Protocol.IsBrokenOff) Reset();
            return SendResult.Dropped;
        }
        return _life.HoldsMessages && !belongsToOpening ? Hold(state, encode) : Write(state, encode);
    }

    private SendResult Write<TState>(TState state, EncodeInto<TState> encode)
        where TState : allows ref struct
    {
        WriteBatch batch = Buffers.Batch;
        BatchBuffer output = batch.Begin(out int mark);
        try
        {
            encode(this, state, output);
        }
        catch
        {
            batch.Abandon(output, mark);
            throw;
        }
        // Before the batch, whose flush may end the connection, and with it the file.
        if (Protocol.PendingFile is not null) TakeFile(output);
        if (!batch.End(this, output, mark) && Protocol.TakeRefusal() is { } reason) return Refuse(reason);
        // Among messages that are being read the next step is taken once, after them.
        if (!_life.IsInBatch)
        {
            AfterSend();
            batch.FlushIfDue();
        }
        if (_life.IsGone) return SendResult.Dropped;
        return HasUnsent ? SendResult.Queued : SendResult.Sent;
    }

    private SendResult Hold<TState>(TState state, EncodeInto<TState> encode)
        where TState : allows ref struct
    {
        WriteBatch batch = Buffers.Batch;
        BatchBuffer output = batch.Begin(out int mark);
        try
        {
            encode(this, state, output);
            if (_life.IsEnding) return SendResult.Dropped;
            foreach (MessagePiece piece in output.PiecesFrom(mark)) Queue.Hold(output.BytesOf(piece), piece.Lasting);
        }
        finally
        {
            batch.Abandon(output, mark);
        }
        return OnHeld();
    }

    private SendResult Hold(ReadOnlySpan<byte> bytes)
    {
        if (_life.IsEnding) return SendResult.Dropped;
        if (!bytes.IsEmpty) Queue.Hold(bytes, default);
        return OnHeld();
    }

    private SendResult OnHeld()
    {
        if (_queue is { } queue && queue.HeldLength >= MaxSendBufferSize) RaiseBufferFull();
        return SendResult.Queued;
    }

    /// <summary>
    /// Last bytes past the protocol do not wait for it to open: they are how an application refuses in words of its own.
    /// </summary>
    private SendResult SendLastRaw(byte[] bytes) =>
        _life.Phase == ConnectionPhase.Opening ? Write((ReadOnlySpan<byte>)bytes, WriteRaw) : SendRaw(bytes);

    /// <summary>Before anything that must not overtake what the batch has.</summary>
    private void FlushWrites()
    {
        if (PendingWrites > 0) Buffers.Batch.Flush();
    }

    /// <summary>The connection, as it is now, has no place for a message: it is dropped, and the application told.</summary>
    private SendResult Refuse(string reason)
    {
        RaiseError(ConnectionError.SendFail, reason);
        return SendResult.Dropped;
    }

    /// <summary>
    /// The protocol does not know a message. Another connection of the worker may, and then the fault is this one's state: it is
    /// piped, or has become a WebSocket, or has not. A message that none of them could send is a mistake of whoever sends it.
    /// </summary>
    private SendResult Misplaced<T>(T message)
    {
        string reason = $"A {Protocol.Name} connection cannot send {typeof(T)}; it sends {Protocol.Sends}. "
            + "SendRaw sends bytes past the protocol.";
        if (!IsPiped && !HasOwnProtocol && !(Protocol.SharesPort && message is IMessage))
            throw new InvalidOperationException(reason);
        if (!Loop.IsCurrent) return HandOver(reason, static (connection, reason) => connection.RefuseOpen(reason));
        return RefuseOpen(reason);
    }

    /// <summary>
    /// A message to a group that it is in has no form on it: it is dropped, and the application told. On the loop.
    /// </summary>
    internal void RefuseFromGroup(string kind) => RefuseOpen($"A {Protocol.Name} connection has no form for {kind}, which one of "
        + "its groups was sent. A WebSocket takes text and bytes, HTTP text and events once an event stream is open, and a "
        + "protocol of your own what it encodes.");

    private SendResult RefuseOpen(string reason) => _life.IsEnding ? SendResult.Dropped : Refuse(reason);

    private WriteOutcome OutcomeOfQueue() => _queue!.Length >= MaxSendBufferSize ? WriteOutcome.Full : WriteOutcome.Queued;

    private void OnSent(int count, SocketError error)
    {
        if (_life.IsGone || _queue is not { } queue) return;
        if (queue.FileIsOrdered)
        {
            OnFileSent(queue, count, error);
            return;
        }
        if (error != SocketError.Success)
        {
            SendFailed();
            return;
        }
        queue.ProgressAt = Loop.Now;
        if (queue.Length == 0)
        {
            queue.AwaitsSocket = false;
            DropEmptyQueue();
            Advance();
            return;
        }
        if (TlsSocket is null) CountWritten(count);
        queue.Skip(count);
        if (queue.Length > 0) _socket.SendWhenWritable(queue.First());
        else OnDrained();
    }

    private void OnDrained()
    {
        DropEmptyQueue();
        HalfCloseIfSent();
        RaiseBufferDrain();
        Source?.OnDrained(this);
        Advance();
        ContinueNextTurn();
    }

    /// <summary>After a send outside a read batch: the answer may free the way for the next message, or be the last.</summary>
    private void AfterSend()
    {
        Advance();
        if (!_life.IsEstablished) return;
        TrackWait(sent: true);
        if (_life.IsDraining
            || (Protocol.IsReady && (_input is not null || _life.Peer == PeerSide.Ended || !_socket.ReadEnabled)))
        {
            ContinueNextTurn();
        }
    }

    private void SendFailed()
    {
        if (_life.IsGone) return;
        RaiseError(ConnectionError.SendFail, "client closed");
        TearDown();
    }

    /// <summary>All has left: the peer is told that no more comes, if that is wanted.</summary>
    private void HalfCloseIfSent()
    {
        if (_queue is not { EndsSending: true, HasUnsent: false } queue || _life.Phase != ConnectionPhase.Open) return;
        queue.EndsSending = false;
        DropEmptyQueue();
        MoveTo(ConnectionPhase.HalfClosed);
        _socket.ShutdownSend();
    }

    /// <summary>Before the end: lets the socket send what it has to say itself.</summary>
    /// <returns>Whether it has left.</returns>
    private bool SendEndOfSocket()
    {
        if (_socket.SendEnd()) return true;
        Queue.AwaitsSocket = true;
        Queue.ProgressAt = Loop.Now;
        return false;
    }

    private void DropEmptyQueue()
    {
        if (_queue is { IsEmpty: true }) _queue = null;
    }

    /// <summary>Calls <see cref="OnError"/>, guarded, and before <c>OnClose</c>.</summary>
    private protected void RaiseError(ConnectionError error, string reason)
    {
        if (error == ConnectionError.SendFail) _handler.Figures.CountSendFailure();
        Buffers.Callbacks.Call((Connection: this, error, reason),
            static raised => raised.Connection._handler.OnError(raised.Connection, raised.error, raised.reason),
            static _ => true, owner: this);
    }

    private void RaiseBufferFull()
    {
        _handler.Figures.CountBufferFull();
        Buffers.Callbacks.Call(this,
            static connection => connection._handler.OnBufferFull(connection),
            // The peer may have read all meanwhile.
            static connection => !connection._life.IsGone && !connection.BufferIsEmpty);
    }

    private void RaiseBufferDrain() => Buffers.Callbacks.Call(this,
        static connection => connection._handler.OnBufferDrain(connection),
        // It may have been sent more meanwhile, and drains again when that has left.
        static connection => !connection._life.IsGone && connection.BufferIsEmpty);
}
