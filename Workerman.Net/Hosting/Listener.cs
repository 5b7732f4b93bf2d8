using System.Collections.Concurrent;
using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Workerman.Events;

namespace Workerman.Hosting;

/// <summary>
/// One socket that loops accept from, a <see cref="TcpListener"/> or a Unix socket with its file, or a datagram socket, which
/// they receive from. It is closed when no loop uses it any more. Any thread.
/// </summary>
internal sealed class Listener
{
    /// <summary>All listeners of the process that are open.</summary>
    private static readonly ConcurrentDictionary<Listener, bool> Known = new();

    private readonly IDisposable _owner;
    private readonly SocketType _type;
    private readonly Lock _gate = new();
    private int _users;
    private bool _closing;
    private bool _released;

    private Listener(Socket socket, EndPoint endPoint, IDisposable owner, string address, bool isInherited = false)
    {
        Socket = socket;
        EndPoint = endPoint;
        Address = address;
        IsInherited = isInherited;
        _type = socket.SocketType;
        _owner = owner;
        Known.TryAdd(this, true);
    }

    public Socket Socket { get; }

    public EndPoint EndPoint { get; }

    /// <summary>The address of its worker, as text.</summary>
    public string Address { get; }

    /// <summary>Whether the process was given it, and has not opened it.</summary>
    public bool IsInherited { get; }

    /// <summary>Those of the process that are open.</summary>
    public static ICollection<Listener> All => Known.Keys;

    /// <exception cref="WorkerStartException">The system refuses; the message says why and what to do.</exception>
    public static Listener Open(ListenAddress address, EndPoint endPoint, SocketSetup setup)
    {
        if (OperatingSystem.IsLinux() && InheritedSockets.Take(address.Text, endPoint, SocketType.Stream) is { } inherited)
            return Adopt(inherited, address, endPoint, setup);
        if (endPoint is IPEndPoint ip) return OpenTcp(address, ip, setup);
        var file = UnixSocketFile.Open(address, endPoint.ToString()!, setup);
        return new Listener(file.Socket, endPoint, file, address.Text);
    }

    /// <summary>A bound datagram socket.</summary>
    /// <exception cref="WorkerStartException">The system refuses; the message says why and what to do.</exception>
    public static Listener OpenDatagrams(ListenAddress address, IPEndPoint endPoint, SocketSetup setup)
    {
        if (OperatingSystem.IsLinux() && InheritedSockets.Take(address.Text, endPoint, SocketType.Dgram) is { } inherited)
            return Adopt(inherited, address, endPoint, setup);
        Socket? socket = null;
        try
        {
            socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
            setup.Prepare(socket, address);
            CheckHeadroom(socket);
            socket.Bind(endPoint);
            return new Listener(socket, socket.LocalEndPoint!, socket, address.Text);
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new WorkerStartException(
                ListenFailure.Explain(address, e.SocketErrorCode, e.Message, IsOwn(endPoint, SocketType.Dgram)), e);
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }

    /// <summary>Goes on with a socket that another process has opened.</summary>
    [SupportedOSPlatform("linux")]
    private static Listener Adopt(InheritedSocket inherited, ListenAddress address, EndPoint endPoint, SocketSetup setup)
    {
        Socket socket = inherited.Socket;
        // systemd's block, and a loop that waits in accept does nothing else.
        socket.Blocking = false;
        // A master's has the options already that systemd's lacks.
        if (inherited.IsOfSystemd && endPoint is IPEndPoint && socket.SocketType == SocketType.Stream)
            setup.PrepareConnection(new ConnectedSocket(socket));
        IDisposable owner = socket;
        if (endPoint is not IPEndPoint)
        {
            var file = UnixSocketFile.Adopt(socket, endPoint.ToString()!);
            if (inherited.IsOfSystemd) file.Leave();
            owner = file;
        }
        return new Listener(socket, socket.LocalEndPoint ?? endPoint, owner, address.Text, isInherited: true);
    }

    private static Listener OpenTcp(ListenAddress address, IPEndPoint endPoint, SocketSetup setup)
    {
        TcpListener? listener = null;
        try
        {
            listener = new TcpListener(endPoint);
            CheckHeadroom(listener.Server);
            setup.PrepareTcp(listener.Server, address);
            listener.Start(setup.Backlog);
            return new Listener(listener.Server, listener.LocalEndpoint, listener, address.Text);
        }
        catch (Exception e) when (e is SocketException or Win32Exception)
        {
            listener?.Dispose();
            throw new WorkerStartException(ListenFailure.Explain(address, (e as SocketException)?.SocketErrorCode
                ?? SocketError.SocketError, e.Message, IsOwn(endPoint, SocketType.Stream)), e);
        }
        catch
        {
            listener?.Dispose();
            throw;
        }
    }

    /// <exception cref="SocketException">It has one of the last descriptors.</exception>
    private static void CheckHeadroom(Socket socket)
    {
        if (DescriptorHeadroom.IsReachedBy(socket.Handle)) throw new SocketException((int)SocketError.TooManyOpenSockets);
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
            if (_closing && _users == 0) Dispose();
        }
    }

    /// <summary>Closes the socket as soon as no loop accepts from it.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closing = true;
            if (_users == 0) Dispose();
        }
    }

    /// <summary>
    /// Another process goes on with the socket: closing it here leaves the file of a Unix socket where it is.
    /// </summary>
    public void LeaveFile() => (_owner as UnixSocketFile)?.Leave();

    /// <summary>Whether the socket is closed.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_gate) return _closing && _users == 0;
        }
    }

    /// <summary>
    /// Takes <see cref="Close"/> back, if no loop has stopped accepting yet. Not later: an accept that a loop has begun may still
    /// be under way (<see cref="SocketLoop"/>), and would take a connection that nothing handles.
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

    private void Dispose()
    {
        Known.TryRemove(this, out _);
        _owner.Dispose();
    }

    /// <summary>Whether a listener of this process has the port, on the same address or on all of them.</summary>
    private static bool IsOwn(IPEndPoint wanted, SocketType type)
    {
        foreach (Listener other in Known.Keys)
        {
            if (other.EndPoint is IPEndPoint has && has.Port == wanted.Port && other._type == type
                && (IsAny(has.Address) || IsAny(wanted.Address) || has.Address.Equals(wanted.Address))) return true;
        }
        return false;
    }

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
