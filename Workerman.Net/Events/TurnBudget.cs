namespace Workerman.Events;

/// <summary>
/// What one peer may take of a turn of the loop: so many messages, and about a millisecond. One message is always handled,
/// however long the application takes with it; what is left of those that have arrived goes on in the next turn
/// (<see cref="IEventLoop.ContinueNextTurn"/>), behind what others have sent by then. A value of one visit to a connection or a
/// datagram socket, on the loop's thread.
/// </summary>
/// <param name="clock">The loop's.</param>
internal struct TurnBudget(FlushDeadline clock)
{
    /// <summary>How many messages of one peer are handled in a turn.</summary>
    public const int MaxMessages = 64;

    /// <summary>How many messages may follow each other without a look at the clock, as long as they are quick.</summary>
    private const int QuickMessages = 4;

    /// <summary>A message that takes less is quick.</summary>
    private static readonly long Quick = LoopClock.FromMilliseconds(1) / 8;

    private static readonly long MaxTime = LoopClock.FromMilliseconds(1);

    private readonly long _begin = clock.LastLook;
    private int _messages;
    private int _untilLook = 1;

    /// <summary>Asked after each message that is followed by another one.</summary>
    public bool IsSpentAfterMessage()
    {
        if (++_messages >= MaxMessages) return true;
        if (--_untilLook > 0) return false;
        long before = clock.LastLook;
        long now = clock.Look();
        _untilLook = now - before < Quick ? QuickMessages : 1;
        return now - _begin >= MaxTime;
    }
}
