using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Handover;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.WebSockets;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// What workers of connections have, whatever their messages: their connections, encryption, WebSockets (PHP:
/// <c>Workerman\Worker</c>). It is what <c>connection.Worker</c> is known as; make a <see cref="Worker"/> or a
/// <see cref="Worker{T}"/>. One object for all its loops; a callback is called on the thread of the loop that its connection
/// belongs to.
/// </summary>
public abstract partial class StreamWorker : WorkerBase, IWebSocketEvents
{
    private protected StreamWorker(string? address, WorkerOptions? options)
        : base(address, options)
    {
    }

    /// <summary>
    /// The open connections of the loop that asks; asked from elsewhere, a snapshot of all loops (PHP: <c>$connections</c>).
    /// </summary>
    public ConnectionCollection Connections => Loops.Current is IStreamLoopWorker current ? current.Connections : Snapshot();

    /// <summary>The path of the Unix socket that it listens on; null for all others, and while it does not listen.</summary>
    public string? LocalPath => (Bound as UnixDomainSocketEndPoint)?.ToString();

    /// <summary>
    /// The head of a request with a body has come, and none of its body was taken in: the place to refuse an upload by its path,
    /// length or token. To refuse, send a <see cref="Response"/>, 403 perhaps, or close the connection, or throw a
    /// <see cref="BadRequestException"/>; otherwise the body is read, and <c>OnMessage</c> called as always. A client that waits
    /// for <c>100 Continue</c> gets it when this returns. The body of a refused request is skipped if it has a length of at most
    /// 256 KiB and the client does not wait for 100; otherwise the connection is closed after the answer. Requests without a body
    /// come to <c>OnMessage</c> at once.
    /// </summary>
    /// <exception cref="ArgumentException">It is <c>async void</c>: the body would be read at its first
    /// <c>await</c>.</exception>
    public Action<TcpConnection, Request>? OnHeaders
    {
        get;
        set
        {
            field = AsyncVoid.Refuse(value, nameof(OnHeaders),
                "Cure: decide without an await; what needs one belongs in OnMessageAsync, when the body has come.");
            Options.Http.AsksBeforeBodies |= value is not null;
        }
    }

    /// <summary>
    /// A request asks for a WebSocket (PHP: <c>$onWebSocketConnect</c>). To refuse, send a <see cref="Response"/>, 403 perhaps,
    /// or close the connection; nothing else refuses, and a line of level Debug in the log tells of it. Messages that are sent
    /// here are the first after the handshake. To choose a subprotocol or add header fields, set
    /// <see cref="Request.UpgradeHeaders"/>.
    /// </summary>
    /// <exception cref="ArgumentException">It is <c>async void</c>: the handshake would go on at its first
    /// <c>await</c>.</exception>
    public Action<TcpConnection, Request>? OnWebSocketConnect
    {
        get;
        set => field = AsyncVoid.Refuse(value, nameof(OnWebSocketConnect), WebSocketConnectionExtensions.ConnectCure);
    }

    /// <summary>A WebSocket is open: what is sent from here on leaves at once (PHP: <c>$onWebSocketConnected</c>).</summary>
    public Action<TcpConnection, Request>? OnWebSocketConnected { get; set; }

    /// <summary>
    /// The peer has said that it ends, with a code (<see cref="CloseCode"/>; 1005 for none) and a reason. It is answered when
    /// this returns, and <c>OnClose</c> follows in any case (PHP: <c>$onWebSocketClose</c>).
    /// </summary>
    public Action<TcpConnection, int, string>? OnWebSocketClose { get; set; }

    /// <summary>
    /// The peer has sent a ping, with up to 125 bytes. It is told, not asked: the pong follows when this returns, whether there
    /// is a callback or not, as RFC 6455 section 5.5.2 demands (PHP: <c>$onWebSocketPing</c>, which takes the place of the pong).
    /// </summary>
    public Action<TcpConnection, byte[]>? OnWebSocketPing { get; set; }

    /// <summary>
    /// The peer has sent a pong, mostly the answer to a ping, with the ping's bytes: those of <c>connection.Ping(bytes)</c>, or
    /// none for a ping of the library's own (PHP: <c>$onWebSocketPong</c>).
    /// </summary>
    public Action<TcpConnection, byte[]>? OnWebSocketPong { get; set; }

    /// <summary>Counts its connections, and shares them out among its loops.</summary>
    internal LoopBalancer Balancer { get; } = new();

    /// <summary>Whether it may have another connection. Any thread.</summary>
    internal bool HasRoom => Balancer.Connections < Options.MaxConnections;

    /// <summary>
    /// Sends a message to all connections, of all loops (PHP: <c>foreach ($worker-&gt;connections …)</c>, which reaches those of
    /// one process). Where the protocol lets it, it is encoded once. One whose send buffer is full misses it, as with
    /// <c>Send</c>. Any thread; from one of the loops its own connections have it when this returns. Do not change the message
    /// afterwards. Numbers, and the messages of a protocol of your own, are sent by <see cref="SendExtensions"/>.
    /// </summary>
    /// <param name="message">What <c>Send</c> takes on the connections of this worker.</param>
    /// <typeparam name="T">Its type.</typeparam>
    public void Broadcast<T>(T message)
        where T : IMessage => BroadcastMessage(message);

    /// <summary>Does not compile: which message it is, is not known.</summary>
    [Obsolete("An IMessage is sent by the type that it is: Send((Response)message).", error: true)]
    public void Broadcast(IMessage message) => throw new NotSupportedException();

    /// <inheritdoc cref="Broadcast{T}(T)"/>
    public void Broadcast(string text) => BroadcastMessage(text);

    /// <inheritdoc cref="Broadcast{T}(T)"/>
    public void Broadcast(byte[] bytes) => BroadcastMessage(bytes);

    /// <inheritdoc cref="Broadcast{T}(T)"/>
    public void Broadcast(ReadOnlyMemory<byte> bytes) => BroadcastMessage(bytes);

    /// <inheritdoc cref="Broadcast{T}(T)"/>
    internal void BroadcastMessage<T>(T message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var broadcast = new Broadcast<T>(message);
        Loops.ForEach(worker => broadcast.SendTo(((IStreamLoopWorker)worker).Connections));
    }

    void IWebSocketEvents.ReportRefusal(TcpConnection connection, Request request, int status)
    {
        string remote = connection.RemoteAddress?.ToString() ?? Address;
        Log.WebSocketRefused(Settings.Logger, Name, connection.Id, remote, request.Path, status == 0 ? "no answer" : $"{status}");
    }

    /// <summary>Gives an event stream that has moved here to the loop that has the fewest connections. Any thread.</summary>
    /// <returns>Whether a loop takes it; the caller keeps it otherwise.</returns>
    internal bool TryAdopt(MovedSubscription moved) =>
        Loops.All.Cast<IStreamLoopWorker>().OrderBy(static worker => worker.Load).Any(worker => worker.TryAdopt(moved));

    /// <summary>Its open connections, by loop. Other threads may only copy them.</summary>
    internal IEnumerable<ConnectionCollection> ConnectionsOfAllLoops =>
        Loops.All.Select(static worker => ((IStreamLoopWorker)worker).Connections);

    internal override void Detach(ILoopWorker worker)
    {
        Balancer.Remove((IStreamLoopWorker)worker);
        base.Detach(worker);
    }

    /// <summary>Makes an empty collection for its connections.</summary>
    private protected abstract ConnectionCollection MakeCollection();

    private protected override void OnAttached(ILoopWorker worker)
    {
        if (!ReusePort) Balancer.Add((IStreamLoopWorker)worker);
    }

    private protected override Listener OpenListener(ListenAddress address, EndPoint endPoint)
    {
        PrepareTls();
        return Listener.Open(address, endPoint, SocketSetup);
    }

    private ConnectionCollection Snapshot()
    {
        ConnectionCollection snapshot = MakeCollection();
        foreach (ConnectionCollection connections in ConnectionsOfAllLoops) connections.CopyTo(snapshot);
        return snapshot;
    }
}
