using Workerman.Connection;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// A client connection whose messages are of type <typeparamref name="T"/> (PHP: <c>AsyncTcpConnection</c>, which is untyped).
/// The address's scheme decides what it can deliver, as with <see cref="Worker{T}"/>: <c>tcp://</c>, <c>ssl://</c> and
/// <c>unix://</c> a <c>string</c>, <c>byte[]</c> or <c>ReadOnlyMemory&lt;byte&gt;</c> as it arrives or, with
/// <see cref="Protocol"/>, whatever the application's own protocol reads; <c>text://</c>, <c>frame://</c>, <c>ws://</c> and
/// <c>wss://</c> what a worker on them does. Belongs to one loop, as every connection does.
/// </summary>
/// <typeparam name="T">What <see cref="OnMessage"/> receives.</typeparam>
public sealed class AsyncTcpConnection<T> : AsyncTcpConnection
{
    private readonly ClientAddress _address;
    private Func<ConnectionProtocol>? _makeProtocol;
    private ClientHandler<T>? _calls;

    /// <summary>Makes one that is not connected.</summary>
    /// <param name="address">Where to: <c>scheme://host:port</c> or <c>unix:///path/to.sock</c>. A host name is looked up when it
    /// connects.</param>
    /// <exception cref="ArgumentException">It is no address, or its scheme cannot deliver <typeparamref name="T"/>; the message
    /// says what to use.</exception>
    public AsyncTcpConnection(string address)
        : this(Checked(address))
    {
    }

    private AsyncTcpConnection(ClientAddress address)
        : base(address)
    {
        _address = address;
        UseProtocol(null);
        if (EventLoop.Current is { } loop) Bind(loop);
    }

    /// <summary>
    /// A message has arrived (PHP: <c>$onMessage</c>). Set this or <see cref="OnMessageAsync"/>; without either what arrives is
    /// read and dropped.
    /// </summary>
    /// <exception cref="ArgumentException">It is <c>async void</c>; use <see cref="OnMessageAsync"/>.</exception>
    public Action<AsyncTcpConnection<T>, T>? OnMessage
    {
        get;
        set => field = AsyncVoid.Refuse(value, nameof(OnMessage), "Cure: set OnMessageAsync to the same lambda.");
    }

    /// <summary>
    /// A message has arrived; after an <c>await</c> the code goes on on the same loop. Set this or <see cref="OnMessage"/>.
    /// </summary>
    public Func<AsyncTcpConnection<T>, T, Task>? OnMessageAsync { get; set; }

    /// <summary>
    /// The server of a <c>ws://</c> or <c>wss://</c> address has agreed; called with its answer, before
    /// <see cref="AsyncTcpConnection.OnConnect"/>, each time it is connected. What was sent before has left; what is sent here
    /// follows. Closing the connection here refuses the answer, and <c>OnConnect</c> does not come (PHP:
    /// <c>$onWebSocketConnect</c> of an <c>AsyncTcpConnection</c>). A refusal of the server is
    /// <see cref="AsyncTcpConnection.OnError"/>, with the answer in <see cref="WebSocketClientOptions.Response"/>.
    /// </summary>
    public Action<AsyncTcpConnection<T>, Response>? OnWebSocketConnect { get; set; }

    /// <summary>
    /// Makes the application's protocol for each new connection; for <c>tcp://</c> and <c>unix://</c> addresses (PHP:
    /// <c>$protocol</c>).
    /// </summary>
    /// <exception cref="ArgumentException">The address's scheme brings its own.</exception>
    /// <exception cref="InvalidOperationException">It is connecting or open, or something has been sent already.</exception>
    public new Func<IProtocol<T>>? Protocol
    {
        get;
        set
        {
            if (Status is not (ConnectionStatus.Initial or ConnectionStatus.Closed) || SendBufferQueueSize > 0)
                throw new InvalidOperationException(
                    "Protocol cannot change while the connection is used; set it before Connect() and before anything is sent.");
            UseProtocol(value);
            field = value;
        }
    }

    /// <summary>
    /// What a <c>ws://</c> client asks for: header fields, subprotocols, compression (PHP: <c>$headers</c>,
    /// <c>$websocketClientProtocol</c>).
    /// </summary>
    public WebSocketClientOptions WebSocket { get; } = new();

    private protected override ConnectionProtocol MakeProtocol() => _makeProtocol?.Invoke() ?? NoProtocol.Instance;

    private protected override ConnectionHandler MakeHandler(IEventLoop loop, ConnectionBuffers buffers) =>
        _calls = new ClientHandler<T>(this, loop, buffers);

    private protected override void RaiseConnect() => _calls!.OnConnect();

    private protected override void CheckSetup()
    {
        base.CheckSetup();
        ClientHandshake.Check(WebSocket);
        if (OnMessage is not null && OnMessageAsync is not null)
            throw new InvalidOperationException($"The connection to {Address} has both OnMessage and OnMessageAsync, "
                + "and a message has one reader; set one of them.");
        if (_makeProtocol is null)
            throw new InvalidOperationException($"The connection to {Address} is to receive {typeof(T)}, "
                + $"which takes a protocol of the application's own; set Protocol (IProtocol<{typeof(T).Name}>).");
    }

    private static ClientAddress Checked(string address)
    {
        ClientAddress parsed = ClientAddress.Parse(address);
        ClientProtocols.Check<T>(parsed);
        return parsed;
    }

    private void UseProtocol(Func<IProtocol<T>>? protocol)
    {
        _makeProtocol = ClientProtocols.FactoryFor(_address, protocol, WebSocket, () => ConnectTimeout);
        SetProtocol(MakeProtocol());
    }
}
