using Microsoft.Extensions.Logging;

namespace Workerman.Extensions.Redis;

/// <summary>
/// What a <see cref="RedisEventLog"/> keeps, and how it behaves while Redis cannot be reached. The log takes a copy when it is
/// made, and owns that. What it keeps is set alike on all nodes: each removes what it finds to be too much.
/// </summary>
public sealed class RedisEventLogOptions
{
    /// <summary>The database of Redis; -1, the default, for that of the connection.</summary>
    public int Database { get; set; } = -1;

    /// <summary>Events that are kept; 100,000, at least 1. Beyond, the oldest are removed.</summary>
    public int MaxCount
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 100_000;

    /// <summary>
    /// How old an event that is kept may be, on the clock of Redis; 24 hours, at least 1 millisecond,
    /// <see cref="Timeout.InfiniteTimeSpan"/> for any age.
    /// </summary>
    public TimeSpan MaxAge { get; set => field = Positive(value, orInfinite: true); } = TimeSpan.FromHours(24);

    /// <summary>
    /// Bytes that the events which are kept have together, as they are written; 256 MiB, at least 1,024. Redis itself takes some
    /// more for them. The newest event is kept in any case.
    /// </summary>
    public long MaxSize
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1024);
            field = value;
        }
    } = 256L * 1024 * 1024;

    /// <summary>What becomes of events that are published while Redis cannot be reached; by default they fail.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is none of the two.</exception>
    public WhenUnavailable WhenUnavailable
    {
        get;
        set => field = Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "It is WhenUnavailable.Fail or WhenUnavailable.Wait.");
    }

    /// <summary>
    /// How long publishing tries with <see cref="WhenUnavailable.Fail"/> before it fails; 5 seconds, at least 1 millisecond.
    /// </summary>
    public TimeSpan PublishTimeout { get; set => field = Positive(value, orInfinite: false); } = TimeSpan.FromSeconds(5);

    /// <summary>Events that may wait to be added at once; 10,000, at least 1. Beyond, publishing fails at once.</summary>
    public int MaxPending
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 10_000;

    /// <summary>Bytes of the events that may wait to be added at once; 64 MiB, at least 1,024.</summary>
    public long MaxPendingSize
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1024);
            field = value;
        }
    } = 64L * 1024 * 1024;

    /// <summary>
    /// How often Redis is asked whether there are events that were not told; 1 second, at least 10 milliseconds. It bounds how
    /// late an event is whose message has been lost, and how long it takes until a failure is seen.
    /// </summary>
    public TimeSpan CheckInterval
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromMilliseconds(10));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, TimeSpan.FromDays(1));
            field = value;
        }
    } = TimeSpan.FromSeconds(1);

    /// <summary>Where it logs that Redis cannot be reached, and that it can again; null, the default, for that of the workers
    /// (<see cref="Worker.Logger"/>).</summary>
    public ILogger? Logger { get; set; }

    internal RedisEventLogOptions Copy() => (RedisEventLogOptions)MemberwiseClone();

    private static TimeSpan Positive(TimeSpan value, bool orInfinite)
    {
        if (orInfinite && value == Timeout.InfiniteTimeSpan) return value;
        ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.FromMilliseconds(1));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, TimeSpan.FromDays(36_500));
        return value;
    }
}

/// <summary>What becomes of events that are published while Redis cannot be reached.</summary>
public enum WhenUnavailable
{
    /// <summary>Publishing fails after <see cref="RedisEventLogOptions.PublishTimeout"/>, or at once if Redis refuses
    /// it.</summary>
    Fail,

    /// <summary>
    /// Publishing waits until Redis takes the event; <see cref="RedisEventLogOptions.MaxPending"/> events may wait, beyond that
    /// it fails at once.
    /// </summary>
    Wait,
}
