namespace Workerman.Events;

/// <summary>Work for the end of a loop's turn, held by an object so that deferring it allocates nothing.</summary>
internal interface IDeferredWork
{
    /// <summary>Called once per <see cref="IEventLoop.Defer"/>, on the loop's thread.</summary>
    void RunDeferred();
}

/// <summary>
/// Work that has had its share of a turn (<see cref="TurnBudget"/>) and goes on in the next one, held by an object so that
/// continuing it allocates nothing.
/// </summary>
internal interface IContinuedWork
{
    /// <summary>Called once per <see cref="IEventLoop.ContinueNextTurn"/>, on the loop's thread.</summary>
    void Continue();
}
