namespace Workerman.Events;

/// <summary>
/// Gives each loop that has not ended a small number, which is part of its timers' ids: so any thread finds the loop of a timer.
/// Any thread.
/// </summary>
internal static class LoopRegistry
{
    private const int NumberBits = 12;
    private static readonly Lock Gate = new();
    private static readonly EventLoop?[] Loops = new EventLoop?[1 << NumberBits];
    private static long _lastTimer;

    /// <exception cref="InvalidOperationException">There are 4,096 loops that have not ended.</exception>
    public static int Add(EventLoop loop)
    {
        lock (Gate)
        {
            int number = Array.IndexOf(Loops, null);
            if (number < 0)
                throw new InvalidOperationException(
                    $"{Loops.Length} event loops live at once; dispose of those that have stopped.");
            Loops[number] = loop;
            return number;
        }
    }

    public static void Remove(int number)
    {
        lock (Gate) Loops[number] = null;
    }

    /// <summary>A timer id never given out before, with the loop's number in its low bits.</summary>
    public static long NewTimerId(int number) => (Interlocked.Increment(ref _lastTimer) << NumberBits) | (uint)number;

    /// <summary>The loop with the number in an id, if it has not ended. Its queue tells whether the timer is its own.</summary>
    public static EventLoop? Find(long timerId) =>
        timerId <= 0 ? null : Volatile.Read(ref Loops[(int)(timerId & ((1 << NumberBits) - 1))]);
}
