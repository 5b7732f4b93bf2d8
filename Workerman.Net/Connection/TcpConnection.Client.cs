using System.Buffers;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// What the client side and <see cref="Pipe"/> add: a life before the socket is there, what is sent meanwhile, another life after the end, and an end of
/// one direction alone. A connection that a worker accepted begins as established and meets none of it but for comparisons of its
/// status, and, until a WebSocket is open, for what is sent before.
/// </summary>
public partial class TcpConnection
{
    /// <summary>
    /// What was sent before it was established, or before its protocol was open. Apart from what waits for the socket: a
    /// handshake has the wire until then.
    /// </summary>
    private PendingBytes? _early;

    /// <summary>
    /// Whether the protocol is still opening, so that what is sent waits in <see cref="_early"/>. A field, because every send
    /// asks.
    /// </summary>
    private bool _holding;

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

    /// <summary>Whether this side made the connection: its application has known it from the beginning.</summary>
    private protected virtual bool IsClient => false;

    /// <summary>Whether the end was asked for here, before the peer ended.</summary>
    private protected bool EndsHere { get; private set; }

    /// <summary>Whether it has a socket that is open, be it established or in a handshake.</summary>
    private protected bool HasSocket => _watch != NoSocket.Instance && Status != ConnectionStatus.Closed;

    /// <summary>Whether something waits until it is established.</summary>
    private protected bool HasEarly => _early is not null;

    /// <summary>Gives up on its way to the peer, while it has no socket. On the loop.</summary>
    private protected virtual void Abandon()
    {
    }

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
        _addresses = default;
        PeerReset = _freed = false;
        if (!_renewable) return;
        if (!IsPiped) _handler = _handler.Root;
        HasOwnProtocol = false;
        _resumeDeferred = _renewable = EndsHere = _peerClosed = _paused = _resets = _finishByClosing = _endsSending = _lingers = false;
        _tls = null;
        _watch = NoSocket.Instance;
        Protocol = protocol;
    }

    /// <summary>It never came to a socket, so that nothing is left to free: another life may begin.</summary>
    private protected void EndUnopened() => _freed = _renewable = true;

    /// <summary>Takes the socket on, in place of none.</summary>
    private protected void Attach(ConnectedSocket socket)
    {
        _addresses = new ConnectionAddresses(socket.Peer);
        _watch = Loop.Watch(socket, this);
    }

    /// <summary>With a socket it is what an accepted connection is: established, or in the handshake of TLS, which begins here.</summary>
    /// <param name="received">What has arrived already.</param>
    /// <param name="tls">The client's part; null for a connection that is not encrypted.</param>
    private protected void Begin(ReadOnlySpan<byte> received, TlsFilter? tls)
    {
        _phase = Protocol.Waiting;
        _phaseSince = Loop.Now;
        _holding = Protocol.IsOpening;
        BytesRead += received.Length;
        if (tls is not null)
        {
            BeginTls(tls);
            UpdateReading();
            BeginHandshake(received.ToArray());
            return;
        }
        Status = ConnectionStatus.Established;
        if (!received.IsEmpty)
        {
            _input = new PendingBytes();
            _input.Append(received);
            DeferResume();
        }
        UpdateReading();
    }

    /// <summary>Drops what was sent before there was a peer, or a protocol to send it by.</summary>
    internal void DropEarly()
    {
        _early?.Discard();
        _early = null;
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
        if (_endsSending && !_holding && _output is null && Status == ConnectionStatus.Established) _watch.ShutdownSend();
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
    private bool AbandonOpening()
    {
        if (Status >= ConnectionStatus.Established || _watch != NoSocket.Instance) return false;
        Abandon();
        return true;
    }

    private SendResult SendEarly<TState>(TState state, EncodeInto<TState> encode) where TState : allows ref struct
    {
        if (Status == ConnectionStatus.Established && Protocol.BelongsToOpening<TState>()) return Write(state, encode);
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

    /// <summary>Keeps what is sent on the way to the peer, or until the protocol is open.</summary>
    private SendResult Keep(ReadOnlySpan<byte> bytes)
    {
        if (Status > ConnectionStatus.Established) return SendResult.Dropped;
        if (bytes.IsEmpty) return SendResult.Queued;
        _early ??= new PendingBytes();
        _early.Append(bytes);
        if (_early.Length >= MaxSendBufferSize) _handler.OnBufferFull(this);
        return SendResult.Queued;
    }

    /// <summary>The protocol is open: what waited for that leaves, behind what the opening itself has sent.</summary>
    /// <returns>Whether so much had waited that the application was told to stop, and is to hear when all has left.</returns>
    internal bool ReleaseHeld()
    {
        _holding = false;
        if (_early is not { } early) return false;
        _early = null;
        bool wasFull = early.Length >= MaxSendBufferSize;
        ReadOnlySequence<byte> all = early.Read();
        Write(all, static (_, all, output) =>
        {
            foreach (ReadOnlyMemory<byte> piece in all) output.Write(piece.Span);
        });
        early.Consume(all);
        early.Discard();
        if (wasFull || _endsSending) FlushOutbox();
        ShutdownIfSent();
        return wasFull;
    }

    /// <summary>Sends what was sent before it was established.</summary>
    /// <returns>Whether it could: the peer may be gone again.</returns>
    private protected bool FlushEarly()
    {
        if (_holding)
        {
            UpdateReading();
            return true;
        }
        PendingBytes? early = _early;
        _early = null;
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
        if (outcome == WriteOutcome.Failed) return false;
        ShutdownIfSent();
        UpdateReading();
        return true;
    }
}
