using System.ComponentModel;
using System.Net;
using System.Net.Sockets;

namespace Workerman.Hosting;

/// <summary>
/// One listening socket: a raw <see cref="TcpListener"/> that loops accept from. It is closed when nobody accepts from it any
/// more. Any thread.
/// </summary>
internal sealed class Listener
{
    private readonly TcpListener _listener;
    private readonly Lock _gate = new();
    private int _users;
    private bool _closing;
    private bool _released;

    private Listener(TcpListener listener) => _listener = listener;

    public Socket Socket => _listener.Server;

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

    /// <exception cref="WorkerStartException">The system refuses; the message says why and what to do.</exception>
    public static Listener Open(ListenAddress address, IPEndPoint endPoint, int backlog, bool reusePort)
    {
        TcpListener? listener = null;
        try
        {
            listener = new TcpListener(endPoint);
            if (endPoint.Address.Equals(IPAddress.IPv6Any)) listener.Server.DualMode = true;
            if (reusePort) SetReusePort(listener.Server, address);
            listener.Start(backlog);
            return new Listener(listener);
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
            if (_closing && _users == 0) _listener.Dispose();
        }
    }

    /// <summary>Closes the socket as soon as no loop accepts from it.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closing = true;
            if (_users == 0) _listener.Dispose();
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

    /// <summary>SO_REUSEPORT, which .NET has no name for: each loop then has a queue of its own in the kernel.</summary>
    private static void SetReusePort(Socket socket, ListenAddress address)
    {
        (int level, int option) = OperatingSystem.IsLinux() ? (1, 15)
            : OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD() ? (0xffff, 0x200)
            : throw new WorkerStartException($"Cannot listen on {address.Text}: this system has no SO_REUSEPORT. Leave ReusePort false.");
        socket.SetRawSocketOption(level, option, BitConverter.GetBytes(1));
    }
}
