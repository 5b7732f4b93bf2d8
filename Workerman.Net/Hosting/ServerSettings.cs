using Workerman.Logging;

namespace Workerman.Hosting;

/// <summary>
/// What one run of workers goes by. It is read from the statics of <c>Worker</c> once, when the run starts, and handed on from
/// there: host, loops, workers and clients ask what made them, so that several runs in one process share nothing. Immutable; any
/// thread.
/// </summary>
/// <param name="Logger">Where they log to.</param>
/// <param name="LoopType">The class of the event loops; null for the best there is.</param>
/// <param name="StopTimeout">How long stopping may take before open connections are cut off.</param>
internal sealed record ServerSettings(GuardedLogger Logger, Type? LoopType, TimeSpan StopTimeout)
{
    /// <summary>The files that a run writes to, beside what <see cref="Logger"/> is.</summary>
    public LogFileSettings Files { get; init; } = new();

    /// <summary>How long a callback may hold its loop before that is reported; infinite for never.</summary>
    public TimeSpan SlowCallbackTime { get; init; } = Timeout.InfiniteTimeSpan;
}
