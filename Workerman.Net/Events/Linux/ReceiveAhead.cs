using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.IoUringStructures;

namespace Workerman.Events;

/// <summary>
/// What an <see cref="EpollLoop"/> has received for sockets that are ready in the same poll, with one system call, before their handlers run. Each handler takes its own when
/// its turn comes (<see cref="TryTake"/>). Nothing outlives the poll: what is not taken belongs to a connection that has been let go of meanwhile. Belongs to the loop's thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class ReceiveAhead : IDisposable
{
    /// <summary>What is received for one socket. A socket that has more is better served alone, with the large buffer.</summary>
    public const int Size = 4096;

    // A line of the cache more than the size: otherwise the beginnings of all pieces would share a few places of the cache.
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

    /// <summary>Receives for all that were ordered, but for one alone: its handler does that as well.</summary>
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
        // A handler may use the ring for what it sends.
        _ring.Results[.._count].CopyTo(_results);
    }

    /// <summary>The poll's events have been handled, or are about to be fetched anew: nothing is handed out any more.</summary>
    public void Forget()
    {
        _count = 0;
        _next = 0;
        _current = -1;
    }

    /// <summary>The handler of the event of this number is next; what the one before has left is dropped.</summary>
    public void Turn(int number)
    {
        _current = -1;
        while (_next < _count && _events[_next] < number) _next++;
        if (_next < _count && _events[_next] == number) _current = _next++;
    }

    /// <summary>No handler's turn.</summary>
    public void End() => _current = -1;

    /// <summary>Whether something was received for a socket whose handler's turn it is.</summary>
    public bool Has(int descriptor) => _current >= 0 && _descriptors[_current] == descriptor && _results[_current] != IoUring.NotMade;

    /// <summary>Whether something was received for a socket whose handler has not taken it yet, now or later in this poll.</summary>
    public bool Holds(int descriptor)
    {
        if (Has(descriptor)) return true;
        for (int i = _next; i < _count; i++)
        {
            if (_descriptors[i] == descriptor && _results[i] >= 0) return true;
        }
        return false;
    }

    /// <summary>Hands out what was received for a socket, or what kept it from receiving. Once, in its handler's turn.</summary>
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
