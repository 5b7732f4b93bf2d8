using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.Errno;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// The loop on Linux: one level-triggered epoll set, and an eventfd that wakes it. The sockets receive and send themselves
/// (<see cref="EpollSocket"/>), but what several of them do at the same time is one system call where there is io_uring: entering
/// the kernel for each is a third of the cost of a small send (the referee's <c>sse</c>). Runs on the loop's thread; only
/// <see cref="Wake"/> is called from others, under the loop's lock.
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
    private IoUring? _ring;
    private ReceiveAhead? _ahead;
    private bool _hasNoRing;
    private long _nextRing;

    /// <summary>Makes a loop with an epoll set of its own.</summary>
    /// <exception cref="Win32Exception">
    /// The system gives no epoll set or eventfd, mostly because no descriptor is left.
    /// </exception>
    public EpollLoop()
        : this(UseIoUring)
    {
    }

    internal EpollLoop(bool useIoUring)
    {
        _hasNoRing = !useIoUring;
        try
        {
            _epoll = Check(epoll_create1(EPOLL_CLOEXEC));
            _wake = Check(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
            if (DescriptorHeadroom.IsReachedBy(Math.Max(_epoll, _wake))) throw new Win32Exception(EMFILE);
            _events = (byte*)NativeMemory.Alloc(MaxEvents, (nuint)EpollEvent.Size);
            Control(EPOLL_CTL_ADD, _wake, EPOLLIN, WakeData);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// Whether io_uring is used for what several sockets receive or send at once, where the system has it (Linux 5.12) and allows
    /// it; otherwise each makes a call of its own. Default true. It holds for loops that are made afterwards: set it before
    /// <c>RunAll</c>.
    /// </summary>
    public static bool UseIoUring { get; set; } = true;

    /// <inheritdoc/>
    public override string Name => "epoll";

    /// <summary>
    /// What was received before the handlers are called; null if several sockets have never been ready at once.
    /// </summary>
    internal ReceiveAhead? Ahead => _ahead;

    /// <inheritdoc/>
    public override ILoopSocket Watch(ConnectedSocket socket, ISocketHandler handler) => socket.Handle == -1
        ? throw new ArgumentException("This ConnectedSocket is default, and no connection; "
            + "take one from IAcceptHandler.OnAccepted, or make it of a Socket.", nameof(socket))
        : new EpollSocket(this, socket, handler);

    /// <inheritdoc/>
    public override ILoopListener Accept(Socket listener, IAcceptHandler handler) => new EpollListener(this, listener, handler);

    /// <inheritdoc/>
    public override ILoopDatagramSocket WatchDatagrams(Socket socket, IDatagramHandler handler) =>
        new EpollDatagramSocket(this, socket, handler);

    /// <inheritdoc/>
    public override IDisposable Connect(EndPoint endPoint, EndPoint? localEndPoint, Action<ConnectedSocket>? prepare,
        IConnectHandler handler) => new EpollConnect(this, endPoint, localEndPoint, prepare, handler);

    internal override void SendAll(ReadOnlySpan<byte> bytes, Span<SocketSend> sends)
    {
        while (sends.Length > 1 && Ring is { } ring)
        {
            Span<SocketSend> batch = sends[..Math.Min(sends.Length, IoUring.Capacity)];
            Send(ring, bytes, batch);
            sends = sends[batch.Length..];
        }
        base.SendAll(bytes, sends);
    }

    /// <summary>Adds a descriptor; the result stands for it in <see cref="Modify"/> and <see cref="Remove"/>.</summary>
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

    /// <summary>Takes a descriptor out; events that the present poll still has for it are skipped.</summary>
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
        for (int next = 0; next < count;)
        {
            int end = count > 1 ? Receive(next, count) : count;
            for (; next < end; next++) Handle(next);
        }
        _ahead?.Forget();
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
        _ahead?.Dispose();
        _ring?.Dispose();
        // A connection that still sends does so by a call of its own.
        _ahead = null;
        _ring = null;
        _hasNoRing = true;
    }

    /// <summary>The ring, which the kernel binds to the loop's thread (IORING_SETUP_SINGLE_ISSUER); null for none.</summary>
    private IoUring? Ring
    {
        get
        {
            if (_ring is null && !_hasNoRing && IsCurrent && Now >= _nextRing)
            {
                _ring = IoUring.TryCreate();
                // Where only a descriptor is missing there may be one later.
                _hasNoRing = _ring is null && DescriptorHeadroom.HasRoom();
                _nextRing = Now + 1000;
            }
            return _ring;
        }
    }

    /// <summary>Receives for the sockets that are ready from an event on.</summary>
    /// <returns>The event that is the first to be left for the next time.</returns>
    private int Receive(int next, int count)
    {
        if (Ring is not { } ring) return count;
        ReceiveAhead ahead = _ahead ??= new ReceiveAhead(ring);
        ring.Clear();
        for (; next < count && !ahead.IsFull; next++)
        {
            (uint events, ulong data) = EventAt(next);
            if (data != WakeData && _slots.Find(data) is EpollSocket socket && socket.ReceivesAhead(events))
                ahead.Order(next, socket.Descriptor);
        }
        ahead.Receive();
        return next;
    }

    private void Handle(int number)
    {
        (uint events, ulong data) = EventAt(number);
        if (data == WakeData)
        {
            DrainWake();
            return;
        }
        // Looked up only now: a handler that was called before may have removed it.
        if (_slots.Find(data) is not { } handler) return;
        _ahead?.Turn(number);
        Dispatch(handler, events);
    }

    private static void Send(IoUring ring, ReadOnlySpan<byte> bytes, Span<SocketSend> sends)
    {
        ring.Clear();
        fixed (byte* start = bytes)
        {
            foreach (ref SocketSend send in sends)
            {
                if (send.Socket is not EpollSocket socket)
                    throw new ArgumentException("A socket is not watched by an epoll loop; send on it with its own loop.",
                        nameof(sends));
                // The kernel would send what lies behind the bytes in memory.
                if ((uint)send.Offset > (uint)bytes.Length || (uint)send.Length > (uint)(bytes.Length - send.Offset))
                    throw new ArgumentOutOfRangeException(nameof(sends), "What is to be sent is not among the bytes.");
                ring.Queue(IoUringStructures.IORING_OP_SEND, socket.Descriptor, start + send.Offset, send.Length, MSG_NOSIGNAL);
            }
            ring.Submit();
        }
        for (int i = 0; i < sends.Length; i++)
        {
            int result = ring.Results[i];
            if (result == IoUring.NotMade) sends[i].Send(bytes);
            else if (result < 0) sends[i].End(0, ToSocketError(-result));
            else sends[i].End(result, SocketError.Success);
        }
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
        _ahead?.End();
        RunDeferredIfDue();
    }

    private void DrainWake()
    {
        ulong count;
        _ = read(_wake, (byte*)&count, sizeof(ulong));
    }

    private void Control(int operation, int fd, uint events, ulong data)
    {
        byte* buffer = stackalloc byte[EpollEvent.MaxSize];
        EpollEvent.Write(buffer, EpollEvent.Size, events, data);
        Check(epoll_ctl(_epoll, operation, fd, buffer));
    }

    private (uint Events, ulong Data) EventAt(int number) => EpollEvent.Read(_events + number * EpollEvent.Size, EpollEvent.Size);
}
