using System.Net;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Logging;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// What all workers have, of connections (<see cref="StreamWorker"/>) and of datagrams (<see cref="UdpWorker{T}"/>): address,
/// loops, listening sockets (PHP: <c>Workerman\Worker</c>). One object for all its loops; on each it has a per-loop worker, which
/// answers for the loop that asks. Set it up before it runs.
/// </summary>
public abstract class WorkerBase : IHostedWorker, IFaultHandler<WorkerBase>
{
    private readonly ListenerSet _listeners = new();
    private readonly LoopWorkerSet _loops;
    private ServerSettings? _settings;
    private LimitedLogger? _peerLog;
    private object? _context;
    private volatile bool _ended;

    private protected WorkerBase(string? address, WorkerOptions? options)
    {
        _loops = new LoopWorkerSet(this);
        Figures = new WorkerFigures(() => Name);
        HasAddress = address is not null;
        Address = address ?? "none";
        Options = options ?? new WorkerOptions();
        // One that is made on a loop listens there when it is told to: Worker.RunAll has no part in it.
        if (EventLoop.Current is null) WorkerRegistry.Add(this);
    }

    /// <summary>
    /// The address as it was given; <c>none</c> for a worker that listens nowhere (PHP: <c>getSocketName()</c>).
    /// </summary>
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
            if (value.Any(char.IsControl))
                throw new ArgumentException(
                    "A worker's name has no control characters: it stands in the banner and in log lines.", nameof(value));
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

    /// <summary>
    /// Whether it is replaced by a reload; true (PHP: <c>$reloadable</c>). Workers that are not run in a process of their own,
    /// beside that of the others, which goes on; statics are not shared between the two. With a daemon (<c>start -d</c>).
    /// </summary>
    /// <exception cref="InvalidOperationException">The worker runs.</exception>
    public bool Reloadable
    {
        get;
        set
        {
            ThrowIfRunning(nameof(Reloadable));
            field = value;
        }
    } = true;

    /// <summary>
    /// The user that the process becomes when its sockets are open; null to stay who it is (PHP: <c>$user</c>). Workers are one
    /// process, so that those that say something say the same. <see cref="Worker.LogFile"/> and <see cref="Worker.StdoutFile"/>
    /// are given to that user. Linux, for programs that are started by root.
    /// </summary>
    public string? User { get; set; }

    /// <summary>The group that goes with <see cref="User"/>; null for that user's own (PHP: <c>$group</c>).</summary>
    public string? Group { get; set; }

    /// <summary>
    /// Whether each loop gets a listening socket of its own on the same port (PHP: <c>$reusePort</c>). Not on Windows.
    /// </summary>
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
    /// of which each process has its own). Set in a callback it is that loop's, and needs no lock; set elsewhere, before the
    /// worker runs for example, it is what loops see that have none of their own, and they share it.
    /// </summary>
    public object? Context
    {
        get => _loops.Current?.Context ?? _context;
        set
        {
            if (_loops.Current is { } current) current.Context = value;
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

    /// <summary>
    /// Number of the loop that asks, 0 to <see cref="Count"/> - 1; -1 when it is none of this worker's (PHP: <c>$id</c>).
    /// </summary>
    public int Id => _loops.Current?.Id ?? -1;

    /// <summary>
    /// Where it really listens, which tells the port for address <c>…:0</c>; null while it does not listen, and on a Unix socket.
    /// </summary>
    public IPEndPoint? LocalEndPoint => Bound as IPEndPoint;

    /// <summary>
    /// What it does on each of its loops, in the order of their numbers, those that have ended included (PHP: a process's row of
    /// <c>status</c>). A snapshot; any thread.
    /// </summary>
    public IReadOnlyList<LoopStatistics> LoopStatistics => [.. Figures.Loops.Select(static share => new LoopStatistics(share))];

    /// <summary>What it counts, on all its loops.</summary>
    internal WorkerFigures Figures { get; }

    /// <summary>Those of its run; as long as it is in none, what the statics say.</summary>
    internal ServerSettings Settings => _settings ?? Worker.ReadSettings();

    /// <summary>Where lines go that peers can cause as often as they like. Once the worker was claimed for a run.</summary>
    internal LimitedLogger PeerLog =>
        LazyInitializer.EnsureInitialized(ref _peerLog, () => new LimitedLogger(Settings.Logger));

    /// <summary>What its sockets are bound to; null while it does not listen.</summary>
    internal EndPoint? Bound => _listeners.EndPoint;

    /// <summary>How its sockets are made.</summary>
    internal SocketSetup SocketSetup =>
        new(Options.Backlog, ReusePort, Options.UnixFileMode, Options.KeepAlive, Options.ConfigureSocket);

    /// <summary>Whether new connections are to be left waiting, also by loops that are still to come.</summary>
    internal bool IsAcceptPaused { get; private set; }

    /// <summary>Whether there is an address to listen on; without one it is loops for timers and clients.</summary>
    internal bool HasAddress { get; }

    /// <summary>The protocol's name, for the banner.</summary>
    internal string Scheme => AddressParser.SchemeOf(Address);

    /// <summary>Its per-loop workers.</summary>
    private protected LoopWorkerSet Loops => _loops;

    /// <summary>The sockets that it listens on.</summary>
    private protected ListenerSet Listeners => _listeners;

    /// <summary>Whether it is in a run, or has been.</summary>
    private bool IsTaken => Volatile.Read(ref _settings) is not null;

    /// <summary>
    /// Opens the listening sockets (PHP: <c>listen()</c>). Before <see cref="Worker.RunAll()"/> connections wait until it is
    /// called. After <see cref="Unlisten"/> the worker accepts again. In a callback of another worker, this one runs on that
    /// loop.
    /// </summary>
    /// <exception cref="WorkerStartException">It cannot listen; the message says why and what to do.</exception>
    /// <exception cref="InvalidOperationException">The worker has stopped for good, or has no address.</exception>
    public void Listen()
    {
        if (_ended) throw new InvalidOperationException($"Worker {Name} has stopped, and a worker runs once; make a new one.");
        if (!HasAddress)
        {
            throw new InvalidOperationException($"Worker {Name} has no address to listen on; "
                + "make one with an address: new Worker(\"http://0.0.0.0:8080\").");
        }
        if (EventLoop.Current is not null && !IsTaken && LoopThread.Current is { } thread)
        {
            ListenOn(thread);
            return;
        }
        if (!_listeners.TryReopen())
        {
            if (_loops.Current is { } own) _listeners.Assign(own);
            _listeners.WaitUntilClosed();
            OpenListeners();
        }
        _loops.PostToEach(_listeners.Assign);
    }

    /// <summary>
    /// Closes the listening sockets; open connections live on (PHP: <c>unlisten()</c>). From another thread, as soon as the loops
    /// get to it.
    /// </summary>
    public void Unlisten()
    {
        _listeners.Close();
        _loops.PostToEach(_listeners.Assign);
    }

    /// <summary>
    /// Leaves new connections, or datagrams, waiting in the system's queue (PHP: <c>pauseAccept()</c>). Any thread.
    /// </summary>
    public void PauseAccept()
    {
        IsAcceptPaused = true;
        _loops.ForEach(static worker => worker.PauseAccepting());
    }

    /// <summary>Takes new connections, or datagrams, on again (PHP: <c>resumeAccept()</c>). Any thread.</summary>
    public void ResumeAccept()
    {
        IsAcceptPaused = false;
        _loops.ForEach(static worker => worker.ResumeAccepting());
    }

    /// <summary>
    /// Stops this worker on all its loops: no new connections, open ones end with their answer (PHP: <c>stop()</c>). Any thread.
    /// </summary>
    public void Stop()
    {
        _ended = IsTaken;
        foreach (ILoopWorker worker in _loops.All)
        {
            if (worker.OwnsLoop) worker.Thread.RequestStop();
            else LoopWorkerSet.Run(worker, static worker => worker.Stop());
        }
        _listeners.Close();
    }

    void IFaultHandler<WorkerBase>.OnFault(WorkerBase worker, Exception exception)
    {
        _loops.Current?.Figures.CountException();
        Log.CallbackFailed(PeerLog, Name, exception);
    }

    void IHostedWorker.OpenListeners()
    {
        CheckSetup();
        OpenListeners();
    }

    void IHostedWorker.CloseListeners()
    {
        _ended = true;
        _listeners.Close();
    }

    ILogger IHostedWorker.PeerLog => PeerLog;

    ILoopWorker IHostedWorker.Attach(IEventLoop loop, int id, LoopThread thread) => Attach(loop, id, thread, ownsLoop: true);

    /// <summary>Claims the worker for a run; each runs once.</summary>
    internal bool TryTake(ServerSettings settings) => Interlocked.CompareExchange(ref _settings, settings, null) is null;

    /// <summary>Another process goes on with its listening sockets.</summary>
    internal void LeaveListeners()
    {
        _ended = true;
        _listeners.LeaveFiles();
    }

    /// <summary>The program is reloaded, and this worker is not.</summary>
    internal void TellOfReload() => _loops.ForEach(static worker => worker.TellOfReload());

    /// <summary>A per-loop worker has ended; with the last one the worker has.</summary>
    internal virtual void Detach(ILoopWorker worker)
    {
        FigureRegistry.Retire(worker.Figures);
        if (_loops.Remove(worker)) _listeners.Close();
    }

    /// <summary>Makes the per-loop worker of one loop, on its thread.</summary>
    private protected abstract ILoopWorker MakeLoopWorker(IEventLoop loop, int id, LoopThread thread, bool ownsLoop);

    /// <summary>Refuses what cannot work, before any socket is opened.</summary>
    /// <exception cref="InvalidOperationException">It is set up in a way that cannot work.</exception>
    private protected abstract void CheckSetup();

    /// <summary>Opens one of its sockets.</summary>
    /// <exception cref="WorkerStartException">The system refuses.</exception>
    private protected abstract Listener OpenListener(ListenAddress address, EndPoint endPoint);

    /// <summary>It has begun on a loop, and may be handed connections there.</summary>
    private protected virtual void OnAttached(ILoopWorker worker)
    {
    }

    private protected void ThrowIfRunning(string property)
    {
        if (IsTaken)
        {
            throw new InvalidOperationException(
                $"{property} cannot change any more: the worker has been run. Set it before Worker.RunAll().");
        }
    }

    private ILoopWorker Attach(IEventLoop loop, int id, LoopThread thread, bool ownsLoop)
    {
        ILoopWorker worker = MakeLoopWorker(loop, id, thread, ownsLoop);
        _loops.Add(worker);
        Figures.Add(new LoopShare(id, worker.Figures, loop.Figures, ownsLoop));
        worker.Start();
        _listeners.Assign(worker);
        // Not before: what is handed over to a loop comes after its OnWorkerStart.
        OnAttached(worker);
        return worker;
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
        // Before the set's lock, which all loops take: looking a name up may last.
        ListenAddress address = ListenAddress.Parse(Address);
        if (_listeners.Open(address.EndPoint, ReusePort ? Count : 1, endPoint => OpenListener(address, endPoint)))
            Log.Listening(Settings.Logger, Name, $"{Scheme}://{Bound}");
    }
}
