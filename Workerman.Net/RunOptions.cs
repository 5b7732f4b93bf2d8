using Microsoft.Extensions.Logging;
using Workerman.Events;

namespace Workerman;

/// <summary>
/// What one run of workers has of its own, in the place of the statics of <see cref="Worker"/>: for
/// <see cref="Worker.StartAsync"/>. It is read when the run starts. One thread.
/// </summary>
public sealed class RunOptions
{
    /// <summary>Timers of .NET's take no longer time.</summary>
    private static readonly TimeSpan LongestStop = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>Where the run logs to, called as <see cref="Worker.Logger"/> is; null for that.</summary>
    public ILogger? Logger { get; set; }

    /// <summary>
    /// The event loop: <c>typeof(EpollLoop)</c>, <c>typeof(SocketLoop)</c>, or null for <see cref="Worker.EventLoopClass"/>.
    /// </summary>
    /// <exception cref="ArgumentException">Another type.</exception>
    public Type? EventLoopClass { get; set => field = CheckEventLoop(value); }

    /// <summary>
    /// How long stopping may take before open connections are cut off, up to 24 days; null for <see cref="Worker.StopTimeout"/>.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or longer.</exception>
    public TimeSpan? StopTimeout { get; set => field = value is { } time ? CheckStopTimeout(time) : null; }

    internal static Type? CheckEventLoop(Type? value) =>
        value is null || value == typeof(EpollLoop) || value == typeof(SocketLoop)
            ? value
            : throw new ArgumentException(
                $"{value} is no event loop of this library; use typeof(EpollLoop) or typeof(SocketLoop).", nameof(value));

    internal static TimeSpan CheckStopTimeout(TimeSpan value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(value, LongestStop);
        return value;
    }
}
