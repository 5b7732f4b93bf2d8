using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.EventStreams;
using Workerman.Handover;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.WebSockets;

namespace Workerman.Workers;

/// <summary>
/// A worker on one loop: its connections there, its share of accepting, and the guarded calls of the application. Belongs to
/// the loop's thread.
/// </summary>
internal sealed class LoopWorker<T> : ConnectionHandler<T>, IStreamLoopWorker
{
    private readonly Worker<T> _worker;
    private readonly Func<ConnectionProtocol> _makeProtocol;
    private readonly ConnectionHandler _first;
    private readonly bool _isUnix;
    private readonly ILogger _logger;
    private Acceptor? _acceptor;
    private ConnectionCollection? _handshakes;
    private HandoverDrain? _handover;
    private bool _stopped;

    /// <summary>How many connections it has and is on the way to have; negative once it takes none any more.</summary>
    private int _load;

    public LoopWorker(Worker<T> worker, IEventLoop loop, int id, LoopThread thread, bool ownsLoop,
        Func<ConnectionProtocol> makeProtocol)
        : base(loop, ConnectionBuffers.Of(loop), new TrafficFigures(worker.Figures, loop.Figures))
    {
        _worker = worker;
        _makeProtocol = makeProtocol;
        _isUnix = worker.Scheme == "unix";
        _logger = worker.PeerLog;
        Id = id;
        Thread = thread;
        OwnsLoop = ownsLoop;
        _first = ProtocolCatalog.HandlerFor(worker.Scheme, worker.Options, this, worker);
        loop.AddTick(Sweep);
    }

    public override object? Owner => _worker;

    public int Id { get; }

    public LoopThread Thread { get; }

    public bool OwnsLoop { get; }

    public ConnectionCollection Connections { get; } = new ConnectionCollection<T>();

    public int Load => Volatile.Read(ref _load);

    public object? Context { get; set; }

    public bool IsDrained => Load < 0;

    public void Start() => Running.Call(CallbackKind.OnWorkerStart, _worker.OnWorkerStart, _worker);

    public void AcceptFrom(Listener? listener)
    {
        if (_acceptor?.Listener == listener) return;
        _acceptor?.Close();
        _acceptor = null;
        if (listener is null || _stopped) return;
        _acceptor = new Acceptor(Loop, listener, _worker.Name, _logger, OnAccepted, () => _worker.HasRoom);
        if (_worker.IsAcceptPaused) _acceptor.Pause();
    }

    public bool TryHandOver(ConnectedSocket socket)
    {
        if (Interlocked.Increment(ref _load) > 0 && Loop.Post(() => Take(socket))) return true;
        Interlocked.Decrement(ref _load);
        return false;
    }

    public bool TryAdopt(MovedSubscription moved)
    {
        _worker.Balancer.Count(1);
        if (Interlocked.Increment(ref _load) > 0 && Loop.Post(() => Adopt(moved))) return true;
        CountGone();
        return false;
    }

    public void PauseAccepting() => _acceptor?.Pause();

    public void ResumeAccepting() => _acceptor?.Resume();

    public void Stop()
    {
        if (_stopped && _handover is null) return;
        if (!_stopped) BeginToStop();
        _handover?.End();
        _handover = null;
        foreach (TcpConnection connection in Connections) connection.Drain();
        DestroyHandshakes();
        DetachIfDrained();
    }

    public void HandOver(HandoverPlan plan)
    {
        if (_stopped)
        {
            plan.LoopIsDone();
            return;
        }
        TellOfReload();
        _worker.LeaveListeners();
        _handover = new HandoverDrain(plan, Loop, Connections, _worker.Address,
            (remote, e) => Log.MoveFailed(_logger, _worker.Name, remote, e));
        BeginToStop();
        _handover.Begin();
        DetachIfDrained();
    }

    public void TellOfReload() =>
        ApplicationGuard.Call(Running, CallbackKind.OnWorkerReload, _worker, _worker, _worker.OnWorkerReload);

    public void Abort()
    {
        foreach (TcpConnection connection in Connections) connection.Destroy();
        DestroyHandshakes();
    }

    public override void OnPeerControl(TcpConnection connection)
    {
        if (connection.Protocol is HttpProtocol { IsAsking: true } http) Ask(connection, http);
        else ControlFrames.Tell(connection, _worker, this);
    }

    public override void OnClose(TcpConnection connection) =>
        Call(CallbackKind.OnClose, connection, connection.OnClose ?? _worker.OnClose);

    public override void OnError(TcpConnection connection, ConnectionError error, string reason)
    {
        if ((connection.OnError ?? _worker.OnError) is { } callback)
            ApplicationGuard.Call(Running, CallbackKind.OnError, this, (TcpConnection<T>)connection, callback, error, reason);
        else
            Log.ErrorUntold(_logger, connection, error, reason);
    }

    public override void OnBufferFull(TcpConnection connection) =>
        Call(CallbackKind.OnBufferFull, connection, connection.OnBufferFull ?? _worker.OnBufferFull);

    public override void OnBufferDrain(TcpConnection connection) =>
        Call(CallbackKind.OnBufferDrain, connection, connection.OnBufferDrain ?? _worker.OnBufferDrain);

    public override void OnRejected(TcpConnection connection, Verdict verdict) =>
        Log.Rejected(_logger, connection.Id, PeerOf(connection), verdict);

    public override void OnFault(TcpConnection connection, Exception exception)
    {
        Figures.CountException();
        Log.CallbackFailed(_logger, _worker.Name, connection.Id, PeerOf(connection), exception);
    }

    public override void OnSecured(TcpConnection connection)
    {
        _handshakes?.Remove(connection);
        Welcome(connection);
    }

    public override void OnHandshakeFailed(TcpConnection connection, string reason)
    {
        if (!_stopped) Log.HandshakeFailed(_logger, _worker.Name, connection.Id, $"{connection.RemoteAddress}", reason);
    }

    public override void OnProxyRefused(TcpConnection connection, string reason)
    {
        if (!_stopped) Log.ProxyRefused(_logger, _worker.Name, connection.Id, PeerOf(connection), reason);
    }

    /// <summary>Not before: in <c>OnClose</c> the connection is still listed, as in PHP.</summary>
    public override void OnFreed(TcpConnection connection)
    {
        Connections.Remove(connection);
        _handshakes?.Remove(connection);
        Figures.CountClosed();
        CountGone();
        _acceptor?.Retry();
        DetachIfDrained();
    }

    protected override void OnMessage(TcpConnection connection, T message)
    {
        var own = (TcpConnection<T>)connection;
        Action<TcpConnection<T>, T>? onMessage = _worker.OnMessage;
        Func<TcpConnection<T>, T, Task>? onMessageAsync = _worker.OnMessageAsync;
        if (connection.MessageCallback is { } callback)
        {
            onMessage = callback as Action<TcpConnection<T>, T>;
            onMessageAsync = callback as Func<TcpConnection<T>, T, Task>;
        }
        if (ApplicationGuard.Deliver(Running, CallbackKind.OnMessage, this, own, message, onMessage, onMessageAsync)) return;
        OnMessageFault(connection, message, new InvalidOperationException(
            $"Worker {_worker.Name} has no OnMessage, so nobody answers; set it, or OnMessageAsync."));
    }

    private void Ask(TcpConnection connection, HttpProtocol http)
    {
        Request request = http.BeginAsking();
        var scope = ActivityScope.Enter(http.Activity);
        ApplicationGuard.Deliver(
            Running, CallbackKind.OnHeaders, this, connection, request, _worker.OnHeaders, onMessageAsync: null);
        scope.Exit();
        http.EndAsking();
    }

    /// <summary>The peer for the log: one of a Unix socket has no address, but the socket has.</summary>
    private string PeerOf(TcpConnection connection) => connection.RemoteAddress?.ToString() ?? (_isUnix ? _worker.Address : "");

    private void OnAccepted(ConnectedSocket socket)
    {
        _worker.Balancer.Count(1);
        if (_worker.Balancer.TryHandOver(socket, this)) return;
        Interlocked.Increment(ref _load);
        Take(socket);
    }

    private void BeginToStop()
    {
        _stopped = true;
        ApplicationGuard.Call(Running, CallbackKind.OnWorkerStop, _worker, _worker, _worker.OnWorkerStop);
        _acceptor?.Close(deliver: _handover is not null);
        _acceptor = null;
        _worker.Balancer.Remove(this);
    }

    /// <summary>Whether no connection begins here any more, not even one that was accepted before.</summary>
    private bool TakesNone => _stopped && _handover is null;

    /// <summary>Makes a connection of a socket that is counted already.</summary>
    private void Take(ConnectedSocket socket)
    {
        if (TakesNone)
        {
            // Handed over while this loop came to its end: closed, like those in the queue of the listening socket.
            socket.Dispose();
            OnNotTaken();
            return;
        }
        TcpConnection<T> connection;
        try
        {
            if (!_isUnix && !SocketSetup.IsInherited) _worker.SocketSetup.PrepareConnection(socket);
            connection = new TcpConnection<T>(socket, _makeProtocol(), _first, _worker.Tls?.NewFilter());
            if (IsProxy(connection)) connection.ExpectProxyHeader(_worker.Options.ProxyProtocol);
        }
        catch (Exception e)
        {
            // Reset before it was taken on, or the system has no room for another watch: one connection, not the worker.
            Log.ConnectionLost(_logger, _worker.Name, e);
            socket.Dispose();
            OnNotTaken();
            return;
        }
        Figures.CountOpened();
        if (connection.Status == ConnectionStatus.Connecting) (_handshakes ??= new ConnectionCollection()).Add(connection);
        else Welcome(connection);
    }

    /// <summary>Makes a connection of an event stream that has moved here, which is counted already.</summary>
    private void Adopt(MovedSubscription moved)
    {
        bool speaksHttp = typeof(T) == typeof(Request) && _worker.Protocol is null;
        if (TakesNone || !speaksHttp || DescriptorHeadroom.IsReachedByBrief(moved.Descriptor))
        {
            MovingStreams.End(moved);
            OnNotTaken();
            return;
        }
        TcpConnection<T>? connection = null;
        var protocol = new MovedProtocol(_worker.Options.Http, _isUnix, moved.Place, moved.Window, reason =>
            Log.MovedStreamEnded(_logger, _worker.Name, connection!.Id, PeerOf(connection), reason));
        try
        {
            connection = new TcpConnection<T>(new ConnectedSocket(moved.Descriptor, default), protocol, _first);
            moved.TakeDescriptor();
        }
        catch (Exception e)
        {
            Log.ConnectionLost(_logger, _worker.Name, e);
            MovingStreams.End(moved);
            OnNotTaken();
            return;
        }
        Figures.CountOpened();
        connection.SetProxiedAddresses(moved.Remote, moved.Local);
        connection.Feed(moved.Unsent);
        Welcome(connection);
        connection.GoOnWith(moved.Head);
    }

    /// <summary>A connection is open, and the application hears of it.</summary>
    private void Welcome(TcpConnection connection)
    {
        Connections.Add(connection);
        Call(CallbackKind.OnConnect, connection, _worker.OnConnect);
        _handover?.Judge(connection);
    }

    private void OnNotTaken()
    {
        CountGone();
        DetachIfDrained();
    }

    private bool IsProxy(TcpConnection connection)
    {
        NetworkList proxies = _worker.Options.ProxyProtocol.TrustedProxies;
        if (proxies.IsEmpty) return false;
        return _isUnix ? proxies.HasUnixSockets : connection.RemoteAddress is { } peer && proxies.Contains(peer.Address);
    }

    private void CountGone()
    {
        Interlocked.Decrement(ref _load);
        _worker.Balancer.Count(-1);
    }

    private void DestroyHandshakes()
    {
        if (_handshakes is null) return;
        foreach (TcpConnection connection in _handshakes) connection.Destroy();
    }

    private void Sweep()
    {
        foreach (TcpConnection connection in Connections) connection.Sweep();
        if (_handshakes is not null)
        {
            foreach (TcpConnection connection in _handshakes) connection.Sweep();
        }
        _worker.Tls?.CheckFiles();
        _acceptor?.Tick();
        _handover?.Step();
    }

    private void DetachIfDrained()
    {
        if (!_stopped || _handover is { IsMoving: true }) return;
        // With the last connection: none is handed over to it any more.
        if (Interlocked.CompareExchange(ref _load, int.MinValue, 0) != 0) return;
        _worker.Detach(this);
        Thread.StopIfDrained();
    }

    private void Call(CallbackKind kind, TcpConnection connection, Action<TcpConnection<T>>? callback) =>
        ApplicationGuard.Call(Running, kind, this, (TcpConnection<T>)connection, callback);
}
