using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.EpollInterop;

namespace Workerman.Events;

/// <summary>
/// The loop on Linux: one level-triggered epoll set, and an eventfd to be woken by. Reads and writes are the sockets' own
/// business. Runs on the loop's thread; only <see cref="Wake"/> comes from others, under the loop's lock.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed unsafe class EpollLoop : EventLoop
{
    private const int MaxEvents = 512;
    private const ulong WakeData = ulong.MaxValue;

    private readonly int _epoll = -1;
    private readonly int _wake = -1;
    private readonly byte* _events;
    private readonly EpollSlots _slots = new();

    /// <summary>Makes a loop with an epoll set of its own.</summary>
    /// <exception cref="Win32Exception">The system gives no epoll set or eventfd, mostly for want of descriptors.</exception>
    public EpollLoop()
    {
        try
        {
            _epoll = Check(epoll_create1(EPOLL_CLOEXEC));
            _wake = Check(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
            _events = (byte*)NativeMemory.Alloc(MaxEvents, (nuint)EventSize);
            Control(EPOLL_CTL_ADD, _wake, EPOLLIN, WakeData);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Name => "epoll";

    /// <inheritdoc/>
    public override ISocketWatch Watch(AcceptedSocket socket, ISocketHandler handler) => socket.Handle == 0
        ? throw new ArgumentException("This AcceptedSocket is default, and no connection; take one from IAcceptHandler.OnAccepted, or make it of a Socket.", nameof(socket))
        : new EpollSocketWatch(this, socket, handler);

    /// <inheritdoc/>
    public override IAcceptWatch Accept(Socket listener, IAcceptHandler handler) => new EpollAcceptWatch(this, listener, handler);

    /// <inheritdoc/>
    public override IDatagramWatch WatchDatagrams(Socket socket, IDatagramHandler handler) => new EpollDatagramWatch(this, socket, handler);

    /// <inheritdoc/>
    public override IDisposable Connect(EndPoint endPoint, EndPoint? localEndPoint, IConnectHandler handler) => new EpollConnect(this, endPoint, localEndPoint, handler);

    /// <summary>Adds a descriptor; the answer names it in <see cref="Modify"/> and <see cref="Remove"/>.</summary>
    internal ulong Add(int fd, uint events, IEpollHandler handler)
    {
        ulong data = _slots.Add(handler);
        try
        {
            Control(EPOLL_CTL_ADD, fd, events, data);
        }
        catch
        {
            _slots.Remove(data);
            throw;
        }
        return data;
    }

    /// <summary>Changes the events that a descriptor is watched for.</summary>
    internal void Modify(int fd, uint events, ulong data) => Control(EPOLL_CTL_MOD, fd, events, data);

    /// <summary>Takes a descriptor out; what the present poll still holds for it is stale and skipped.</summary>
    internal void Remove(int fd, ulong data)
    {
        _slots.Remove(data);
        Control(EPOLL_CTL_DEL, fd, 0, 0);
    }

    private protected override void Poll(int timeout)
    {
        int count = epoll_wait(_epoll, _events, MaxEvents, timeout);
        ReadClock();
        if (count < 0)
        {
            int error = Marshal.GetLastSystemError();
            // A signal ended the wait: the turn goes on with no event.
            if (error == EINTR) return;
            throw new Win32Exception(error);
        }
        for (int i = 0; i < count; i++)
        {
            (uint events, ulong data) = Read(_events + i * EventSize, EventSize);
            if (data == WakeData) DrainWake();
            else if (_slots.Find(data) is { } handler) Dispatch(handler, events);
        }
    }

    private protected override void Wake()
    {
        ulong one = 1;
        // EAGAIN: the counter is full, so the loop is being woken already.
        _ = write(_wake, (byte*)&one, sizeof(ulong));
    }

    private protected override void Close()
    {
        if (_wake >= 0) _ = close(_wake);
        if (_epoll >= 0) _ = close(_epoll);
        NativeMemory.Free(_events);
    }

    private void Dispatch(IEpollHandler handler, uint events)
    {
        try
        {
            handler.OnReady(events);
        }
        catch (Exception e)
        {
            Report(e);
        }
        HurryDeferred();
    }

    private void DrainWake()
    {
        ulong count;
        _ = read(_wake, (byte*)&count, sizeof(ulong));
    }

    private void Control(int operation, int fd, uint events, ulong data)
    {
        byte* buffer = stackalloc byte[16];
        Write(buffer, EventSize, events, data);
        Check(epoll_ctl(_epoll, operation, fd, buffer));
    }

    private static int Check(int result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());
}
