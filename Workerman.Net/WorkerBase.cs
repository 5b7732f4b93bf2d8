using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.WebSockets;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// What all workers have, whatever their messages: address, loops, connections, sockets (PHP: <c>Workerman\Worker</c>). One
/// object for all its loops; on each it has a view, which answers for the loop that asks. Set it up before it runs.
/// </summary>
public abstract partial class WorkerBase : IHostedWorker, IWebSocketEvents, IFaultHandler<WorkerBase>
{
    /// <summary>By how many connections, and an eighth more, a loop may be ahead of the one that has the fewest.</summary>
    private const int MaxLead = 8;

    private readonly Lock _gate = new();
    private readonly List<ILoopWorker> _views = [];
    private List<Listener> _listeners = [];
    private volatile ILoopWorker[] _accepting = [];
    private int _connectionCount;
    private bool _running;
    private volatile bool _ended;
    private EndPoint? _boundEndPoint;
    private object? _context;
    private ServerSettings? _settings;
    private List<Listener> _closing = [];

    private protected WorkerBase(string? address, WorkerOptions? options)
    {
        HasAddress = address is not null;
        Address = address ?? "none";
        Options = options ?? new WorkerOptions();
        // One that is made on a loop listens there when it is told to: Worker.RunAll has no part in it.
        if (EventLoop.Current is null) WorkerRegistry.Add(this);
    }

    /// <summary>The address as it was given; <c>none</c> for a worker that listens nowhere (PHP: <c>getSocketName()</c>).</summary>
    public string Address { get; }

    /// <summary>Settings of its sockets and protocol (PHP: <c>$context</c>).</summary>
    public WorkerOptions Options { get; }

    /// <summary>Its name in the banner and the log (PHP: <c>$name</c>).</summary>
    /// <exception cref="ArgumentException">It has a control character.</exception>
    public string Name
    {
        get;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Any(char.IsControl)) throw new ArgumentException("A worker's name has no control characters: it stands in the banner and in log lines.", nameof(value));
            field = value;
        }
    } = "none";

    /// <summary>How many loops, each with a thread of its own; 1 (PHP: <c>$count</c>).</summary>
    /// <exception cref="InvalidOperationException">The worker runs.</exception>
    public int Count
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            ThrowIfRunning(nameof(Count));
            field = value;
        }
    } = 1;

    /// <summary>Whether each loop gets a listening socket of its own on the same port (PHP: <c>$reusePort</c>). Not on Windows.</summary>
    /// <exception cref="InvalidOperationException">The worker runs.</exception>
    public bool ReusePort
    {
        get;
        set
        {
            ThrowIfRunning(nameof(ReusePort));
            field = value;
        }
    }

    /// <summary>
    /// Anything that the application hangs on the worker (PHP: properties of any name, as in <c>$worker-&gt;uidConnections</c>,
    /// of which each process has its own). Set in a callback it is that loop's, and
    /// needs no lock; set elsewhere, before the worker runs for example, it is what loops see that have none of their own, and
    /// they share it.
    /// </summary>
    public object? Context
    {
        get => CurrentView()?.Context ?? _context;
        set
        {
            if (CurrentView() is { } view) view.Context = value;
            else _context = value;
        }
    }

    /// <summary>
    /// What <see cref="Context"/> holds, as a class of the application's, made when it is first asked for: in a callback for that
    /// loop, elsewhere for all that have none.
    /// </summary>
    /// <typeparam name="TContext">The class.</typeparam>
    /// <exception cref="InvalidOperationException">The context is of another type.</exception>
    public TContext GetContext<TContext>()
        where TContext : class, new()
    {
        Context ??= new TContext();
        return Context as TContext ?? throw ConnectionContext.Mismatch("worker", Context, typeof(TContext));
    }

    /// <summary>Number of the loop that asks, 0 to <see cref="Count"/> - 1; -1 when it is none of this worker's (PHP: <c>$id</c>).</summary>
    public int Id => CurrentView()?.Id ?? -1;

    /// <summary>The open connections of the loop that asks; asked from elsewhere, a snapshot of all loops (PHP: <c>$connections</c>).</summary>
    public ConnectionCollection Connections => CurrentView()?.Connections ?? Snapshot();

    /// <summary>Where it really listens, which tells the port for address <c>…:0</c>; null while it does not listen, and on a Unix socket.</summary>
    public IPEndPoint? LocalEndPoint => Bound as IPEndPoint;

    /// <summary>The path of the Unix socket that it listens on; null for all others, and while it does not listen.</summary>
    public string? LocalPath => (Bound as UnixDomainSocketEndPoint)?.ToString();

    /// <summary>
    /// Somebody asks for a WebSocket (PHP: <c>$onWebSocketConnect</c>). To refuse, send a <see cref="Response"/>, 403 perhaps, or
    /// close the connection; nothing else refuses, and a line of level Debug in the log tells of it. Messages that are sent here
    /// are the first after the handshake. To choose a subprotocol or add header fields, set <see cref="Request.UpgradeHeaders"/>.
    /// </summary>
    /// <exception cref="ArgumentException">It is <c>async void</c>: the handshake would go on at its first
    /// <c>await</c>.</exception>
    public Action<TcpConnection, Request>? OnWebSocketConnect
    {
        get;
        set => field = AsyncVoid.Refuse(value, nameof(OnWebSocketConnect), WebSocketConnectionExtensions.ConnectCure);
    }

    /// <summary>A WebSocket is open: what is sent from here on leaves at once (PHP: <c>$onWebSocketConnected</c>).</summary>
    public Action<TcpConnection, Request>? OnWebSocketConnected { get; set; }

    /// <summary>
    /// The peer has said that it ends, with a code (<see cref="CloseCode"/>; 1005 for none) and a reason. It is answered when
    /// this returns, and <c>OnClose</c> follows in any case (PHP: <c>$onWebSocketClose</c>).
    /// </summary>
    public Action<TcpConnection, int, string>? OnWebSocketClose { get; set; }

    /// <summary>
    /// The peer has sent a ping, with up to 125 bytes. It is told, not asked: the pong follows when this returns, whether there
    /// is a callback or not, as RFC 6455 section 5.5.2 demands (PHP: <c>$onWebSocketPing</c>, which takes the place of the pong).
    /// </summary>
    public Action<TcpConnection, byte[]>? OnWebSocketPing { get; set; }

    /// <summary>
    /// The peer has sent a pong, mostly the answer to a ping, with the ping's bytes: those of <c>connection.Ping(bytes)</c>, or
    /// none for a ping of the library's own (PHP: <c>$onWebSocketPong</c>).
    /// </summary>
    public Action<TcpConnection, byte[]>? OnWebSocketPong { get; set; }

    /// <summary>Those of its run; as long as it is in none, what the statics say.</summary>
    internal ServerSettings Settings => _settings ?? Worker.ReadSettings();

    /// <summary>What its sockets are bound to; null while it does not listen.</summary>
    internal EndPoint? Bound
    {
        get
        {
            lock (_gate) return _listeners.Count == 0 ? null : _listeners[0].EndPoint;
        }
    }

    /// <summary>How its sockets are made.</summary>
    internal SocketSetup SocketSetup => new(Options.Backlog, ReusePort, Options.UnixFileMode, Options.KeepAlive, Options.ConfigureSocket);

    /// <summary>Whether it may have another connection. Any thread.</summary>
    internal bool HasRoom => Volatile.Read(ref _connectionCount) < Options.MaxConnections;

    /// <summary>Whether new connections are to be left waiting, also by views that are still to come.</summary>
    internal bool IsAcceptPaused { get; private set; }

    /// <summary>Whether there is an address to listen on; without one it is loops for timers and clients.</summary>
    internal bool HasAddress { get; }

    /// <summary>The protocol's name, for the banner.</summary>
    internal string Scheme => ListenAddress.SchemeOf(Address);

    /// <summary>
    /// Opens the listening sockets (PHP: <c>listen()</c>). Before <see cref="Worker.RunAll"/> connections wait until it is called.
    /// After <see cref="Unlisten"/> the worker accepts again. In a callback of another worker, this one runs on that loop.
    /// </summary>
    /// <exception cref="WorkerStartException">It cannot listen; the message says why and what to do.</exception>
    /// <exception cref="InvalidOperationException">The worker has stopped for good, or has no address.</exception>
    public void Listen()
    {
        if (_ended) throw new InvalidOperationException($"Worker {Name} has stopped, and a worker runs once; make a new one.");
        if (!HasAddress) throw new InvalidOperationException($"Worker {Name} has no address to listen on; make one with an address: new Worker(\"http://0.0.0.0:8080\").");
        if (EventLoop.Current is not null && !_running && LoopThread.Current is { } thread)
        {
            ListenOn(thread);
            return;
        }
        if (!TryReopenListeners())
        {
            WaitUntilClosed();
            OpenListeners();
        }
        foreach (ILoopWorker view in Views()) view.Loop.Post(() => Reconcile(view));
    }

    /// <summary>Closes the listening sockets; open connections live on (PHP: <c>unlisten()</c>). From another thread, as soon as the loops get to it.</summary>
    public void Unlisten()
    {
        CloseListeners();
        foreach (ILoopWorker view in Views()) view.Loop.Post(() => Reconcile(view));
    }

    /// <summary>Leaves new connections waiting in the backlog (PHP: <c>pauseAccept()</c>). Any thread.</summary>
    public void PauseAccept()
    {
        IsAcceptPaused = true;
        foreach (ILoopWorker view in Views()) OnLoop(view, view.PauseAccepting);
    }

    /// <summary>Takes new connections on again (PHP: <c>resumeAccept()</c>). Any thread.</summary>
    public void ResumeAccept()
    {
        IsAcceptPaused = false;
        foreach (ILoopWorker view in Views()) OnLoop(view, view.ResumeAccepting);
    }

    /// <summary>Stops this worker on all its loops: no new connections, open ones end with their answer (PHP: <c>stop()</c>). Any thread.</summary>
    public void Stop()
    {
        _ended = _running;
        foreach (ILoopWorker view in Views())
        {
            if (view.OwnsLoop) view.Thread.RequestStop();
            else OnLoop(view, view.Stop);
        }
        CloseListeners();
    }

    /// <summary>
    /// Sends a message to all connections, of all loops (PHP: <c>foreach ($worker-&gt;connections …)</c>, which reaches those of one process). Where the protocol lets it, it is encoded once. One whose send
    /// buffer is full misses it, as with <c>Send</c>. Any thread; from one of the loops its own connections have it when this
    /// returns. Do not change the message afterwards. Numbers, and the messages of a
    /// protocol of your own, are sent by <see cref="SendExtensions"/>.
    /// </summary>
    /// <param name="message">What <c>Send</c> takes on the connections of this worker.</param>
    /// <typeparam name="T">Its type.</typeparam>
    public void Broadcast<T>(T message)
        where T : IMessage => BroadcastMessage(message);

    /// <summary>Does not compile: which message it is, is not known.</summary>
    [Obsolete("An IMessage is sent by the type that it is: Send((Response)message).", error: true)]
    public void Broadcast(IMessage message) => throw new NotSupportedException();

    /// <inheritdoc cref="Broadcast{T}(T)"/>
    public void Broadcast(string text) => BroadcastMessage(text);

    /// <inheritdoc cref="Broadcast{T}(T)"/>
    public void Broadcast(byte[] bytes) => BroadcastMessage(bytes);

    /// <inheritdoc cref="Broadcast{T}(T)"/>
    public void Broadcast(ReadOnlyMemory<byte> bytes) => BroadcastMessage(bytes);

    /// <inheritdoc cref="Broadcast{T}(T)"/>
    internal void BroadcastMessage<T>(T message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var broadcast = new Broadcast<T>(message);
        foreach (ILoopWorker view in Views()) OnLoop(view, () => broadcast.SendTo(view.Connections));
    }

    void IWebSocketEvents.ReportRefusal(TcpConnection connection, Request request, int status) =>
        Log.WebSocketRefused(Settings.Logger, Name, connection.Id, connection.RemoteAddress?.ToString() ?? Address, request.Path, status == 0 ? "no answer" : $"{status}");

    void IFaultHandler<WorkerBase>.OnFault(WorkerBase worker, Exception exception) =>
        Log.CallbackFailed(Settings.Logger, Name, exception);

    void IHostedWorker.OpenListeners()
    {
        CheckSetup();
        OpenListeners();
    }

    void IHostedWorker.CloseListeners()
    {
        _ended = true;
        CloseListeners();
    }

    IHostedLoopWorker IHostedWorker.Attach(IEventLoop loop, int id, LoopThread thread) => Attach(loop, id, thread, ownsLoop: true);

    /// <summary>Makes the view of one loop, on its thread.</summary>
    private protected abstract ILoopWorker MakeLoopWorker(IEventLoop loop, int id, LoopThread thread, bool ownsLoop);

    /// <summary>Makes an empty collection for its connections.</summary>
    private protected abstract ConnectionCollection MakeCollection();

    /// <summary>Refuses what cannot work, before any socket is opened.</summary>
    /// <exception cref="InvalidOperationException">It is set up in a way that cannot work.</exception>
    private protected abstract void CheckSetup();

    /// <summary>Claims the worker for a run; each runs once.</summary>
    internal bool TryTake(ServerSettings settings)
    {
        lock (_gate)
        {
            if (_running) return false;
            _settings = settings;
            return _running = true;
        }
    }

    /// <summary>A view has ended; with the last one the worker has.</summary>
    internal void Detach(ILoopWorker view)
    {
        lock (_gate)
        {
            _views.Remove(view);
            _accepting = Array.FindAll(_accepting, other => other != view);
            if (_views.Count > 0) return;
            CloseListeners();
        }
        WorkerRegistry.RemoveOnLoop(this);
    }

    /// <summary>The sockets that it listens on.</summary>
    private protected Socket[] OpenSockets()
    {
        lock (_gate) return [.. _listeners.Select(listener => listener.Socket)];
    }

    /// <summary>Opens one of its sockets.</summary>
    /// <exception cref="WorkerStartException">The system refuses.</exception>
    private protected virtual Listener OpenListener(ListenAddress address, EndPoint endPoint) =>
        Listener.Open(address, endPoint, SocketSetup);

    private ILoopWorker Attach(IEventLoop loop, int id, LoopThread thread, bool ownsLoop)
    {
        ILoopWorker view = MakeLoopWorker(loop, id, thread, ownsLoop);
        lock (_gate) _views.Add(view);
        WorkerRegistry.AddOnLoop(this);
        view.Start();
        Reconcile(view);
        // Not before: what is handed over to a loop comes after its OnWorkerStart.
        lock (_gate) _accepting = [.. _accepting, view];
        return view;
    }

    private void ListenOn(LoopThread thread)
    {
        TryTake(thread.Settings);
        CheckSetup();
        OpenListeners();
        thread.Add(Attach(thread.Loop, 0, thread, ownsLoop: false));
    }

    private void OpenListeners()
    {
        if (!HasAddress) return;
        // Outside the lock, which all loops take: looking a name up may last.
        ListenAddress address = ListenAddress.Parse(Address);
        lock (_gate)
        {
            if (_listeners.Count > 0) return;
            PrepareTls();
            // Listening again means the same port, also where the system chose it.
            EndPoint endPoint = _boundEndPoint ?? address.EndPoint;
            int sockets = ReusePort ? Count : 1;
            for (int i = 0; i < sockets; i++)
            {
                try
                {
                    _listeners.Add(OpenListener(address, endPoint));
                }
                catch
                {
                    CloseListeners();
                    throw;
                }
                // With port 0 the first socket gets a port, and the others share it.
                endPoint = _boundEndPoint = _listeners[0].EndPoint;
            }
        }
        Log.Listening(Settings.Logger, Name, $"{Scheme}://{Bound}");
    }

    /// <summary>Takes an <see cref="Unlisten"/> back that no loop has come to notice.</summary>
    private bool TryReopenListeners()
    {
        lock (_gate)
        {
            if (_listeners.Count > 0 || _closing.Count == 0 || !_closing.TrueForAll(listener => listener.TryReopen())) return false;
            (_listeners, _closing) = (_closing, []);
            return true;
        }
    }

    /// <summary>The port is free again when all loops have let go of it, which they do in their next turn.</summary>
    private void WaitUntilClosed()
    {
        if (CurrentView() is { } own) Reconcile(own);
        Listener[] closing;
        lock (_gate) closing = [.. _closing];
        SpinWait.SpinUntil(() => Array.TrueForAll(closing, listener => listener.IsClosed), TimeSpan.FromSeconds(2));
    }

    private void CloseListeners()
    {
        lock (_gate)
        {
            foreach (Listener listener in _listeners) listener.Close();
            if (_listeners.Count > 0) _closing = _listeners;
            _listeners = [];
        }
    }

    /// <summary>Lets a view accept from what there is to accept from now. On the view's loop.</summary>
    private void Reconcile(ILoopWorker view)
    {
        lock (_gate) view.AcceptFrom(_listeners.Count == 0 ? null : _listeners[view.Id % _listeners.Count]);
    }

    private protected ILoopWorker? CurrentView()
    {
        EventLoop? loop = EventLoop.Current;
        if (loop is null) return null;
        lock (_gate) return _views.Find(view => view.Loop == loop);
    }

    private ILoopWorker[] Views()
    {
        lock (_gate) return [.. _views];
    }

    /// <summary>
    /// The loop that a connection which this one accepted is handed over to, if this one has more than its share: loops that accept from one socket get as many as they are quick to take. None that has been in a callback for a while, as it might be for
    /// long. Where each loop has a socket of its own (<see cref="ReusePort"/>), the system has shared them out.
    /// </summary>
    internal ILoopWorker? LeastLoadedLoop(ILoopWorker view)
    {
        ILoopWorker[] views = _accepting;
        if (views.Length < 2 || ReusePort) return null;
        ILoopWorker least = view;
        foreach (ILoopWorker other in views)
        {
            if (other.Load < least.Load) least = other;
        }
        return view.Load - least.Load > MaxLead + least.Load / 8 && least.Thread.IsResponsive ? least : null;
    }

    /// <summary>A connection came (1) or went (-1). Any thread.</summary>
    internal void CountConnection(int change) => Interlocked.Add(ref _connectionCount, change);

    /// <summary>Adds its connections, of all loops, to a snapshot.</summary>
    internal void CopyConnectionsTo(ConnectionCollection snapshot)
    {
        foreach (ILoopWorker view in Views()) view.Connections.CopyTo(snapshot);
    }

    private ConnectionCollection Snapshot()
    {
        ConnectionCollection snapshot = MakeCollection();
        CopyConnectionsTo(snapshot);
        return snapshot;
    }

    private static void OnLoop(ILoopWorker view, Action action)
    {
        if (view.Loop.IsCurrent) action();
        else view.Loop.Post(action);
    }

    private protected void ThrowIfRunning(string property)
    {
        if (_running) throw new InvalidOperationException($"{property} cannot change any more: the worker has been run. Set it before Worker.RunAll().");
    }
}
