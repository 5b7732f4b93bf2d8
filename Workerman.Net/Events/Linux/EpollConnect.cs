using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// One bare descriptor that is being connected: connect(2) returns at once, the descriptor becomes writable when the attempt has
/// ended, and SO_ERROR tells the outcome. Disposing gives up. Belongs to the loop's thread and to the caller of
/// <see cref="IEventLoop.Connect"/>.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class EpollConnect : IDisposable, IEpollHandler
{
    private readonly EpollLoop _loop;
    private readonly IConnectHandler _handler;
    private readonly PeerName _peer;
    private readonly int _fd;
    private ulong _data;
    private bool _watched;
    private bool _ended;

    public EpollConnect(EpollLoop loop, EndPoint endPoint, EndPoint? localEndPoint, Action<ConnectedSocket>? prepare,
        IConnectHandler handler)
    {
        _loop = loop;
        _handler = handler;
        _peer = PeerName.Of(endPoint);
        SocketAddress address = endPoint.Serialize();
        _fd = Open(MemoryMarshal.Read<ushort>(address.Buffer.Span), out SocketError error);
        if (_fd >= 0 && prepare is not null) Prepare(prepare);
        if (_fd >= 0) error = Start(address, localEndPoint?.Serialize());
        if (error == SocketError.InProgress) error = Watch();
        // What has ended at once, as with Unix sockets, is reported by posted work: not before the caller has the result.
        if (!_watched) loop.Post(() => End(error));
    }

    public void OnReady(uint events) => End(SocketOptions.TakeError(_fd));

    public void Dispose()
    {
        if (_ended) return;
        _ended = true;
        Unwatch();
        if (_fd >= 0) _ = close(_fd);
    }

    private static int Open(int family, out SocketError error)
    {
        int opened = StandardDescriptors.Lift(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        error = opened < 0 ? SocketCalls.LastError() : SocketError.Success;
        if (opened < 0 || !DescriptorHeadroom.IsReachedBy(opened)) return opened;
        _ = close(opened);
        DescriptorHeadroom.CountRefused();
        error = SocketError.TooManyOpenSockets;
        return -1;
    }

    private void Prepare(Action<ConnectedSocket> prepare)
    {
        try
        {
            prepare(new ConnectedSocket(_fd, _peer));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private SocketError Start(SocketAddress address, SocketAddress? local)
    {
        if (local is not null && SocketCalls.Bind(_fd, local) != 0) return SocketCalls.LastError();
        if (SocketCalls.Connect(_fd, address) == 0) return SocketError.Success;
        SocketError error = SocketCalls.LastError();
        // An interrupted connect goes on by itself (connect(2), EINTR).
        return error == SocketError.Interrupted ? SocketError.InProgress : error;
    }

    private SocketError Watch()
    {
        try
        {
            _data = _loop.Add(_fd, EPOLLOUT, this);
            _watched = true;
            return SocketError.InProgress;
        }
        catch (Win32Exception)
        {
            return SocketError.NoBufferSpaceAvailable;
        }
    }

    private void Unwatch()
    {
        if (_watched) _loop.Remove(_fd, _data);
        _watched = false;
    }

    private void End(SocketError error)
    {
        if (_ended) return;
        if (error != SocketError.Success)
        {
            Dispose();
            _handler.OnConnectFailed(error);
            return;
        }
        _ended = true;
        Unwatch();
        _handler.OnConnected(new ConnectedSocket(_fd, _peer));
    }
}
