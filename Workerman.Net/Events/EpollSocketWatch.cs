using System.Net.Sockets;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.EpollInterop;

namespace Workerman.Events;

/// <summary>One connected socket in an epoll set. Belongs to the loop's thread and to the connection that made it.</summary>
[SupportedOSPlatform("linux")]
internal sealed class EpollSocketWatch : ISocketWatch, IEpollHandler
{
    private readonly EpollLoop _loop;
    private readonly Socket _socket;
    private readonly ISocketHandler _handler;
    private readonly int _fd;
    private readonly ulong _data;
    private ReadOnlyMemory<byte> _pending;
    private EpollFileSend _file;
    private uint _events = EPOLLIN;
    private bool _disposed;

    public EpollSocketWatch(EpollLoop loop, Socket socket, ISocketHandler handler)
    {
        _loop = loop;
        _socket = socket;
        _handler = handler;
        _fd = (int)socket.Handle;
        _data = loop.Add(_fd, EPOLLIN, this);
    }

    public bool ReadEnabled
    {
        get => (_events & EPOLLIN) != 0;
        set => SetEvents(value ? _events | EPOLLIN : _events & ~EPOLLIN);
    }

    public void SendWhenWritable(ReadOnlyMemory<byte> data)
    {
        _pending = data;
        SetEvents(_events | EPOLLOUT);
    }

    public void SendFileWhenWritable(SafeFileHandle file, long offset, long count)
    {
        _file = new EpollFileSend(file, offset, count);
        SetEvents(_events | EPOLLOUT);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _pending = default;
        _file = default;
        _loop.Remove(_fd, _data);
    }

    public void OnReady(uint events)
    {
        if ((events & EPOLLOUT) != 0 && (_events & EPOLLOUT) != 0) Send();
        if (_disposed) return;
        bool dead = (events & (EPOLLERR | EPOLLHUP)) != 0;
        if (ReadEnabled)
        {
            // A dead socket is read too: the receive tells why.
            if (dead || (events & EPOLLIN) != 0) _handler.OnReadable();
        }
        else if (dead)
        {
            // Level-triggered and not maskable: unless the owner lets go of the socket, this would come in every turn.
            _handler.OnHangup();
            Dispose();
        }
    }

    private void Send()
    {
        int sent = _file.IsEmpty ? _socket.Send(_pending.Span, SocketFlags.None, out SocketError error) : _file.Send(_socket, _fd, out error);
        if (error == SocketError.WouldBlock) return;
        _pending = default;
        _file = default;
        _handler.OnSent(sent, error);
        // Disarmed only now: the handler often has more to send at once, and then it stays armed.
        if (_pending.IsEmpty && _file.IsEmpty) SetEvents(_events & ~EPOLLOUT);
    }

    private void SetEvents(uint events)
    {
        if (_disposed || events == _events) return;
        _events = events;
        _loop.Modify(_fd, events, _data);
    }
}
