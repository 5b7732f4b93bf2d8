namespace Workerman.Events;

/// <summary>
/// How long what callbacks have sent may wait for the end of the loop's turn: half a millisecond, counted from the beginning of
/// the turn or from the last flush. It is only the clock of that rule: the loop asks it between two callbacks, and whoever
/// gathers writes asks it within one that goes on sending. It keeps the loop's last look at the clock, which a
/// <see cref="TurnBudget"/> counts from. One per loop; belongs to the loop's thread.
/// </summary>
internal class FlushDeadline
{
    /// <summary>How many callbacks may follow each other without a look at the clock.</summary>
    private const int QuickCallbacks = 4;

    private static readonly long Limit = LoopClock.FromMilliseconds(1) / 2;

    private long _since;
    private long _lookedAt;
    private int _untilLook;

    /// <summary>When the clock was read last, in units of <see cref="LoopClock"/>: a few quick callbacks ago at most.</summary>
    public long LastLook => Math.Max(_lookedAt, _since);

    /// <summary>The clock, in units of <see cref="LoopClock"/>. A loop of tests has time stand still.</summary>
    public virtual long Now => LoopClock.Ticks;

    /// <summary>Reads the clock, and keeps what it says.</summary>
    public long Look() => _lookedAt = Now;

    /// <summary>A turn has begun, or what waited has left.</summary>
    public void Restart(long now) => _since = now;

    public virtual bool HasPassed(long now) => now - _since > Limit;

    /// <summary>
    /// Asked after each callback. Reading the clock takes a hundredth of a request's time, so after callbacks that were quick the
    /// next few are taken to be quick too.
    /// </summary>
    public bool HasPassedAfterCallback()
    {
        if (--_untilLook > 0) return false;
        long before = _lookedAt;
        long now = Look();
        _untilLook = now - before < Limit / 4 ? QuickCallbacks : 1;
        return HasPassed(now);
    }
}
