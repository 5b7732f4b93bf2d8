namespace Workerman.Events;

/// <summary>Work for the end of a loop's turn, held by an object so that deferring it allocates nothing.</summary>
internal interface IDeferredWork
{
    /// <summary>Called once per <see cref="IEventLoop.Defer"/>, on the loop's thread.</summary>
    void RunDeferred();
}
