using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// One connected socket in an epoll set, used by its descriptor. Belongs to the loop's thread and to the connection that made it.
/// It is small, because an idle connection consists mostly of it: what waits to be sent is an object of its own.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class EpollSocket : ILoopSocket, IEpollHandler
{
    private readonly EpollLoop _loop;
    private readonly ISocketHandler _handler;
    private readonly Socket? _socket;
    private readonly ulong _data;
    private readonly int _fd;
    private EpollSendOrder? _order;
    private uint _events = EPOLLIN;
    private bool _ahead;
    private bool _disposed;
    private volatile bool _closed;

    public EpollSocket(EpollLoop loop, ConnectedSocket socket, ISocketHandler handler)
    {
        _loop = loop;
        _handler = handler;
        _socket = socket.Socket;
        _fd = (int)socket.Handle;
        _ahead = handler.ReceivesAtOnce;
        _data = loop.Add(_fd, EPOLLIN, this);
    }

    internal int Descriptor => _fd;

    public bool ReadEnabled
    {
        get => (_events & EPOLLIN) != 0;
        set => SetEvents(value ? _events | EPOLLIN : _events & ~EPOLLIN);
    }

    public IPEndPoint? RemoteEndPoint => Unclosed(SocketCalls.PeerOf(_fd));

    public IPEndPoint? LocalEndPoint => Unclosed(SocketCalls.NameOf(_fd));

    public bool HasUnread => _loop.Ahead?.Holds(_fd) == true || SocketCalls.HasUnread(_fd);

    public int Receive(Span<byte> buffer, out SocketError error)
    {
        if (_loop.Ahead is { } ahead && ahead.TryTake(_fd, buffer, out int count, out error))
        {
            // There is more, so the next receives go into the connection's larger buffer.
            if (count == ReceiveAhead.Size) _ahead = false;
            return count;
        }
        count = SocketCalls.Receive(_fd, buffer, out error);
        if (!_ahead && count < ReceiveAhead.Size) _ahead = _handler.ReceivesAtOnce;
        return count;
    }

    /// <summary>Whether these events make its handler receive before anything else, and probably little.</summary>
    internal bool ReceivesAhead(uint events) => _ahead && events == EPOLLIN && ReadEnabled;

    public int Send(ReadOnlySpan<byte> data, out SocketError error) => SocketCalls.Send(_fd, data, out error);

    // The interface says so too, by a default that costs more to ask.
    public bool JoinsBatches => true;

    public bool SendsFilesAtOnce => true;

    public bool SendEnd() => true;

    public bool ShutdownSend() => shutdown(_fd, SHUT_WR) == 0;

    public bool SetOption(int level, int name, int value) => SocketOptions.Set(_fd, level, name, value);

    public void SendWhenWritable(ReadOnlyMemory<byte> data)
    {
        _order = new EpollSendOrder(data);
        SetEvents(_events | EPOLLOUT);
    }

    public void SendFileWhenWritable(SafeFileHandle file, long offset, long count)
    {
        _order = new EpollSendOrder(new EpollFileSend(file, offset, count));
        SetEvents(_events | EPOLLOUT);
    }

    public int SendBeforeFile(ReadOnlySpan<byte> data, out SocketError error) =>
        SocketCalls.Send(_fd, data, out error, MSG_MORE);

    public int SendFile(SafeFileHandle file, long offset, long count, out SocketError error) =>
        new EpollFileSend(file, offset, count).Send(_fd, out error);

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _order = null;
        _loop.Remove(_fd, _data);
    }

    public void Close(bool reset)
    {
        if (_closed) return;
        Dispose();
        // Before the system can give the descriptor to another connection: another thread that asks for an address must not get
        // that connection's.
        _closed = true;
        if (reset) SocketOptions.ResetOnClose(_fd);
        if (_socket is null) _ = close(_fd);
        else _socket.Dispose();
    }

    public int Detach(out int sent)
    {
        // An order waits here and not in the system, so nothing of it has been taken.
        sent = 0;
        if (_disposed) return -1;
        // A bare descriptor is given away itself. That of a .NET socket, which is going to close it, as another one.
        int descriptor = _socket is null ? _fd : SocketCalls.Duplicate(_fd);
        if (descriptor < 0) return -1;
        Dispose();
        _closed = true;
        _socket?.Dispose();
        return descriptor;
    }

    public void OnReady(uint events)
    {
        if ((events & EPOLLOUT) != 0 && _order is { } order) Send(order);
        if (_disposed) return;
        bool dead = (events & (EPOLLERR | EPOLLHUP)) != 0;
        // What was received ahead is handed out even if an earlier handler of this turn has switched reading off.
        if (ReadEnabled || _loop.Ahead?.Has(_fd) == true)
        {
            // The receive tells why the connection has ended.
            if ((events & EPOLLERR) != 0) _handler.OnBroken();
            else if (dead || (events & EPOLLIN) != 0) _handler.OnReadable();
        }
        else if (dead)
        {
            // EPOLLERR and EPOLLHUP cannot be switched off, and would be reported in every turn.
            _handler.OnHangup();
            Dispose();
        }
    }

    private void Send(EpollSendOrder order)
    {
        int sent = order.Send(_fd, out SocketError error);
        if (error == SocketError.WouldBlock) return;
        _order = null;
        _handler.OnSent(sent, error);
        // EPOLLOUT goes only now: the handler often has more to send at once, and then it stays.
        if (_order is null) SetEvents(_events & ~EPOLLOUT);
    }

    private void SetEvents(uint events)
    {
        if (_disposed || events == _events) return;
        _events = events;
        _loop.Modify(_fd, events, _data);
    }

    /// <summary>An address that was asked for, unless the descriptor may have become another connection's meanwhile.</summary>
    private IPEndPoint? Unclosed(IPEndPoint? address) => _closed ? null : address;
}

/// <summary>What one <see cref="EpollSocket"/> is to send once its socket takes bytes: bytes, or a piece of a file.</summary>
[SupportedOSPlatform("linux")]
internal sealed class EpollSendOrder
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly EpollFileSend _file;

    public EpollSendOrder(ReadOnlyMemory<byte> bytes) => _bytes = bytes;

    public EpollSendOrder(EpollFileSend file) => _file = file;

    /// <summary>Sends what the socket takes, once.</summary>
    public int Send(int fd, out SocketError error) =>
        _file.IsEmpty ? SocketCalls.Send(fd, _bytes.Span, out error) : _file.Send(fd, out error);
}
