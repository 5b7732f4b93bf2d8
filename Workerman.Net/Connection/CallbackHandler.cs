using Workerman.Diagnostics;

namespace Workerman.Connection;

/// <summary>
/// Stands in for the handler of a connection whose protocol was changed: its messages go to the callback that the change named.
/// Belongs to its connection, on the loop's thread.
/// </summary>
/// <param name="inner">The handler that it stands in for.</param>
/// <param name="received">What is called with each message.</param>
internal sealed class CallbackHandler<T>(ConnectionHandler inner, Func<TcpConnection, T, Task> received)
    : ConnectionHandler<T>(inner)
{
    protected override void OnMessage(TcpConnection connection, T message) =>
        ApplicationGuard.Deliver(Running, CallbackKind.OnMessage, this, connection, message, onMessage: null, received);
}

/// <summary>A callback that has no task to wait for, as one that has. Immutable; it is called on the loop's thread.</summary>
/// <param name="received">What is called with each message.</param>
internal sealed class SynchronousCallback<T>(Action<TcpConnection, T> received) : ICallbackWrapper
{
    object? ICallbackWrapper.Callback => received;

    public Task Call(TcpConnection connection, T message)
    {
        received(connection, message);
        return Task.CompletedTask;
    }
}
