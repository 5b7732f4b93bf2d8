namespace Workerman.Handover;

/// <summary>
/// How a process that is replaced lets go of its connections. Immutable; what it calls is called on the loop that is asked.
/// </summary>
/// <param name="Window">The time over which those are spread that have to connect again.</param>
/// <param name="IdleTime">How long a keep-alive connection has to be idle before it is closed.</param>
/// <param name="Move">Takes a subscription that goes on in the new process, and owns it; null: none can.</param>
/// <param name="LoopIsDone">A loop has given its last subscription to <paramref name="Move"/>. Called once for each loop, also
/// for one that has none; on the thread that asks if the loop has ended already.</param>
internal sealed record HandoverPlan(TimeSpan Window, TimeSpan IdleTime, Action<MovedSubscription>? Move, Action LoopIsDone)
{
    /// <summary>A random time within a window, to the millisecond.</summary>
    public static TimeSpan RandomTime(TimeSpan window) =>
        TimeSpan.FromMilliseconds(Random.Shared.NextInt64(MillisecondsOf(window) + 1L));

    /// <summary>A window in milliseconds, as many as a <c>retry</c> field may have.</summary>
    public static int MillisecondsOf(TimeSpan window) => (int)Math.Clamp(window.TotalMilliseconds, 0, int.MaxValue);
}
