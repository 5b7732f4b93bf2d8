using System.Diagnostics;

namespace Workerman.Events;

/// <summary>The monotonic clock of the loops, in units of <see cref="Stopwatch"/>. Any thread.</summary>
internal static class LoopClock
{
    private static readonly long TicksPerMillisecond = Stopwatch.Frequency / 1000;

    public static long Ticks => Stopwatch.GetTimestamp();

    public static long ToMilliseconds(long ticks) => ticks / TicksPerMillisecond;

    public static long FromMilliseconds(long milliseconds) => milliseconds * TicksPerMillisecond;

    /// <summary>
    /// A time span in units of the clock; one beyond its range, which is centuries, becomes the longest that it has.
    /// </summary>
    public static long FromTimeSpan(TimeSpan span)
    {
        double ticks = span.TotalSeconds * Stopwatch.Frequency;
        return ticks >= long.MaxValue / 2 ? long.MaxValue / 2 : (long)ticks;
    }

    /// <summary>
    /// Whole milliseconds to wait for <paramref name="ticks"/> to pass, rounded up: a wait may end late, never early.
    /// </summary>
    public static int ToPollTimeout(long ticks)
    {
        if (ticks <= 0) return 0;
        long milliseconds = (ticks + TicksPerMillisecond - 1) / TicksPerMillisecond;
        return milliseconds > int.MaxValue ? int.MaxValue : (int)milliseconds;
    }
}
