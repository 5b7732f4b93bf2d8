using System.Diagnostics;

namespace Workerman.Diagnostics;

/// <summary>
/// The figures of one event loop: what its client connections have come to, how long its turns take, and which callback it is in.
/// Made and owned by the loop, which writes it on its thread; read by any thread.
/// </summary>
/// <param name="state">The loop.</param>
internal sealed class LoopFigures(ILoopState? state = null) : TrafficFigures(null, null)
{
    /// <summary>Turns are remembered for one to two of these.</summary>
    private static readonly long Window = Stopwatch.Frequency;

    private volatile ILoopState? _state = state;
    private long _windowEnd;
    private long _longest;
    private long _longestBefore;

    public override LoopFigures Loop => this;

    /// <summary>The callback that the loop is in.</summary>
    public RunningCallback Running { get; } = new();

    public int Timers => Math.Max(0, _state?.TimerCount ?? 0);

    /// <summary>
    /// The longest turn in about the last second, the present one included: so long has what became ready waited for the loop.
    /// </summary>
    public TimeSpan Lag
    {
        get
        {
            long now = Stopwatch.GetTimestamp();
            long past = now - Volatile.Read(ref _windowEnd);
            long longest = past >= Window ? 0 : Volatile.Read(ref _longest);
            if (past < 0) longest = Math.Max(longest, Volatile.Read(ref _longestBefore));
            if (_state is { IsIdle: false } busy) longest = Math.Max(longest, now - busy.TurnBegan);
            return Stopwatch.GetElapsedTime(0, longest);
        }
    }

    /// <summary>The callback that the loop is in, and for how long; no time and null if it waits.</summary>
    public (TimeSpan For, string? Callback) Activity
    {
        get
        {
            if (_state is not { IsIdle: false } state) return default;
            long since = Running.Since(state.LastLook);
            string name = Running.Name ?? CallbackNames.BetweenCallbacks;
            return (Stopwatch.GetElapsedTime(Math.Min(since, Stopwatch.GetTimestamp())), name);
        }
    }

    /// <summary>A turn has ended. On the loop.</summary>
    public void NoteTurn(long took, long now)
    {
        if (now >= _windowEnd) BeginWindow(now);
        if (took > _longest) Volatile.Write(ref _longest, took);
    }

    /// <summary>The loop has ended: what is kept are the figures, not the loop.</summary>
    public void Release() => _state = null;

    private void BeginWindow(long now)
    {
        Volatile.Write(ref _longestBefore, now - _windowEnd < Window ? _longest : 0);
        Volatile.Write(ref _longest, 0);
        Volatile.Write(ref _windowEnd, now + Window);
    }
}
