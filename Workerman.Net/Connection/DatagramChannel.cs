using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// One datagram socket on one loop: receives what has come, a bounded number in a turn, and sends without waiting. It knows no
/// messages; the types that derive from it do. Belongs to the loop's thread.
/// </summary>
internal abstract class DatagramChannel(IEventLoop loop) : IDatagramHandler
{
    /// <summary>Datagrams in a turn: many of them do not keep the rest of the loop waiting.</summary>
    private const int BatchSize = 64;

    /// <summary>The largest message that decoders may accept: as much as a datagram can have.</summary>
    public const int MaxSize = 64 * 1024;

    private ILoopDatagramSocket? _socket;

    public IEventLoop Loop { get; } = loop;

    /// <summary>Where its socket is bound; the last one, when it is closed.</summary>
    public IPEndPoint? LocalAddress { get; private set; }

    public bool IsOpen => _socket is not null;

    /// <summary>Whether nothing is received: what comes waits in the socket's buffer.</summary>
    public bool IsPaused
    {
        get => _socket is { ReadEnabled: false };
        set => _socket?.ReadEnabled = !value;
    }

    /// <summary>Begins to receive from a socket, which it does not own.</summary>
    public void Open(Socket socket)
    {
        LocalAddress = socket.LocalEndPoint as IPEndPoint;
        _socket = Loop.WatchDatagrams(socket, this);
    }

    /// <summary>Stops receiving. The socket is its owner's to close.</summary>
    public virtual void Close()
    {
        _socket?.Dispose();
        _socket = null;
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
        if (error == SocketError.Success) return SendResult.Sent;
        OnError(connection, ConnectionError.SendFail, Explain(error, bytes.Length));
        return SendResult.Dropped;
    }

    public void OnReadable()
    {
        byte[] buffer = DatagramBuffers.Current.Receive;
        for (int i = 0; i < BatchSize && _socket is { ReadEnabled: true } socket; i++)
        {
            int count = socket.Receive(buffer, out IPEndPoint? from, out SocketError error);
            if (error == SocketError.WouldBlock) return;
            if (error == SocketError.Success && from is not null) Receive(new ReadOnlySequence<byte>(buffer, 0, count), from);
            else if (IsAboutEarlier(error)) OnUnreachable();
        }
    }

    /// <summary>Something could not be sent. Does not throw.</summary>
    public abstract void OnError(UdpConnection connection, ConnectionError error, string reason);

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
