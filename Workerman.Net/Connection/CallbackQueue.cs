using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// Keeps callbacks that can cause each other from nesting: an application that sends to others in <c>OnBufferFull</c> would
/// otherwise have as many calls on the stack as peers that do not read. One that is caused within another is called in the loop's
/// next turn. One per <see cref="ConnectionBuffers"/>; belongs to the loop's thread.
/// </summary>
internal sealed class CallbackQueue(IEventLoop loop) : IContinuedWork
{
    private readonly Queue<Action> _waiting = [];
    private bool _isCalling;
    private bool _continues;

    /// <summary>Calls back, now or in the next turn.</summary>
    /// <param name="state">What it is about.</param>
    /// <param name="callback">What is called. It does not throw.</param>
    /// <param name="isStillSo">Whether it is still to be called when its turn has come.</param>
    public void Call<TState>(TState state, Action<TState> callback, Func<TState, bool> isStillSo)
    {
        if (_isCalling)
        {
            Add(() =>
            {
                if (isStillSo(state)) Call(state, callback, isStillSo);
            });
            return;
        }
        _isCalling = true;
        try
        {
            callback(state);
        }
        finally
        {
            _isCalling = false;
        }
    }

    void IContinuedWork.Continue()
    {
        _continues = false;
        var budget = new TurnBudget(loop.FlushDeadline);
        while (_waiting.TryDequeue(out Action? call))
        {
            call();
            if (_waiting.Count == 0 || !budget.IsSpentAfterMessage()) continue;
            ContinueNextTurn();
            break;
        }
    }

    private void Add(Action call)
    {
        _waiting.Enqueue(call);
        ContinueNextTurn();
    }

    private void ContinueNextTurn()
    {
        if (_continues) return;
        _continues = true;
        loop.ContinueNextTurn(this);
    }
}
