using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Workerman.Diagnostics;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// One datagram socket on one loop: receives what has come, as much as a turn has room for (<see cref="TurnBudget"/>), and sends
/// without waiting. It knows no messages; the types that derive from it do. Belongs to the loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="figures">What counts the datagrams; null for the loop's own, which clients have.</param>
internal abstract class DatagramChannel(IEventLoop loop, TrafficFigures? figures = null) : IDatagramHandler, IContinuedWork
{
    /// <summary>The largest message that decoders may accept: as much as a datagram can have.</summary>
    public const int MaxSize = 64 * 1024;

    private ILoopDatagramSocket? _socket;
    private TurnBudget _budget;
    private bool _isPaused;

    /// <summary>Goes on with the datagram that had too many messages for one turn; null for none.</summary>
    private Action? _rest;

    public IEventLoop Loop { get; } = loop;

    public TrafficFigures Figures { get; } = figures ?? loop.Figures;

    /// <summary>The callback that the loop is in.</summary>
    public RunningCallback Running { get; } = loop.Figures.Running;

    /// <summary>Where its socket is bound; the last one, when it is closed.</summary>
    public IPEndPoint? LocalAddress { get; private set; }

    public bool IsOpen => _socket is not null;

    /// <summary>Whether nothing is received: what comes waits in the socket's buffer.</summary>
    public bool IsPaused
    {
        get => _isPaused;
        set
        {
            _isPaused = value;
            UpdateReading();
        }
    }

    /// <summary>Begins to receive from a socket, which it does not own.</summary>
    public void Open(Socket socket)
    {
        LocalAddress = socket.LocalEndPoint as IPEndPoint;
        _isPaused = false;
        _socket = Loop.WatchDatagrams(socket, this);
    }

    /// <summary>Stops receiving. The socket is its owner's to close.</summary>
    public virtual void Close()
    {
        _socket?.Dispose();
        _socket = null;
        _rest = null;
    }

    /// <summary>Sends one datagram; <see cref="OnError"/> gets what keeps it from leaving.</summary>
    /// <param name="connection">Who sends.</param>
    /// <param name="bytes">The datagram.</param>
    /// <param name="to">Where to; null for the peer of a connected socket.</param>
    public SendResult Send(UdpConnection connection, ReadOnlySpan<byte> bytes, IPEndPoint? to)
    {
        if (_socket is null) return SendResult.Dropped;
        SocketError error = _socket.Send(bytes, to);
        // The error is about a datagram sent before, whose port is closed (RFC 1122 section 4.1.3.3); this one was not sent.
        if (IsAboutEarlier(error)) error = _socket.Send(bytes, to);
        if (error == SocketError.Success)
        {
            Figures.CountWritten(bytes.Length);
            return SendResult.Sent;
        }
        RaiseError(connection, ConnectionError.SendFail, Explain(error, bytes.Length));
        return SendResult.Dropped;
    }

    public void OnReadable()
    {
        byte[] buffer = DatagramBuffers.Current.Receive;
        _budget = new TurnBudget(Loop.FlushDeadline);
        while (_socket is { ReadEnabled: true } socket)
        {
            int count = socket.Receive(buffer, out IPEndPoint? from, out SocketError error);
            if (error == SocketError.WouldBlock) return;
            if (error == SocketError.Success) Figures.CountRead(count);
            if (error == SocketError.Success && from is not null) Receive(new ReadOnlySequence<byte>(buffer, 0, count), from);
            else if (IsAboutEarlier(error)) OnUnreachable();
            if (_budget.IsSpentAfterMessage()) return;
        }
    }

    void IContinuedWork.Continue()
    {
        Action? rest = _rest;
        _rest = null;
        _budget = new TurnBudget(Loop.FlushDeadline);
        rest?.Invoke();
        UpdateReading();
    }

    /// <summary>Calls <see cref="OnError"/>.</summary>
    protected void RaiseError(UdpConnection connection, ConnectionError error, string reason)
    {
        if (error == ConnectionError.SendFail) Figures.CountSendFailure();
        ConnectionBuffers.Of(Loop).Callbacks.Call((Channel: this, connection, error, reason),
            static raised => raised.Channel.OnError(raised.connection, raised.error, raised.reason),
            static _ => true);
    }

    /// <summary>Something could not be sent. Does not throw.</summary>
    protected abstract void OnError(UdpConnection connection, ConnectionError error, string reason);

    /// <summary>Asked after each message of a datagram that is followed by another one.</summary>
    protected bool IsBudgetSpentAfterMessage() => _budget.IsSpentAfterMessage();

    /// <summary>Goes on with the rest of a datagram in the next turn. Nothing else is received before it ends.</summary>
    /// <param name="datagram">What is left of it.</param>
    /// <param name="from">Who has sent it.</param>
    /// <param name="read">Reads it; what it throws goes to <see cref="OnDatagramFault"/>.</param>
    protected void ContinueNextTurn(ReadOnlySequence<byte> datagram, IPEndPoint from, Action<ReadOnlySequence<byte>> read)
    {
        var copy = new ReadOnlySequence<byte>(datagram.ToArray());
        _rest = () => Guard(from, () => read(copy));
        UpdateReading();
        Loop.ContinueNextTurn(this);
    }

    /// <summary>
    /// A datagram has arrived; its bytes live during the call. What it throws goes to <see cref="OnDatagramFault"/>.
    /// </summary>
    protected abstract void OnDatagram(ReadOnlySequence<byte> datagram, IPEndPoint from);

    /// <summary>A protocol of the application's has failed with a datagram, which is dropped. Does not throw.</summary>
    protected abstract void OnDatagramFault(IPEndPoint from, Exception exception);

    /// <summary>The network reports that nothing listens where a datagram was sent before. Does not throw.</summary>
    protected virtual void OnUnreachable()
    {
    }

    /// <summary>Whether a datagram is decoded: an empty one is a message only where there is no protocol.</summary>
    protected static bool IsWorthDecoding(in ReadOnlySequence<byte> datagram, ConnectionProtocol protocol) =>
        !datagram.IsEmpty || protocol is RawProtocol or RawTextProtocol;

    private void UpdateReading() => _socket?.ReadEnabled = !_isPaused && _rest is null;

    private void Receive(ReadOnlySequence<byte> datagram, IPEndPoint from)
    {
        try
        {
            OnDatagram(datagram, from);
        }
        catch (Exception e)
        {
            OnDatagramFault(from, e);
        }
    }

    private void Guard(IPEndPoint from, Action read)
    {
        try
        {
            read();
        }
        catch (Exception e)
        {
            OnDatagramFault(from, e);
        }
    }

    private static bool IsAboutEarlier(SocketError error) =>
        error is SocketError.ConnectionRefused or SocketError.ConnectionReset;

    private static string Explain(SocketError error, int size) => error switch
    {
        SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable => "send buffer full and drop package",
        SocketError.MessageSize => $"{size} bytes do not fit into one datagram; over IPv4 it has at most 65507",
        SocketError.AccessDenied => "the system does not let it be sent there; for a broadcast address set EnableBroadcast",
        _ => $"{error}",
    };
}
