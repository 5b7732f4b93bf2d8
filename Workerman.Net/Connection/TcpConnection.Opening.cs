using System.Net;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// How a connection opens: made of a socket, or as a client without one; the header of the PROXY protocol, the TLS handshake,
/// until bytes flow.
/// </summary>
public partial class TcpConnection : ISecureSocketHandler
{
    private static long _lastId;

    /// <summary>When its socket was taken on, in seconds of the loop's clock: so that it takes four bytes.</summary>
    private int _openedAt;

    /// <summary>Makes one of a socket that was accepted.</summary>
    internal TcpConnection(ConnectedSocket socket, ConnectionProtocol protocol, ConnectionHandler handler, TlsFilter? tls = null)
    {
        _handler = handler;
        Protocol = protocol;
        Id = Interlocked.Increment(ref _lastId);
        _addresses = new ConnectionAddresses(socket.Peer);
        _openedAt = Seconds(Loop.Now);
        _life.Awaited = protocol.Waiting;
        _life.IsKnown = tls is null;
        MoveTo(tls is null ? PhaseOfOpen : ConnectionPhase.Securing);
        protocol.OnAttached(this);
        _socket = Watch(socket, tls);
    }

    /// <summary>Makes one without a socket.</summary>
    private protected TcpConnection(ConnectionHandler handler, ConnectionProtocol protocol)
    {
        _handler = handler;
        _socket = NoSocket.Instance;
        Protocol = protocol;
        Id = Interlocked.Increment(ref _lastId);
    }

    /// <summary>How long it has had its socket, to the second. Any thread.</summary>
    internal TimeSpan Age => TimeSpan.FromSeconds(Math.Max(0, Seconds(LoopClock.ToMilliseconds(LoopClock.Ticks)) - _openedAt));

    /// <summary>Whether it has a socket that is open, be it established or in a handshake.</summary>
    private protected bool HasSocket => _socket != NoSocket.Instance && !_life.IsGone;

    /// <summary>Whether this side made the connection: its application has known it from the beginning.</summary>
    private protected virtual bool IsClient => false;

    private ProxiedPeer? Proxied => _callbacks?.Proxied;

    private static int Seconds(long milliseconds) => (int)(milliseconds / 1000);

    /// <summary>The phase of a connection whose bytes flow.</summary>
    private ConnectionPhase PhaseOfOpen => Protocol.IsOpening ? ConnectionPhase.Opening : ConnectionPhase.Open;

    /// <summary>Has an accepted connection begin with a header of the PROXY protocol, before the handshake of TLS. On the loop,
    /// before anything was received.</summary>
    internal void ExpectProxyHeader(ProxyProtocolOptions options)
    {
        Callbacks.Proxied = new ProxiedPeer(options);
        TlsSocket?.WaitForStart();
        _life.IsKnown = false;
        MoveTo(ConnectionPhase.ProxyHeader);
    }

    void ISecureSocketHandler.OnReceived(int count) => CountRead(count);

    void ISecureSocketHandler.OnTaken(int count) => CountWritten(count);

    void ISecureSocketHandler.OnSecured()
    {
        // The application has the last word on a certificate, and may have ended the connection there.
        if (_life.Phase == ConnectionPhase.Securing) OnOpen();
    }

    void ISecureSocketHandler.OnHandshakeFailed(string reason)
    {
        if (_life.Phase != ConnectionPhase.Securing) return;
        _handler.OnHandshakeFailed(this, reason);
        if (_life.IsGone) return;
        MoveTo(ConnectionPhase.Refused);
        // A client gets the alert whatever it still sends; of a server nothing more is waited for.
        if (IsClient) Destroy();
        else Advance();
    }

    /// <summary>RFC 8446 section 5.2: what cannot be decrypted ends the connection.</summary>
    void ISecureSocketHandler.OnUndecipherable(string reason)
    {
        _handler.OnRejected(this, Verdict.Reject(0, reason));
        Destroy();
    }

    /// <summary>
    /// Begins another life, if the last one has come to its end; one that is only about to begin goes on as it is.
    /// </summary>
    private protected void Renew(ConnectionPhase phase, Func<ConnectionProtocol> makeProtocol)
    {
        if (_life.Phase == ConnectionPhase.Freed)
        {
            // The application's factory comes first: if it throws, nothing has begun.
            ConnectionProtocol protocol = IsPiped ? RawProtocol.Instance : makeProtocol();
            if (!IsPiped) _handler = _handler.Root;
            HasOwnProtocol = false;
            Protocol = protocol;
            _socket = NoSocket.Instance;
            _life = default;
        }
        _addresses = default;
        _life.Peer = PeerSide.Sending;
        MoveTo(phase);
    }

    private protected void SetHandler(ConnectionHandler handler) => _handler = handler;

    private protected void SetProtocol(ConnectionProtocol protocol) => Protocol = protocol;

    /// <summary>Takes a socket on, in place of none.</summary>
    /// <param name="socket">A socket that is connected.</param>
    /// <param name="tls">The client's part of TLS; null for a connection that is not encrypted.</param>
    private protected void Attach(ConnectedSocket socket, TlsFilter? tls)
    {
        _addresses = new ConnectionAddresses(socket.Peer);
        _openedAt = Seconds(Loop.Now);
        _socket = Watch(socket, tls);
    }

    /// <summary>
    /// With a socket it is what an accepted connection is: open, or in the handshake of TLS, which begins here.
    /// </summary>
    /// <param name="received">What has arrived already.</param>
    private protected void Begin(ReadOnlySpan<byte> received)
    {
        _life.Awaited = Protocol.Waiting;
        if (TlsSocket is { } tls)
        {
            MoveTo(ConnectionPhase.Securing);
            tls.Start(received.ToArray());
            return;
        }
        CountRead(received.Length);
        MoveTo(PhaseOfOpen);
        if (!received.IsEmpty)
        {
            _input = new PendingBytes();
            _input.Append(received);
            ContinueNextTurn();
        }
        UpdateReading();
    }

    /// <summary>Watches a socket; over TLS the connection is the handler of a socket that wraps the loop's.</summary>
    private ILoopSocket Watch(ConnectedSocket socket, TlsFilter? tls) => tls is null
        ? Loop.Watch(socket, this)
        : new TlsSocket(Loop, socket, tls, this, Buffers.Tls);

    /// <summary>The peer is known, and the connection secure where it is encrypted: the application hears of it.</summary>
    private void OnOpen()
    {
        MoveTo(PhaseOfOpen);
        _life.IsKnown = true;
        _handler.OnSecured(this);
    }

    private void ReceiveProxyHeader(int count)
    {
        ProxiedPeer proxied = Proxied!;
        Verdict verdict = proxied.Read(Buffers.Receive.AsSpan(0, count), out IPEndPoint? remote, out int used);
        if (verdict.Kind == VerdictKind.NeedMore) return;
        if (verdict.Kind == VerdictKind.Reject)
        {
            FailProxyHeader(verdict.Reason!);
            return;
        }
        _addresses.Set(remote, proxied.LocalAddress);
        if (TlsSocket is { } tls)
        {
            MoveTo(ConnectionPhase.Securing);
            tls.Start(Buffers.Receive.AsMemory(used, count - used));
            return;
        }
        OnOpen();
        if (!_life.IsEstablished || used == count) return;
        Buffers.Receive.AsSpan(used, count - used).CopyTo(Buffers.Receive);
        OnReceived(Buffers.Receive, count - used);
    }

    private void FailProxyHeader(string reason)
    {
        _handler.OnProxyRefused(this, reason);
        if (_life.IsGone) return;
        MoveTo(ConnectionPhase.Refused);
        Destroy();
    }

    private void FailHandshake(string reason)
    {
        _handler.OnHandshakeFailed(this, reason);
        if (_life.IsGone) return;
        MoveTo(ConnectionPhase.Refused);
        Destroy();
    }

    /// <summary>
    /// A proxy that connects and says nothing looks whether anybody listens, as balancers do all the time: no line for that.
    /// </summary>
    private void ReportLostOpening()
    {
        if (_life.Phase == ConnectionPhase.Securing)
            _handler.OnHandshakeFailed(this, "the connection ended during the handshake");
        else if (_life.Phase == ConnectionPhase.ProxyHeader && Proxied!.HasBegun)
            _handler.OnProxyRefused(this, "the connection ended within its header");
    }
}
