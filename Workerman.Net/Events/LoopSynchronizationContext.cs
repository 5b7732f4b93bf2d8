using System.Runtime.ExceptionServices;

namespace Workerman.Events;

/// <summary>
/// Brings the code after an <c>await</c> back to the loop that it began on. Any thread. A continuation that comes when
/// the loop has ended runs on the thread pool: a <c>finally</c> is not lost. It also knows which callback an <c>async void</c>
/// method was begun in.
/// </summary>
internal sealed class LoopSynchronizationContext(EventLoop loop) : SynchronizationContext
{
    /// <summary>The <c>async void</c> call that the running code belongs to. It goes along with each <c>await</c>.</summary>
    private static readonly AsyncLocal<AsyncVoidCall?> Running = new();

    private AsyncVoidCall? _begun;

    /// <summary>Called by the runtime when an <c>async void</c> method begins, before its first line.</summary>
    public override void OperationStarted()
    {
        // One that another has begun, be it after an await, belongs to the same call.
        if (loop.IsCurrent && Running.Value is null) Running.Value = _begun ??= new AsyncVoidCall();
    }

    /// <summary>What the callback that has just returned has begun; null, as nearly always, for nothing. On the loop.</summary>
    public AsyncVoidCall? TakeBegun()
    {
        AsyncVoidCall? begun = _begun;
        if (begun is null) return null;
        _begun = null;
        Running.Value = null;
        return begun;
    }

    public override void Post(SendOrPostCallback d, object? state)
    {
        // Only what an async void method throws comes as such: all other code after an await keeps it in its Task.
        if (state is ExceptionDispatchInfo thrown)
        {
            AsyncVoidCall? call = Running.Value;
            if (!loop.Post(() => Fail(call, thrown.SourceException))) Fail(call, thrown.SourceException);
            return;
        }
        if (!loop.Post(() => d(state))) ThreadPool.QueueUserWorkItem(_ => d(state));
    }

    public override void Send(SendOrPostCallback d, object? state)
    {
        if (loop.IsCurrent)
        {
            d(state);
            return;
        }
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ =>
        {
            try
            {
                d(state);
                done.SetResult();
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        }, null);
        done.Task.GetAwaiter().GetResult();
    }

    public override SynchronizationContext CreateCopy() => this;

    private void Fail(AsyncVoidCall? call, Exception exception)
    {
        if (loop.IsCurrent && call?.Failed is { } failed) failed(exception);
        else loop.Report(exception);
    }
}
