using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// One attempt to connect: looks the name up, has a <see cref="ConnectRace"/> among its addresses, has the proxy open the tunnel,
/// all within one time limit. It ends with one call of its <see cref="IConnectOutcome"/>, or without one by <see cref="Cancel"/>,
/// and holds no descriptor afterwards. Belongs to the loop's thread.
/// </summary>
internal sealed class ConnectAttempt(IEventLoop loop, ConnectPlan plan, IConnectOutcome outcome)
{
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private ConnectRace? _race;
    private ProxyTunnel? _tunnel;
    private string _stage = "";
    private long _timer;
    private bool _ended;

    public void Start()
    {
        if (plan.Timeout != Timeout.InfiniteTimeSpan) _timer = loop.AddTimer(plan.Timeout, OnTimeout, persistent: false);
        if (plan.Target.IsUnix) Race([new UnixDomainSocketEndPoint(plan.Target.Uri)]);
        else if (plan.Server.Address is { } address) Race([new IPEndPoint(address, plan.Server.Port)]);
        else LookUp();
    }

    /// <summary>Gives up; nothing is called back any more.</summary>
    public void Cancel()
    {
        if (_ended) return;
        _ended = true;
        if (_timer != 0) loop.DeleteTimer(_timer);
        _race?.Cancel();
        _tunnel?.Cancel();
    }

    /// <summary>At each tick: the timer may be gone, because the application may delete all of a loop's timers.</summary>
    public void Tick()
    {
        if (plan.Timeout != Timeout.InfiniteTimeSpan && Stopwatch.GetElapsedTime(_startedAt) > plan.Timeout) OnTimeout();
        else _race?.Tick();
    }

    private void Race(IEnumerable<EndPoint> addresses)
    {
        _race = new ConnectRace(loop, plan, addresses, OnConnected, Fail);
        _race.Start();
    }

    private void OnConnected(ConnectedSocket socket)
    {
        _race = null;
        if (plan.Proxy is null)
        {
            Opened(socket, default);
            return;
        }
        _stage = ", while the proxy opened the way";
        try
        {
            _tunnel = new ProxyTunnel(loop, socket, plan.Proxy.HandshakeTo(plan.Target), Opened, ProxyFailed);
        }
        catch (Exception e)
        {
            // The system does not watch another socket.
            socket.Dispose();
            Fail(SocketError.NoBufferSpaceAvailable, e.Message);
        }
    }

    private void LookUp()
    {
        _stage = $", while {plan.Server.Host} was looked up";
        _ = LookUpAsync();
    }

    private async Task LookUpAsync()
    {
        try
        {
            IPAddress[] addresses = await plan.LookUp(plan.Server.Host).ConfigureAwait(false);
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
        IPEndPoint[] endPoints = [.. addresses.Where(address => family is null || address.AddressFamily == family)
            .Select(address => new IPEndPoint(address, plan.Server.Port))];
        string ofFamily = family is null ? "" : " of the family that BindTo has";
        if (endPoints.Length > 0) Race(endPoints);
        else Fail(SocketError.HostNotFound, $"{plan.Server.Host} has no address{ofFamily}");
    }

    private void OnLookUpFailed(Exception exception)
    {
        if (_ended) return;
        SocketError error = (exception as SocketException)?.SocketErrorCode ?? SocketError.HostNotFound;
        Fail(error, $"{plan.Server.Host} cannot be looked up: {exception.Message}");
    }

    private void ProxyFailed(SocketError error, string reason) => Fail(error, $"the proxy: {reason}");

    private void OnTimeout() => Fail(SocketError.TimedOut, $"no answer within ConnectTimeout{_race?.Stage ?? _stage}");

    private void Opened(ConnectedSocket socket, ReadOnlySpan<byte> received)
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
}
