using System.Numerics;

namespace Workerman.Connection;

/// <summary>
/// The limits of a connection, which most connections share: one that is given its own gets a copy. Immutable; any thread.
/// </summary>
internal sealed record ConnectionLimits
{
    /// <summary>Those of new connections.</summary>
    public static ConnectionLimits Default { get; set; } = new();

    public int MaxSendBufferSize { get; init => field = AtLeastOne(value); } = 1024 * 1024;

    public long MaxPackageSize { get; init => field = AtLeastOne(value); } = 10 * 1024 * 1024;

    public TimeSpan LingerTimeout { get; init => field = NotNegative(value); } = TimeSpan.FromSeconds(1);

    public TimeSpan SendTimeout { get; init => field = PositiveOrInfinite(value); } = TimeSpan.FromSeconds(60);

    public TimeSpan HalfClosedTimeout { get; init => field = PositiveOrInfinite(value); } = TimeSpan.FromSeconds(60);

    private static T AtLeastOne<T>(T value)
        where T : IBinaryInteger<T>
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, T.One);
        return value;
    }

    private static TimeSpan NotNegative(TimeSpan value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
        return value;
    }

    private static TimeSpan PositiveOrInfinite(TimeSpan value)
    {
        if (value != Timeout.InfiniteTimeSpan) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
        return value;
    }
}
