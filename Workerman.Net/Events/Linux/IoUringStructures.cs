using System.Runtime.InteropServices;

namespace Workerman.Events;

/// <summary>
/// The structures of io_uring(7) and their constants, under the names of &lt;linux/io_uring.h&gt;. No policy. Linux only.
/// </summary>
internal static unsafe class IoUringStructures
{
    public const uint IORING_SETUP_SINGLE_ISSUER = 1u << 12;
    public const uint IORING_SETUP_DEFER_TASKRUN = 1u << 13;
    public const uint IORING_FEAT_SINGLE_MMAP = 1u << 0;

    /// <summary>Linux 5.12. What came before counts a ring's memory as locked, of which a process may have little.</summary>
    public const uint IORING_FEAT_NATIVE_WORKERS = 1u << 9;

    public const uint IORING_ENTER_GETEVENTS = 1u << 0;
    public const long IORING_OFF_SQ_RING = 0;
    public const long IORING_OFF_SQES = 0x10000000;
    public const byte IORING_OP_SEND = 26;
    public const byte IORING_OP_RECV = 27;

    /// <summary><c>struct io_uring_params</c>, with the offsets of the two queues in the mapping.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 120)]
    public struct Params
    {
        [FieldOffset(0)] public uint SqEntries;
        [FieldOffset(4)] public uint CqEntries;
        [FieldOffset(8)] public uint Flags;
        [FieldOffset(20)] public uint Features;
        [FieldOffset(40)] public uint SqHead;
        [FieldOffset(44)] public uint SqTail;
        [FieldOffset(48)] public uint SqRingMask;
        [FieldOffset(64)] public uint SqArray;
        [FieldOffset(80)] public uint CqHead;
        [FieldOffset(84)] public uint CqTail;
        [FieldOffset(88)] public uint CqRingMask;
        [FieldOffset(100)] public uint CqEntriesAt;
    }

    /// <summary><c>struct io_uring_sqe</c>: one call that the system is asked for.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    public struct Submission
    {
        [FieldOffset(0)] public byte Opcode;
        [FieldOffset(4)] public int Fd;
        [FieldOffset(16)] public byte* Address;
        [FieldOffset(24)] public int Length;
        [FieldOffset(28)] public int MessageFlags;
        [FieldOffset(32)] public ulong UserData;
    }

    /// <summary><c>struct io_uring_cqe</c>: what became of it, a count or an error below zero.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 16)]
    public struct Completion
    {
        [FieldOffset(0)] public ulong UserData;
        [FieldOffset(8)] public int Result;
    }
}
