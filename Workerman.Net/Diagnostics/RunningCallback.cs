using System.Diagnostics;

namespace Workerman.Diagnostics;

/// <summary>
/// Which callback a loop is in, for those who look from another thread while it hangs. It reads no clock: a callback costs a few
/// stores to memory that the loop has at hand. One per loop, whose thread writes it; read by any.
/// </summary>
internal sealed class RunningCallback
{
    private object? _callback;
    private CallbackKind _kind;
    private long _count;
    private SlowCallback? _slow;

    // What the watch has found at its last look, about when that had begun, and when it looked: what is called now and was not
    // then has begun since.
    private long _seen = -1;
    private long _seenSince;
    private long _seenAt;

    /// <summary>How many callbacks there were, those within others not counted: tells one from the next.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>Whether the loop is in a callback, and not between two.</summary>
    public bool IsCalling => Volatile.Read(ref _callback) is not null;

    /// <summary>What it is in, in words; null between callbacks.</summary>
    public string? Name => Volatile.Read(ref _callback) is { } callback ? CallbackNames.Of(_kind, callback) : null;

    /// <summary>
    /// A callback is about to be called. It may be within another one, which the loop is in again after <see cref="Scope.Exit"/>.
    /// </summary>
    public Scope Enter(CallbackKind kind, object callback)
    {
        var scope = new Scope(this, _callback, _kind);
        if (_callback is null) _count++;
        _kind = kind;
        _callback = callback;
        return scope;
    }

    /// <summary>Calls something that may throw, which is passed on.</summary>
    public void Call<T>(CallbackKind kind, Action<T>? callback, T argument)
    {
        if (callback is null) return;
        Scope scope = Enter(kind, callback);
        try
        {
            callback(argument);
        }
        finally
        {
            scope.Exit();
        }
    }

    /// <inheritdoc cref="Call{T}"/>
    public void Call<T1, T2>(CallbackKind kind, Action<T1, T2>? callback, T1 first, T2 second)
    {
        if (callback is null) return;
        Scope scope = Enter(kind, callback);
        try
        {
            callback(first, second);
        }
        finally
        {
            scope.Exit();
        }
    }

    /// <summary>About when the present callback began.</summary>
    /// <param name="lastLook">When the loop has looked at the clock last.</param>
    public long Since(long lastLook) => Volatile.Read(ref _seen) == Count && IsCalling
        ? Volatile.Read(ref _seenSince)
        : Math.Max(lastLook, Volatile.Read(ref _seenAt));

    /// <summary>The watch has looked: this callback is under way, since then.</summary>
    public void NoteLook(long count, long since, long now)
    {
        Volatile.Write(ref _seenSince, since);
        Volatile.Write(ref _seen, count);
        Volatile.Write(ref _seenAt, now);
    }

    /// <summary>The callback takes long: the loop says so when it has returned.</summary>
    public void Report(SlowCallback slow) => Volatile.Write(ref _slow, slow);

    /// <summary>Takes the report back, to say so oneself.</summary>
    /// <returns>False if the loop has said it.</returns>
    public bool TryTakeBack(SlowCallback slow) => Interlocked.CompareExchange(ref _slow, null, slow) == slow;

    private void TellEnd() => Interlocked.Exchange(ref _slow, null)?.TellEnd();

    /// <summary>The time of one callback. A value of whoever calls it, on the loop's thread.</summary>
    internal readonly ref struct Scope(RunningCallback running, object? before, CallbackKind kindBefore)
    {
        /// <summary>The callback has returned, or thrown.</summary>
        public void Exit()
        {
            running._kind = kindBefore;
            running._callback = before;
            if (before is null && running._slow is not null) running.TellEnd();
        }
    }
}

/// <summary>A callback that was reported to take long, until its end is told. Any thread; told once.</summary>
/// <param name="name">What it is.</param>
/// <param name="since">When it began.</param>
/// <param name="log">Where it is told.</param>
internal sealed class SlowCallback(string name, long since, ISlowCallbackLog log)
{
    public void TellHeld() => log.Held(name, Stopwatch.GetElapsedTime(since));

    public void TellEnd() => log.Returned(name, Stopwatch.GetElapsedTime(since));
}

/// <summary>Where callbacks that take long are reported. Any thread; does not throw.</summary>
internal interface ISlowCallbackLog
{
    /// <summary>A callback holds the loop.</summary>
    void Held(string callback, TimeSpan time);

    /// <summary>It has returned.</summary>
    void Returned(string callback, TimeSpan time);
}
