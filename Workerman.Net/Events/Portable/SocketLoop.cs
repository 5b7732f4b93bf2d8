using System.Net;
using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// The portable loop: .NET's own socket engine completes an operation on the thread pool, and the loop's thread, which waits on a
/// monitor, handles it. Slower than <see cref="EpollLoop"/> by that change of threads, but the same everywhere .NET runs.
/// </summary>
public sealed class SocketLoop : EventLoop
{
    private readonly object _gate = new();
    private List<ISocketLoopEvent> _ready = [];
    private List<ISocketLoopEvent> _running = [];
    private bool _woken;

    /// <inheritdoc/>
    public override string Name => "socket";

    /// <inheritdoc/>
    public override ILoopSocket Watch(ConnectedSocket socket, ISocketHandler handler)
    {
        Socket own = socket.ToSocket();
        try
        {
            return new SocketLoopSocket(this, own, handler);
        }
        catch
        {
            // The descriptor stays with whoever has given it, who closes it once.
            if (socket.Socket is null) ConnectedSocket.Abandon(own);
            throw;
        }
    }

    /// <inheritdoc/>
    public override ILoopListener Accept(Socket listener, IAcceptHandler handler) =>
        new SocketLoopListener(this, listener, handler);

    /// <inheritdoc/>
    public override ILoopDatagramSocket WatchDatagrams(Socket socket, IDatagramHandler handler) =>
        new SocketLoopDatagramSocket(this, socket, handler);

    /// <inheritdoc/>
    public override IDisposable Connect(EndPoint endPoint, EndPoint? localEndPoint, Action<ConnectedSocket>? prepare,
        IConnectHandler handler) => new SocketLoopConnect(this, endPoint, localEndPoint, prepare, handler);

    /// <summary>Queues an event for the loop's next poll. Any thread.</summary>
    internal void Enqueue(ISocketLoopEvent item)
    {
        lock (_gate)
        {
            _ready.Add(item);
            Monitor.Pulse(_gate);
        }
    }

    private protected override void Poll(int timeout)
    {
        lock (_gate)
        {
            if (_ready.Count == 0 && !_woken && timeout != 0) Monitor.Wait(_gate, timeout);
            _woken = false;
            (_ready, _running) = (_running, _ready);
        }
        ReadClock();
        foreach (ISocketLoopEvent item in _running)
        {
            try
            {
                item.OnReady();
            }
            catch (Exception e)
            {
                Report(e);
            }
            RunDeferredIfDue();
        }
        _running.Clear();
    }

    private protected override void Wake()
    {
        lock (_gate)
        {
            _woken = true;
            Monitor.Pulse(_gate);
        }
    }

    private protected override void Close()
    {
    }
}

/// <summary>What a <see cref="SocketLoop"/> calls on its thread, once each time that it was queued.</summary>
internal interface ISocketLoopEvent
{
    void OnReady();
}
