using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using static Workerman.Events.Errno;
using static Workerman.Events.IoUringStructures;
using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// A ring of io_uring(7), used for one purpose: to make many receives or sends that do not wait with one system call. It waits
/// for no socket and is no loop; all that was submitted has ended when <see cref="Submit"/> returns, so that the kernel keeps no
/// pointer into the process's memory. Made, used and disposed of on one thread.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class IoUring : IDisposable
{
    /// <summary>How many calls are made with one system call at most.</summary>
    public const int Capacity = 128;

    /// <summary>The result of a call that was not made: the kernel had no room, or stopped before it.</summary>
    public const int NotMade = int.MinValue;

    private static readonly nint MapFailed = -1;

    private readonly int[] _results = new int[Capacity];
    private readonly int _ring;
    private readonly byte* _queues;
    private readonly nint _queuesSize;
    private readonly Submission* _submissions;
    private readonly uint* _sqHead;
    private readonly uint* _sqTail;
    private readonly uint _sqMask;
    private readonly uint* _cqHead;
    private readonly uint* _cqTail;
    private readonly uint _cqMask;
    private readonly Completion* _completions;

    private IoUring(int ring, in Params parameters, byte* queues, nint queuesSize, Submission* submissions)
    {
        _ring = ring;
        _queues = queues;
        _queuesSize = queuesSize;
        _submissions = submissions;
        _sqHead = (uint*)(queues + parameters.SqHead);
        _sqTail = (uint*)(queues + parameters.SqTail);
        _sqMask = *(uint*)(queues + parameters.SqRingMask);
        _cqHead = (uint*)(queues + parameters.CqHead);
        _cqTail = (uint*)(queues + parameters.CqTail);
        _cqMask = *(uint*)(queues + parameters.CqRingMask);
        _completions = (Completion*)(queues + parameters.CqEntriesAt);
        // Each place of the queue stands for the submission of the same number, and stays so.
        uint* array = (uint*)(queues + parameters.SqArray);
        for (uint i = 0; i < Capacity; i++) array[i] = i;
    }

    /// <summary>How many calls are queued.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// For each call of the last <see cref="Submit"/>, in their order: a count, a negative error, or <see cref="NotMade"/>.
    /// </summary>
    public ReadOnlySpan<int> Results => _results;

    /// <summary>
    /// Makes a ring. Null where the system has none (Linux before 5.12), forbids it (containers often do) or has no memory
    /// for it, and where few descriptors are left.
    /// </summary>
    public static IoUring? TryCreate()
    {
        Params parameters = default;
        int ring = Setup(&parameters);
        if (ring < 0) return null;
        if (DescriptorHeadroom.IsReachedBy(ring))
        {
            _ = close(ring);
            return null;
        }
        const uint needed = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NATIVE_WORKERS;
        nint size = Math.Max((nint)(parameters.SqArray + parameters.SqEntries * sizeof(uint)),
            (nint)(parameters.CqEntriesAt + parameters.CqEntries * sizeof(Completion)));
        byte* queues = (parameters.Features & needed) == needed ? Map(ring, size, IORING_OFF_SQ_RING) : null;
        byte* submissions = queues is null ? null : Map(ring, Capacity * sizeof(Submission), IORING_OFF_SQES);
        if (submissions is not null) return new IoUring(ring, parameters, queues, size, (Submission*)submissions);
        if (queues is not null) _ = munmap(queues, size);
        _ = close(ring);
        return null;
    }

    /// <summary>Queues one call. The caller sees to it that there are fewer than <see cref="Capacity"/>.</summary>
    public void Queue(byte opcode, int fd, byte* bytes, int length, int flags)
    {
        ref Submission submission = ref _submissions[(*_sqTail + (uint)Count) & _sqMask];
        submission = default;
        submission.Opcode = opcode;
        submission.Fd = fd;
        submission.Address = bytes;
        submission.Length = length;
        // With MSG_DONTWAIT the call ends with EAGAIN where it would wait, instead of going on later.
        submission.MessageFlags = flags | MSG_DONTWAIT;
        submission.UserData = (ulong)Count++;
    }

    /// <summary>Drops what is queued: a caller that threw before <see cref="Submit"/> may have left calls.</summary>
    public void Clear() => Count = 0;

    /// <summary>Makes all calls that are queued, in their order.</summary>
    public void Submit()
    {
        int count = Count;
        Count = 0;
        Array.Fill(_results, NotMade, 0, count);
        Volatile.Write(ref *_sqTail, *_sqTail + (uint)count);
        int submitted = 0;
        while (submitted < count)
        {
            // The kernel stops behind an invalid call, or where it has no room, and takes more when it is asked again.
            int taken = io_uring_enter(_ring, (uint)(count - submitted), 0, 0);
            if (taken > 0) submitted += taken;
            else if (taken == 0 || Marshal.GetLastSystemError() != EINTR) break;
        }
        // What the kernel did not take is taken back; it reads the queue only in io_uring_enter.
        if (submitted < count) Volatile.Write(ref *_sqTail, Volatile.Read(ref *_sqHead));
        // Calls that do not wait have ended by now, as far as is known; where not, they are waited for.
        for (int ended = Reap(); ended < submitted; ended += Reap())
        {
            int result = io_uring_enter(_ring, 0, (uint)(submitted - ended), IORING_ENTER_GETEVENTS);
            if (result < 0 && Marshal.GetLastSystemError() is not (EINTR or EAGAIN or EBUSY))
                throw new Win32Exception(Marshal.GetLastSystemError());
        }
    }

    public void Dispose()
    {
        _ = munmap((byte*)_submissions, Capacity * sizeof(Submission));
        _ = munmap(_queues, _queuesSize);
        _ = close(_ring);
    }

    private int Reap()
    {
        uint head = *_cqHead;
        uint tail = Volatile.Read(ref *_cqTail);
        int count = (int)(tail - head);
        for (; head != tail; head++)
        {
            ref Completion completion = ref _completions[head & _cqMask];
            _results[completion.UserData] = completion.Result;
        }
        Volatile.Write(ref *_cqHead, head);
        return count;
    }

    private static int Setup(Params* parameters)
    {
        // Linux 6.1: the kernel does not interrupt the thread for completions, which looks for them itself.
        parameters->Flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
        int ring = io_uring_setup(Capacity, parameters);
        if (ring >= 0 || Marshal.GetLastSystemError() != EINVAL) return ring;
        *parameters = default;
        return io_uring_setup(Capacity, parameters);
    }

    private static byte* Map(int ring, nint size, long offset)
    {
        byte* address = mmap(null, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
        return (nint)address == MapFailed ? null : address;
    }
}
