using Workerman.Connection;
using Workerman.Events;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.WebSockets;

namespace Workerman;

/// <summary>
/// The members of a connection that is or becomes a WebSocket. They are extensions, because the connection's own layer knows no
/// protocols.
/// </summary>
public static class WebSocketConnectionExtensions
{
    /// <summary>What to do instead of waiting in <c>OnWebSocketConnect</c>, which the handshake does not wait for.</summary>
    internal const string ConnectCure =
        "Cure: an HTTP worker's OnMessageAsync may wait as long as it has to, and then call UpgradeToWebSocket.";

    extension(TcpConnection connection)
    {
        /// <summary>
        /// Takes the place of the worker's <c>OnWebSocketConnect</c> for this connection; set it in <c>OnConnect</c> (PHP:
        /// <c>$connection-&gt;onWebSocketConnect</c>).
        /// </summary>
        public Action<TcpConnection, Request>? OnWebSocketConnect
        {
            get => WebSocketCallbacks.Find(connection)?.OnConnect;
            set => WebSocketCallbacks.Of(connection).OnConnect = AsyncVoid.Refuse(value, "OnWebSocketConnect", ConnectCure);
        }

        /// <summary>
        /// Takes the place of the worker's <c>OnWebSocketConnected</c> for this connection (PHP:
        /// <c>$connection-&gt;onWebSocketConnected</c>).
        /// </summary>
        public Action<TcpConnection, Request>? OnWebSocketConnected
        {
            get => WebSocketCallbacks.Find(connection)?.OnConnected;
            set => WebSocketCallbacks.Of(connection).OnConnected = value;
        }

        /// <summary>
        /// Takes the place of the worker's <c>OnWebSocketClose</c> for this connection (PHP:
        /// <c>$connection-&gt;onWebSocketClose</c>).
        /// </summary>
        public Action<TcpConnection, int, string>? OnWebSocketClose
        {
            get => WebSocketCallbacks.Find(connection)?.OnClose;
            set => WebSocketCallbacks.Of(connection).OnClose = value;
        }

        /// <summary>
        /// The peer has sent a ping, with up to 125 bytes; the pong is sent in any case. Of a worker's connection it takes the
        /// place of the worker's <c>OnWebSocketPing</c>; clients have it too (PHP: <c>$connection-&gt;onWebSocketPing</c>, which
        /// takes the place of the pong).
        /// </summary>
        public Action<TcpConnection, byte[]>? OnWebSocketPing
        {
            get => WebSocketCallbacks.Find(connection)?.OnPing;
            set => WebSocketCallbacks.Of(connection).OnPing = value;
        }

        /// <summary>
        /// The peer has sent a pong, with the bytes of the ping that it answers. Of a worker's connection it takes the place of
        /// the worker's <c>OnWebSocketPong</c>; clients have it too (PHP: <c>$connection-&gt;onWebSocketPong</c>).
        /// </summary>
        public Action<TcpConnection, byte[]>? OnWebSocketPong
        {
            get => WebSocketCallbacks.Find(connection)?.OnPong;
            set => WebSocketCallbacks.Of(connection).OnPong = value;
        }

        /// <summary>The subprotocol that was agreed on; null for none.</summary>
        public string? Subprotocol => WebSocketCallbacks.Find(connection)?.Subprotocol;

        /// <summary>
        /// Answers a request of an HTTP worker by making its connection a WebSocket, so that one port has WebSockets beside pages
        /// and event streams; not in PHP. A request that is no valid handshake is answered with what is wrong (400, 405, 426). On
        /// the connection's loop.
        /// </summary>
        /// <param name="request">The request, which has no answer yet. <see cref="Request.UpgradeHeaders"/> go with the
        /// answer.</param>
        /// <param name="onMessage">What is called with each message, on the connection's loop.</param>
        /// <param name="options">Limits and timeouts; null for the worker's (<see cref="WorkerOptions.WebSocket"/>).</param>
        /// <returns>Whether it is a WebSocket now, and can send messages.</returns>
        /// <exception cref="InvalidOperationException">The request has been answered, or the call is not on the connection's
        /// loop.</exception>
        /// <exception cref="ArgumentException"><paramref name="onMessage"/> is <c>async void</c>; let it return a
        /// Task.</exception>
        public bool UpgradeToWebSocket(Request request, Action<TcpConnection, WebSocketMessage> onMessage,
            WebSocketOptions? options = null)
        {
            ArgumentNullException.ThrowIfNull(onMessage);
            AsyncVoid.Refuse(onMessage, nameof(onMessage),
                "Cure: let it return Task; the overload that takes a function awaits it.");
            return connection.UpgradeToWebSocket(request, new SynchronousCallback<WebSocketMessage>(onMessage).Call, options);
        }

        /// <inheritdoc
        /// cref="UpgradeToWebSocket(TcpConnection, Request, Action{TcpConnection, WebSocketMessage}, WebSocketOptions)"/>
        public bool UpgradeToWebSocket(Request request, Func<TcpConnection, WebSocketMessage, Task> onMessage,
            WebSocketOptions? options = null)
        {
            ArgumentNullException.ThrowIfNull(request);
            ArgumentNullException.ThrowIfNull(onMessage);
            options ??= connection.Worker?.Options.WebSocket ?? new WebSocketOptions();
            return WebSocketUpgrade.AnswerWith(connection, request, options,
                new CallbackHandler<WebSocketMessage>(connection.Handler, onMessage));
        }

        /// <summary>
        /// Sends a ping to the peer of a WebSocket, with at most 125 bytes; <c>OnWebSocketPong</c> is called for the answer. It
        /// does nothing while the WebSocket is not open, nor on another connection of an HTTP worker. Any thread.
        /// </summary>
        /// <exception cref="ArgumentException">There are more than 125 bytes.</exception>
        /// <exception cref="InvalidOperationException">The connection is no WebSocket, and its protocol never becomes
        /// one.</exception>
        public void Ping(ReadOnlySpan<byte> payload = default) => ControlFrames.Ping(connection, payload);

        /// <summary>
        /// Ends a WebSocket with a code of <see cref="CloseCode"/>, or 3000 to 4999, and a reason of at most 123 bytes. One that
        /// is not open yet ends without them; another connection of an HTTP worker does not end. Any thread.
        /// </summary>
        /// <exception cref="ArgumentException">The code may not be sent, or the reason is too long.</exception>
        /// <exception cref="InvalidOperationException">The connection is no WebSocket, and its protocol never becomes
        /// one.</exception>
        public void CloseWebSocket(int code = CloseCode.Normal, string reason = "") =>
            ControlFrames.Close(connection, code, reason);
    }
}
