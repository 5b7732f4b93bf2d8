using System.Buffers;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>The way in: one receive per wake-up into the loop's buffer, messages read off it in place, the rest kept.</summary>
public partial class TcpConnection
{
    /// <summary>Bytes read ahead while an answer is owed; beyond it the peer waits in its own send buffer.</summary>
    private const int ReadAheadLimit = 64 * 1024;

    private PendingBytes? _input;
    private bool _paused;
    private bool _peerClosed;
    private bool _resumeDeferred;

    /// <summary>Stops reading, and with it <c>OnMessage</c>, until <see cref="ResumeRecv"/> (PHP: <c>pauseRecv()</c>). Any thread.</summary>
    public void PauseRecv()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(PauseRecv);
            return;
        }
        _paused = true;
        UpdateReading();
    }

    /// <summary>Goes on reading; what has arrived meanwhile is handled at the end of the loop's turn (PHP: <c>resumeRecv()</c>). Any thread.</summary>
    public void ResumeRecv()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(ResumeRecv);
            return;
        }
        if (!_paused) return;
        _paused = false;
        _phaseSince = Loop.Now;
        DeferResume();
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

    /// <summary>Nothing of the application throws this far, so something is broken: the connection goes, or it would come again and again.</summary>
    private void Break(Exception exception)
    {
        Destroy();
        _handler.OnFault(this, exception);
    }

    private void Receive()
    {
        int count = _watch.Receive(Buffers.Receive, out SocketError error);
        if (error is SocketError.WouldBlock or SocketError.Interrupted) return;
        if (error != SocketError.Success)
        {
            PeerReset = true;
            Destroy();
            return;
        }
        if (count == 0)
        {
            OnPeerClosed();
            return;
        }
        BytesRead += count;
        if (_tls is not null)
        {
            ReceiveEncrypted(count);
            return;
        }
        // Closing and ending: what still comes is read only to be thrown away.
        if (Status == ConnectionStatus.Established) OnReceived(Buffers.Receive, count);
        else if (Status == ConnectionStatus.Connecting && AwaitsProxyHeader) ReceiveProxyHeader(count);
    }

    void ISocketHandler.OnHangup()
    {
        if (_endsSending) ReadRest();
        if (_peerClosed) return;
        PeerReset = true;
        Destroy();
    }

    void IDeferredWork.RunDeferred()
    {
        if (!_resumeDeferred)
        {
            Free();
            return;
        }
        // Deferred before its end, which is deferred too: freed here it would overtake connections that were closed before it.
        _resumeDeferred = false;
        Resume();
    }

    private void OnReceived(byte[] buffer, int count)
    {
        if (_input is null)
        {
            var input = new ReadOnlySequence<byte>(buffer, 0, count);
            ReadMessages(ref input);
            if (!input.IsEmpty && Status == ConnectionStatus.Established)
            {
                _input = new PendingBytes();
                _input.Append(input);
            }
        }
        else
        {
            _input.Append(buffer.AsSpan(0, count));
            ReadPending();
        }
        UpdateReading();
    }

    /// <summary>Reads what messages the input holds; all their answers leave in one send.</summary>
    private void ReadMessages(ref ReadOnlySequence<byte> input)
    {
        Cork();
        while (!input.IsEmpty && CanReadMessage())
        {
            Verdict verdict = _handler.ReadMessage(this, ref input);
            if (verdict.Kind == VerdictKind.Message) continue;
            if (verdict.Kind == VerdictKind.NeedMore && Protocol.HasPendingControl)
            {
                _handler.OnPeerControl(this);
                // A callback may have sent it, or closed the connection. Behind a ping there may be more.
                if (Status != ConnectionStatus.Closed && Protocol.HasPendingControl) SendControl();
                continue;
            }
            if (verdict.Kind == VerdictKind.Reject) Reject(verdict);
            break;
        }
        Uncork();
        TrackPhase();
    }

    private void ReadPending()
    {
        ReadOnlySequence<byte> input = _input!.Read();
        ReadMessages(ref input);
        _input.Consume(input);
        if (_input.Length > 0) return;
        _input.Discard();
        _input = null;
    }

    /// <summary>
    /// One message at a time: not before the last one has its answer, and not while the peer leaves so much unread that the
    /// next answer would be dropped.
    /// </summary>
    private bool CanReadMessage() =>
        Status == ConnectionStatus.Established && !_paused && Protocol.IsReady && (_output?.Length ?? 0) < MaxSendBufferSize;

    /// <summary>The peer sends no more. It may still read: an answer that is owed is given first.</summary>
    private void OnPeerClosed()
    {
        _peerClosed = true;
        _phaseSince = Loop.Now;
        if (Status == ConnectionStatus.Established)
        {
            CloseIfPeerHasAll();
            UpdateReading();
        }
        else if (!HasUnsent || Status == ConnectionStatus.Connecting)
        {
            Destroy();
        }
        else
        {
            UpdateReading();
        }
    }

    private void CloseIfPeerHasAll()
    {
        if (_peerClosed && Status == ConnectionStatus.Established && CanReadMessage() && !_handler.OnPeerEnded(this)) Close();
    }

    /// <summary>Goes on with what waits, at the end of the turn: an answer was given, reading was resumed, or the backlog drained.</summary>
    private void DeferResume()
    {
        if (_resumeDeferred || Status != ConnectionStatus.Established) return;
        _resumeDeferred = true;
        Loop.Defer(this);
    }

    private void Resume()
    {
        if (Status != ConnectionStatus.Established) return;
        if (_input is not null && CanReadMessage()) ReadPending();
        CloseIfPeerHasAll();
        UpdateReading();
    }

    private void UpdateReading()
    {
        if (Status == ConnectionStatus.Closed) return;
        _watch.ReadEnabled = !_peerClosed && Status switch
        {
            ConnectionStatus.Connecting => true,
            ConnectionStatus.Established => !_paused && (CanReadMessage() || RecvBufferQueueSize < ReadAheadLimit),
            // Draining, so that the answer is not lost to a reset.
            _ => _lingers,
        };
    }
}
