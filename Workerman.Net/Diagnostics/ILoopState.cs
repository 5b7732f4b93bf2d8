namespace Workerman.Diagnostics;

/// <summary>What an event loop tells of itself while it runs. Any thread; elsewhere than on the loop each is a hint.</summary>
internal interface ILoopState
{
    /// <summary>How many timers are armed.</summary>
    int TimerCount { get; }

    /// <summary>Whether it waits for something to do, or does not run.</summary>
    bool IsIdle { get; }

    /// <summary>When its turn began, as a <see cref="System.Diagnostics.Stopwatch"/> timestamp.</summary>
    long TurnBegan { get; }

    /// <summary>When it read the clock last: in this turn, and not within the callback that it is in, if it is in one.</summary>
    long LastLook { get; }
}
