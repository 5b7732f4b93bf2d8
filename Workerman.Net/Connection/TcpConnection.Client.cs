using System.Buffers;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// What the client side and <see cref="Pipe"/> add: a life before the socket is there, what is sent meanwhile, another life after the end, and an end of
/// one direction alone. A connection that a worker accepted begins as established and meets none of it but for comparisons of its status.
/// </summary>
public partial class TcpConnection
{
    private bool _endsSending;
    private bool _renewable;

    /// <summary>Makes one without a socket.</summary>
    private protected TcpConnection(ConnectionHandler handler, ConnectionProtocol protocol)
    {
        _handler = handler;
        _watch = NoSocket.Instance;
        Protocol = protocol;
        Id = Interlocked.Increment(ref _lastId);
        Status = ConnectionStatus.Initial;
        _freed = true;
    }

    /// <summary>Whether its peer, or the system, broke it off: what was received last need not be all.</summary>
    internal bool PeerReset { get; private set; }

    /// <summary>Whether its peer sends no more.</summary>
    internal bool PeerEnded => _peerClosed;

    /// <summary>Whether the end of the last life is still to come: <c>OnClose</c> has not been called.</summary>
    private protected bool IsTornDown => Status == ConnectionStatus.Closed && !_freed;

    /// <summary>Whether what arrives is sent on to another connection.</summary>
    private protected bool IsPiped => _handler is PipeHandler;

    /// <summary>Whether what arrives here is sent on to <paramref name="other"/>.</summary>
    internal bool IsPipedInto(TcpConnection other) => _handler is PipeHandler pipe && pipe.Destination == other;

    /// <summary>Gives up on its way to the peer, if it has no socket yet. On the loop.</summary>
    /// <returns>Whether it was on that way. One that a worker accepted never is, also not in its TLS handshake.</returns>
    private protected virtual bool Abandon() => false;

    /// <summary>For the client side: the states that have no socket.</summary>
    private protected void SetStatus(ConnectionStatus status) => Status = status;

    /// <summary>Calls <see cref="OnError"/>, guarded.</summary>
    private protected void RaiseError(ConnectionError error, string reason) => _handler.OnError(this, error, reason);

    private protected void SetHandler(ConnectionHandler handler) => _handler = handler;

    private protected void SetProtocol(ConnectionProtocol protocol) => Protocol = protocol;

    /// <summary>Begins another life with another protocol, if the last one has come to its end; the first begins as it was made.</summary>
    private protected void Renew(Func<ConnectionProtocol> makeProtocol)
    {
        // The application's factory comes first: if it throws, nothing has begun.
        ConnectionProtocol protocol = !_renewable ? Protocol : IsPiped ? RawProtocol.Instance : makeProtocol();
        RemoteAddress = null;
        PeerReset = _freed = false;
        if (!_renewable) return;
        _resumeDeferred = _renewable = _peerClosed = _paused = _resets = _finishByClosing = _endsSending = false;
        _lingerUntil = 0;
        _watch = NoSocket.Instance;
        Protocol = protocol;
    }

    /// <summary>It never came to a socket, so that nothing is left to free: another life may begin.</summary>
    private protected void EndUnopened() => _freed = _renewable = true;

    /// <summary>Takes the socket on: from here on the connection is what an accepted one is. What was sent meanwhile leaves.</summary>
    /// <param name="socket">The connected socket.</param>
    /// <param name="received">What has arrived already.</param>
    /// <returns>Whether it is established: the peer may be gone again.</returns>
    private protected bool Open(AcceptedSocket socket, ReadOnlySpan<byte> received)
    {
        _watch = Loop.Watch(socket, this);
        Status = ConnectionStatus.Established;
        _phase = Protocol.Waiting;
        _phaseSince = Loop.Now;
        if (!received.IsEmpty)
        {
            BytesRead += received.Length;
            _input = new PendingBytes();
            _input.Append(received);
            DeferResume();
        }
        UpdateReading();
        return FlushEarly();
    }

    /// <summary>Drops what was sent before there was a peer.</summary>
    private protected void DropEarly()
    {
        _output?.Discard();
        _output = null;
    }

    /// <summary>Tells that what was sent early has left, to whoever waits for that. After <c>OnConnect</c>.</summary>
    private protected void AnnounceDrain()
    {
        if (Status == ConnectionStatus.Established && BufferIsEmpty) _handler.OnBufferDrain(this);
    }

    /// <summary>Tells the peer that nothing more is sent, once all has left; reading goes on. On the loop, or handed over.</summary>
    internal void EndSending()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(EndSending);
            return;
        }
        if (_endsSending || Status > ConnectionStatus.Established) return;
        FlushOutbox();
        _endsSending = true;
        ShutdownIfSent();
    }

    private void ShutdownIfSent()
    {
        if (_endsSending && _output is null && Status == ConnectionStatus.Established) _watch.ShutdownSend();
    }

    /// <summary>Both directions have ended, though reading is paused: the system cannot be made to keep silent about that, so what it still holds is taken in.</summary>
    private void ReadRest()
    {
        long before = -1;
        while (Status == ConnectionStatus.Established && !_peerClosed && before != BytesRead)
        {
            before = BytesRead;
            Receive();
        }
    }

    /// <returns>Whether the connection was on its way to its peer, and so has been given up.</returns>
    private bool AbandonOpening() => Status < ConnectionStatus.Established && Abandon();

    private SendResult SendEarly<TState>(TState state, EncodeInto<TState> encode) where TState : allows ref struct
    {
        Outbox outbox = Buffers.Outbox;
        if (outbox.IsBusy)
        {
            var own = new OutputBuffer();
            encode(this, state, own);
            return Keep(own.Written);
        }
        int mark = outbox.Buffer.Length;
        outbox.Begin();
        try
        {
            encode(this, state, outbox.Buffer);
            return Keep(outbox.Buffer.Written[mark..]);
        }
        finally
        {
            outbox.Abandon(mark);
        }
    }

    /// <summary>Keeps what is sent on the way to the peer.</summary>
    private SendResult Keep(ReadOnlySpan<byte> bytes)
    {
        if (Status >= ConnectionStatus.Established) return SendResult.Dropped;
        if (bytes.IsEmpty) return SendResult.Queued;
        _output ??= new PendingBytes();
        _output.Append(bytes);
        if (_output.Length >= MaxSendBufferSize) _handler.OnBufferFull(this);
        return SendResult.Queued;
    }

    private bool FlushEarly()
    {
        PendingBytes? early = _output;
        _output = null;
        var outcome = WriteOutcome.Sent;
        if (early is not null)
        {
            ReadOnlySequence<byte> all = early.Read();
            foreach (ReadOnlyMemory<byte> piece in all)
            {
                outcome = WriteOut(piece.Span);
                if (outcome == WriteOutcome.Failed) break;
            }
            early.Consume(all);
            early.Discard();
        }
        if (outcome == WriteOutcome.Failed) SendFailed();
        else ShutdownIfSent();
        return Status == ConnectionStatus.Established;
    }
}
