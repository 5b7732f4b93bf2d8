using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// One datagram socket on one loop: takes what has come, a bounded number a turn, and sends without waiting. It knows no messages; those who
/// derive from it do. Belongs to the loop's thread.
/// </summary>
internal abstract class DatagramChannel(IEventLoop loop) : IDatagramHandler
{
    /// <summary>Datagrams a turn: a flood of them must not keep the rest of the loop waiting.</summary>
    private const int BatchSize = 64;

    /// <summary>What decoders are told that a message may have: all that a datagram can.</summary>
    public const int MaxSize = 64 * 1024;

    private ILoopDatagramSocket? _watch;

    public IEventLoop Loop { get; } = loop;

    /// <summary>Where its socket is bound; the last one, when it is closed.</summary>
    public IPEndPoint? LocalAddress { get; private set; }

    public bool IsOpen => _watch is not null;

    /// <summary>Whether what comes is taken; while not, it waits in the socket's buffer.</summary>
    public bool IsPaused
    {
        get => _watch is { ReadEnabled: false };
        set => _watch?.ReadEnabled = !value;
    }

    /// <summary>Begins to receive from a socket, which it does not own.</summary>
    public void Open(Socket socket)
    {
        LocalAddress = socket.LocalEndPoint as IPEndPoint;
        _watch = Loop.WatchDatagrams(socket, this);
    }

    /// <summary>Lets go of the socket.</summary>
    public virtual void Close()
    {
        _watch?.Dispose();
        _watch = null;
    }

    /// <summary>Sends one datagram; what keeps it from leaving is told to <see cref="OnError"/>.</summary>
    /// <param name="connection">Who sends.</param>
    /// <param name="bytes">The datagram.</param>
    /// <param name="to">Where to; null for the peer of a connected socket.</param>
    public SendResult Send(UdpConnection connection, ReadOnlySpan<byte> bytes, IPEndPoint? to)
    {
        if (_watch is null) return SendResult.Dropped;
        SocketError error = _watch.Send(bytes, to);
        // Says of an earlier one that nobody was there to take it, and takes this one's place: it has not been sent (RFC 1122 §4.1.3.3).
        if (IsAboutEarlier(error)) error = _watch.Send(bytes, to);
        if (error == SocketError.Success) return SendResult.Sent;
        OnError(connection, ConnectionError.SendFail, Explain(error, bytes.Length));
        return SendResult.Dropped;
    }

    public void OnReadable()
    {
        byte[] buffer = DatagramBuffers.Current.Receive;
        for (int i = 0; i < BatchSize && _watch is { ReadEnabled: true } watch; i++)
        {
            int count = watch.Receive(buffer, out IPEndPoint? from, out SocketError error);
            if (error == SocketError.WouldBlock) return;
            if (error == SocketError.Success && from is not null) Receive(new ReadOnlySequence<byte>(buffer, 0, count), from);
            else if (IsAboutEarlier(error)) OnUnreachable();
        }
    }

    /// <summary>Something could not be sent. Does not throw.</summary>
    public abstract void OnError(UdpConnection connection, ConnectionError error, string reason);

    /// <summary>A datagram has arrived; its bytes live during the call. What it throws goes to <see cref="OnDatagramFault"/>.</summary>
    protected abstract void OnDatagram(ReadOnlySequence<byte> datagram, IPEndPoint from);

    /// <summary>A protocol of the application's has failed with a datagram, which is dropped. Does not throw.</summary>
    protected abstract void OnDatagramFault(IPEndPoint from, Exception exception);

    /// <summary>The network says that something sent earlier found nobody. Does not throw.</summary>
    protected virtual void OnUnreachable()
    {
    }

    /// <summary>Whether a datagram may be decoded: an empty one is a message only where there is no protocol.</summary>
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

    private static bool IsAboutEarlier(SocketError error) => error is SocketError.ConnectionRefused or SocketError.ConnectionReset;

    private static string Explain(SocketError error, int size) => error switch
    {
        SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable => "send buffer full and drop package",
        SocketError.MessageSize => $"{size} bytes do not fit into one datagram; over IPv4 it has at most 65507",
        SocketError.AccessDenied => "the system does not let it be sent there; for a broadcast address set EnableBroadcast",
        _ => $"{error}",
    };
}
