using System.Buffers;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// The way in: one receive per wake-up into the loop's buffer, messages read off it in place, the rest kept. What one peer has
/// sent at once is read in pieces, one in a turn (<see cref="TurnBudget"/>).
/// </summary>
public partial class TcpConnection : IContinuedWork
{
    /// <summary>Bytes read ahead while an answer is owed; beyond it the peer waits in its own send buffer.</summary>
    private const int ReadAheadLimit = 64 * 1024;

    /// <summary>Bytes of a protocol's own room that are worth a receive.</summary>
    private const int LeastRoom = 4096;

    private PendingBytes? _input;
    private long _bytesRead;

    /// <summary>
    /// Stops reading, and with it <c>OnMessage</c>, until <see cref="ResumeRecv"/> (PHP: <c>pauseRecv()</c>). Any thread.
    /// </summary>
    public void PauseRecv()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(PauseRecv);
            return;
        }
        _life.IsPaused = true;
        UpdateReading();
    }

    /// <summary>
    /// Goes on reading; what has arrived meanwhile is handled in the loop's next turn (PHP: <c>resumeRecv()</c>). Any thread.
    /// </summary>
    public void ResumeRecv()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(ResumeRecv);
            return;
        }
        if (!_life.IsPaused) return;
        _life.IsPaused = false;
        _life.Since = Loop.Now;
        ContinueNextTurn();
    }

    bool ISocketHandler.ReceivesAtOnce => true;

    void ISocketHandler.OnReadable()
    {
        try
        {
            Receive();
        }
        catch (Exception e)
        {
            Break(e);
        }
    }

    void ISocketHandler.OnHangup()
    {
        if (_life.Phase == ConnectionPhase.HalfClosed || HandsOnWhatIsLeft) ReadRest();
        if (_life.Peer != PeerSide.Ended) BreakOff();
    }

    void ISocketHandler.OnBroken()
    {
        if (_life.IsEstablished && Protocol.NeedsPeer) BreakOff();
        else ((ISocketHandler)this).OnReadable();
    }

    private void Receive()
    {
        Span<byte> room = Protocol.HasRoom ? RoomOfProtocol() : default;
        int count = _socket.Receive(room.IsEmpty ? Buffers.Receive : room, out SocketError error);
        if (error is SocketError.WouldBlock or SocketError.Interrupted) return;
        if (error != SocketError.Success)
        {
            BreakOff();
            return;
        }
        if (count == 0)
        {
            OnPeerEnded();
            return;
        }
        if (TlsSocket is null) CountRead(count);
        if (!room.IsEmpty) OnFilled(count);
        else if (_life.IsEstablished) OnReceived(Buffers.Receive, count);
        else if (_life.Phase == ConnectionPhase.ProxyHeader) ReceiveProxyHeader(count);
        // Closing and ending: what still comes is read only to be thrown away.
    }

    /// <summary>
    /// Where the protocol has the next bytes, if they are its alone and nothing waits before them. What is decrypted needs a
    /// buffer of its own, and what was received ahead one of at least 4 KiB.
    /// </summary>
    private Span<byte> RoomOfProtocol()
    {
        if (TlsSocket is not null || _input is not null || _life.ContinuesNextTurn || !CanReadMessage()) return default;
        Span<byte> room = Protocol.Room();
        return room.Length >= LeastRoom ? room : default;
    }

    private void OnFilled(int count)
    {
        Verdict verdict = Protocol.OnFilled(count);
        if (verdict.Kind == VerdictKind.Reject) Reject(verdict);
        TrackWait();
        UpdateReading();
    }

    /// <summary>Bytes have come; over TLS those of the wire.</summary>
    private void CountRead(int count)
    {
        _bytesRead += count;
        _handler.Figures.CountRead(count);
    }

    /// <summary>Whether there are messages of a turn to come that are handed on though the peer is gone.</summary>
    private bool HandsOnWhatIsLeft => _life.ContinuesNextTurn && _life.IsEstablished && !Protocol.NeedsPeer;

    /// <summary>The peer, or the system, has broken the connection off.</summary>
    private void BreakOff()
    {
        _life.Peer = PeerSide.BrokenOff;
        if (HandsOnWhatIsLeft) UpdateReading();
        else Destroy();
    }

    private void OnReceived(byte[] buffer, int count)
    {
        if (_input is null && !_life.ContinuesNextTurn)
        {
            var input = new ReadOnlySequence<byte>(buffer, 0, count);
            ReadMessages(ref input);
            if (!input.IsEmpty && _life.IsEstablished)
            {
                _input = new PendingBytes();
                _input.Append(input);
            }
        }
        else
        {
            (_input ??= new PendingBytes()).Append(buffer.AsSpan(0, count));
            // What continues has its share of this turn still to come.
            if (!_life.ContinuesNextTurn) ReadPending();
        }
        // An answer that had begun before the server stopped may have ended: whether anything follows it is seen then.
        if (_life.IsDraining) ContinueNextTurn();
        UpdateReading();
    }

    /// <summary>
    /// Reads what messages the input holds, as many as a turn has room for; all their answers leave in one send.
    /// </summary>
    private void ReadMessages(ref ReadOnlySequence<byte> input)
    {
        var budget = new TurnBudget(Loop.FlushDeadline);
        _life.IsInBatch = true;
        while ((!input.IsEmpty || Protocol.HasUnfinishedWork) && CanReadMessage())
        {
            Verdict verdict = _handler.ReadMessage(this, ref input);
            if (verdict.Kind == VerdictKind.NeedMore && Protocol.HasPendingControl)
            {
                _handler.OnPeerControl(this);
                // A callback may have sent it, or closed the connection. Behind a ping there may be more.
                if (Status != ConnectionStatus.Closed && Protocol.HasPendingControl) SendControl();
            }
            else if (verdict.Kind != VerdictKind.Message)
            {
                if (verdict.Kind == VerdictKind.Reject) Reject(verdict);
                else if (Protocol.HasUnfinishedWork) ContinueNextTurn();
                break;
            }
            EndWrittenFile();
            if (input.IsEmpty || !budget.IsSpentAfterMessage()) continue;
            ContinueNextTurn();
            break;
        }
        _life.IsInBatch = false;
        bool fileWasOwed = _queue is { File: not null };
        Advance();
        // It has left at once, so that the requests behind it have no other event to wait for.
        if (fileWasOwed && !input.IsEmpty && Protocol.IsReady) ContinueNextTurn();
        TrackWait();
    }

    /// <summary>Whether messages may have come that are still to be read, in a turn to come or when the peer has read.</summary>
    private bool HasWaitingInput => _life.ContinuesNextTurn || (HasUnreadInput && !CanReadMessage());

    private bool HasUnreadInput => _input is not null || Protocol.HasUnfinishedWork;

    /// <summary>Whether the peer sends no more, and nothing that it sent waits any more. On the loop.</summary>
    internal bool HasHandledAll => _life.Peer == PeerSide.Ended && !HasWaitingInput;

    private void ReadPending()
    {
        ReadOnlySequence<byte> input = _input?.Read() ?? default;
        ReadMessages(ref input);
        _input?.Consume(input);
        if (_input is not { Length: 0 }) return;
        _input.Discard();
        _input = null;
    }

    /// <summary>
    /// One message at a time: not before the last one has its answer, and not while the peer leaves so much unread that the
    /// next answer would be dropped. What a piped connection receives is answered elsewhere: there the other one's buffer counts.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool CanReadMessage() =>
        _life.IsEstablished && !_life.IsPaused && Protocol.IsReady
        && (_queue is null || _queue.Length < MaxSendBufferSize || IsPiped);

    /// <summary>The peer sends no more. It may still read: an answer that is owed is given first.</summary>
    private void OnPeerEnded()
    {
        _life.Peer = PeerSide.Ended;
        _life.Since = Loop.Now;
        if (_life.IsEstablished) CloseIfPeerHasAll();
        else if (!HasUnsent || _life.Phase < ConnectionPhase.Opening) Destroy();
        UpdateReading();
    }

    private void CloseIfPeerHasAll()
    {
        // Messages may wait that were not read before: they come first, and then this is asked again.
        if (_life.ContinuesNextTurn || _life.Peer != PeerSide.Ended || !_life.IsEstablished || !CanReadMessage()) return;
        if (Protocol.HasUnfinishedWork)
        {
            // It has become ready, and is about to hear of it.
            ContinueNextTurn();
            return;
        }
        if (!_handler.OnPeerEnded(this)) Close();
    }

    /// <summary>
    /// The connection has ended while reading is off: the system cannot be made to keep silent about that, so what it still holds
    /// is taken in.
    /// </summary>
    private void ReadRest()
    {
        long before = -1;
        while (_life.IsEstablished && _life.Peer == PeerSide.Sending && before != BytesRead)
        {
            before = BytesRead;
            Receive();
        }
    }

    /// <summary>
    /// Goes on with what has arrived, in the next turn: this one had no room for all of it, an answer was given, reading was
    /// resumed, or the queue has left.
    /// </summary>
    private void ContinueNextTurn()
    {
        if (_life.ContinuesNextTurn || !_life.IsEstablished) return;
        _life.ContinuesNextTurn = true;
        Loop.ContinueNextTurn(this);
    }

    void IPeer.GoOn()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(((IPeer)this).GoOn);
            return;
        }
        if (!_life.IsEstablished) return;
        if (Protocol.HasPendingControl) SendControl();
        TrackWait();
        ContinueNextTurn();
    }

    void IPeer.AnswerFault(Verdict verdict, object message)
    {
        if (Loop.IsCurrent) AnswerFault(verdict, message);
        else Loop.Post(() => AnswerFault(verdict, message));
    }

    void IContinuedWork.Continue()
    {
        _life.ContinuesNextTurn = false;
        if (!_life.IsEstablished) return;
        try
        {
            if (HasUnreadInput && CanReadMessage()) ReadPending();
            if (_life.Peer == PeerSide.BrokenOff) BreakOff();
            CloseIfPeerHasAll();
            if (_life.IsDraining) Drain();
            UpdateReading();
        }
        catch (Exception e)
        {
            Break(e);
        }
    }

    /// <summary>Whether what the protocol does not want yet is taken in: no more of a body that nobody has room for.</summary>
    private bool CanReadAhead => !Protocol.HasRoom && RecvBufferQueueSize < ReadAheadLimit;

    private protected void UpdateReading()
    {
        if (_life.IsGone) return;
        _socket.ReadEnabled = _life.Peer == PeerSide.Sending && _life.Phase switch
        {
            < ConnectionPhase.Opening => true,
            <= ConnectionPhase.HalfClosed =>
                !_life.IsPaused && ((CanReadMessage() && !_life.ContinuesNextTurn) || CanReadAhead),
            // What the peer sends is read, so that the answer is not lost to a reset.
            _ => _life.IsLingering,
        };
    }
}
