namespace Workerman.Events;

/// <summary>
/// When a repeating timer is due next. Timers of one interval drift, a little with each run and only to later, towards the
/// multiples of that interval, and stay there: so a thousand streams with a timer each wake the loop, and the clients' machines,
/// once per interval and not a thousand times. Ten turns per interval instead of one cost an eighth of each event (the referee's
/// <c>sse</c>). Pure; any thread.
/// </summary>
internal static class TimerCoalescing
{
    // A run is moved by at most a sixteenth of the interval, within these two, and by no more than a quarter.
    private static readonly long MinSlack = LoopClock.FromMilliseconds(1);

    private static readonly long MaxSlack = LoopClock.FromMilliseconds(10);

    /// <summary>The next time at which a timer is due.</summary>
    /// <param name="due">When it was due.</param>
    /// <param name="now">
    /// When it ran. If that is later than <paramref name="due"/> by more than half an interval, the next run is counted from
    /// here: missed runs are not made up for in a burst. Otherwise it is counted from <paramref name="due"/>, so that timers
    /// which a busy turn has left to the next one stay together with the others.
    /// </param>
    /// <param name="interval">Between two runs.</param>
    public static long Next(long due, long now, long interval)
    {
        if (interval == 0) return now;
        long slack = Math.Min(Math.Clamp(interval / 16, MinSlack, MaxSlack), interval / 4);
        long next = (now - due > interval / 2 ? now : due) + interval;
        long past = next % interval;
        return past == 0 ? next : next + Math.Min(interval - past, slack);
    }
}
