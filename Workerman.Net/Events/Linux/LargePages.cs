using static Workerman.Events.SystemCalls;

namespace Workerman.Events;

/// <summary>
/// Asks the system for pages of 2 MiB where a large array is about to be filled that has no memory yet: finding and clearing a
/// page of 4 KiB costs four times what is copied into it. Where the system has none, or is no Linux, it is as without. No state;
/// any thread.
/// </summary>
internal static unsafe class LargePages
{
    private const int LargePage = 2 * 1024 * 1024;

    /// <summary>To be called before the array is written to.</summary>
    public static void AdviseFor(byte[] array)
    {
        // Of a shorter one there may be no whole large page.
        if (!OperatingSystem.IsLinux() || array.Length < 2 * LargePage) return;
        fixed (byte* start = array)
        {
            // The system's own, which on Arm may be 16 or 64 KiB: another beginning it refuses.
            int page = Environment.SystemPageSize;
            nint begin = ((nint)start + page - 1) & -page;
            nint end = ((nint)start + array.Length) & -page;
            // A wish: what the system makes of it is not looked at.
            _ = madvise((void*)begin, end - begin, MADV_HUGEPAGE);
        }
    }
}
