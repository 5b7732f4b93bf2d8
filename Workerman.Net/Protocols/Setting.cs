namespace Workerman.Protocols;

/// <summary>Checks the values that settings are given. Pure.</summary>
internal static class Setting
{
    /// <exception cref="ArgumentOutOfRangeException">It is less than the least, or more than the most.</exception>
    public static int InRange(int value, int least, int most = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most);
        return value;
    }

    /// <exception cref="ArgumentOutOfRangeException">It is less than zero.</exception>
    public static TimeSpan NotNegative(TimeSpan value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
        return value;
    }

    /// <exception cref="ArgumentOutOfRangeException">It is less than the least.</exception>
    public static long AtLeast(long value, long least)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least);
        return value;
    }

    /// <exception cref="ArgumentOutOfRangeException">It is zero or less, and not
    /// <see cref="Timeout.InfiniteTimeSpan"/>.</exception>
    public static TimeSpan PositiveOrInfinite(TimeSpan value)
    {
        if (value != Timeout.InfiniteTimeSpan) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
        return value;
    }
}
