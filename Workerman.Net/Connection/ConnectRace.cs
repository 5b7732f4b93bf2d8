using System.Net;
using System.Net.Sockets;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// Connects to the one of several addresses that answers first (RFC 8305, Happy Eyeballs): families take turns, the next address
/// is tried when the last one has failed or has not answered for a while, and the first connection ends the other attempts. It
/// knows no look-up, no proxy and no time limit. Belongs to the loop's thread and to its <see cref="ConnectAttempt"/>.
/// </summary>
internal sealed class ConnectRace
{
    /// <summary>
    /// After which a Unix socket whose backlog is full is connected to again: connect(2) fails at once there, where TCP waits.
    /// </summary>
    private static readonly TimeSpan UnixRetryDelay = TimeSpan.FromMilliseconds(10);

    /// <summary>How many failures an error message names.</summary>
    private const int MaxTold = 8;

    private readonly IEventLoop _loop;
    private readonly ConnectPlan _plan;
    private readonly Action<ConnectedSocket> _won;
    private readonly Action<SocketError, string> _lost;
    private readonly Queue<EndPoint> _untried;
    private readonly List<Runner> _runners = [];
    private readonly List<(EndPoint EndPoint, SocketError Error)> _failures = [];
    private readonly bool _isNamed;
    private long _timer;
    private long _nextAt = long.MaxValue;
    private bool _ended;

    /// <param name="loop">Where it runs.</param>
    /// <param name="plan">What is connected.</param>
    /// <param name="addresses">Where to, in the order that the system's look-up prefers.</param>
    /// <param name="won">Takes the connection. Called once, or <paramref name="lost"/> is.</param>
    /// <param name="lost">Takes the error, and why there is no connection.</param>
    public ConnectRace(IEventLoop loop, ConnectPlan plan, IEnumerable<EndPoint> addresses, Action<ConnectedSocket> won,
        Action<SocketError, string> lost)
    {
        _loop = loop;
        _plan = plan;
        _won = won;
        _lost = lost;
        _untried = new Queue<EndPoint>(Interleave([.. addresses]));
        _isNamed = plan.Server.Address is null && !plan.Target.IsUnix;
    }

    /// <summary>What is under way, for an error message: begins with a comma, or is empty.</summary>
    public string Stage
    {
        get
        {
            if (!_isNamed) return "";
            string before = _failures.Count == 0 ? "" : $"; before: {Told()}";
            return $", while {string.Join(" and ", _runners.Select(runner => runner.EndPoint))} "
                + $"{(_runners.Count == 1 ? "was" : "were")} connected to{before}";
        }
    }

    public void Start() => TryNext();

    /// <summary>Gives up; nothing is called back any more.</summary>
    public void Cancel()
    {
        if (_ended) return;
        _ended = true;
        StopTimer();
        foreach (Runner runner in _runners) runner.Cancel();
        _runners.Clear();
    }

    /// <summary>At each tick: the timer may be gone, because the application may delete all of a loop's timers.</summary>
    public void Tick()
    {
        if (!_ended && _loop.Now >= _nextAt) TryNext();
    }

    /// <summary>
    /// RFC 8305 section 4, with a First Address Family Count of 1: the family that the system prefers begins, then they take
    /// turns; within a family the system's order stays (RFC 6724).
    /// </summary>
    internal static IEnumerable<EndPoint> Interleave(EndPoint[] addresses)
    {
        if (addresses.Length == 0) yield break;
        var preferred = new Queue<EndPoint>(addresses.Where(address => address.AddressFamily == addresses[0].AddressFamily));
        var others = new Queue<EndPoint>(addresses.Where(address => address.AddressFamily != addresses[0].AddressFamily));
        while (preferred.Count + others.Count > 0)
        {
            if (preferred.TryDequeue(out EndPoint? one)) yield return one;
            if (others.TryDequeue(out EndPoint? other)) yield return other;
        }
    }

    private void TryNext()
    {
        StopTimer();
        if (!_untried.TryDequeue(out EndPoint? endPoint)) return;
        var runner = new Runner(this, endPoint);
        _runners.Add(runner);
        try
        {
            runner.Start();
        }
        catch (Exception e)
        {
            // ConfigureSocket has thrown, and would for the other addresses. Reported later, like all outcomes.
            _runners.Remove(runner);
            _loop.Post(() => End(SocketError.InvalidArgument, e.Message));
            return;
        }
        if (_untried.Count > 0) NextAfter(_plan.AttemptDelay);
    }

    private void NextAfter(TimeSpan delay)
    {
        if (delay == Timeout.InfiniteTimeSpan) return;
        _nextAt = _loop.Now + (long)delay.TotalMilliseconds;
        _timer = _loop.AddTimer(delay, TryNext, persistent: false);
    }

    private void StopTimer()
    {
        if (_timer != 0) _loop.DeleteTimer(_timer);
        _timer = 0;
        _nextAt = long.MaxValue;
    }

    private void OnConnected(Runner runner, ConnectedSocket socket)
    {
        if (!_plan.Target.IsUnix && socket.MeetsItself())
        {
            socket.Dispose();
            OnFailed(runner, SocketError.ConnectionRefused);
            return;
        }
        _runners.Remove(runner);
        Cancel();
        _won(socket);
    }

    private void OnFailed(Runner runner, SocketError error)
    {
        _runners.Remove(runner);
        if (_plan.Target.IsUnix && error == SocketError.WouldBlock)
        {
            _untried.Enqueue(runner.EndPoint);
            NextAfter(UnixRetryDelay);
            return;
        }
        _failures.Add((runner.EndPoint, error));
        // RFC 8305 section 5: the next attempt begins at once where one has failed.
        if (_untried.Count > 0) TryNext();
        else if (_runners.Count == 0) End(Foremost(), _failures.Count == 1 ? WordsOf(error) : $"no address answers: {Told()}");
    }

    private void End(SocketError error, string reason)
    {
        if (_ended) return;
        Cancel();
        _lost(error, reason);
    }

    /// <summary>
    /// The failure that is reported: that of an address which was reached, before those of addresses whose network or family was
    /// not.
    /// </summary>
    private SocketError Foremost()
    {
        SocketError? reached = null;
        foreach ((_, SocketError error) in _failures)
        {
            if (error is not (SocketError.NetworkUnreachable or SocketError.HostUnreachable
                or SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable)) reached ??= error;
        }
        return reached ?? _failures[^1].Error;
    }

    private string Told()
    {
        string told =
            string.Join("; ", _failures.Take(MaxTold).Select(failure => $"{failure.EndPoint}: {WordsOf(failure.Error)}"));
        return _failures.Count <= MaxTold ? told : $"{told}; and {_failures.Count - MaxTold} more";
    }

    /// <summary>The system's text for an error; ours where its text is about another kind of address.</summary>
    private string WordsOf(SocketError error) => error switch
    {
        SocketError.AddressNotAvailable when _plan.Target.IsUnix => "no such socket file",
        SocketError.TooManyOpenSockets => DescriptorHeadroom.Refusal,
        _ => new SocketException((int)error).Message,
    };

    /// <summary>One address that is being connected to.</summary>
    private sealed class Runner(ConnectRace race, EndPoint endPoint) : IConnectHandler
    {
        private IDisposable? _connecting;

        public EndPoint EndPoint => endPoint;

        public void Start() => _connecting = race._loop.Connect(endPoint, race._plan.BindTo, race._plan.Prepare, this);

        public void Cancel() => _connecting?.Dispose();

        void IConnectHandler.OnConnected(ConnectedSocket socket) => race.OnConnected(this, socket);

        void IConnectHandler.OnConnectFailed(SocketError error) => race.OnFailed(this, error);
    }
}
