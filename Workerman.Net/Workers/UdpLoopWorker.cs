using System.Buffers;
using System.Net;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Diagnostics;
using Workerman.Events;
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

    public void ResumeAccepting() => IsPaused = false;

    public void Stop()
    {
        if (_stopped) return;
        ApplicationGuard.Call(Running, CallbackKind.OnWorkerStop, worker, worker, worker.OnWorkerStop);
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
                Running, CallbackKind.OnMessage, this, peer, message, worker.OnMessage, worker.OnMessageAsync))
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
