using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Workerman.Diagnostics;
using Workerman.Logging;

namespace Workerman.Events;

/// <summary>
/// What all loops share: the order of a turn, timers, posted and deferred work. A driver adds how to wait (<see cref="Poll"/>)
/// and how to be woken (<see cref="Wake"/>), and no policy of its own. A turn is: poll, ready events, continued work, due timers,
/// posted work, ticks, deferred work (flush, then free). Runs on the thread that called <see cref="Run"/>.
/// </summary>
public abstract class EventLoop : IEventLoop, ILoopState
{
    /// <summary>After this long the sockets come before the timers that are still due; those run in the next turn.</summary>
    private static readonly long TimerBudget = LoopClock.FromMilliseconds(10);

    /// <summary>A turn that has taken longer than a millisecond may be held up by a callback that blocks.</summary>
    private static readonly long LongTurn = LoopClock.FromMilliseconds(1);

    /// <summary>
    /// Time between two calls of <see cref="AddTick"/>'s callbacks, in units of <see cref="LoopClock"/>: a second. Tests set it,
    /// so that they do not wait for it.
    /// </summary>
    internal static long TickInterval { get; set; } = LoopClock.FromMilliseconds(1000);

    [ThreadStatic]
    private static EventLoop? _current;

    private readonly Lock _gate = new();
    private readonly TimerQueue _timers = new();
    private readonly List<Action> _ticked = [];
    private readonly int _number;
    private List<Action> _posted = [];
    private List<Action> _running = [];
    private readonly List<IDeferredWork> _deferred = [];
    private List<IContinuedWork> _continued = [];
    private List<IContinuedWork> _continuing = [];
    private int _threadId;
    private long _now = LoopClock.Ticks;
    private long _nextTick;
    private bool _asleep;

    /// <summary>Whether it is in the poll's wait. Unlike <see cref="_asleep"/> it stays so while it is being woken.</summary>
    private bool _waits;

    private bool _stopping;
    private bool _ended;

    private protected EventLoop()
    {
        _number = LoopRegistry.Add(this);
        Context = new LoopSynchronizationContext(this);
        Figures = new LoopFigures(this);
        FigureRegistry.Add(Figures);
    }

    /// <summary>The loop that runs on the calling thread, or null.</summary>
    public static EventLoop? Current => _current;

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public bool IsCurrent => _threadId == Environment.CurrentManagedThreadId;

    /// <inheritdoc/>
    public long Now => LoopClock.ToMilliseconds(_now);

    /// <inheritdoc/>
    public int TimerCount => _timers.Count;

    /// <summary>Called when the loop ends, on its thread: for what lives as long as the loop.</summary>
    internal Action? Ending { get; set; }

    /// <summary>How long deferred work, which sends what callbacks have written, may wait.</summary>
    internal FlushDeadline FlushDeadline { get; } = new();

    /// <summary>Where what lives on the loop logs to; null on a loop that the application has made itself.</summary>
    internal ILogger? Logger { get; set; }

    /// <summary>What brings code after an <c>await</c> back here.</summary>
    internal LoopSynchronizationContext Context { get; }

    /// <summary>What it counts, and which callback it is in.</summary>
    internal LoopFigures Figures { get; }

    /// <summary>The callback that it is in, and for how long; no time and null while it waits. Any thread.</summary>
    internal (TimeSpan For, string? Callback) Activity => Figures.Activity;

    /// <summary>
    /// Whether it is at its end: <see cref="Ending"/> has been called, so nothing may begin any more. On the loop.
    /// </summary>
    internal bool HasEnded => _ended;

    /// <summary>
    /// Whether it waits, or has begun its turn a moment ago. Any thread; elsewhere than on the loop it is a hint.
    /// </summary>
    internal bool IsResponsive => Volatile.Read(ref _waits) || LoopClock.Ticks - Volatile.Read(ref _now) < LongTurn;

    bool ILoopState.IsIdle => Volatile.Read(ref _waits) || _threadId <= 0;

    long ILoopState.TurnBegan => Volatile.Read(ref _now);

    long ILoopState.LastLook => FlushDeadline.LastLook;

    /// <inheritdoc/>
    public Action<Exception>? ErrorHandler { get; set; }

    /// <inheritdoc/>
    public abstract ILoopSocket Watch(ConnectedSocket socket, ISocketHandler handler);

    /// <inheritdoc/>
    public ILoopSocket Watch(Socket socket, ISocketHandler handler) => Watch(new ConnectedSocket(socket), handler);

    /// <inheritdoc/>
    public abstract ILoopListener Accept(Socket listener, IAcceptHandler handler);

    /// <inheritdoc/>
    public abstract ILoopDatagramSocket WatchDatagrams(Socket socket, IDatagramHandler handler);

    /// <inheritdoc/>
    public abstract IDisposable Connect(EndPoint endPoint, EndPoint? localEndPoint, Action<ConnectedSocket>? prepare,
        IConnectHandler handler);

    void IEventLoop.SendAll(ReadOnlySpan<byte> bytes, Span<SocketSend> sends) => SendAll(bytes, sends);

    /// <inheritdoc cref="IEventLoop.SendAll"/>
    internal virtual void SendAll(ReadOnlySpan<byte> bytes, Span<SocketSend> sends)
    {
        foreach (ref SocketSend send in sends) send.Send(bytes);
    }

    /// <summary>
    /// Waits up to <paramref name="timeout"/> milliseconds (-1: without an end) and calls back what is ready. It calls
    /// <see cref="ReadClock"/> when the wait has ended, passes what a callback throws to <see cref="Report"/>, and calls
    /// <see cref="RunDeferredIfDue"/> after each callback.
    /// </summary>
    private protected abstract void Poll(int timeout);

    /// <summary>
    /// Ends a <see cref="Poll"/> that waits. Called from any thread, under the loop's lock, and so never after
    /// <see cref="Close"/>.
    /// </summary>
    private protected abstract void Wake();

    /// <summary>Gives the driver's handles back. The loop has ended.</summary>
    private protected abstract void Close();

    /// <inheritdoc/>
    public long AddTimer(TimeSpan interval, Action callback, bool persistent)
    {
        ArgumentNullException.ThrowIfNull(callback);
        ArgumentOutOfRangeException.ThrowIfLessThan(interval, TimeSpan.Zero);
        long ticks = LoopClock.FromTimeSpan(interval);
        var timer = new LoopTimer(LoopRegistry.NewTimerId(_number), ticks, callback, persistent);
        _timers.Add(timer, LoopClock.Ticks + ticks);
        return timer.Id;
    }

    /// <inheritdoc/>
    public bool DeleteTimer(long id) => IsCurrent ? _timers.Remove(id) : Post(() => _timers.Remove(id));

    /// <inheritdoc/>
    public void DeleteAllTimers() => _timers.Clear();

    /// <summary>Deletes the timers that repeat; those that fire once go on.</summary>
    internal void DeletePeriodicTimers() => _timers.RemovePersistent();

    void IEventLoop.AddTick(Action callback) => AddTick(callback);

    /// <inheritdoc cref="IEventLoop.AddTick"/>
    internal void AddTick(Action callback)
    {
        if (_ticked.Count == 0) _nextTick = LoopClock.Ticks + TickInterval;
        _ticked.Add(callback);
    }

    /// <inheritdoc/>
    public bool Post(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        lock (_gate)
        {
            if (_ended) return false;
            _posted.Add(work);
            WakeIfAsleep();
            return true;
        }
    }

    void IEventLoop.Defer(IDeferredWork work) => Defer(work);

    /// <inheritdoc cref="IEventLoop.Defer"/>
    internal void Defer(IDeferredWork work) => _deferred.Add(work);

    void IEventLoop.ContinueNextTurn(IContinuedWork work) => ContinueNextTurn(work);

    /// <inheritdoc cref="IEventLoop.ContinueNextTurn"/>
    internal void ContinueNextTurn(IContinuedWork work) => _continued.Add(work);

    FlushDeadline IEventLoop.FlushDeadline => FlushDeadline;

    LoopFigures IEventLoop.Figures => Figures;

    /// <inheritdoc/>
    public void Stop()
    {
        lock (_gate)
        {
            _stopping = true;
            if (!_ended) WakeIfAsleep();
        }
    }

    /// <inheritdoc/>
    public void Run()
    {
        if (_current is not null)
            throw new InvalidOperationException("An event loop runs on this thread already; give each loop a thread of its own.");
        if (_ended || _threadId != 0) throw new InvalidOperationException("This event loop has run; make a new one.");
        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(Context);
        _current = this;
        ReadClock();
        _threadId = Environment.CurrentManagedThreadId;
        try
        {
            while (!Volatile.Read(ref _stopping)) Turn();
        }
        finally
        {
            End();
            _current = null;
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    /// <summary>Gives the loop's handles back. A loop that runs is stopped and closes itself when it ends.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        Stop();
        if (_threadId == 0) End();
    }

    /// <summary>Calls a callback; what it throws goes to <see cref="ErrorHandler"/> and the loop lives on.</summary>
    private void Guard(CallbackKind kind, Action callback)
    {
        RunningCallback.Scope scope = Figures.Running.Enter(kind, callback);
        try
        {
            callback();
        }
        catch (Exception e)
        {
            Report(e);
        }
        scope.Exit();
    }

    /// <summary>Runs an asynchronous function as a callback; what it throws is passed on, and the task ends well.</summary>
    internal async Task RunAsync(Func<Task> callback)
    {
        try
        {
            await callback();
        }
        catch (Exception e)
        {
            Report(e);
        }
    }

    /// <summary>Passes an escaped exception on.</summary>
    internal void Report(Exception exception)
    {
        Figures.CountException();
        try
        {
            if (ErrorHandler is { } handler) handler(exception);
            else ConsoleLines.Print(exception.ToString(), isError: true);
        }
        catch (Exception e)
        {
            // The handler has thrown, or the exception's own ToString has. There is no further handler, and the loop goes on.
            Debug.WriteLine(e);
        }
    }

    private void Turn()
    {
        int timeout = PrepareToSleep();
        // What is continued from here on waits for the turn after this one.
        (_continued, _continuing) = (_continuing, _continued);
        Volatile.Write(ref _waits, true);
        Poll(timeout);
        RunContinued();
        RunTimers();
        RunPosted();
        RunTicks();
        RunDeferred();
    }

    /// <summary>The poll's timeout. From here until the poll ends, posting wakes it.</summary>
    private int PrepareToSleep()
    {
        // One look at the clock for both.
        long now = LoopClock.Ticks;
        Figures.NoteTurn(now - _now, now);
        int timeout = NextTimeout(now);
        if (timeout == 0) return 0;
        lock (_gate)
        {
            if (_stopping || _posted.Count > 0) return 0;
            _asleep = true;
            return timeout;
        }
    }

    private int NextTimeout(long now)
    {
        if (_continued.Count > 0) return 0;
        if (_timers.Count == 0 && _ticked.Count == 0) return -1;
        long next = _timers.NextDue ?? long.MaxValue;
        if (_ticked.Count > 0 && _nextTick < next) next = _nextTick;
        return next == long.MaxValue ? -1 : LoopClock.ToPollTimeout(next - now);
    }

    private void WakeIfAsleep()
    {
        if (!_asleep) return;
        _asleep = false;
        Wake();
    }

    /// <summary>Reads the clock for <see cref="Now"/>. Drivers call it when the poll returns.</summary>
    private protected void ReadClock()
    {
        long now = LoopClock.Ticks;
        Volatile.Write(ref _now, now);
        FlushDeadline.Restart(now);
        // It is at work from here on. What is posted runs in this turn, so nobody need wake it.
        Volatile.Write(ref _asleep, false);
        Volatile.Write(ref _waits, false);
    }

    /// <summary>Does not let deferred work wait for slow callbacks. Called when one has returned.</summary>
    internal void RunDeferredIfDue()
    {
        if (_deferred.Count == 0 || !FlushDeadline.HasPassedAfterCallback()) return;
        RunDeferred();
        FlushDeadline.Restart(FlushDeadline.Now);
    }

    private void RunContinued()
    {
        if (_continuing.Count == 0) return;
        foreach (IContinuedWork work in _continuing)
        {
            try
            {
                work.Continue();
            }
            catch (Exception e)
            {
                Report(e);
            }
            RunDeferredIfDue();
        }
        _continuing.Clear();
    }

    private void RunTimers()
    {
        if (_timers.Count == 0) return;
        long now = LoopClock.Ticks;
        long lastSequence = _timers.LastSequence;
        long ranAt = now;
        while (ranAt - now < TimerBudget && _timers.TryTakeDue(now, lastSequence, out LoopTimer? timer))
        {
            Guard(CallbackKind.Timer, timer!.Callback);
            if (timer.Persistent) _timers.Rearm(timer, TimerCoalescing.Next(timer.Due, now, timer.Interval));
            ranAt = LoopClock.Ticks;
            RunDeferredIfDue();
        }
    }

    private void RunPosted()
    {
        lock (_gate)
        {
            if (_posted.Count == 0) return;
            (_posted, _running) = (_running, _posted);
        }
        // What these post waits for the next turn, so that work which posts itself again does not hold up the sockets.
        foreach (Action work in _running)
        {
            Guard(CallbackKind.Posted, work);
            RunDeferredIfDue();
        }
        _running.Clear();
    }

    private void RunTicks()
    {
        if (_ticked.Count == 0 || _now < _nextTick) return;
        _nextTick = LoopClock.Ticks + TickInterval;
        for (int i = 0; i < _ticked.Count; i++) Guard(CallbackKind.Tick, _ticked[i]);
    }

    private void RunDeferred()
    {
        if (_deferred.Count == 0) return;
        // By index: what is deferred by deferred work (a flush that closes) still belongs to this turn.
        for (int i = 0; i < _deferred.Count; i++)
        {
            try
            {
                _deferred[i].RunDeferred();
            }
            catch (Exception e)
            {
                Report(e);
            }
        }
        _deferred.Clear();
    }

    private void End()
    {
        lock (_gate)
        {
            if (_ended) return;
            _ended = true;
            (_posted, _running) = (_running, _posted);
        }
        // One last round, which ends: posting is refused from here on.
        foreach (Action work in _running) Guard(CallbackKind.Posted, work);
        _running.Clear();
        if (Ending is { } ending) Guard(CallbackKind.Posted, ending);
        RunDeferred();
        _continued.Clear();
        _timers.Clear();
        // The runtime gives thread ids out again: on a later thread with this id, this loop is not the current one.
        _threadId = -1;
        LoopRegistry.Remove(_number);
        FigureRegistry.Retire(Figures);
        Close();
    }
}
