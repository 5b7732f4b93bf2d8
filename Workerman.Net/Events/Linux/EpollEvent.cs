using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Workerman.Events;

/// <summary>
/// <c>struct epoll_event</c>, whose size depends on the architecture: reads and writes one in memory. No state.
/// </summary>
internal static unsafe class EpollEvent
{
    /// <summary>The largest of its sizes.</summary>
    public const int MaxSize = 16;

    /// <summary>Packed to 12 bytes on x64 (and 12 by alignment on x86), padded to 16 elsewhere.</summary>
    public static readonly int Size = SizeFor(RuntimeInformation.ProcessArchitecture);

    public static int SizeFor(Architecture architecture) => architecture is Architecture.X64 or Architecture.X86 ? 12 : MaxSize;

    /// <summary>Reads the event at <paramref name="address"/>: its bits and the data given when it was added.</summary>
    public static (uint Events, ulong Data) Read(byte* address, int size) =>
        (Unsafe.ReadUnaligned<uint>(address), Unsafe.ReadUnaligned<ulong>(address + size - sizeof(ulong)));

    /// <summary>Writes an event; its data are the last eight bytes in either layout.</summary>
    public static void Write(byte* address, int size, uint events, ulong data)
    {
        Unsafe.WriteUnaligned(address, events);
        Unsafe.WriteUnaligned(address + size - sizeof(ulong), data);
    }
}
