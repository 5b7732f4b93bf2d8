using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// A worker whose messages are of type <typeparamref name="T"/> (PHP: <c>Workerman\Worker</c>, which is untyped). The address's
/// scheme decides what it can deliver: <c>http://</c> a <c>Request</c>, <c>text://</c> (lines) and <c>frame://</c> (a length,
/// then bytes) a <c>string</c>, <c>byte[]</c> or <c>ReadOnlyMemory&lt;byte&gt;</c>, <c>tcp://</c> the same as it arrives or, with
/// <see cref="Protocol"/>, whatever the application's own protocol reads. On <c>unix:///path/to.sock</c> it is the type that
/// decides, a <c>Request</c> or as for <c>tcp://</c>, or <see cref="Protocol"/>. For datagrams there is
/// <see cref="UdpWorker{T}"/>. Set it up before it runs; a callback is called on the thread of the loop that its connection
/// belongs to.
/// </summary>
/// <typeparam name="T">What <see cref="OnMessage"/> receives.</typeparam>
public class Worker<T> : StreamWorker
{
    /// <summary>Makes a worker that <see cref="Worker.RunAll()"/> will run.</summary>
    /// <param name="address">
    /// Where to listen: <c>scheme://host:port</c> or <c>unix:///path/to.sock</c>. What follows the scheme is checked when it
    /// starts to listen. Null: nowhere; it is loops for timers and clients.
    /// </param>
    /// <param name="options">Settings of its sockets and protocol.</param>
    /// <exception cref="ArgumentException">The scheme cannot deliver <typeparamref name="T"/>; the message names those that
    /// can.</exception>
    public Worker(string? address = null, WorkerOptions? options = null)
        : base(Checked(address), options)
    {
    }

    /// <summary>
    /// The open connections of the loop that asks; asked from elsewhere, a snapshot of all loops (PHP: <c>$connections</c>).
    /// </summary>
    public new ConnectionCollection<T> Connections => (ConnectionCollection<T>)base.Connections;

    /// <summary>The worker begins on a loop, before it accepts (PHP: <c>$onWorkerStart</c>). Called once per loop.</summary>
    public Action<Worker<T>>? OnWorkerStart { get; set; }

    /// <summary>
    /// The worker ends on a loop; its connections are still open (PHP: <c>$onWorkerStop</c>). Called once per loop.
    /// </summary>
    public Action<Worker<T>>? OnWorkerStop { get; set; }

    /// <summary>
    /// The program is reloaded (PHP: <c>$onWorkerReload</c>): in the process that is replaced, before <see cref="OnWorkerStop"/>;
    /// or, where <see cref="WorkerBase.Reloadable"/> is false, in the process that goes on. Called once per loop.
    /// </summary>
    public Action<Worker<T>>? OnWorkerReload { get; set; }

    /// <summary>
    /// A connection was accepted; over TLS, and its handshake has ended well, while PHP calls before it (PHP: <c>$onConnect</c>).
    /// </summary>
    public Action<TcpConnection<T>>? OnConnect { get; set; }

    /// <summary>A connection is closed, whoever closed it (PHP: <c>$onClose</c>).</summary>
    public Action<TcpConnection<T>>? OnClose { get; set; }

    /// <summary>Something could not be sent; the text says why (PHP: <c>$onError</c>).</summary>
    public Action<TcpConnection<T>, ConnectionError, string>? OnError { get; set; }

    /// <summary>
    /// A connection's send buffer has reached its limit: what is sent from here on is dropped (PHP: <c>$onBufferFull</c>).
    /// </summary>
    public Action<TcpConnection<T>>? OnBufferFull { get; set; }

    /// <summary>A connection's send buffer is empty again (PHP: <c>$onBufferDrain</c>).</summary>
    public Action<TcpConnection<T>>? OnBufferDrain { get; set; }

    /// <summary>A message has arrived (PHP: <c>$onMessage</c>). Set this or <see cref="OnMessageAsync"/>.</summary>
    /// <exception cref="ArgumentException">It is <c>async void</c>; use <see cref="OnMessageAsync"/>.</exception>
    public Action<TcpConnection<T>, T>? OnMessage
    {
        get;
        set => field = AsyncVoid.Refuse(value, nameof(OnMessage), "Cure: set OnMessageAsync to the same lambda.");
    }

    /// <summary>
    /// A message has arrived; after an <c>await</c> the code goes on on the same loop. Set this or <see cref="OnMessage"/>.
    /// </summary>
    public Func<TcpConnection<T>, T, Task>? OnMessageAsync { get; set; }

    /// <summary>
    /// Makes the protocol of a new connection, for <c>tcp://</c> and <c>unix://</c> addresses (PHP: <c>$protocol</c>): the
    /// application's own, or one of the library's, as in <c>Protocol = () =&gt; new TextProtocol()</c>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The worker runs.</exception>
    public Func<IProtocol<T>>? Protocol
    {
        get;
        set
        {
            ThrowIfRunning(nameof(Protocol));
            field = value;
        }
    }

    private protected override ILoopWorker MakeLoopWorker(IEventLoop loop, int id, LoopThread thread, bool ownsLoop) =>
        new LoopWorker<T>(this, loop, id, thread, ownsLoop, HasAddress
            ? ProtocolCatalog.FactoryFor(Scheme, Options, Protocol, IsSecure, PeerLog)
            : static () => NoProtocol.Instance);

    private protected override ConnectionCollection MakeCollection() => new ConnectionCollection<T>();

    private protected override void CheckSetup()
    {
        if (OnMessage is not null && OnMessageAsync is not null)
            throw new InvalidOperationException(
                $"Worker {Name} has both OnMessage and OnMessageAsync, and a message has one answer; set one of them.");
        if (!HasAddress) return;
        ListenAddress address = ListenAddress.Parse(Address);
        if (ReusePort && address.Scheme == "unix")
            throw new InvalidOperationException($"Worker {Name} has ReusePort, but a Unix socket has one queue only; "
                + $"leave it false: all {Count} loops accept from it.");
        try
        {
            ProtocolCatalog.FactoryFor(Scheme, Options, Protocol, IsSecure, PeerLog);
        }
        catch (ArgumentException e)
        {
            throw new WorkerStartException($"Cannot listen on {Address}: {e.Message}.", e);
        }
    }

    private static string? Checked(string? address)
    {
        if (address is not null) ProtocolCatalog.Check<T>(AddressParser.SchemeOf(address));
        return address;
    }
}
