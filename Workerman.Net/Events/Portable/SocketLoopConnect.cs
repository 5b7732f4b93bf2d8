using System.Net;
using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// One socket of a <see cref="SocketLoop"/> that is being connected, asynchronously. Disposing gives up. Runs on the loop's
/// thread, the completion on any.
/// </summary>
internal sealed class SocketLoopConnect : IDisposable, ISocketLoopEvent
{
    private readonly SocketLoop _loop;
    private readonly IConnectHandler _handler;
    private readonly SocketAsyncEventArgs _connect = new(true);
    private readonly Socket? _socket;
    private readonly SocketError _refusal;
    private bool _disposed;

    public SocketLoopConnect(SocketLoop loop, EndPoint endPoint, EndPoint? localEndPoint, Action<ConnectedSocket>? prepare,
        IConnectHandler handler)
    {
        _loop = loop;
        _handler = handler;
        _connect.RemoteEndPoint = endPoint;
        _connect.Completed += (_, _) => _loop.Enqueue(this);
        bool started = false;
        try
        {
            _socket = DescriptorHeadroom.NewSocket(endPoint.AddressFamily, SocketType.Stream,
                endPoint is IPEndPoint ? ProtocolType.Tcp : ProtocolType.Unspecified);
            prepare?.Invoke(new ConnectedSocket(_socket));
            if (localEndPoint is not null) _socket.Bind(localEndPoint);
            started = _socket.ConnectAsync(_connect);
        }
        catch (SocketException e)
        {
            _refusal = e.SocketErrorCode;
        }
        catch
        {
            _socket?.Dispose();
            _connect.Dispose();
            throw;
        }
        if (!started) _loop.Enqueue(this);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        // Ends the connect that is under way, too, whose completion disposes of the rest.
        _socket?.Dispose();
    }

    void ISocketLoopEvent.OnReady()
    {
        SocketError error = _refusal == SocketError.Success ? _connect.SocketError : _refusal;
        _connect.Dispose();
        if (_disposed) return;
        _disposed = true;
        if (error != SocketError.Success)
        {
            _socket?.Dispose();
            _handler.OnConnectFailed(error);
            return;
        }
        _socket!.Blocking = false;
        _handler.OnConnected(new ConnectedSocket(_socket, PeerName.Of(_connect.RemoteEndPoint)));
    }
}
