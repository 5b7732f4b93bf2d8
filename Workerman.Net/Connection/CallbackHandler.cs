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
        ApplicationGuard.Deliver(this, connection, message, onMessage: null, received);
}
