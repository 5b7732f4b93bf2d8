using System.Buffers;
using System.Net;
using Microsoft.Extensions.Logging;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols;

namespace Workerman.Workers;

/// <summary>
/// A UDP worker on one loop: its share of the datagrams, and the guarded calls of the application. A datagram that is refused costs nobody anything.
/// Belongs to the loop's thread.
/// </summary>
internal sealed class UdpLoopWorker<T>(UdpWorker<T> worker, IEventLoop loop, int id, LoopThread thread, bool ownsLoop, Func<ConnectionProtocol> makeProtocol)
    : DatagramChannel(loop), ILoopWorker
{
    private readonly ILogger _logger = thread.Settings.Logger;
    private Listener? _listener;
    private bool _stopped;

    public int Id => id;

    public LoopThread Thread => thread;

    public bool OwnsLoop => ownsLoop;

    public ConnectionCollection Connections { get; } = new();

    public object? Context { get; set; }

    public bool IsDrained => _stopped;

    public void Start() => worker.OnWorkerStart?.Invoke(worker);

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

    public int Load => 0;

    /// <summary>Datagrams have no connection that could be handed over.</summary>
    public bool TryHandOver(ConnectedSocket socket) => false;

    public void PauseAccepting() => IsPaused = true;

    public void ResumeAccepting() => IsPaused = false;

    public void Stop()
    {
        if (_stopped) return;
        try
        {
            worker.OnWorkerStop?.Invoke(worker);
        }
        catch (Exception e)
        {
            Log.CallbackFailed(_logger, worker.Name, e);
        }
        _stopped = true;
        AcceptFrom(null);
        worker.Detach(this);
        Thread.StopIfDrained();
    }

    public void Abort()
    {
    }

    public UdpConnection<T> PeerAt(IPEndPoint remote) => new UdpPeer<T>(this, makeProtocol(), remote);

    public override void OnError(UdpConnection connection, ConnectionError error, string reason)
    {
        try
        {
            worker.OnError?.Invoke(connection, error, reason);
        }
        catch (Exception e)
        {
            OnFault(connection, e);
        }
    }

    protected override void OnDatagram(ReadOnlySequence<byte> datagram, IPEndPoint from)
    {
        ConnectionProtocol protocol;
        try
        {
            protocol = makeProtocol();
        }
        catch (Exception e)
        {
            Log.DatagramFailed(_logger, worker.Name, $"{from}", e);
            return;
        }
        if (IsWorthDecoding(datagram, protocol)) ReadMessages(new UdpPeer<T>(this, protocol, from), datagram);
    }

    private void ReadMessages(UdpPeer<T> connection, ReadOnlySequence<byte> datagram)
    {
        do
        {
            Verdict verdict;
            T message;
            try
            {
                verdict = ((IDecoder<T>)connection.Codec).TryDecode(ref datagram, MaxSize, out message);
            }
            catch (Exception e)
            {
                OnFault(connection, e);
                return;
            }
            if (verdict.Kind != VerdictKind.Message)
            {
                // What is not whole now never will be: it is forgotten, with all that follows it.
                Log.DatagramRefused(_logger, worker.Name, $"{connection.RemoteAddress}", verdict.Reason ?? "no whole message is in it");
                return;
            }
            OnMessage(connection, message);
        }
        while (!datagram.IsEmpty && IsOpen);
    }

    private void OnMessage(UdpPeer<T> connection, T message)
    {
        try
        {
            if (worker.OnMessage is { } handler) handler(connection, message);
            else if (worker.OnMessageAsync is { } asyncHandler) Observe(connection, asyncHandler(connection, message));
            else throw new InvalidOperationException($"Worker {worker.Name} has no OnMessage, so nobody answers; set it, or OnMessageAsync.");
        }
        catch (Exception e)
        {
            OnFault(connection, e);
        }
    }

    private void Observe(UdpPeer<T> connection, Task handling)
    {
        if (!handling.IsCompletedSuccessfully) _ = AwaitAsync(connection, handling);
    }

    private async Task AwaitAsync(UdpPeer<T> connection, Task handling)
    {
        try
        {
            await handling;
        }
        catch (Exception e)
        {
            OnFault(connection, e);
        }
    }

    private void OnFault(UdpConnection connection, Exception exception) =>
        Log.DatagramFailed(_logger, worker.Name, $"{connection.RemoteAddress}", exception);
}
