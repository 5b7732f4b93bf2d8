using System.Net;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols;

namespace Workerman;

/// <summary>
/// A worker that receives datagrams (PHP: <c>new Worker('udp://…')</c>). It is a class of its own because its <see cref="OnMessage"/> gets a
/// <see cref="UdpConnection{T}"/>: there are no connections that could be opened, closed or listed, so there is no <c>OnConnect</c>, <c>OnClose</c>, <c>OnBufferFull</c> or
/// <c>OnBufferDrain</c>. All its loops share one socket, or have one each with <see cref="WorkerBase.ReusePort"/>.
/// </summary>
/// <typeparam name="T">What <see cref="OnMessage"/> receives: <c>string</c>, <c>byte[]</c>, <c>ReadOnlyMemory&lt;byte&gt;</c>, or what <see cref="Protocol"/> reads.</typeparam>
public class UdpWorker<T> : WorkerBase
{
    /// <summary>Makes a worker that <see cref="Worker.RunAll"/> will run.</summary>
    /// <param name="address">Where to listen: <c>udp://host:port</c>, or <c>text://</c> and <c>frame://</c> for datagrams of such messages (PHP: <c>$transport = 'udp'</c>).</param>
    /// <param name="options">Settings; those of connections say nothing here.</param>
    /// <exception cref="ArgumentException">The scheme is not spoken over UDP.</exception>
    public UdpWorker(string address, WorkerOptions? options = null)
        : base(Checked(address), options)
    {
    }

    /// <summary>The worker begins on a loop, before it receives (PHP: <c>$onWorkerStart</c>). Called once per loop.</summary>
    public Action<UdpWorker<T>>? OnWorkerStart { get; set; }

    /// <summary>The worker ends on a loop; its socket is still open (PHP: <c>$onWorkerStop</c>). Called once per loop.</summary>
    public Action<UdpWorker<T>>? OnWorkerStop { get; set; }

    /// <summary>A message has arrived (PHP: <c>$onMessage</c>): a datagram, or each message in one where there is a protocol. Set this or <see cref="OnMessageAsync"/>.</summary>
    /// <exception cref="ArgumentException">It is <c>async void</c>; use <see cref="OnMessageAsync"/>.</exception>
    public Action<UdpConnection<T>, T>? OnMessage
    {
        get;
        set => field = AsyncVoid.Refuse(value, nameof(OnMessage), "Cure: set OnMessageAsync to the same lambda.");
    }

    /// <summary>A message has arrived; after an <c>await</c> the code goes on on the same loop. Set this or <see cref="OnMessage"/>.</summary>
    public Func<UdpConnection<T>, T, Task>? OnMessageAsync { get; set; }

    /// <summary>Something could not be sent; the text says why.</summary>
    public Action<UdpConnection, ConnectionError, string>? OnError { get; set; }

    /// <summary>Makes the protocol that one datagram is read with and answered in, for <c>udp://</c> addresses (PHP: <c>$protocol</c>).</summary>
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

    private protected override IWorkerView MakeView(IEventLoop loop, int id, LoopThread thread, bool ownsLoop) =>
        new UdpWorkerView<T>(this, loop, id, thread, ownsLoop, PlainProtocols.ForDatagrams(Scheme, Protocol));

    private protected override ConnectionCollection MakeCollection() => new();

    private protected override void CheckSetup()
    {
        if (OnMessage is not null && OnMessageAsync is not null)
            throw new InvalidOperationException($"Worker {Name} has both OnMessage and OnMessageAsync, and a message has one answer; set one of them.");
        ListenAddress.Parse(Address);
        try
        {
            PlainProtocols.ForDatagrams(Scheme, Protocol);
        }
        catch (ArgumentException e)
        {
            throw new WorkerStartException($"Cannot listen on {Address}: {e.Message}.", e);
        }
    }

    private protected override Listener OpenListener(ListenAddress address, EndPoint endPoint) => Listener.OpenDatagrams(address, (IPEndPoint)endPoint, SocketSetup);

    private static string Checked(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return ListenAddress.SchemeOf(address) is "udp" or "text" or "frame" or ""
            ? address
            : throw new ArgumentException($"{ListenAddress.SchemeOf(address)}:// is not spoken over UDP; use udp://, text:// or frame://, or a Worker<T> for connections.", nameof(address));
    }
}
