using Workerman.Diagnostics;
using Workerman.Events;

namespace Workerman;

/// <summary>
/// Timers of the loop that the calling code runs on (PHP: <c>Workerman\Timer</c>). They fire on that loop, between its other
/// callbacks, a millisecond exact as long as no callback holds it up.
/// </summary>
public static class Timer
{
    /// <summary>Calls back every <paramref name="seconds"/>, or once (PHP: <c>add</c>).</summary>
    /// <param name="seconds">
    /// Zero or more; fractions to the millisecond. A repeat is counted from when the last run was due; from when that one ran, if
    /// that was later by more than half the time, so that missed runs are not made up for. It may come up to 10 milliseconds
    /// later, so that timers of the same time come to run together.
    /// </param>
    /// <param name="callback">Called on this loop.</param>
    /// <param name="persistent">False: once.</param>
    /// <returns>The timer's id, for <see cref="Del"/>: positive, never used again in this process.</returns>
    /// <exception cref="InvalidOperationException">The calling code runs on no event loop.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative or not a number.</exception>
    /// <exception cref="ArgumentException">The callback is <c>async void</c>; use <see cref="AddAsync"/>.</exception>
    public static long Add(double seconds, Action callback, bool persistent = true)
    {
        ArgumentNullException.ThrowIfNull(callback);
        AsyncVoid.Refuse(callback, nameof(callback), "Cure: AddAsync, RepeatAsync and DelayAsync take the same lambda.");
        return Current().AddTimer(ToTimeSpan(seconds), callback, persistent);
    }

    /// <summary>
    /// Calls an asynchronous function every <paramref name="seconds"/>, or once; after an <c>await</c> the code goes on on this
    /// loop. It is not called while its last run has not ended. What it throws is logged, and the next run comes all the same.
    /// </summary>
    /// <inheritdoc cref="Add"/>
    public static long AddAsync(double seconds, Func<Task> callback, bool persistent = true)
    {
        ArgumentNullException.ThrowIfNull(callback);
        EventLoop loop = Current();
        return loop.AddTimer(ToTimeSpan(seconds), new AsyncTimer(loop, callback).Run, persistent);
    }

    /// <summary>Calls an asynchronous function every <paramref name="seconds"/>, as <see cref="AddAsync"/> does.</summary>
    /// <inheritdoc cref="Add"/>
    public static long RepeatAsync(double seconds, Func<Task> callback) => AddAsync(seconds, callback);

    /// <summary>Calls an asynchronous function once, after <paramref name="seconds"/>, as <see cref="AddAsync"/> does.</summary>
    /// <inheritdoc cref="Add"/>
    public static long DelayAsync(double seconds, Func<Task> callback) => AddAsync(seconds, callback, persistent: false);

    /// <summary>Calls back every <paramref name="seconds"/> (PHP: <c>repeat</c>).</summary>
    /// <inheritdoc cref="Add"/>
    public static long Repeat(double seconds, Action callback) => Add(seconds, callback);

    /// <summary>Calls back once, after <paramref name="seconds"/> (PHP: <c>delay</c>).</summary>
    /// <inheritdoc cref="Add"/>
    public static long Delay(double seconds, Action callback) => Add(seconds, callback, persistent: false);

    /// <summary>
    /// Ends after <paramref name="seconds"/>, for <c>await</c>; the code goes on on this loop (PHP: <c>sleep</c>).
    /// </summary>
    /// <exception cref="InvalidOperationException">The calling code runs on no event loop.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The time is negative or not a number.</exception>
    public static Task Sleep(double seconds)
    {
        var sleep = new SleepTimer();
        Delay(seconds, sleep.End);
        return sleep.Task;
    }

    /// <summary>Deletes a timer, from any thread; also from its own callback (PHP: <c>del</c>).</summary>
    /// <returns>Whether it was armed; for a timer of another loop, whether that loop was told to delete it.</returns>
    public static bool Del(long timerId) => LoopRegistry.Find(timerId)?.DeleteTimer(timerId) ?? false;

    /// <summary>
    /// Deletes all timers of the loop that the calling code runs on (PHP: <c>delAll</c>), those behind <see cref="Sleep"/> too:
    /// what awaits them never goes on.
    /// </summary>
    /// <exception cref="InvalidOperationException">The calling code runs on no event loop.</exception>
    public static void DelAll() => Current().DeleteAllTimers();

    private static EventLoop Current() => EventLoop.Current
        ?? throw new InvalidOperationException("No event loop runs on this thread, so there is nothing to fire a timer. "
            + "Use Timer in OnWorkerStart or in another callback of a worker, after Worker.RunAll().");

    private static TimeSpan ToTimeSpan(double seconds)
    {
        if (!(seconds >= 0))
            throw new ArgumentOutOfRangeException(nameof(seconds), seconds, "A timer's time is zero seconds or more.");
        return seconds >= TimeSpan.MaxValue.TotalSeconds ? TimeSpan.MaxValue : TimeSpan.FromSeconds(seconds);
    }

    /// <summary>An asynchronous function that is called unless its last run lasts. Belongs to the loop's thread.</summary>
    private sealed class AsyncTimer(EventLoop loop, Func<Task> callback) : ICallbackWrapper
    {
        private Task _last = Task.CompletedTask;

        object? ICallbackWrapper.Callback => callback;

        public void Run()
        {
            if (_last.IsCompleted) _last = loop.RunAsync(callback);
        }
    }

    /// <summary>A sleep, at whose end the code that awaits it goes on in place. Belongs to the loop's thread.</summary>
    private sealed class SleepTimer : ICallbackWrapper
    {
        private readonly TaskCompletionSource _ended = new();

        public Task Task => _ended.Task;

        object? ICallbackWrapper.Callback => null;

        CallbackKind? ICallbackWrapper.Kind => CallbackKind.Sleep;

        public void End() => _ended.SetResult();
    }
}
