namespace Workerman.Events;

/// <summary>
/// Gives each loop that has not ended a small number, which is part of its timers' ids: so any thread finds the loop of a timer.
/// Any thread.
/// </summary>
internal static class LoopRegistry
{
    private const int NumberBits = 12;
    private static readonly Lock Gate = new();

    /// <summary>By their numbers; written under the lock, and replaced by a longer one when it is full.</summary>
    private static EventLoop?[] _loops = new EventLoop?[16];

    private static long _lastTimer;

    /// <exception cref="InvalidOperationException">There are 4,096 loops that have not ended.</exception>
    public static int Add(EventLoop loop)
    {
        lock (Gate)
        {
            int number = Array.IndexOf(_loops, null);
            if (number < 0) number = Grow();
            _loops[number] = loop;
            return number;
        }
    }

    public static void Remove(int number)
    {
        lock (Gate) _loops[number] = null;
    }

    /// <summary>A timer id never given out before, with the loop's number in its low bits.</summary>
    public static long NewTimerId(int number) => (Interlocked.Increment(ref _lastTimer) << NumberBits) | (uint)number;

    /// <summary>The loop with the number in an id, if it has not ended. Its queue tells whether the timer is its own.</summary>
    public static EventLoop? Find(long timerId)
    {
        EventLoop?[] loops = Volatile.Read(ref _loops);
        int number = (int)(timerId & ((1 << NumberBits) - 1));
        return timerId > 0 && number < loops.Length ? Volatile.Read(ref loops[number]) : null;
    }

    private static int Grow()
    {
        int count = _loops.Length;
        if (count == 1 << NumberBits)
            throw new InvalidOperationException($"{count} event loops live at once; dispose of those that have stopped.");
        EventLoop?[] longer = new EventLoop?[2 * count];
        _loops.CopyTo(longer, 0);
        Volatile.Write(ref _loops, longer);
        return count;
    }
}
