using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Workers;

namespace Workerman;

/// <summary>
/// A UDP client (PHP: <c>AsyncUdpConnection</c>): a socket of its own that sends to one address and receives from it alone; where
/// the address stands for many (multicast, broadcast) it receives from anybody. Made and connected in a callback of a worker, it
/// lives on that loop, whose thread runs all its callbacks, until <see cref="Close()"/>. Nothing tells whether anybody listens
/// there.
/// </summary>
/// <typeparam name="T">What <see cref="OnMessage"/> receives: <c>string</c>, <c>byte[]</c>, <c>ReadOnlyMemory&lt;byte&gt;</c>, or
/// what <see cref="Protocol"/> reads.</typeparam>
public sealed class AsyncUdpConnection<T> : UdpConnection<T>, IDeferredWork
{
    private readonly ClientDatagrams<T> _client;

    /// <summary>Makes a client that is not connected yet.</summary>
    /// <param name="address">Where to: <c>udp://host:port</c>, or <c>text://</c> and <c>frame://</c> for datagrams of such
    /// messages. A name is looked up by <see cref="Connect"/>.</param>
    /// <exception cref="ArgumentException">It is no address, or of a scheme that is not spoken over UDP.</exception>
    public AsyncUdpConnection(string address) => _client = new ClientDatagrams<T>(this, DatagramAddress.Parse(address));

    /// <summary>
    /// Makes the protocol that each datagram is read with, for <c>udp://</c> addresses (PHP: <c>$protocol</c>). Set it before
    /// <see cref="Connect"/>.
    /// </summary>
    public Func<IProtocol<T>>? Protocol { get; set; }

    /// <summary>
    /// The local address, and port or 0, to send from; null for what the system chooses (PHP: <c>bindto</c> of the socket
    /// context). Set it before <see cref="Connect"/>.
    /// </summary>
    public IPEndPoint? BindTo { get; set; }

    /// <summary>
    /// Whether it may send to broadcast addresses (SO_BROADCAST; PHP: <c>so_broadcast</c>). It receives from anybody then. Set it
    /// before <see cref="Connect"/>.
    /// </summary>
    public bool EnableBroadcast { get; set; }

    /// <summary>How it sends to a multicast group. Set it before <see cref="Connect"/>.</summary>
    public MulticastOptions Multicast { get; } = new();

    /// <summary>
    /// Sets options of the socket that have no setting here, before it is bound. Called on the loop. Do not keep or close the
    /// socket. What it throws fails the connection.
    /// </summary>
    public Action<Socket>? ConfigureSocket { get; set; }

    /// <summary>
    /// Who sent the message that <see cref="OnMessage"/> is called for: with multicast and broadcast it may be anybody. Null
    /// before the first.
    /// </summary>
    public IPEndPoint? Sender => _client.Sender;

    /// <summary>The socket is ready (PHP: <c>$onConnect</c>): not that anybody is there.</summary>
    public Action<AsyncUdpConnection<T>>? OnConnect { get; set; }

    /// <summary>A message has arrived (PHP: <c>$onMessage</c>).</summary>
    /// <exception cref="ArgumentException">It is <c>async void</c>.</exception>
    public Action<AsyncUdpConnection<T>, T>? OnMessage
    {
        get;
        set => field = AsyncVoid.Refuse(value, nameof(OnMessage), "Cure: set OnMessageAsync to the same lambda.");
    }

    /// <summary>
    /// A message has arrived; after an <c>await</c> the code goes on on the same loop. Set this or <see cref="OnMessage"/>.
    /// </summary>
    public Func<AsyncUdpConnection<T>, T, Task>? OnMessageAsync { get; set; }

    /// <summary>It was closed by <see cref="Close()"/>, or could not be connected (PHP: <c>$onClose</c>).</summary>
    public Action<AsyncUdpConnection<T>>? OnClose { get; set; }

    /// <summary>
    /// The name is not known, something could not be sent, or the peer's system said that nobody listens there, which is told as
    /// <see cref="ConnectionError.SendFail"/>. Not in PHP.
    /// </summary>
    public Action<AsyncUdpConnection<T>, ConnectionError, string>? OnError { get; set; }

    /// <summary>
    /// <see cref="ConnectionStatus.Initial"/>, <see cref="ConnectionStatus.Connecting"/> while the name is looked up,
    /// <see cref="ConnectionStatus.Established"/> or <see cref="ConnectionStatus.Closed"/>.
    /// </summary>
    public ConnectionStatus Status => _client.Status;

    /// <inheritdoc/>
    public override IPEndPoint? RemoteAddress => _client.RemoteAddress;

    /// <inheritdoc/>
    public override IPEndPoint? LocalAddress => _client.LocalAddress;

    internal override ConnectionProtocol Codec => _client.Codec;

    private protected override IEventLoop? Loop => _client.Owner;

    /// <summary>
    /// Makes the socket; a name is looked up first, without keeping the loop waiting (PHP: <c>connect()</c>). Again it does
    /// nothing.
    /// </summary>
    /// <exception cref="InvalidOperationException">No loop runs here, it is closed, or the protocol does not deliver
    /// <typeparamref name="T"/>.</exception>
    public void Connect()
    {
        if (Status == ConnectionStatus.Closed)
            throw new InvalidOperationException("This AsyncUdpConnection is closed; make a new one.");
        if (Status == ConnectionStatus.Initial)
            _client.Connect(Protocol, new DatagramSetup(BindTo, EnableBroadcast, Multicast, ConfigureSocket));
    }

    /// <summary>
    /// Becomes a member of a multicast group: what is sent to it, at the port of <see cref="BindTo"/>, is received too. Before
    /// <see cref="Connect"/> with a host's address, because a socket that is connected receives from that host alone. On its
    /// loop.
    /// </summary>
    /// <param name="group">Its address.</param>
    /// <param name="localAddress">The interface, by one of its addresses; null for what the system chooses.</param>
    /// <exception cref="ArgumentException">It is no group.</exception>
    /// <exception cref="SocketException">The system refuses.</exception>
    public void JoinMulticastGroup(IPAddress group, IPAddress? localAddress = null) =>
        Multicast.Join(group, localAddress, _client.Sockets);

    /// <summary>Takes <see cref="JoinMulticastGroup"/> back, with the same arguments. On its loop.</summary>
    /// <exception cref="ArgumentException">It is no group.</exception>
    /// <exception cref="SocketException">The system refuses: it was no member.</exception>
    public void DropMulticastGroup(IPAddress group, IPAddress? localAddress = null) =>
        Multicast.Drop(group, localAddress, _client.Sockets);

    /// <summary>
    /// Closes the socket; <see cref="OnClose"/> follows at the end of the loop's turn (PHP: <c>close()</c>). Any thread.
    /// </summary>
    public override void Close()
    {
        if (Loop is { IsCurrent: false } loop) loop.Post(Close);
        else _client.Close();
    }

    void IDeferredWork.RunDeferred() => Loop!.Figures.Running.Call(CallbackKind.OnClose, OnClose, this);

    /// <summary>Sending connects a client that is not connected yet, as in PHP.</summary>
    private protected override bool TryGetReady()
    {
        if (Status == ConnectionStatus.Initial) Connect();
        return Status != ConnectionStatus.Closed;
    }

    private protected override SendResult Transmit(ReadOnlySpan<byte> bytes) => _client.Send(bytes);
}
