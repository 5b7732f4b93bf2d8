using System.Net;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// The life of a connection: what it waits for, and how it ends. <see cref="MoveTo"/> is the one place where its phase changes.
/// At the end the phase changes at once; the socket is closed and <c>OnClose</c> called at the end of the loop's turn, so that no
/// callback finds its connection freed under it.
/// </summary>
public partial class TcpConnection : IDeferredWork
{
    private ILoopSocket _socket;
    private ConnectionLife _life;

    /// <summary>Where the connection is in its life; <see cref="Status"/> is what the application sees of it.</summary>
    internal ConnectionPhase Phase => _life.Phase;

    /// <summary>What is known of the peer's direction.</summary>
    internal PeerSide Peer => _life.Peer;

    bool IPeer.IsGone => _life.IsGone;

    string IPeer.WorkerName => _handler.Figures.WorkerName;

    /// <summary>Sends what waits, then closes (PHP: <c>close()</c>). Any thread.</summary>
    public void Close()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(Close);
            return;
        }
        if (TryAbandonDial() || Status is ConnectionStatus.Closing or ConnectionStatus.Closed) return;
        if (_life.IsEstablished && Protocol.NeedsCloseFrame)
        {
            // It takes two to end: the peer answers, and what it sends meanwhile is read.
            End();
            return;
        }
        BeginEnd(ConnectionPhase.Closing);
        if (!_life.IsInBatch) Advance();
        UpdateReading();
    }

    /// <summary>
    /// Sends what waits, half-closes, reads on until the peer closes too or <see cref="LingerTimeout"/> has passed, then closes.
    /// Unlike with <see cref="Close()"/> the peer gets the answer for certain, whatever it is still sending (PHP: <c>end()</c>).
    /// Any thread.
    /// </summary>
    public void End()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(End);
            return;
        }
        if (TryAbandonDial() || _life.IsEnding) return;
        BeginEnd(ConnectionPhase.Ending);
        if (Protocol.NeedsCloseFrame) Write(this, static (connection, _, output) => connection.Protocol.EncodeCloseFrame(output));
        if (!_life.IsInBatch) Advance();
    }

    /// <summary>
    /// Closes at once; what was sent and the system has no room for is lost (PHP: <c>destroy()</c>). Any thread.
    /// </summary>
    public void Destroy()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(Destroy);
            return;
        }
        if (TryAbandonDial()) return;
        // What the batch has would have left already if it were sent at once.
        FlushWrites();
        TearDown();
    }

    /// <summary>
    /// Closes at once and in a way that the peer cannot take for an end in order; what waits to be sent is lost.
    /// </summary>
    internal void Reset()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(Reset);
            return;
        }
        if (_life.IsGone || TryAbandonDial()) return;
        FlushWrites();
        TearDown(reset: true);
    }

    /// <summary>
    /// The server stops: ends now, or once the answer that is owed has been given. Requests that have come and wait for their
    /// turn are read first: the answer to the next of them says that it is the last.
    /// </summary>
    internal void Drain()
    {
        _life.IsDraining = true;
        if (!_life.IsEstablished || !Protocol.Drain(stopping: true)) return;
        if (Protocol.NeedsPeer && !_life.IsPaused && HasWaitingInput) return;
        Close();
    }

    /// <summary>
    /// Tells the peer that nothing more is sent, once all has left; reading goes on. On the loop, or handed over.
    /// </summary>
    internal void EndSending()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(EndSending);
            return;
        }
        if (_life.Phase > ConnectionPhase.Open || _queue is { EndsSending: true }) return;
        FlushWrites();
        if (_life.IsGone) return;
        Queue.EndsSending = true;
        HalfCloseIfSent();
    }

    /// <summary>
    /// Sends a last message of the present protocol and goes on with another: what follows it is read by
    /// <paramref name="protocol"/> and handed to <paramref name="handler"/>. On the loop.
    /// </summary>
    internal void Upgrade<T>(T message, ConnectionProtocol protocol, ConnectionHandler handler)
    {
        Write(message, static (connection, message, output) => ((IEncoder<T>)connection.Protocol).Encode(message, output));
        // It may have become another answer: a session that could not be saved.
        if (_life.IsEstablished && !Protocol.IsFinished) Switch(protocol, handler);
    }

    /// <summary>Goes on with another protocol: what has arrived and is not read yet is read by it. On the loop.</summary>
    internal void Switch(ConnectionProtocol protocol, ConnectionHandler handler)
    {
        Protocol.Dispose();
        Protocol = protocol;
        protocol.OnAttached(this);
        _handler = handler;
        if (_life.IsEstablished && ReleaseHeld()) AnnounceDrain();
        if (_life.IsInBatch) return;
        TrackWait();
        ContinueNextTurn();
    }

    /// <summary>
    /// Gives the connection up when what was sent is not acknowledged for so long, or never
    /// (<see cref="SocketOptions.SetUserTimeout"/>). On the loop.
    /// </summary>
    internal void LimitPeerSilence(TimeSpan limit)
    {
        if (limit != Timeout.InfiniteTimeSpan && !_life.IsGone) SocketOptions.SetUserTimeout(_socket, limit);
    }

    /// <summary>One look at the time limits. About once a second, on the loop's thread.</summary>
    internal void Sweep()
    {
        switch (_life.Phase)
        {
            case ConnectionPhase.ProxyHeader:
                if (HasWaited(Proxied!.Timeout)) FailProxyHeader("its header took too long");
                break;
            case ConnectionPhase.Securing:
                if (HasWaited(TlsSocket!.HandshakeTimeout)) FailHandshake("it took too long");
                break;
            case ConnectionPhase.Lingering or ConnectionPhase.ClosingLingering:
                if (Loop.Now - _life.Since >= LingerTimeout.TotalMilliseconds) Destroy();
                break;
            // One that is gone is listed until OnClose has been called.
            case >= ConnectionPhase.Opening and < ConnectionPhase.Closed:
                SweepOpen();
                break;
        }
    }

    void IDeferredWork.RunDeferred() => Free();

    /// <summary>For the client side: what follows its end.</summary>
    private protected virtual void OnEnding()
    {
    }

    /// <summary>Gives up on its way to the peer, while it has no socket. On the loop.</summary>
    private protected virtual void AbandonDial()
    {
    }

    /// <summary>Has whoever keeps it in a place of its own forget it (<see cref="IConnectionObserver"/>).</summary>
    private protected void TellOfEnd() => Buffers.TellOfEnd(this);

    /// <summary>Enters another phase of its life.</summary>
    private protected void MoveTo(ConnectionPhase phase) => _life.MoveTo(phase, Loop.Now);

    /// <summary>What is left of <see cref="Destroy"/> when nothing can be sent any more.</summary>
    private protected void TearDown(bool reset = false)
    {
        if (_life.IsGone)
        {
            if (reset && _life.Phase == ConnectionPhase.Closed) MoveTo(ConnectionPhase.Reset);
            return;
        }
        // A client that ends it by itself need not be told.
        if (!IsClient || _life.Peer != PeerSide.Sending) ReportLostOpening();
        MoveTo(reset || Protocol.EndsByClose ? ConnectionPhase.Reset : ConnectionPhase.Closed);
        _queue?.DropFile();
        _socket.Dispose();
        _handler.OnGone(this);
        Source?.OnGone(this);
        Loop.Defer(this);
    }

    /// <summary>Takes the next step towards the end, if all that was sent has left and an end is wanted.</summary>
    private void Advance()
    {
        EndWrittenFile();
        if (_life.IsEstablished && _queue?.File is null && !Protocol.IsFinished) return;
        FlushWrites();
        if (_life.IsGone || _queue is { Length: > 0 } || StartFile() || (_life.IsEnding && !SendEndOfSocket())) return;
        switch (_life.Phase)
        {
            case ConnectionPhase.Opening or ConnectionPhase.Open or ConnectionPhase.HalfClosed when Protocol.IsFinished:
                End();
                break;
            case ConnectionPhase.Refused or ConnectionPhase.Ending:
                Linger(ConnectionPhase.Lingering);
                break;
            case ConnectionPhase.Closing:
                // Closing over unread bytes would reset the connection and could take the answer with it.
                if (_life.Peer != PeerSide.Sending || BytesWritten == 0 || !_socket.HasUnread) Destroy();
                else Linger(ConnectionPhase.ClosingLingering);
                break;
        }
    }

    private void BeginEnd(ConnectionPhase phase)
    {
        MoveTo(phase);
        DropHeld();
        OnEnding();
    }

    /// <returns>Whether the connection was on its way to its peer, and so has been given up.</returns>
    private bool TryAbandonDial()
    {
        if (_life.Phase > ConnectionPhase.Dialling) return false;
        AbandonDial();
        return true;
    }

    /// <summary>Ends the connection with the protocol's answer to what the peer has sent, if the protocol has one.</summary>
    private void Reject(Verdict verdict)
    {
        _handler.OnRejected(this, verdict);
        Write(verdict, static (connection, verdict, output) => connection.Protocol.EncodeRejection(verdict, output));
        End();
    }

    private void Finish(Func<SendResult> send, bool closing)
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(() => Finish(send, closing));
            return;
        }
        if (TryAbandonDial() || _life.IsEnding) return;
        // So that the last answer says that it is the last.
        Protocol.Drain(stopping: false);
        bool wasInBatch = _life.IsInBatch;
        _life.IsInBatch = true;
        try
        {
            send();
        }
        finally
        {
            _life.IsInBatch = wasInBatch;
            bool hasEnded = _life.IsEnding;
            // It ends in any case, also when the protocol had no place for the message.
            if (closing) Close();
            else End();
            // A callback of the message's has ended it, and the step that follows was left to here.
            if (hasEnded && !wasInBatch) Advance();
        }
    }

    /// <summary>Half-closes, then reads only to find the peer's end.</summary>
    private void Linger(ConnectionPhase phase)
    {
        if (_life.Peer != PeerSide.Sending || LingerTimeout == TimeSpan.Zero || !_socket.ShutdownSend())
        {
            Destroy();
            return;
        }
        MoveTo(phase);
        UpdateReading();
    }

    private void Free()
    {
        if (_life.Phase == ConnectionPhase.Freed) return;
        Buffers.Callbacks.CallNow(this);
        // OnClose may begin another life, with another socket.
        ILoopSocket socket = _socket;
        bool resets = _life.Phase == ConnectionPhase.Reset;
        MoveTo(ConnectionPhase.Freed);
        _addresses.Keep(socket);
        socket.Close(resets);
        _input?.Discard();
        _queue?.Discard();
        _input = null;
        _queue = null;
        Protocol.Dispose();
        if (_life.IsKnown || IsClient) _handler.OnClose(this);
        TellOfEnd();
        _handler.OnFreed(this);
        socket.Dispose();
    }

    private void SweepOpen()
    {
        // Also while the peer leaves something unread: it could make sure of that.
        if (_life.Awaited == WaitPhase.Body && CanReadMessage() && !_life.ContinuesNextTurn
            && Protocol.JudgeRate(Loop.Now) is { Kind: VerdictKind.Reject } tooSlow)
        {
            Reject(tooSlow);
        }
        else if (HasUnsent && SendTimeout != Timeout.InfiniteTimeSpan
            && Loop.Now - _queue!.ProgressAt > SendTimeout.TotalMilliseconds)
        {
            RaiseError(ConnectionError.SendFail, "the peer stopped reading");
            Destroy();
        }
        else if (!_life.IsEstablished)
        {
            return;
        }
        else if (_life.Peer == PeerSide.Ended)
        {
            if (!HasUnsent && HasWaited(HalfClosedTimeout)) Destroy();
        }
        // Nobody can be too slow for someone who does not listen.
        else if (!_life.IsPaused && HasWaited(Protocol.TimeoutOf(_life.Awaited)))
        {
            OnTimeout();
        }
    }

    private bool HasWaited(TimeSpan limit) =>
        limit != Timeout.InfiniteTimeSpan && Loop.Now - _life.Since > limit.TotalMilliseconds;

    private void OnTimeout()
    {
        Verdict verdict = Protocol.OnTimeout(_life.Awaited);
        if (verdict.Kind == VerdictKind.Reject)
        {
            Reject(verdict);
        }
        else if (Protocol.HasPendingControl)
        {
            _life.Since = Loop.Now;
            SendControl();
        }
        else
        {
            Close();
        }
    }

    /// <summary>Notes what the peer is waited for. A head counts from its first byte: a trickle does not prolong it.</summary>
    private void TrackWait(bool sent = false)
    {
        WaitPhase awaited = Protocol.Waiting;
        if (awaited == _life.Awaited
            && (awaited == WaitPhase.Head || (sent && awaited != WaitPhase.Nothing && !Protocol.SendingCounts)))
            return;
        _life.Awaited = awaited;
        _life.Since = Loop.Now;
    }

    /// <summary>
    /// Nothing of the application throws this far, so something is broken: the connection goes, or it would come again and again.
    /// </summary>
    private void Break(Exception exception)
    {
        Destroy();
        _handler.OnFault(this, exception);
    }
}
