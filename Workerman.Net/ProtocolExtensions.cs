using Workerman.Connection;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.WebSockets;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// Another protocol on a connection that is open (PHP: <c>$connection-&gt;protocol = …</c>): after a first line that says
/// which, or once the client has proved who it is. What has arrived and is not read yet is read by the new one. A WebSocket
/// begins with an answer, so it has a method of its own, <c>UpgradeToWebSocket</c>. All on the connection's loop.
/// </summary>
public static class ProtocolExtensions
{
    private const string OnMessageAsyncCure = "Cure: let it return Task; the overload that takes a function awaits it.";

    extension<T>(TcpConnection<T> connection)
    {
        /// <summary>
        /// Goes on with another protocol for messages of the same type, which go to the same callback as before.
        /// </summary>
        /// <param name="protocol">An object for this connection alone: it may keep state.</param>
        /// <exception cref="InvalidOperationException">The call is not on the connection's loop, a message waits for its answer,
        /// or the connection is about to become a WebSocket.</exception>
        public void UseProtocol(IProtocol<T> protocol)
        {
            ArgumentNullException.ThrowIfNull(protocol);
            Switch(connection, () => new MessageProtocol<T>(connection.Protocol.Name, protocol, RateOf(connection), isOwn: true),
                connection.Handler.Root);
        }
    }

    extension(TcpConnection connection)
    {
        /// <summary>Goes on with another protocol, whose messages go to a callback of their own.</summary>
        /// <param name="protocol">An object for this connection alone: it may keep state.</param>
        /// <param name="onMessage">What is called with each message.</param>
        /// <typeparam name="T">The message.</typeparam>
        /// <exception cref="InvalidOperationException">The call is not on the connection's loop, a message waits for its answer,
        /// or the connection is about to become a WebSocket.</exception>
        /// <exception cref="ArgumentException"><paramref name="onMessage"/> is <c>async void</c>.</exception>
        public void UseProtocol<T>(IProtocol<T> protocol, Action<TcpConnection, T> onMessage)
        {
            ArgumentNullException.ThrowIfNull(onMessage);
            AsyncVoid.Refuse(onMessage, nameof(onMessage), OnMessageAsyncCure);
            connection.UseProtocol(protocol, new SynchronousCallback<T>(onMessage).Call);
        }

        /// <inheritdoc cref="UseProtocol{T}(TcpConnection, IProtocol{T}, Action{TcpConnection, T})"/>
        public void UseProtocol<T>(IProtocol<T> protocol, Func<TcpConnection, T, Task> onMessage)
        {
            ArgumentNullException.ThrowIfNull(protocol);
            ArgumentNullException.ThrowIfNull(onMessage);
            Switch(connection, () => new MessageProtocol<T>(connection.Protocol.Name, protocol, RateOf(connection), isOwn: true),
                new CallbackHandler<T>(connection.Handler.Root, onMessage));
        }

        /// <summary>Goes on with HTTP/1.1 (PHP: <c>$connection-&gt;protocol = 'Workerman\Protocols\Http'</c>).</summary>
        /// <param name="onMessage">What is called with each request.</param>
        /// <param name="options">Limits and timeouts; null for the worker's (<see cref="WorkerOptions.Http"/>).</param>
        /// <exception cref="InvalidOperationException">The call is not on the connection's loop, a message waits for its answer,
        /// or the connection is about to become a WebSocket.</exception>
        /// <exception cref="ArgumentException"><paramref name="onMessage"/> is <c>async void</c>.</exception>
        public void UseHttp(Action<TcpConnection, Request> onMessage, HttpOptions? options = null)
        {
            ArgumentNullException.ThrowIfNull(onMessage);
            AsyncVoid.Refuse(onMessage, nameof(onMessage), OnMessageAsyncCure);
            connection.UseHttp(new SynchronousCallback<Request>(onMessage).Call, options);
        }

        /// <inheritdoc cref="UseHttp(TcpConnection, Action{TcpConnection, Request}, HttpOptions)"/>
        public void UseHttp(Func<TcpConnection, Request, Task> onMessage, HttpOptions? options = null)
        {
            ArgumentNullException.ThrowIfNull(onMessage);
            options ??= connection.Worker?.Options.Http ?? new HttpOptions();
            Func<ConnectionProtocol> makeProtocol = ProtocolCatalog.HttpFactory(
                options, connection.IsEncrypted, connection.RemoteAddress is null, Worker.LoggerOf(connection.Loop));
            Switch(connection, makeProtocol, new CallbackHandler<Request>(connection.Handler.Root, onMessage));
        }
    }

    private static MessageRate RateOf(TcpConnection connection) => connection.Worker?.Options.MessageRate ?? default;

    private static void Switch(TcpConnection connection, Func<ConnectionProtocol> makeProtocol, ConnectionHandler handler)
    {
        if (!connection.Loop.IsCurrent)
            throw new InvalidOperationException("A connection's protocol is changed on its loop: "
                + "call this in one of its callbacks, or after an await in OnMessageAsync.");
        if (connection.Status != ConnectionStatus.Established) return;
        if (connection.Protocol.IsOpening)
            throw new InvalidOperationException("This connection is about to become a WebSocket. For several protocols on one "
                + "port take a worker on http://, whose UpgradeToWebSocket makes WebSockets, or on tcp://.");
        if (connection.Protocol.IsFinished)
            throw new InvalidOperationException("This connection ends with the answer that it was given: "
                + "its client asked for no more of them. Only one that is kept alive can go on with another protocol.");
        if (!connection.Protocol.IsReady || connection.Protocol is HttpProtocol { IsWithApplication: true })
            throw new InvalidOperationException("A message of this connection waits for its answer, "
                + "which the present protocol has to write; send it first, then change the protocol.");
        connection.Switch(makeProtocol(), handler);
        connection.HasOwnProtocol = true;
    }
}
