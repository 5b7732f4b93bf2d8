using System.Net;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// A connection that this side makes (PHP: <c>AsyncTcpConnection</c>): a <see cref="TcpConnection"/> that begins without a socket
/// and may be connected again after its end. Make an <c>AsyncTcpConnection&lt;T&gt;</c>, set its callbacks, then
/// <see cref="Connect"/>. It lives on the loop on which it was made, or else first connected, whose thread runs all its
/// callbacks. This is its public face; its way to the peer is in <c>.Connecting.cs</c>.
/// </summary>
public abstract partial class AsyncTcpConnection : TcpConnection
{
    private readonly ClientAddress _address;
    private ProxyAddress? _socks5;
    private ProxyAddress? _http;

    private protected AsyncTcpConnection(ClientAddress address)
        : base(NoHandler.Instance, NoProtocol.Instance) => _address = address;

    /// <summary>Where it connects to, as <c>scheme://host:port</c> or <c>unix:///path</c>.</summary>
    public string Address => _address.ToString();

    /// <summary>The host that it connects to; empty for a Unix socket (PHP: <c>getRemoteHost()</c>).</summary>
    public string RemoteHost => _address.Host;

    /// <summary>What follows host and port in its address, at least <c>/</c> (PHP: <c>getRemoteURI()</c>).</summary>
    public string RemoteUri => _address.Uri;

    /// <summary>
    /// <c>ssl</c>: the connection is encrypted with <see cref="Tls"/>, whatever its protocol (PHP: <c>$transport</c>).
    /// <c>tcp</c>: it is not. By default what the address says: <c>ssl://</c> and <c>wss://</c> are encrypted, all others are
    /// not. It counts when it connects.
    /// </summary>
    /// <exception cref="ArgumentException">Another transport, or <c>tcp</c> where the address says otherwise.</exception>
    public string Transport
    {
        get => field ?? (_address.IsSecure ? "ssl" : "tcp");
        set
        {
            if (value is not ("tcp" or "ssl"))
            {
                string cure = value == "udp"
                    ? " Datagrams have a client of their own. Cure: new AsyncUdpConnection<string>(\"udp://127.0.0.1:9292\")."
                    : "";
                throw new ArgumentException($"'{value}' is no transport; use \"tcp\", or \"ssl\" for TLS.{cure}", nameof(value));
            }
            if (value == "tcp" && _address.IsSecure)
                throw new ArgumentException($"{_address.Scheme}:// means TLS; "
                    + $"use {(_address.Scheme == "wss" ? "ws" : "tcp")}:// to do without.", nameof(value));
            field = value;
        }
    }

    /// <summary>What an encrypted connection asks for and trusts (PHP: the <c>ssl</c> part of <c>$context_option</c>).</summary>
    public TlsClientOptions Tls { get; } = new();

    /// <summary>
    /// How long connecting may take, looking the name up and the proxy included; 10 seconds,
    /// <see cref="Timeout.InfiniteTimeSpan"/> for as long as the system tries. The handshakes of TLS and WebSocket that follow
    /// may take as long again, each; they are checked about once a second.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is zero or negative.</exception>
    public TimeSpan ConnectTimeout
    {
        get;
        set
        {
            if (value != Timeout.InfiniteTimeSpan) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
            field = value;
        }
    } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long an address of a name may be silent before the next one is tried beside it; whichever answers first is taken (RFC
    /// 8305). 250 milliseconds, at least 10;
    /// <see cref="Timeout.InfiniteTimeSpan"/> for not before the last one has failed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less than 10 milliseconds.</exception>
    public TimeSpan AttemptDelay
    {
        get;
        set
        {
            if (value != Timeout.InfiniteTimeSpan)
                ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromMilliseconds(10));
            field = value;
        }
    } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// The local address, and port or 0, to connect from; null for what the system chooses (PHP: <c>bindto</c> of the socket
    /// context).
    /// </summary>
    public IPEndPoint? BindTo { get; set; }

    /// <summary>
    /// How a peer that vanished is found; at first <see cref="TcpConnection.DefaultKeepAlive"/>, null for not at all. It counts
    /// when it connects, and says nothing for a Unix socket.
    /// </summary>
    public TcpKeepAlive? KeepAlive { get; set; } = DefaultKeepAlive;

    /// <summary>
    /// Sets options of the socket that have no setting here, before it is bound and connected (PHP: the <c>socket</c> part of
    /// <c>$context_option</c>). Called on the loop, for each socket that is tried:
    /// a name with several addresses may take several. Do not keep or close the socket. What it throws fails the connection.
    /// </summary>
    public Action<Socket>? ConfigureSocket { get; set; }

    /// <summary>
    /// A SOCKS5 proxy to connect through, <c>[user:password@]host:port</c>, user and password percent-encoded where they need it;
    /// null for none. Host names are looked up by the proxy (PHP: <c>$proxySocks5</c>).
    /// </summary>
    /// <exception cref="ArgumentException">It is no such address.</exception>
    public string? ProxySocks5
    {
        get;
        set
        {
            _socks5 = value is null ? null : ProxyAddress.Parse(ProxyKind.Socks5, value);
            field = value;
        }
    }

    /// <summary>
    /// An HTTP proxy to connect through with CONNECT, written as <see cref="ProxySocks5"/> is; null for none (PHP:
    /// <c>$proxyHttp</c>).
    /// </summary>
    /// <exception cref="ArgumentException">It is no such address.</exception>
    public string? ProxyHttp
    {
        get;
        set
        {
            _http = value is null ? null : ProxyAddress.Parse(ProxyKind.HttpConnect, value);
            field = value;
        }
    }

    /// <summary>It is connected, each time (PHP: <c>$onConnect</c>).</summary>
    public Action<AsyncTcpConnection>? OnConnect { get; set; }

    /// <summary>
    /// It is closed, whoever closed it, or could not be connected; <see cref="Reconnect"/> may be called here (PHP:
    /// <c>$onClose</c>).
    /// </summary>
    public new Action<AsyncTcpConnection>? OnClose
    {
        get;
        set
        {
            field = value;
            base.OnClose = value is null ? null : _ => value(this);
        }
    }

    /// <summary>
    /// It could not be connected, and <see cref="OnClose"/> follows unless <see cref="Reconnect"/> is called here; or something
    /// could not be sent (PHP: <c>$onError</c>).
    /// </summary>
    public new Action<AsyncTcpConnection, ConnectionError, string>? OnError
    {
        get;
        set
        {
            field = value;
            base.OnError = value is null ? null : (_, error, reason) => value(this, error, reason);
        }
    }

    /// <summary>Looks host names up; a seam for tests.</summary>
    internal Func<string, Task<IPAddress[]>> LookUp { get; set; } = HostNames.LookUpAsync;

    /// <summary>
    /// Begins to connect, and returns at once; <see cref="OnConnect"/>, or <see cref="OnError"/> and <see cref="OnClose"/>, tell
    /// of the end. What is sent meanwhile waits, up to <see cref="TcpConnection.MaxSendBufferSize"/>. While it is connecting or
    /// open it does nothing (PHP: <c>connect()</c>). Once it has been called, any thread.
    /// </summary>
    /// <exception cref="InvalidOperationException">The calling code runs on no event loop, or it is set up in a way that cannot
    /// work.</exception>
    public void Connect()
    {
        if (!TakeLoop(Connect)) return;
        CheckSetup();
        if (Status is ConnectionStatus.Initial or ConnectionStatus.Closed || Phase == ConnectionPhase.DialFailed) ReconnectNow();
    }

    /// <summary>
    /// Connects as <see cref="Connect"/> does, and ends when it is established; after <c>await</c> the code goes on on the same
    /// loop. <see cref="OnConnect"/> comes before, and after a failure <see cref="OnError"/> and <see cref="OnClose"/> come too.
    /// </summary>
    /// <param name="cancellationToken">Gives up on the way: the connection is destroyed, for others that wait for it too.</param>
    /// <exception cref="System.Security.Authentication.AuthenticationException">The TLS handshake failed; the message names the
    /// address and the reason.</exception>
    /// <exception cref="SocketException">It could not be connected; the message names the address and the reason.</exception>
    /// <exception cref="TimeoutException">It took longer than <see cref="ConnectTimeout"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="InvalidOperationException">The calling code does not run on the connection's loop, or it is set up in a
    /// way that cannot work.</exception>
    public Task ConnectAsync(CancellationToken cancellationToken = default)
    {
        if (EventLoop.Current is null || IsBoundElsewhere)
            throw new InvalidOperationException("ConnectAsync belongs on the connection's event loop: "
                + "call it in OnWorkerStart or in another callback of a worker there.");
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled(cancellationToken);
        Connect();
        if (Status == ConnectionStatus.Established && !_opening) return Task.CompletedTask;
        if (Status != ConnectionStatus.Connecting && !IsClosing && !_opening)
            throw new InvalidOperationException(
                $"The connection to {Address} is {Status}; wait for OnClose before it is connected again.");
        _connected ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return AwaitConnectedAsync(_connected, cancellationToken);
    }

    /// <summary>
    /// Connects again, at once or later: after its end, mostly in <see cref="OnClose"/>; one that is open is destroyed first.
    /// What was sent and has not left is lost with the end; what is sent from here on waits for the new connection (PHP:
    /// <c>reconnect()</c>). Any thread.
    /// </summary>
    /// <param name="after">Seconds, zero or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative or not a number.</exception>
    /// <exception cref="InvalidOperationException">The calling code runs on no event loop, or it is set up in a way that cannot
    /// work.</exception>
    public void Reconnect(double after = 0)
    {
        if (after is not (>= 0 and <= MaxSeconds))
            throw new ArgumentOutOfRangeException(nameof(after), after, "Reconnect takes zero seconds or more, up to a year.");
        if (!TakeLoop(() => Reconnect(after))) return;
        CheckSetup();
        // Its end is still to come, or brought about here: OnClose first.
        if (HasSocket) Destroy();
        if (IsClosing)
        {
            _reconnectAfterClose = after;
            return;
        }
        StopConnecting();
        if (after == 0) ReconnectNow();
        else ReconnectLater(after);
    }

    /// <summary>
    /// Takes a <see cref="Reconnect"/> back whose time has not come (PHP: <c>cancelReconnect()</c>). Any thread.
    /// </summary>
    public void CancelReconnect()
    {
        if (!Loop.IsCurrent)
        {
            Loop.Post(CancelReconnect);
            return;
        }
        _reconnectAfterClose = null;
        StopTimer();
    }

    /// <summary>Makes the protocol of a new connection.</summary>
    private protected abstract ConnectionProtocol MakeProtocol();

    /// <summary>Makes what calls the application, for the loop that the connection belongs to.</summary>
    private protected abstract ConnectionHandler MakeHandler(IEventLoop loop, ConnectionBuffers buffers);

    /// <summary>Refuses what cannot work, before anything is tried.</summary>
    /// <exception cref="InvalidOperationException">It is set up in a way that cannot work.</exception>
    private protected virtual void CheckSetup()
    {
        if (_socks5 is not null && _http is not null)
            throw new InvalidOperationException(
                "Both ProxySocks5 and ProxyHttp are set, and there is one way; set one of them to null.");
        if (_address.IsUnix && (_socks5 ?? _http) is not null)
            throw new InvalidOperationException(
                "A Unix socket is on this machine, and no proxy leads there; set ProxySocks5 and ProxyHttp to null.");
        if (Transport == "ssl") Tls.For(_address.Host, _address.SpeaksHttp);
        else if (Tls.IsSet)
            throw new InvalidOperationException($"Tls is set up, but {Address} is not encrypted. Cure: set Transport to \"ssl\", "
                + $"connect to {(_address.SpeaksHttp ? "wss" : "ssl")}://, or leave Tls alone.");
        if (_address.IsUnix && BindTo is not null)
            throw new InvalidOperationException("A Unix socket has no local address to connect from; set BindTo to null.");
    }

    /// <summary>The connection's loop has looked at it: about once a second.</summary>
    internal void Tick()
    {
        if (_attempt is { } attempt) attempt.Tick();
        else if (Status >= ConnectionStatus.Connecting) Sweep();
    }
}
