using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// A worker that receives datagrams (PHP: <c>new Worker('udp://…')</c>). It is a class of its own because its
/// <see cref="OnMessage"/> gets a <see cref="UdpConnection{T}"/>: there are no connections that could be opened, closed or
/// listed, so there is no <c>OnConnect</c>, <c>OnClose</c>, <c>OnBufferFull</c> or <c>OnBufferDrain</c>. All its loops share one
/// socket, or have one each with <see cref="WorkerBase.ReusePort"/>.
/// </summary>
/// <typeparam name="T">What <see cref="OnMessage"/> receives: <c>string</c>, <c>byte[]</c>, <c>ReadOnlyMemory&lt;byte&gt;</c>, or
/// what <see cref="Protocol"/> reads.</typeparam>
public class UdpWorker<T> : WorkerBase
{
    /// <summary>Makes a worker that <see cref="Worker.RunAll()"/> will run.</summary>
    /// <param name="address">Where to listen: <c>udp://host:port</c>, or <c>text://</c> and <c>frame://</c> for datagrams of such
    /// messages (PHP: <c>$transport = 'udp'</c>).</param>
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

    /// <summary>
    /// The program is reloaded (PHP: <c>$onWorkerReload</c>): in the process that is replaced, before <see cref="OnWorkerStop"/>;
    /// or, where <see cref="WorkerBase.Reloadable"/> is false, in the process that goes on. Called once per loop.
    /// </summary>
    public Action<UdpWorker<T>>? OnWorkerReload { get; set; }

    /// <summary>
    /// A message has arrived (PHP: <c>$onMessage</c>): a datagram, or each message in one where there is a protocol. Set this or
    /// <see cref="OnMessageAsync"/>.
    /// </summary>
    /// <exception cref="ArgumentException">It is <c>async void</c>; use <see cref="OnMessageAsync"/>.</exception>
    public Action<UdpConnection<T>, T>? OnMessage
    {
        get;
        set => field = AsyncVoid.Refuse(value, nameof(OnMessage), "Cure: set OnMessageAsync to the same lambda.");
    }

    /// <summary>
    /// A message has arrived; after an <c>await</c> the code goes on on the same loop. Set this or <see cref="OnMessage"/>.
    /// </summary>
    public Func<UdpConnection<T>, T, Task>? OnMessageAsync { get; set; }

    /// <summary>Something could not be sent; the text says why.</summary>
    public Action<UdpConnection, ConnectionError, string>? OnError { get; set; }

    /// <summary>
    /// Makes the protocol that one datagram is read with and answered in, for <c>udp://</c> addresses (PHP: <c>$protocol</c>).
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

    /// <summary>
    /// Whether it may send to broadcast addresses (SO_BROADCAST; PHP: <c>so_broadcast</c>). To receive what is sent to them it
    /// has to listen on all addresses, or on that one.
    /// </summary>
    /// <exception cref="InvalidOperationException">The worker runs.</exception>
    public bool EnableBroadcast
    {
        get;
        set
        {
            ThrowIfRunning(nameof(EnableBroadcast));
            field = value;
        }
    }

    /// <summary>How it sends to multicast groups. Set it before the worker listens.</summary>
    public MulticastOptions Multicast { get; } = new();

    /// <summary>
    /// Becomes a member of a multicast group, now or as soon as it listens: on all addresses, or on the group's. Not with
    /// <see cref="WorkerBase.ReusePort"/>. Any thread.
    /// </summary>
    /// <param name="group">Its address.</param>
    /// <param name="localAddress">The interface, by one of its addresses; null for what the system chooses.</param>
    /// <exception cref="ArgumentException">It is no group.</exception>
    /// <exception cref="SocketException">The system refuses.</exception>
    public void JoinMulticastGroup(IPAddress group, IPAddress? localAddress = null) =>
        Multicast.Join(group, localAddress, Listeners.Sockets);

    /// <summary>Takes <see cref="JoinMulticastGroup"/> back, with the same arguments. Any thread.</summary>
    /// <exception cref="ArgumentException">It is no group.</exception>
    /// <exception cref="SocketException">The system refuses: it was no member.</exception>
    public void DropMulticastGroup(IPAddress group, IPAddress? localAddress = null) =>
        Multicast.Drop(group, localAddress, Listeners.Sockets);

    /// <summary>
    /// A peer that nothing need have come from, to send to through the worker's socket: a host, a multicast group, a broadcast
    /// address. In a callback of the worker; what is sent in <see cref="OnWorkerStart"/> comes too early and is dropped.
    /// </summary>
    /// <exception cref="InvalidOperationException">The calling code does not run on one of the worker's loops.</exception>
    public UdpConnection<T> PeerAt(IPEndPoint remote)
    {
        ArgumentNullException.ThrowIfNull(remote);
        return Loops.Current is UdpLoopWorker<T> current
            ? current.PeerAt(remote)
            : throw new InvalidOperationException($"Worker {Name} does not run on this thread; "
                + "call PeerAt in one of its callbacks, or in a timer that was made there.");
    }

    private protected override ILoopWorker MakeLoopWorker(IEventLoop loop, int id, LoopThread thread, bool ownsLoop) =>
        new UdpLoopWorker<T>(this, loop, id, thread, ownsLoop, PlainProtocols.ForDatagrams(Scheme, Protocol));

    private protected override void CheckSetup()
    {
        if (OnMessage is not null && OnMessageAsync is not null)
            throw new InvalidOperationException(
                $"Worker {Name} has both OnMessage and OnMessageAsync, and a message has one answer; set one of them.");
        if (ReusePort && Count > 1 && Multicast.HasGroups)
            throw new InvalidOperationException($"Worker {Name} has ReusePort and a multicast group, and the system gives each "
                + $"of its {Count} sockets what is sent to the group; leave ReusePort false: all loops receive from one socket.");
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

    private protected override Listener OpenListener(ListenAddress address, EndPoint endPoint)
    {
        Listener listener = Listener.OpenDatagrams(address, (IPEndPoint)endPoint, SocketSetup);
        try
        {
            if (EnableBroadcast) listener.Socket.EnableBroadcast = true;
            Multicast.ApplyTo(listener.Socket);
            return listener;
        }
        catch (SocketException e)
        {
            listener.Close();
            throw new WorkerStartException($"Cannot listen on {Address}: its multicast groups cannot be joined: {e.Message}. "
                + "Cure: give JoinMulticastGroup, or Multicast.Interface, an address of an interface of this machine.", e);
        }
    }

    private static string Checked(string address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return AddressParser.SchemeOf(address) is "udp" or "text" or "frame" or ""
            ? address
            : throw new ArgumentException($"{AddressParser.SchemeOf(address)}:// is not spoken over UDP; use udp://, text:// or "
                + "frame://, udp:// with Protocol for a protocol of your own (IProtocol<T>), or a Worker<T> for connections.",
                nameof(address));
    }
}
