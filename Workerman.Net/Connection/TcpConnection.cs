using System.Net;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// One TCP connection: bytes and lifetime (PHP: <c>TcpConnection</c>). It lives on one loop, whose thread runs all its
/// callbacks; its methods may be called from any thread and are then handed over to the loop. It knows its protocol only as
/// something that judges and encodes. Made by a worker, or as an <see cref="AsyncTcpConnection"/>. Reading is in <c>.Receive.cs</c>, writing in <c>.Send.cs</c> and <c>.File.cs</c>,
/// the end in <c>.Close.cs</c>, encryption in <c>.Tls.cs</c>, the PROXY protocol in <c>.ProxyHeader.cs</c>, what the client side
/// adds in <c>.Client.cs</c>.
/// </summary>
public partial class TcpConnection : ISocketHandler, IDeferredWork
{
    private static long _lastId;

    private ILoopSocket _watch;
    private ConnectionHandler _handler;
    private ConnectionLimits _limits = ConnectionLimits.Default;
    private ConnectionCallbacks? _callbacks;
    private ConnectionAddresses _addresses;
    private WaitPhase _phase;
    private long _phaseSince;

    internal TcpConnection(ConnectedSocket socket, ConnectionProtocol protocol, ConnectionHandler handler, TlsFilter? tls = null)
    {
        _handler = handler;
        if (tls is not null) BeginTls(tls);
        Protocol = protocol;
        _holding = protocol.IsOpening;
        Id = Interlocked.Increment(ref _lastId);
        _phase = protocol.Waiting;
        _phaseSince = handler.Loop.Now;
        _addresses = new ConnectionAddresses(socket.Peer);
        protocol.OnAttached(this);
        _watch = handler.Loop.Watch(socket, this);
    }

    /// <summary>Bytes that may wait to be sent, for new connections; 1 MiB (PHP: <c>$defaultMaxSendBufferSize</c>).</summary>
    public static int DefaultMaxSendBufferSize
    {
        get => ConnectionLimits.Default.MaxSendBufferSize;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { MaxSendBufferSize = value };
    }

    /// <summary>Bytes that a message may have, for new connections; 10 MiB (PHP: <c>$defaultMaxPackageSize</c>).</summary>
    public static long DefaultMaxPackageSize
    {
        get => ConnectionLimits.Default.MaxPackageSize;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { MaxPackageSize = value };
    }

    /// <summary>
    /// How long <see cref="End()"/> goes on reading what the peer still sends, for new connections; 1 second, zero for not at
    /// all (PHP: <c>$defaultLingerTimeout</c>). Checked about once a second.
    /// </summary>
    public static TimeSpan DefaultLingerTimeout
    {
        get => ConnectionLimits.Default.LingerTimeout;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { LingerTimeout = value };
    }

    /// <summary>
    /// How long a peer may take none of the bytes that wait for it before the connection is destroyed, for new connections; 60
    /// seconds, <see cref="Timeout.InfiniteTimeSpan"/> for ever. Checked about once a second.
    /// </summary>
    public static TimeSpan DefaultSendTimeout
    {
        get => ConnectionLimits.Default.SendTimeout;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { SendTimeout = value };
    }

    /// <summary>
    /// How long a connection whose peer has ended its side is kept for an answer that is still owed, for new connections; 60
    /// seconds, <see cref="Timeout.InfiniteTimeSpan"/> for ever. A peer that has gone away for good looks just like one that waits. Checked about
    /// once a second, and only while nothing is being sent.
    /// </summary>
    public static TimeSpan DefaultHalfClosedTimeout
    {
        get => ConnectionLimits.Default.HalfClosedTimeout;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { HalfClosedTimeout = value };
    }

    /// <summary>
    /// How a peer that vanished without closing is found, for workers and client connections that are made from here on; null for
    /// not at all. By default after 55 + 55 seconds of silence
    /// (PHP: what it sets on every socket). Theirs: <c>WorkerOptions.KeepAlive</c> and
    /// <see cref="AsyncTcpConnection.KeepAlive"/>.
    /// </summary>
    public static TcpKeepAlive? DefaultKeepAlive { get; set; } = new();

    /// <summary>Number of the connection, unique in the process (PHP: <c>$id</c>).</summary>
    public long Id { get; }

    /// <summary>Where the connection is in its life (PHP: <c>getStatus()</c>). Any thread.</summary>
    public ConnectionStatus Status { get; private set; } = ConnectionStatus.Established;

    /// <summary>
    /// Anything that the application hangs on the connection; see <see cref="GetContext"/> for a class of its own (PHP:
    /// <c>$context</c>, and properties of any name).
    /// </summary>
    public object? Context { get; set; }

    /// <summary>
    /// What <see cref="Context"/> holds, as a class of the application's, made when it is first asked for:
    /// <c>connection.GetContext&lt;Visitor&gt;().Name = "Ann"</c> (PHP: properties of any name, as in
    /// <c>$connection-&gt;uid</c>).
    /// </summary>
    /// <typeparam name="TContext">The class.</typeparam>
    /// <exception cref="InvalidOperationException">The context is of another type.</exception>
    public TContext GetContext<TContext>()
        where TContext : class, new()
    {
        Context ??= new TContext();
        return Context as TContext ?? throw ConnectionContext.Mismatch("connection", Context, typeof(TContext));
    }

    /// <summary>Bytes that may wait to be sent before sends are dropped; at least 1 (PHP: <c>$maxSendBufferSize</c>).</summary>
    public int MaxSendBufferSize { get => _limits.MaxSendBufferSize; set => _limits = _limits with { MaxSendBufferSize = value }; }

    /// <summary>
    /// Bytes that a message may have; at least 1 (PHP: <c>$maxPackageSize</c>). Of HTTP that is head and body, and the body may
    /// be larger than memory. A message of
    /// another protocol of the library is one text or one array, and has no more than 1 GiB.
    /// </summary>
    public long MaxPackageSize { get => _limits.MaxPackageSize; set => _limits = _limits with { MaxPackageSize = value }; }

    /// <summary>See <see cref="DefaultLingerTimeout"/> (PHP: <c>$lingerTimeout</c>).</summary>
    public TimeSpan LingerTimeout { get => _limits.LingerTimeout; set => _limits = _limits with { LingerTimeout = value }; }

    /// <summary>See <see cref="DefaultSendTimeout"/>.</summary>
    public TimeSpan SendTimeout { get => _limits.SendTimeout; set => _limits = _limits with { SendTimeout = value }; }

    /// <summary>See <see cref="DefaultHalfClosedTimeout"/>.</summary>
    public TimeSpan HalfClosedTimeout { get => _limits.HalfClosedTimeout; set => _limits = _limits with { HalfClosedTimeout = value }; }

    /// <summary>Takes the place of the worker's <c>OnClose</c> for this connection (PHP: <c>$onClose</c>).</summary>
    public Action<TcpConnection>? OnClose { get => _callbacks?.Close; set => Callbacks.Close = value; }

    /// <summary>Takes the place of the worker's <c>OnError</c> for this connection (PHP: <c>$onError</c>).</summary>
    public Action<TcpConnection, ConnectionError, string>? OnError { get => _callbacks?.Error; set => Callbacks.Error = value; }

    /// <summary>Takes the place of the worker's <c>OnBufferFull</c> for this connection (PHP: <c>$onBufferFull</c>).</summary>
    public Action<TcpConnection>? OnBufferFull { get => _callbacks?.BufferFull; set => Callbacks.BufferFull = value; }

    /// <summary>Takes the place of the worker's <c>OnBufferDrain</c> for this connection (PHP: <c>$onBufferDrain</c>).</summary>
    public Action<TcpConnection>? OnBufferDrain { get => _callbacks?.BufferDrain; set => Callbacks.BufferDrain = value; }

    /// <summary>Bytes received so far; over TLS those of the wire, with the handshake (PHP: <c>$bytesRead</c>).</summary>
    public long BytesRead { get; private set; }

    /// <summary>Bytes that the operating system has taken so far; over TLS those of the wire, with the handshake (PHP: <c>$bytesWritten</c>).</summary>
    public long BytesWritten { get; private set; }

    /// <summary>Bytes that wait to be sent (PHP: <c>getSendBufferQueueSize()</c>).</summary>
    public long SendBufferQueueSize => (_output?.Length ?? 0) + (_early?.Length ?? 0);

    /// <summary>Bytes received that no message was made of yet (PHP: <c>getRecvBufferQueueSize()</c>).</summary>
    public long RecvBufferQueueSize => _input?.Length ?? 0;

    /// <summary>Whether nothing waits to be sent, no file either (PHP: <c>bufferIsEmpty()</c>).</summary>
    public bool BufferIsEmpty => _output is null && _early is null && _file is null;

    /// <summary>
    /// The peer's address, as IPv4 where it speaks that, whatever the listening socket is bound to; also after the end (PHP:
    /// <c>getRemoteAddress()</c>, there as text). Behind a proxy that speaks the PROXY protocol it is
    /// the client's. Null on a Unix socket. Any thread.
    /// </summary>
    public IPEndPoint? RemoteAddress => _addresses.Remote(_watch);

    /// <summary>The peer's IP address, or an empty text (PHP: <c>getRemoteIp()</c>).</summary>
    public string RemoteIp => RemoteAddress?.Address.ToString() ?? "";

    /// <summary>The peer's port, or 0 (PHP: <c>getRemotePort()</c>).</summary>
    public int RemotePort => RemoteAddress?.Port ?? 0;

    /// <summary>
    /// The address that the peer connected to, written as <see cref="RemoteAddress"/> is; also after the end (PHP:
    /// <c>getLocalAddress()</c>, there as text). Null on a Unix socket. Any thread.
    /// </summary>
    public IPEndPoint? LocalAddress => _addresses.Local(_watch);

    /// <summary>The IP address that the peer connected to, or an empty text (PHP: <c>getLocalIp()</c>).</summary>
    public string LocalIp => LocalAddress?.Address.ToString() ?? "";

    /// <summary>The port that the peer connected to, or 0 (PHP: <c>getLocalPort()</c>).</summary>
    public int LocalPort => LocalAddress?.Port ?? 0;

    /// <summary>Whether the peer speaks IPv4 (PHP: <c>isIpV4()</c>).</summary>
    public bool IsIpV4 => RemoteAddress?.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>Whether the peer speaks IPv6 (PHP: <c>isIpV6()</c>).</summary>
    public bool IsIpV6 => RemoteAddress?.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>What made the connection: the worker, which this layer does not know.</summary>
    internal object? Owner => _handler.Owner;

    /// <summary>
    /// Whether the application has given it another protocol than its worker's: what the others of the worker send has no place on it then, which is no mistake of whoever sends to all.
    /// </summary>
    internal bool HasOwnProtocol { get; set; }

    /// <summary>The protocol at work. An upgrade puts another in its place, together with the handler.</summary>
    internal ConnectionProtocol Protocol { get; private set; }

    /// <summary>What feeds the connection from outside its own callbacks; null for none.</summary>
    internal IFeedSource? Source { get; set; }

    /// <summary>What is called for the connection's messages and its end.</summary>
    internal ConnectionHandler Handler => _handler;

    internal IEventLoop Loop => _handler.Loop;

    private ConnectionBuffers Buffers => _handler.Buffers;

    private ConnectionCallbacks Callbacks => _callbacks ??= new ConnectionCallbacks();

    /// <summary>The message callback of its own; null for the worker's.</summary>
    internal Delegate? MessageCallback
    {
        get => _callbacks?.Message;
        set
        {
            if (value is not null || _callbacks is not null) Callbacks.Message = value;
        }
    }

    /// <summary>What a layer above hangs on the connection; see <see cref="ConnectionCallbacks.Extension"/>.</summary>
    internal object? Extension { get => _callbacks?.Extension; set => Callbacks.Extension = value; }

    /// <summary>
    /// Sends a last message of the present protocol and goes on with another: what follows it is read by <paramref name="protocol"/> and handed to <paramref name="handler"/>. On the loop.
    /// </summary>
    internal void Upgrade<T>(T message, ConnectionProtocol protocol, ConnectionHandler handler)
    {
        Write(message, static (connection, message, output) => ((IEncoder<T>)connection.Protocol).Encode(message, output));
        // It may have become another answer: a session that could not be saved.
        if (Status == ConnectionStatus.Established && !Protocol.IsFinished) Switch(protocol, handler);
    }

    /// <summary>Goes on with another protocol: what has arrived and is not read yet is read by it. On the loop.</summary>
    internal void Switch(ConnectionProtocol protocol, ConnectionHandler handler)
    {
        Protocol.Dispose();
        Protocol = protocol;
        protocol.OnAttached(this);
        _handler = handler;
        if (Status == ConnectionStatus.Established && ReleaseHeld()) AnnounceDrain();
        if (Buffers.Corked == this) return;
        TrackPhase();
        DeferResume();
    }

    /// <summary>Sends what the protocol owes at this moment. On the loop.</summary>
    internal void SendControl() => Write(this, static (connection, _, output) => connection.Protocol.EncodeControl(output));

    /// <summary>
    /// Sends all that arrives from here on to <paramref name="destination"/>, as it is and past both protocols; the end of
    /// this connection closes the other, and a full send buffer there pauses reading here (PHP: <c>pipe($dest)</c>). Between two connections of one
    /// loop that are piped into each other, a peer that only ends its sending may still be answered, and a reset is handed on as one.
    /// </summary>
    public void Pipe(TcpConnection destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (!Loop.IsCurrent)
        {
            Loop.Post(() => Pipe(destination));
            return;
        }
        destination.OnBufferFull = _ => PauseRecv();
        destination.OnBufferDrain = _ => ResumeRecv();
        Switch(RawProtocol.Instance, new PipeHandler(_handler, destination));
    }

    /// <summary>One look at the time limits. About once a second, on the loop's thread.</summary>
    internal void Sweep()
    {
        long now = Loop.Now;
        // It is listed until OnClose has been called.
        if (Status == ConnectionStatus.Closed) return;
        if (Status == ConnectionStatus.Connecting)
        {
            SweepHandshake(now);
        }
        else if (_lingers)
        {
            if (now - _phaseSince >= LingerTimeout.TotalMilliseconds) Destroy();
        }
        else if (HasUnsent && SendTimeout != Timeout.InfiniteTimeSpan && now - _stalledSince > SendTimeout.TotalMilliseconds)
        {
            _handler.OnError(this, ConnectionError.SendFail, "the peer stopped reading");
            Destroy();
        }
        else if (_peerClosed && Status == ConnectionStatus.Established)
        {
            if (!HasUnsent && HalfClosedTimeout != Timeout.InfiniteTimeSpan && now - _phaseSince > HalfClosedTimeout.TotalMilliseconds) Destroy();
        }
        // Nobody can be too slow for someone who does not listen.
        else if (Status == ConnectionStatus.Established && !_paused)
        {
            TimeSpan patience = Protocol.TimeoutOf(_phase);
            if (patience != Timeout.InfiniteTimeSpan && now - _phaseSince > patience.TotalMilliseconds) OnTimeout();
        }
    }

    private void OnTimeout()
    {
        Verdict verdict = Protocol.OnTimeout(_phase);
        if (verdict.Kind == VerdictKind.Reject)
        {
            Reject(verdict);
        }
        else if (Protocol.HasPendingControl)
        {
            _phaseSince = Loop.Now;
            SendControl();
        }
        else
        {
            Close();
        }
    }

    /// <summary>Notes what the peer is waited for. A head counts from its first byte: a trickle does not prolong it.</summary>
    private void TrackPhase(bool sent = false)
    {
        WaitPhase phase = Protocol.Waiting;
        if (phase == _phase && (phase == WaitPhase.Head || (sent && phase != WaitPhase.Nothing && !Protocol.SendingCounts))) return;
        _phase = phase;
        _phaseSince = Loop.Now;
    }
}
