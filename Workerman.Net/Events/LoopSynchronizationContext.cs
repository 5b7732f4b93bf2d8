using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using Workerman.Diagnostics;

namespace Workerman.Events;

/// <summary>
/// Runs the code after an <c>await</c> on the loop that the code before it ran on. Once the loop has ended it runs on the thread
/// pool, so that a <c>finally</c> block is run in any case. It also knows in which callback an <c>async void</c> method was
/// begun. Any thread.
/// </summary>
internal sealed class LoopSynchronizationContext(EventLoop loop) : SynchronizationContext
{
    /// <summary>The <c>async void</c> call that the running code belongs to. It goes along with each <c>await</c>.</summary>
    private static readonly AsyncLocal<AsyncVoidCall?> Running = new();

    private AsyncVoidCall? _begun;

    /// <summary>Called by the runtime when an <c>async void</c> method begins, before its first line.</summary>
    public override void OperationStarted()
    {
        // An async void method that another one has begun, be it after an await, belongs to the same call.
        if (loop.IsCurrent && Running.Value is null) Running.Value = _begun ??= new AsyncVoidCall();
    }

    /// <summary>
    /// The <c>async void</c> method that the callback which has just returned has begun; null, as nearly always, for none. On the
    /// loop.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AsyncVoidCall? TakeBegun() => _begun is null ? null : Take();

    private AsyncVoidCall? Take()
    {
        AsyncVoidCall? begun = _begun;
        _begun = null;
        Running.Value = null;
        return begun;
    }

    public override void Post(SendOrPostCallback d, object? state)
    {
        // The runtime posts only the exception of an async void method in this form; that of any other stays in its Task.
        if (state is ExceptionDispatchInfo thrown)
        {
            AsyncVoidCall? call = Running.Value;
            if (!loop.Post(() => Fail(call, thrown.SourceException))) Fail(call, thrown.SourceException);
            return;
        }
        var continuation = new Continuation(d, state);
        if (!loop.Post(continuation.Run)) ThreadPool.QueueUserWorkItem(_ => continuation.Run());
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

    /// <summary>Code after an <c>await</c>; the runtime passes it on as the state of a callback of its own.</summary>
    private sealed class Continuation(SendOrPostCallback callback, object? state) : ICallbackWrapper
    {
        object? ICallbackWrapper.Callback => state is Delegate || CallbackNames.IsAsyncMethod(state) ? state : null;

        CallbackKind? ICallbackWrapper.Kind => CallbackKind.Continuation;

        public void Run() => callback(state);
    }
}
