using Workerman.Diagnostics;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// Keeps callbacks that can cause each other from nesting: an application that sends to others in <c>OnBufferFull</c> would
/// otherwise have as many calls on the stack as peers that do not read. One that is caused within another is called in the loop's
/// next turn, or before the end of its connection is told. One per <see cref="ConnectionBuffers"/>; belongs to the loop's thread.
/// </summary>
internal sealed class CallbackQueue(IEventLoop loop) : IContinuedWork
{
    private readonly Queue<Waiting> _waiting = [];

    /// <summary>Those that have to be called before the end of what they are about is told, in their order.</summary>
    private readonly Dictionary<object, Queue<Waiting>> _owned = [];

    private bool _isCalling;
    private bool _continues;

    /// <summary>One call that waits; none is left of it when it was called ahead of its turn.</summary>
    private sealed class Waiting(Action call, object? owner)
    {
        public Action? Call { get; set; } = call;

        public object? Owner => owner;
    }

    /// <summary>Calls back, now or in the next turn.</summary>
    /// <param name="state">What it is about.</param>
    /// <param name="callback">What is called. It does not throw.</param>
    /// <param name="isStillSo">Whether it is still to be called when its turn has come.</param>
    /// <param name="owner">For whom <see cref="CallNow"/> calls it earlier; null for nobody.</param>
    public void Call<TState>(TState state, Action<TState> callback, Func<TState, bool> isStillSo, object? owner = null)
    {
        if (_isCalling)
        {
            Add(() =>
            {
                if (isStillSo(state)) Call(state, callback, isStillSo, owner);
            }, owner);
            return;
        }
        _isCalling = true;
        try
        {
            if (RequestTracing.HasListeners) CallUntraced(state, callback);
            else callback(state);
        }
        finally
        {
            _isCalling = false;
        }
    }

    /// <summary>Makes the calls that wait for an owner, whose end is told next. Not within a callback.</summary>
    public void CallNow(object owner)
    {
        if (_owned.Count == 0 || !_owned.Remove(owner, out Queue<Waiting>? calls)) return;
        foreach (Waiting waiting in calls)
        {
            Action call = waiting.Call!;
            waiting.Call = null;
            call();
        }
    }

    void IContinuedWork.Continue()
    {
        _continues = false;
        var budget = new TurnBudget(loop.FlushDeadline);
        while (_waiting.TryDequeue(out Waiting? waiting))
        {
            if (waiting.Call is not { } call) continue;
            Forget(waiting);
            call();
            if (_waiting.Count == 0 || !budget.IsSpentAfterMessage()) continue;
            ContinueNextTurn();
            break;
        }
    }

    /// <summary>The request whose answer has caused it, of another connection perhaps, is not what it belongs to.</summary>
    private static void CallUntraced<TState>(TState state, Action<TState> callback)
    {
        var scope = ActivityScope.Enter(null);
        callback(state);
        scope.Exit();
    }

    private void Add(Action call, object? owner)
    {
        var waiting = new Waiting(call, owner);
        _waiting.Enqueue(waiting);
        if (owner is not null)
        {
            if (!_owned.TryGetValue(owner, out Queue<Waiting>? calls)) _owned.Add(owner, calls = []);
            calls.Enqueue(waiting);
        }
        ContinueNextTurn();
    }

    /// <summary>Its turn has come: of its owner's calls it is the first.</summary>
    private void Forget(Waiting waiting)
    {
        if (waiting.Owner is not { } owner || !_owned.TryGetValue(owner, out Queue<Waiting>? calls)) return;
        calls.Dequeue();
        if (calls.Count == 0) _owned.Remove(owner);
    }

    private void ContinueNextTurn()
    {
        if (_continues) return;
        _continues = true;
        loop.ContinueNextTurn(this);
    }
}
