using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// A non-blocking stream socket, connected or about to be, that no loop watches yet: a .NET <see cref="Socket"/>, or a bare
/// descriptor, which is what <see cref="EpollLoop"/> accepts and which costs no managed object. Its holder gives it to
/// <see cref="IEventLoop.Watch(ConnectedSocket, ISocketHandler)"/> or closes it with <see cref="Dispose"/>, once.
/// </summary>
public readonly struct ConnectedSocket : IDisposable
{
    /// <summary>The handle and one more, so that none is what <c>default</c> has: 0 is a descriptor like any other.</summary>
    private readonly nint _next;

    /// <summary>Wraps a socket of .NET's.</summary>
    public ConnectedSocket(Socket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        Socket = socket;
        _next = socket.Handle + 1;
    }

    internal ConnectedSocket(int descriptor, PeerName peer) => (_next, Peer) = ((nint)descriptor + 1, peer);

    internal ConnectedSocket(Socket socket, PeerName peer)
        : this(socket) => Peer = peer;

    /// <summary>The descriptor, on Windows the handle; -1 for none, which <c>default</c> has.</summary>
    public nint Handle => _next - 1;

    /// <summary>The .NET socket behind it; null where there is none.</summary>
    internal Socket? Socket { get; }

    /// <summary>The peer, where accept(2) or connecting has told it; nothing where the system has to be asked.</summary>
    internal PeerName Peer { get; }

    /// <summary>The same as a .NET socket, which is made if there is none; it owns the descriptor from here on.</summary>
    /// <exception cref="InvalidOperationException">It is <c>default</c>, and so no socket.</exception>
    public Socket ToSocket()
    {
        if (Handle != -1) return Socket ?? ToSocket(new SafeSocketHandle(Handle, ownsHandle: true));
        throw new InvalidOperationException(
            "This ConnectedSocket is default, and no connection; take one from IAcceptHandler.OnAccepted, "
            + "or make it of a Socket.");
    }

    /// <summary>
    /// Takes the descriptor away from a .NET socket, which is not used again. Its finalizer would disconnect whatever has the
    /// number by then.
    /// </summary>
    internal static void Abandon(Socket socket)
    {
#pragma warning disable CA1816 // It is not disposed of: that would close the descriptor.
        GC.SuppressFinalize(socket);
#pragma warning restore CA1816
        socket.SafeHandle.SetHandleAsInvalid();
    }

    private static Socket ToSocket(SafeSocketHandle handle)
    {
        try
        {
            return new Socket(handle) { Blocking = false };
        }
        catch
        {
            // It stays with whoever has given it, who closes it once.
            handle.SetHandleAsInvalid();
            throw;
        }
    }

    /// <summary>Has small sends leave at once (TCP_NODELAY).</summary>
    public void SetNoDelay()
    {
        if (Socket is not null) Socket.NoDelay = true;
        else if (OperatingSystem.IsLinux()) SocketOptions.SetNoDelay((int)Handle);
    }

    /// <summary>Has the system ask a peer that is silent whether it is still there (SO_KEEPALIVE).</summary>
    /// <param name="idle">Seconds of silence before the first question (TCP_KEEPIDLE).</param>
    /// <param name="interval">Seconds for each answer (TCP_KEEPINTVL).</param>
    /// <param name="probes">Questions without an answer before the connection counts as lost (TCP_KEEPCNT).</param>
    public void SetKeepAlive(int idle, int interval, int probes)
    {
        if (Socket is not null) SocketOptions.SetKeepAlive(Socket, idle, interval, probes);
        else if (OperatingSystem.IsLinux()) SocketOptions.SetKeepAlive((int)Handle, idle, interval, probes);
    }

    /// <summary>
    /// Hands it out as a .NET socket for the time of the call, for options that have no method here. Do not keep or close it.
    /// </summary>
    public void Configure(Action<Socket> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        if (Socket is not null)
        {
            configure(Socket);
            return;
        }
        using var view = new Socket(new SafeSocketHandle(Handle, ownsHandle: false));
        configure(view);
    }

    /// <summary>Closes it. Not for one that was given to a loop.</summary>
    public void Dispose()
    {
        if (Socket is not null) Socket.Dispose();
        else if (OperatingSystem.IsLinux() && Handle != -1) _ = SystemCalls.close((int)Handle);
    }

    /// <summary>
    /// Whether it is connected to itself (RFC 9293 section 3.5, simultaneous open): the system may choose as its port the very
    /// one that it connects to, where no socket listens there.
    /// </summary>
    internal bool MeetsItself()
    {
        try
        {
            if (Socket is not null) return Socket.RemoteEndPoint is { } peer && peer.Equals(Socket.LocalEndPoint);
        }
        catch (SocketException)
        {
            // The peer has reset it already, which the first receive finds.
            return false;
        }
        return OperatingSystem.IsLinux()
            && SocketCalls.PeerOf((int)Handle) is { } own && own.Equals(SocketCalls.NameOf((int)Handle));
    }
}
