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
    /// Connections in a turn while hardly any wait: few, so that several loops share them, and open connections are not kept
    /// waiting.
    /// </summary>
    private const int Least = 8;

    /// <summary>Connections in a turn while so many wait.</summary>
    private const int Most = 512;

    /// <summary>How long accepting may take in a turn, once it has accepted <see cref="Least"/>.</summary>
    private static readonly long MaxTime = LoopClock.FromMilliseconds(2);

    private readonly EpollLoop _loop;
    private readonly IAcceptHandler _handler;
    private readonly int _fd;
    private readonly ulong _data;
    private bool _enabled = true;
    private bool _disposed;

    /// <summary>
    /// Connections in a turn: twice as many as in the last one that left some waiting, half as many as in the last one that left
    /// none. So those that come at once are all accepted within a few turns, however much else there is in a turn.
    /// </summary>
    private int _most = Least;

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
        FlushDeadline clock = _loop.FlushDeadline;
        long begin = clock.LastLook;
        for (int i = 0; i < _most; i++)
        {
            if (!_enabled || _disposed) return;
            if (i > 0 && i % Least == 0 && clock.Look() - begin > MaxTime) return;
            int fd = SocketCalls.Accept(_fd, out PeerName peer);
            if (fd < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                _most = Math.Max(Least, _most / 2);
                OnError(error);
                return;
            }
            _handler.OnAccepted(new ConnectedSocket(fd, peer));
            // As behind any other callback.
            _loop.RunDeferredIfDue();
        }
        _most = Math.Min(2 * _most, Most);
    }

    private void OnError(int error)
    {
        // Any other error is about one connection that was gone before it was accepted (accept(2)), or says that another loop has
        // accepted it. If there are more, epoll reports the socket again.
        if (error is EMFILE or ENFILE or ENOBUFS or ENOMEM) _handler.OnAcceptError(SocketError.TooManyOpenSockets);
    }
}
