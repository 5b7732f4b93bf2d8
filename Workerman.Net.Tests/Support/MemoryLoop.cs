using System.Net;
using System.Net.Sockets;
using Workerman.Diagnostics;
using Workerman.Events;

namespace Workerman.Tests.Support;

/// <summary>
/// An event loop without a kernel: its sockets are <see cref="MemorySocket"/>s, its turns are run by hand, and its clock stands
/// still until it is moved. What a callback throws reaches whoever runs the turn. It neither accepts nor connects. For one
/// thread.
/// </summary>
internal sealed class MemoryLoop : IEventLoop
{
    private readonly List<MemorySocket> _sockets = [];
    private readonly List<(long Id, long Due, TimeSpan Interval, Action Callback, bool Persistent)> _timers = [];
    private readonly List<Action> _ticks = [];
    private readonly List<IDeferredWork> _deferred = [];
    private List<IContinuedWork> _continued = [];
    private List<Action> _posted = [];
    private long _lastTimer;
    private StandingClock? _clock;

    public string Name => "memory";

    /// <summary>False for what another thread would find.</summary>
    public bool IsCurrent { get; set; } = true;

    public long Now { get; private set; } = 1_000_000;

    public int TimerCount => _timers.Count;

    public Action<Exception>? ErrorHandler { get; set; }

    /// <summary>How many sends each <see cref="SendAll"/> had.</summary>
    public List<int> Batches { get; } = [];

    /// <summary>The socket that was watched last.</summary>
    public MemorySocket LastSocket => _sockets[^1];

    public ILoopSocket Watch(ConnectedSocket socket, ISocketHandler handler)
    {
        var watched = new MemorySocket(handler);
        _sockets.Add(watched);
        return watched;
    }

    public void SendAll(ReadOnlySpan<byte> bytes, Span<SocketSend> sends)
    {
        Batches.Add(sends.Length);
        foreach (ref SocketSend send in sends) send.Send(bytes);
    }

    /// <summary>
    /// One turn, in the order of a real one: sockets, continued work, due timers, what was posted before it, deferred work and
    /// what that defers.
    /// </summary>
    public void Turn()
    {
        List<IContinuedWork> continued = _continued;
        _continued = [];
        foreach (MemorySocket socket in _sockets.ToArray()) socket.CallBack();
        continued.ForEach(work => work.Continue());
        foreach (long id in _timers.Where(timer => timer.Due <= Now).Select(timer => timer.Id).ToArray()) RunTimer(id);
        List<Action> posted = _posted;
        _posted = [];
        posted.ForEach(work => work());
        for (int i = 0; i < _deferred.Count; i++) _deferred[i].RunDeferred();
        _deferred.Clear();
    }

    /// <summary>As many turns as nobody needs: what has not happened then does not happen by itself.</summary>
    public void TurnUntilNothingHappens()
    {
        for (int i = 0; i < 10; i++) Turn();
    }

    /// <summary>Turns, with something before each, until a condition holds: it is certain to.</summary>
    public void TurnUntil(Func<bool> condition, Action before)
    {
        for (int i = 0; !condition(); i++)
        {
            Assert.That(i, Is.LessThan(100_000), "the turns have no end");
            before();
            Turn();
        }
    }

    /// <summary>Work on the loop, with the rest of its turn.</summary>
    public void Do(Action action)
    {
        Post(action);
        Turn();
    }

    /// <summary>Time passes; the tick, which real loops have about once a second, comes with it.</summary>
    public void Advance(TimeSpan time)
    {
        Now += (long)time.TotalMilliseconds;
        _ticks.ToList().ForEach(tick => tick());
        Turn();
    }

    public long AddTimer(TimeSpan interval, Action callback, bool persistent)
    {
        _timers.Add((++_lastTimer, Now + (long)Math.Ceiling(interval.TotalMilliseconds), interval, callback, persistent));
        return _lastTimer;
    }

    public bool DeleteTimer(long id) => _timers.RemoveAll(timer => timer.Id == id) > 0;

    public void DeleteAllTimers() => _timers.Clear();

    public void AddTick(Action callback) => _ticks.Add(callback);

    public bool Post(Action work)
    {
        _posted.Add(work);
        return true;
    }

    public void Defer(IDeferredWork work) => _deferred.Add(work);

    public void ContinueNextTurn(IContinuedWork work) => _continued.Add(work);

    public LoopFigures Figures { get; } = new();

    public FlushDeadline FlushDeadline => _clock ??= new StandingClock(this);

    /// <summary>Whether what is sent leaves within the callback that sends it, as after a long one.</summary>
    public bool FlushesAtOnce { get; set; }

    public ILoopSocket Watch(Socket socket, ISocketHandler handler) => throw new NotSupportedException();

    public ILoopListener Accept(Socket listener, IAcceptHandler handler) => throw new NotSupportedException();

    public ILoopDatagramSocket WatchDatagrams(Socket socket, IDatagramHandler handler) => throw new NotSupportedException();

    public IDisposable Connect(EndPoint endPoint, EndPoint? localEndPoint, Action<ConnectedSocket>? prepare,
        IConnectHandler handler) =>
        throw new NotSupportedException();

    public void Run() => throw new NotSupportedException("Its turns are run by hand.");

    public void Stop() => throw new NotSupportedException("Its turns are run by hand.");

    public void Dispose()
    {
    }

    private void RunTimer(long id)
    {
        int index = _timers.FindIndex(timer => timer.Id == id);
        // An earlier timer has deleted it.
        if (index < 0) return;
        (_, _, TimeSpan interval, Action callback, bool persistent) = _timers[index];
        _timers.RemoveAt(index);
        if (persistent) _timers.Add((id, Now + (long)Math.Ceiling(interval.TotalMilliseconds), interval, callback, true));
        callback();
    }

    /// <summary>No callback takes any time.</summary>
    private sealed class StandingClock(MemoryLoop loop) : FlushDeadline
    {
        public override long Now => 0;

        public override bool HasPassed(long now) => loop.FlushesAtOnce;
    }
}
