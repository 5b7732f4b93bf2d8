using System.Diagnostics;

namespace Workerman.Diagnostics;

/// <summary>
/// One loop as <see cref="SlowCallbackWatch"/> sees it, look by look. A callback is told from the next by its number, so many
/// short ones in one turn are never one long one. What its end tells is said by the loop itself, exactly when it has returned;
/// only of what happens between two callbacks the watch says that too. Belongs to the watch's thread.
/// </summary>
internal sealed class WatchedLoop(RunningCallback running, ILoopState state, TimeSpan limit, ISlowCallbackLog log) : IDisposable
{
    private readonly long _limit = (long)(limit.TotalSeconds * Stopwatch.Frequency);
    private readonly long _longPause = (long)(SlowCallbackWatch.IntervalFor(limit).TotalSeconds * Stopwatch.Frequency * 2);

    /// <summary>What was under way at the last look: the callback's number and, between two, the turn; 0 for a
    /// callback.</summary>
    private (long Count, long Turn) _seen = (-1, 0);

    /// <summary>About when that began.</summary>
    private long _since;

    /// <summary>How long of it the watch did not run either: the process was stopped, or had no processor.</summary>
    private long _paused;

    private long _lookedAt = Stopwatch.GetTimestamp();
    private bool _isReported;
    private SlowCallback? _between;

    public TimeSpan Interval { get; } = SlowCallbackWatch.IntervalFor(limit);

    /// <summary>One look.</summary>
    /// <param name="now">The time, as a <see cref="Stopwatch"/> timestamp.</param>
    /// <param name="isDebugged">Whether a debugger may have stopped the loop: then nothing is reported.</param>
    public void Look(long now, bool isDebugged)
    {
        (long Count, long Turn) present = state.IsIdle || isDebugged ? (-1, 0) : Present();
        if (present != _seen) Begin(present, now);
        else _paused += Math.Max(0, now - _lookedAt - _longPause);
        _lookedAt = now;
        if (present.Count < 0) return;
        running.NoteLook(present.Count, _since, now);
        if (!_isReported && now - _since - _paused >= _limit) Report(present);
    }

    /// <summary>Nothing is watched any more.</summary>
    public void Dispose() => SlowCallbackWatch.Remove(this);

    private (long Count, long Turn) Present()
    {
        long count = running.Count;
        return (count, running.IsCalling ? 0 : state.TurnBegan);
    }

    private void Begin((long Count, long Turn) present, long now)
    {
        _between?.TellEnd();
        _between = null;
        (_isReported, _paused, _seen) = (false, 0, present);
        // It was not there at the last look, which is not long ago; and it began after the loop has looked at the clock last.
        _since = Math.Max(Math.Max(_lookedAt, now - _longPause), state.LastLook);
    }

    private void Report((long Count, long Turn) present)
    {
        _isReported = true;
        string name = running.Name ?? CallbackNames.BetweenCallbacks;
        if (present != Present()) return;
        var slow = new SlowCallback(name, _since, log);
        slow.TellHeld();
        if (present.Turn != 0)
        {
            _between = slow;
            return;
        }
        running.Report(slow);
        // It has returned meanwhile, and may not have found the report.
        if (present != Present() && running.TryTakeBack(slow)) slow.TellEnd();
    }
}
