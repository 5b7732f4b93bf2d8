using System.Buffers;
using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using Workerman.Connection;
using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Workers;

/// <summary>
/// What an <see cref="AsyncUdpConnection{T}"/> does: looks the name up, has the socket, reads messages off what comes and keeps
/// what is sent before there is a socket. Belongs to the loop's thread, as soon as it has one.
/// </summary>
internal sealed class ClientDatagrams<T>(AsyncUdpConnection<T> connection, DatagramAddress address)
    : IFaultHandler<UdpConnection>
{
    /// <summary>Datagrams that wait for a name to be looked up.</summary>
    private const int MaxWaiting = 64;

    private readonly List<byte[]> _waiting = [];
    private Channel? _channel;
    private Func<ConnectionProtocol>? _makeCodec;
    private ConnectionProtocol? _codec;
    private Socket? _socket;
    private DatagramSetup? _setup;
    private IPEndPoint? _to;

    public ConnectionStatus Status { get; private set; }

    public IEventLoop? Owner => _channel?.Loop;

    public IPEndPoint? RemoteAddress { get; private set; } =
        address.Server.Address is { } known ? new IPEndPoint(known, address.Server.Port) : null;

    public IPEndPoint? LocalAddress => _channel?.LocalAddress;

    /// <summary>Who sent the last datagram.</summary>
    public IPEndPoint? Sender { get; private set; }

    /// <summary>Its socket, if it is open.</summary>
    public Socket[] Sockets => _socket is { } socket && Status == ConnectionStatus.Established ? [socket] : [];

    private DatagramAddress Address => address;

    /// <summary>What writes the messages. There is one as soon as anything is sent.</summary>
    public ConnectionProtocol Codec => _codec!;

    /// <summary>Once.</summary>
    public void Connect(Func<IProtocol<T>>? protocol, DatagramSetup setup)
    {
        EventLoop loop = EventLoop.Current
            ?? throw new InvalidOperationException("An AsyncUdpConnection lives on an event loop, and none runs here; "
                + "connect it in a callback, for example in OnWorkerStart.");
        _makeCodec = MakeCodec(protocol);
        _codec = _makeCodec();
        _setup = setup;
        _channel = new Channel(this, connection, loop);
        Status = ConnectionStatus.Connecting;
        if (address.Server.Address is { } ip) Open([ip]);
        else _ = LookUpAsync();
    }

    public SendResult Send(ReadOnlySpan<byte> bytes)
    {
        switch (Status)
        {
            case ConnectionStatus.Established:
                return _channel!.Send(connection, bytes, _to);
            case ConnectionStatus.Connecting when _waiting.Count < MaxWaiting:
                _waiting.Add(bytes.ToArray());
                return SendResult.Queued;
            case ConnectionStatus.Connecting:
                Report(ConnectionError.SendFail, $"{MaxWaiting} datagrams wait for {address.Server.Host} to be looked up");
                return SendResult.Dropped;
            default:
                return SendResult.Dropped;
        }
    }

    public void Close()
    {
        if (Status == ConnectionStatus.Closed) return;
        bool begun = Status != ConnectionStatus.Initial;
        Status = ConnectionStatus.Closed;
        _waiting.Clear();
        _channel?.Close();
        _socket?.Dispose();
        if (begun) Owner!.Defer(connection);
    }

    private Func<ConnectionProtocol> MakeCodec(Func<IProtocol<T>>? protocol)
    {
        try
        {
            return PlainProtocols.ForDatagrams(address.Scheme, protocol);
        }
        catch (ArgumentException e)
        {
            throw new InvalidOperationException($"Cannot send to {address}: {e.Message}.", e);
        }
    }

    private async Task LookUpAsync()
    {
        IPAddress[] addresses = [];
        try
        {
            // Comes back to this loop: the loop's SynchronizationContext sees to it.
            addresses = await HostNames.LookUpAsync(address.Server.Host);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // Told below, as a name without an address is.
        }
        if (Status == ConnectionStatus.Connecting) Open(addresses);
    }

    private void Open(IPAddress[] addresses)
    {
        string reason = $"the host name {address.Server.Host} is not known";
        foreach (IPAddress ip in addresses)
        {
            Socket? socket = null;
            try
            {
                var remote = new IPEndPoint(ip, address.Server.Port);
                socket = _setup!.Open(remote);
                _channel!.Open(socket);
                _socket = socket;
                _to = _setup.IsMany(ip) ? remote : null;
                OnOpened(remote);
                return;
            }
            // Also what epoll has to say, of which SocketException is a kind; or ConfigureSocket.
            catch (Exception e) when (e is Win32Exception or InvalidOperationException)
            {
                socket?.Dispose();
                reason = e is SocketException { SocketErrorCode: SocketError.AccessDenied }
                    ? $"{e.Message}. For a broadcast address set EnableBroadcast"
                    : e.Message;
            }
        }
        Report(ConnectionError.ConnectFail, reason);
        Close();
    }

    private void OnOpened(IPEndPoint remote)
    {
        RemoteAddress = remote;
        Status = ConnectionStatus.Established;
        foreach (byte[] datagram in _waiting) _channel!.Send(connection, datagram, _to);
        _waiting.Clear();
        // After the code that connects: it may still set callbacks, as with a name that is looked up.
        Owner!.Post(() =>
        {
            if (Status == ConnectionStatus.Established)
                _channel!.Running.Call(CallbackKind.OnConnect, connection.OnConnect, connection);
        });
    }

    /// <summary>
    /// What the application lets escape goes where all of the loop's does: to its error handler, which logs it.
    /// </summary>
    public void OnFault(UdpConnection peer, Exception exception) => Owner!.Post(ExceptionDispatchInfo.Capture(exception).Throw);

    private void Report(ConnectionError error, string reason) => _channel!.Report(error, reason);

    private sealed class Channel(ClientDatagrams<T> client, AsyncUdpConnection<T> connection, IEventLoop loop)
        : DatagramChannel(loop)
    {
        public void Report(ConnectionError error, string reason) => RaiseError(connection, error, reason);

        protected override void OnError(UdpConnection peer, ConnectionError error, string reason) =>
            ApplicationGuard.Call(Running, CallbackKind.OnError, client, connection, connection.OnError, error, reason);

        protected override void OnDatagram(ReadOnlySequence<byte> datagram, IPEndPoint from)
        {
            ConnectionProtocol codec = client._makeCodec!();
            if (IsWorthDecoding(datagram, codec)) ReadMessages(codec, datagram, from);
        }

        protected override void OnDatagramFault(IPEndPoint from, Exception exception) => client.OnFault(connection, exception);

        protected override void OnUnreachable() => Report(ConnectionError.SendFail, "nobody listens there");

        private void ReadMessages(ConnectionProtocol codec, ReadOnlySequence<byte> datagram, IPEndPoint from)
        {
            client.Sender = from;
            while (client.Status == ConnectionStatus.Established)
            {
                Verdict verdict = ((IDecoder<T>)codec).TryDecode(ref datagram, MaxSize, out T message);
                if (verdict.Kind == VerdictKind.Reject)
                    throw new InvalidDataException($"A datagram from {client.Address} is refused: {verdict.Reason}");
                // A message that is not whole here never will be: datagrams are not put together.
                if (verdict.Kind == VerdictKind.NeedMore) return;
                Figures.CountRequest();
                ApplicationGuard.Deliver(Running, CallbackKind.OnMessage, client, connection, message, connection.OnMessage,
                    connection.OnMessageAsync);
                if (datagram.IsEmpty) return;
                if (!IsBudgetSpentAfterMessage()) continue;
                ContinueNextTurn(datagram, from, rest => ReadMessages(codec, rest, from));
                return;
            }
        }
    }
}
