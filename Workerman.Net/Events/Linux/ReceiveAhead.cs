using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.IoUringStructures;

namespace Workerman.Events;

/// <summary>
/// What an <see cref="EpollLoop"/> has received for sockets that are ready in the same poll, with one system call, before their
/// handlers are called. Each handler takes its own when it is called (<see cref="TryTake"/>). Nothing is kept beyond the poll:
/// what was not taken is for a connection that has been closed meanwhile. Belongs to the loop's thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class ReceiveAhead : IDisposable
{
    /// <summary>
    /// Bytes received for one socket at most. A socket that has more is better served alone, with the large buffer.
    /// </summary>
    public const int Size = 4096;

    // One cache line more than the size: otherwise the beginnings of all pieces would fall into the same few cache sets.
    private const int Stride = Size + 64;

    private readonly IoUring _ring;
    private readonly byte* _pieces = (byte*)NativeMemory.Alloc(IoUring.Capacity, Stride);
    private readonly int[] _events = new int[IoUring.Capacity];
    private readonly int[] _descriptors = new int[IoUring.Capacity];
    private readonly int[] _results = new int[IoUring.Capacity];
    private int _count;
    private int _next;
    private int _current = -1;

    public ReceiveAhead(IoUring ring) => _ring = ring;

    public bool IsFull => _ring.Count == IoUring.Capacity;

    /// <summary>Orders a receive for the socket that is ready by the event of this number. Numbers ascend.</summary>
    public void Order(int number, int descriptor)
    {
        int at = _ring.Count;
        _events[at] = number;
        _descriptors[at] = descriptor;
        _ring.Queue(IORING_OP_RECV, descriptor, _pieces + at * Stride, Size, 0);
    }

    /// <summary>Receives for all that were ordered, unless it is one alone: its handler receives just as well.</summary>
    public void Receive()
    {
        _next = 0;
        _count = _ring.Count;
        if (_count < 2)
        {
            _count = 0;
            return;
        }
        _ring.Submit();
        // Copied, because a handler may use the ring to send.
        _ring.Results[.._count].CopyTo(_results);
    }

    /// <summary>Drops what was not taken: the poll's events have been handled.</summary>
    public void Forget()
    {
        _count = 0;
        _next = 0;
        _current = -1;
    }

    /// <summary>The handler of the event of this number is called next; what the one before has not taken is dropped.</summary>
    public void Turn(int number)
    {
        _current = -1;
        while (_next < _count && _events[_next] < number) _next++;
        if (_next < _count && _events[_next] == number) _current = _next++;
    }

    /// <summary>The handler has returned.</summary>
    public void End() => _current = -1;

    /// <summary>Whether something was received for a socket whose handler is being called.</summary>
    public bool Has(int descriptor) =>
        _current >= 0 && _descriptors[_current] == descriptor && _results[_current] != IoUring.NotMade;

    /// <summary>
    /// Whether something was received for a socket whose handler has not taken it yet, now or later in this poll.
    /// </summary>
    public bool Holds(int descriptor)
    {
        if (Has(descriptor)) return true;
        for (int i = _next; i < _count; i++)
        {
            if (_descriptors[i] == descriptor && _results[i] >= 0) return true;
        }
        return false;
    }

    /// <summary>Hands out what was received for a socket, or the error. Once, while its handler is being called.</summary>
    public bool TryTake(int descriptor, Span<byte> buffer, out int count, out SocketError error)
    {
        count = 0;
        error = SocketError.Success;
        if (!Has(descriptor)) return false;
        int at = _current;
        _current = -1;
        int result = _results[at];
        if (result < 0)
        {
            error = Errno.ToSocketError(-result);
            return true;
        }
        count = result;
        new ReadOnlySpan<byte>(_pieces + at * Stride, count).CopyTo(buffer);
        return true;
    }

    public void Dispose() => NativeMemory.Free(_pieces);
}
