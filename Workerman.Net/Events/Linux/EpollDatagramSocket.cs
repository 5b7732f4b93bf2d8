using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// One datagram socket in an epoll set, used by its descriptor: .NET's own calls throw where there is nothing to receive. Belongs
/// to the loop's thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class EpollDatagramSocket : ILoopDatagramSocket, IEpollHandler
{
    private readonly EpollLoop _loop;
    private readonly IDatagramHandler _handler;
    private readonly int _fd;
    private readonly bool _isIPv6;
    private readonly ulong _data;
    private bool _readEnabled = true;
    private bool _disposed;

    public EpollDatagramSocket(EpollLoop loop, Socket socket, IDatagramHandler handler)
    {
        _loop = loop;
        _handler = handler;
        _isIPv6 = socket.AddressFamily == AddressFamily.InterNetworkV6;
        socket.Blocking = false;
        _fd = (int)socket.Handle;
        _data = loop.Add(_fd, EPOLLIN, this);
    }

    public bool ReadEnabled
    {
        get => _readEnabled;
        set
        {
            if (_disposed || value == _readEnabled) return;
            _readEnabled = value;
            _loop.Modify(_fd, value ? EPOLLIN : 0, _data);
        }
    }

    public int Receive(Span<byte> buffer, out IPEndPoint? from, out SocketError error) =>
        SocketCalls.ReceiveFrom(_fd, buffer, out from, out error);

    public SocketError Send(ReadOnlySpan<byte> data, IPEndPoint? to) => SocketCalls.SendTo(_fd, data, to, _isIPv6);

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _loop.Remove(_fd, _data);
    }

    public void OnReady(uint events)
    {
        // epoll reports an error also while no events are asked for, in every turn until it is taken.
        if (!_readEnabled) _ = SocketOptions.TakeError(_fd);
        else _handler.OnReadable();
    }
}
