using System.ComponentModel;
using System.Net;
using System.Net.Sockets;

namespace Workerman.Hosting;

/// <summary>
/// One socket that loops accept from: a raw <see cref="TcpListener"/>, a Unix socket with its file, or a datagram socket, which they receive from.
/// It is closed when no loop uses it any more. Any thread.
/// </summary>
internal sealed class Listener
{
    private readonly IDisposable _owner;
    private readonly Lock _gate = new();
    private int _users;
    private bool _closing;
    private bool _released;

    private Listener(Socket socket, EndPoint endPoint, IDisposable owner)
    {
        Socket = socket;
        EndPoint = endPoint;
        _owner = owner;
    }

    public Socket Socket { get; }

    public EndPoint EndPoint { get; }

    /// <exception cref="WorkerStartException">The system refuses; the message says why and what to do.</exception>
    public static Listener Open(ListenAddress address, EndPoint endPoint, int backlog, bool reusePort, UnixFileMode? mode)
    {
        if (endPoint is IPEndPoint ip) return OpenTcp(address, ip, backlog, reusePort);
        var file = UnixSocketFile.Open(address, endPoint.ToString()!, backlog, mode);
        return new Listener(file.Socket, endPoint, file);
    }

    /// <summary>A bound datagram socket.</summary>
    /// <exception cref="WorkerStartException">The system refuses; the message says why and what to do.</exception>
    public static Listener OpenDatagrams(ListenAddress address, IPEndPoint endPoint, bool reusePort)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
            if (SpeaksBoth(endPoint.Address)) socket.DualMode = true;
            if (reusePort) SetReusePort(socket, address);
            socket.Bind(endPoint);
            return new Listener(socket, socket.LocalEndPoint!, socket);
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new WorkerStartException(ListenFailure.Explain(address, e.SocketErrorCode, e.Message), e);
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    private static Listener OpenTcp(ListenAddress address, IPEndPoint endPoint, int backlog, bool reusePort)
    {
        TcpListener? listener = null;
        try
        {
            listener = new TcpListener(endPoint);
            if (SpeaksBoth(endPoint.Address)) listener.Server.DualMode = true;
            if (reusePort) SetReusePort(listener.Server, address);
            listener.Start(backlog);
            return new Listener(listener.Server, listener.LocalEndpoint, listener);
        }
        catch (Exception e) when (e is SocketException or Win32Exception)
        {
            listener?.Dispose();
            throw new WorkerStartException(ListenFailure.Explain(address, (e as SocketException)?.SocketErrorCode ?? SocketError.SocketError, e.Message), e);
        }
        catch
        {
            listener?.Dispose();
            throw;
        }
    }

    /// <summary>A loop begins to accept from it.</summary>
    public void Acquire()
    {
        lock (_gate) _users++;
    }

    /// <summary>A loop has stopped accepting from it.</summary>
    public void Release()
    {
        lock (_gate)
        {
            _users--;
            _released |= _closing;
            if (_closing && _users == 0) _owner.Dispose();
        }
    }

    /// <summary>Closes the socket as soon as no loop accepts from it.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closing = true;
            if (_users == 0) _owner.Dispose();
        }
    }

    /// <summary>Whether the socket is closed.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_gate) return _closing && _users == 0;
        }
    }

    /// <summary>
    /// Takes <see cref="Close"/> back, if no loop has noticed it yet. Not later: an accept that a loop has let go of may still be
    /// under way, and would swallow a connection.
    /// </summary>
    public bool TryReopen()
    {
        lock (_gate)
        {
            if (_users == 0 || _released) return false;
            _closing = false;
            return true;
        }
    }

    /// <summary>Whether a socket of IPv6 is to take IPv4 too: for all addresses, and for one of IPv4 that is written as IPv6 (RFC 4291 section 2.5.5.2).</summary>
    private static bool SpeaksBoth(IPAddress address) => address.Equals(IPAddress.IPv6Any) || address.IsIPv4MappedToIPv6;

    /// <summary>SO_REUSEPORT, which .NET has no name for: each loop then has a queue of its own in the kernel.</summary>
    private static void SetReusePort(Socket socket, ListenAddress address)
    {
        (int level, int option) = OperatingSystem.IsLinux() ? (1, 15)
            : OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD() ? (0xffff, 0x200)
            : throw new WorkerStartException($"Cannot listen on {address.Text}: this system has no SO_REUSEPORT. Leave ReusePort false.");
        socket.SetRawSocketOption(level, option, BitConverter.GetBytes(1));
    }
}
