using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// A connection of a <c>Worker&lt;T&gt;</c>: a <see cref="TcpConnection"/> that knows what its worker receives, so that it may
/// have a message callback of its own, and sends
/// such messages. It is what the worker's callbacks get. Lives and dies as its base class says.
/// </summary>
/// <typeparam name="T">What the worker receives.</typeparam>
public sealed class TcpConnection<T> : TcpConnection
{
    internal TcpConnection(ConnectedSocket socket, ConnectionProtocol protocol, ConnectionHandler handler, TlsFilter? tls = null)
        : base(socket, protocol, handler, tls)
    {
    }

    /// <summary>
    /// Takes the place of the worker's <c>OnMessage</c> for this connection, from the next message on; null gives it back. It is
    /// one slot with <see cref="OnMessageAsync"/>: the
    /// one that is set last counts (PHP: <c>$connection-&gt;onMessage</c>). On the connection's loop.
    /// </summary>
    /// <exception cref="ArgumentException">It is <c>async void</c>; use <see cref="OnMessageAsync"/>.</exception>
    public Action<TcpConnection<T>, T>? OnMessage
    {
        get => MessageCallback as Action<TcpConnection<T>, T>;
        set => MessageCallback = AsyncVoid.Refuse(value, nameof(OnMessage), "Cure: set OnMessageAsync to the same lambda.");
    }

    /// <summary>As <see cref="OnMessage"/>; after an <c>await</c> the code goes on on the same loop.</summary>
    public Func<TcpConnection<T>, T, Task>? OnMessageAsync
    {
        get => MessageCallback as Func<TcpConnection<T>, T, Task>;
        set => MessageCallback = value;
    }
}
