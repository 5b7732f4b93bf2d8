using System.Buffers;
using System.Net;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.Handover;
using Workerman.Hosting;
using Workerman.Protocols;

namespace Workerman.Workers;

/// <summary>
/// A UDP worker on one loop: receives its share of the datagrams and calls the application with their messages. A datagram that
/// is refused has no effect but a line of level Debug. Belongs to the loop's thread.
/// </summary>
internal sealed class UdpLoopWorker<T>(UdpWorker<T> worker, IEventLoop loop, int id, LoopThread thread, bool ownsLoop,
    Func<ConnectionProtocol> makeProtocol)
    : DatagramChannel(loop, new TrafficFigures(worker.Figures, loop.Figures)), ILoopWorker, IFaultHandler<UdpConnection>
{
    private readonly ILogger _logger = worker.PeerLog;
    private Listener? _listener;
    private bool _stopped;
    private bool _handsOver;

    /// <summary>How many messages are with asynchronous callbacks that have not ended.</summary>
    private int _pending;
    private Func<UdpConnection<T>, T, Task>? _counted;

    public int Id => id;

    public LoopThread Thread => thread;

    public bool OwnsLoop => ownsLoop;

    public object? Context { get; set; }

    public bool IsDrained => _stopped;

    public void Start() => Running.Call(CallbackKind.OnWorkerStart, worker.OnWorkerStart, worker);

    public void AcceptFrom(Listener? listener)
    {
        if (_listener == listener) return;
        Close();
        _listener?.Release();
        _listener = _stopped ? null : listener;
        if (_listener is null) return;
        _listener.Acquire();
        Open(_listener.Socket);
        if (worker.IsAcceptPaused) IsPaused = true;
    }

    public void PauseAccepting() => IsPaused = true;

    public void ResumeAccepting() => IsPaused = _handsOver;

    public void TellOfReload() =>
        ApplicationGuard.Call(Running, CallbackKind.OnWorkerReload, worker, worker, worker.OnWorkerReload);

    public void Stop()
    {
        if (_stopped) return;
        if (!_handsOver) ApplicationGuard.Call(Running, CallbackKind.OnWorkerStop, worker, worker, worker.OnWorkerStop);
        End();
    }

    /// <summary>
    /// Receives no more, and ends when the work that is pending has: whoever replies by a timer has the time in which other
    /// connections are waited for.
    /// </summary>
    public void HandOver(HandoverPlan plan)
    {
        plan.LoopIsDone();
        if (_stopped || _handsOver) return;
        _handsOver = true;
        TellOfReload();
        worker.LeaveListeners();
        ApplicationGuard.Call(Running, CallbackKind.OnWorkerStop, worker, worker, worker.OnWorkerStop);
        IsPaused = true;
        long earliest = Loop.Now + (long)plan.IdleTime.TotalMilliseconds;
        // The application may delete the timer.
        Loop.AddTick(() => EndIfIdle(earliest));
        EndWhenIdle(plan.IdleTime, earliest);
    }

    private void EndWhenIdle(TimeSpan time, long earliest) => Loop.AddTimer(time, () =>
    {
        EndIfIdle(earliest);
        if (!_stopped) EndWhenIdle(TimeSpan.FromMilliseconds(10), earliest);
    }, persistent: false);

    private void EndIfIdle(long earliest)
    {
        if (!_stopped && _pending == 0 && Loop.Now >= earliest) End();
    }

    private void End()
    {
        _stopped = true;
        AcceptFrom(null);
        worker.Detach(this);
        Thread.StopIfDrained();
    }

    public void Abort()
    {
    }

    public UdpConnection<T> PeerAt(IPEndPoint remote) => new UdpPeer<T>(this, makeProtocol(), remote);

    protected override void OnError(UdpConnection connection, ConnectionError error, string reason) =>
        ApplicationGuard.Call(Running, CallbackKind.OnError, this, connection, worker.OnError, error, reason);

    public void OnFault(UdpConnection peer, Exception exception) => ReportFault(peer.RemoteAddress, exception);

    protected override void OnDatagramFault(IPEndPoint from, Exception exception) => ReportFault(from, exception);

    protected override void OnDatagram(ReadOnlySequence<byte> datagram, IPEndPoint from)
    {
        ConnectionProtocol protocol = makeProtocol();
        if (IsWorthDecoding(datagram, protocol)) ReadMessages(new UdpPeer<T>(this, protocol, from), protocol, datagram, from);
    }

    /// <summary>The worker's asynchronous callback, which is counted while it has not ended; null if there is none.</summary>
    private Func<UdpConnection<T>, T, Task>? Counted => worker.OnMessageAsync is null ? null : _counted ??= CallAsync;

    private async Task CallAsync(UdpConnection<T> peer, T message)
    {
        _pending++;
        try
        {
            await worker.OnMessageAsync!(peer, message);
        }
        finally
        {
            _pending--;
        }
    }

    private void ReadMessages(UdpPeer<T> peer, ConnectionProtocol protocol, ReadOnlySequence<byte> datagram, IPEndPoint from)
    {
        while (IsOpen)
        {
            Verdict verdict = ((IDecoder<T>)protocol).TryDecode(ref datagram, MaxSize, out T message);
            if (verdict.Kind != VerdictKind.Message)
            {
                // A message that is not whole here never will be: datagrams are not put together. All that follows is dropped.
                Log.DatagramRefused(_logger, worker.Name, $"{from}", verdict.Reason ?? "no whole message is in it");
                return;
            }
            Figures.CountRequest();
            if (!ApplicationGuard.Deliver<UdpConnection<T>, T>(
                Running, CallbackKind.OnMessage, this, peer, message, worker.OnMessage, Counted))
                throw new InvalidOperationException(
                    $"Worker {worker.Name} has no OnMessage, so nobody answers; set it, or OnMessageAsync.");
            if (datagram.IsEmpty) return;
            if (!IsBudgetSpentAfterMessage()) continue;
            ContinueNextTurn(datagram, from, rest => ReadMessages(peer, protocol, rest, from));
            return;
        }
    }

    private void ReportFault(IPEndPoint? from, Exception exception)
    {
        Figures.CountException();
        Log.DatagramFailed(_logger, worker.Name, $"{from}", exception);
    }
}
