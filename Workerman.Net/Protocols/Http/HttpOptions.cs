namespace Workerman.Protocols.Http;

/// <summary>
/// Limits and patience of an HTTP worker. All are on by default. Set them before the worker listens; a value, once the
/// worker runs, is shared by its loops.
/// </summary>
public sealed class HttpOptions
{
    /// <summary>Bytes that the request line and the header fields may have together; 16 KiB, 256 to 1 MiB. Beyond: 431.</summary>
    public int MaxHeadSize { get; set => field = InRange(value, 256, 1024 * 1024); } = 16 * 1024;

    /// <summary>Header fields that a request may have; 100, 1 to 10,000. Beyond: 431.</summary>
    public int MaxHeaderCount { get; set => field = InRange(value, 1, 10_000); } = 100;

    /// <summary>
    /// How long a head may take from its first byte (from the connection on for the first one); 30 seconds. Beyond: 408.
    /// <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Checked about once a second, like the others.
    /// </summary>
    public TimeSpan HeadTimeout { get; set => field = PositiveOrInfinite(value); } = TimeSpan.FromSeconds(30);

    /// <summary>How long no byte of an unfinished body may come; 30 seconds. Beyond: 408.</summary>
    public TimeSpan BodyTimeout { get; set => field = PositiveOrInfinite(value); } = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection may be without a request; 75 seconds. Beyond: it is closed.</summary>
    public TimeSpan KeepAliveTimeout { get; set => field = PositiveOrInfinite(value); } = TimeSpan.FromSeconds(75);

    private static int InRange(int value, int least, int most)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, least);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, most);
        return value;
    }

    private static TimeSpan PositiveOrInfinite(TimeSpan value)
    {
        if (value != Timeout.InfiniteTimeSpan) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
        return value;
    }
}
