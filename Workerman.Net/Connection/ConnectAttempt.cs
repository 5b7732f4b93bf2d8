using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// One attempt to connect: looks the name up, tries its addresses in turn, has the proxy open the way, all within one time limit. It ends with one word
/// to its <see cref="IConnectOutcome"/>, or silently with <see cref="Cancel"/>, and holds no descriptor afterwards. Belongs to the loop's thread.
/// </summary>
internal sealed class ConnectAttempt(IEventLoop loop, ConnectPlan plan, IConnectOutcome outcome) : IConnectHandler
{
    /// <summary>How long until a Unix socket whose backlog is full is asked again: its connect does not wait, as that of TCP does.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(10);

    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private readonly Queue<EndPoint> _untried = new();
    private IDisposable? _connecting;
    private ProxyTunnel? _tunnel;
    private string _stage = "";
    private long _timer;
    private long _retry;
    private bool _ended;

    public void Start()
    {
        if (plan.Timeout != Timeout.InfiniteTimeSpan) _timer = loop.AddTimer(plan.Timeout, OnTimeout, persistent: false);
        if (plan.Target.IsUnix) Try([new UnixDomainSocketEndPoint(plan.Target.Uri)]);
        else if (plan.Address is { } address) Try([new IPEndPoint(address, plan.Port)]);
        else LookUp();
    }

    /// <summary>Gives up; nothing is told any more.</summary>
    public void Cancel()
    {
        if (_ended) return;
        _ended = true;
        if (_timer != 0) loop.DeleteTimer(_timer);
        if (_retry != 0) loop.DeleteTimer(_retry);
        _connecting?.Dispose();
        _tunnel?.Cancel();
    }

    /// <summary>About once a second: the timer may be gone, because the application may delete all of a loop's timers.</summary>
    public void Beat()
    {
        if (plan.Timeout != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(_startedAt) > plan.Timeout) OnTimeout();
    }

    void IConnectHandler.OnConnected(AcceptedSocket socket)
    {
        if (!plan.Target.IsUnix)
        {
            if (socket.MeetsItself())
            {
                socket.Dispose();
                ((IConnectHandler)this).OnConnectFailed(SocketError.ConnectionRefused);
                return;
            }
            SetNoDelay(socket);
        }
        _connecting = null;
        if (plan.Proxy is null)
        {
            Opened(socket, default);
            return;
        }
        _stage = "while the proxy opened the way";
        try
        {
            _tunnel = new ProxyTunnel(loop, socket, plan.Proxy.HandshakeTo(plan.Target), Opened, ProxyFailed);
        }
        catch (Exception e)
        {
            // The system has no room for another watch.
            socket.Dispose();
            Fail(SocketError.NoBufferSpaceAvailable, e.Message);
        }
    }

    void IConnectHandler.OnConnectFailed(SocketError error)
    {
        _connecting = null;
        if (plan.Target.IsUnix && error == SocketError.WouldBlock) _retry = loop.AddTimer(Patience, () => Try([new UnixDomainSocketEndPoint(plan.Target.Uri)]), persistent: false);
        else if (_untried.Count > 0) TryNext();
        else Fail(error, WordsOf(error));
    }

    private static void SetNoDelay(AcceptedSocket socket)
    {
        try
        {
            socket.SetNoDelay();
        }
        catch (SocketException)
        {
            // Its peer has reset it already, which the first receive finds.
        }
    }

    private void LookUp()
    {
        _stage = $"while {plan.Host} was looked up";
        _ = LookUpAsync();
    }

    private async Task LookUpAsync()
    {
        try
        {
            IPAddress[] addresses = await plan.LookUp(plan.Host).ConfigureAwait(false);
            loop.Post(() => OnLookedUp(addresses));
        }
        catch (Exception e)
        {
            loop.Post(() => OnLookUpFailed(e));
        }
    }

    private void OnLookedUp(IPAddress[] addresses)
    {
        if (_ended) return;
        AddressFamily? family = plan.BindTo?.AddressFamily;
        IPEndPoint[] endPoints = [.. addresses.Where(address => family is null || address.AddressFamily == family).Select(address => new IPEndPoint(address, plan.Port))];
        if (endPoints.Length > 0) Try(endPoints);
        else Fail(SocketError.HostNotFound, $"{plan.Host} has no address{(family is null ? "" : " of the family that BindTo has")}");
    }

    private void OnLookUpFailed(Exception exception)
    {
        if (!_ended) Fail((exception as SocketException)?.SocketErrorCode ?? SocketError.HostNotFound, $"{plan.Host} cannot be looked up: {exception.Message}");
    }

    private void Try(IEnumerable<EndPoint> endPoints)
    {
        foreach (EndPoint endPoint in endPoints) _untried.Enqueue(endPoint);
        TryNext();
    }

    private void TryNext()
    {
        EndPoint endPoint = _untried.Dequeue();
        _stage = plan.Address is null && !plan.Target.IsUnix ? $"while {endPoint} was connected to" : "";
        _connecting = loop.Connect(endPoint, plan.BindTo, this);
    }

    private void ProxyFailed(SocketError error, string reason) => Fail(error, $"the proxy: {reason}");

    private void OnTimeout() => Fail(SocketError.TimedOut, $"no answer within ConnectTimeout{(_stage.Length == 0 ? "" : $", {_stage}")}");

    private void Opened(AcceptedSocket socket, ReadOnlySpan<byte> received)
    {
        if (_ended)
        {
            socket.Dispose();
            return;
        }
        _tunnel = null;
        Cancel();
        outcome.OnOpened(socket, received);
    }

    private void Fail(SocketError error, string reason)
    {
        if (_ended) return;
        Cancel();
        string seconds = Stopwatch.GetElapsedTime(_startedAt).TotalSeconds.ToString("0.####", CultureInfo.InvariantCulture);
        outcome.OnFailed(error, $"connect {plan} failed after {seconds} seconds: {reason}");
    }

    /// <summary>The system's words, but where it has only a number for what it has words for.</summary>
    private string WordsOf(SocketError error) => error switch
    {
        SocketError.AddressNotAvailable when plan.Target.IsUnix => "no such socket file",
        _ => new SocketException((int)error).Message,
    };
}
