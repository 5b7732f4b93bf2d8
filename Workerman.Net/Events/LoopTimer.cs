namespace Workerman.Events;

/// <summary>One timer of a loop: what to call and how often. Owned by the loop's <see cref="TimerQueue"/>.</summary>
internal sealed class LoopTimer(long id, long interval, Action callback, bool persistent)
{
    public long Id { get; } = id;

    /// <summary>Time between two runs, in units of <see cref="LoopClock"/>.</summary>
    public long Interval { get; } = interval;

    public Action Callback { get; } = callback;

    public bool Persistent { get; } = persistent;

    /// <summary>When it is due, or was when it was taken; in units of <see cref="LoopClock"/>.</summary>
    public long Due { get; set; }

    /// <summary>Place in the queue's heap, or -1 after it has left it.</summary>
    public int HeapIndex { get; set; } = -1;
}
