using System.Net;
using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// One datagram socket of a <see cref="SocketLoop"/>: an asynchronous receive that leaves the datagram in the socket (MSG_PEEK)
/// tells that there is one. Its methods run on the loop's thread, the completions on any.
/// </summary>
internal sealed class SocketLoopDatagramSocket : ILoopDatagramSocket, ISocketLoopEvent
{
    private readonly SocketLoop _loop;
    private readonly Socket _socket;
    private readonly IDatagramHandler _handler;
    private readonly SocketAsyncEventArgs _look = new(true);
    private readonly IPEndPoint _any;
    private bool _readEnabled = true;
    private bool _looking;
    private bool _seen;
    private SocketError _told;
    private bool _disposed;

    public SocketLoopDatagramSocket(SocketLoop loop, Socket socket, IDatagramHandler handler)
    {
        _loop = loop;
        _socket = socket;
        _handler = handler;
        _any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        socket.Blocking = false;
        _look.SetBuffer(new byte[1]);
        _look.Completed += (_, _) => _loop.Enqueue(this);
        Look();
    }

    public bool ReadEnabled
    {
        get => _readEnabled;
        set
        {
            _readEnabled = value;
            if (value) Look();
        }
    }

    public int Receive(Span<byte> buffer, out IPEndPoint? from, out SocketError error)
    {
        from = null;
        error = _told;
        _told = SocketError.Success;
        if (error != SocketError.Success) return 0;
        try
        {
            // Where there is nothing to receive the call would throw: the next look tells when there is.
            if (!_seen && _socket.Available == 0)
            {
                error = SocketError.WouldBlock;
                return 0;
            }
            _seen = false;
            EndPoint sender = _any;
            int count = _socket.ReceiveFrom(buffer, SocketFlags.None, ref sender);
            from = (sender as IPEndPoint)?.Unmapped();
            return count;
        }
        catch (SocketException e)
        {
            error = e.SocketErrorCode;
            return 0;
        }
    }

    public SocketError Send(ReadOnlySpan<byte> data, IPEndPoint? to)
    {
        if (to is null)
        {
            _socket.Send(data, SocketFlags.None, out SocketError error);
            return error;
        }
        try
        {
            _socket.SendTo(data, SocketFlags.None, to);
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        // A look that is still under way ends with the next datagram or when the socket is closed, and is disposed of then.
        if (!_looking) _look.Dispose();
    }

    void ISocketLoopEvent.OnReady()
    {
        _looking = false;
        if (_disposed)
        {
            _look.Dispose();
            return;
        }
        if (!_readEnabled) return;
        try
        {
            _seen = _look.SocketError is SocketError.Success or SocketError.MessageSize;
            // The system reports an error once, and has reported it to the look: the receive that follows gets it from here.
            if (!_seen) _told = _look.SocketError;
            _handler.OnReadable();
        }
        finally
        {
            _seen = false;
            Look();
        }
    }

    private void Look()
    {
        if (_disposed || _looking || !_readEnabled) return;
        _looking = true;
        _look.SocketFlags = SocketFlags.Peek;
        if (!_socket.ReceiveAsync(_look)) _loop.Enqueue(this);
    }
}
