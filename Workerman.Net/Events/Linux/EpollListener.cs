using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.Errno;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// One listening socket in an epoll set. It calls accept4(2) instead of <see cref="Socket.Accept()"/>, which throws where the
/// backlog is empty: with several loops on one socket that is every second time. Belongs to the loop's thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class EpollListener : ILoopListener, IEpollHandler
{
    /// <summary>
    /// Connections in a turn: few, so that several loops share many new ones, and open connections are not kept waiting.
    /// </summary>
    private const int BatchSize = 8;

    private readonly EpollLoop _loop;
    private readonly IAcceptHandler _handler;
    private readonly int _fd;
    private readonly ulong _data;
    private bool _enabled = true;
    private bool _disposed;

    public EpollListener(EpollLoop loop, Socket listener, IAcceptHandler handler)
    {
        _loop = loop;
        _handler = handler;
        listener.Blocking = false;
        _fd = (int)listener.Handle;
        _data = loop.Add(_fd, EPOLLIN, this);
    }

    public bool Enabled
    {
        get => _enabled;
        set
        {
            if (_disposed || value == _enabled) return;
            _enabled = value;
            _loop.Modify(_fd, value ? EPOLLIN : 0, _data);
        }
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _loop.Remove(_fd, _data);
    }

    public void OnReady(uint events)
    {
        for (int i = 0; i < BatchSize && _enabled && !_disposed; i++)
        {
            int fd = SocketCalls.Accept(_fd, out PeerName peer);
            if (fd < 0)
            {
                OnError(Marshal.GetLastPInvokeError());
                return;
            }
            _handler.OnAccepted(new ConnectedSocket(fd, peer));
        }
    }

    private void OnError(int error)
    {
        // Any other error is about one connection that was gone before it was accepted (accept(2)), or says that another loop has
        // accepted it. If there are more, epoll reports the socket again.
        if (error is EMFILE or ENFILE or ENOBUFS or ENOMEM) _handler.OnAcceptError(SocketError.TooManyOpenSockets);
    }
}
