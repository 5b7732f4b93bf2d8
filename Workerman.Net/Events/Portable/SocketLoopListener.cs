using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// One listening socket of a <see cref="SocketLoop"/>. There is always one asynchronous accept under way; a connection that is
/// accepted while accepting is off is kept until it is on again. Runs on the loop's thread, the completion on any.
/// </summary>
internal sealed class SocketLoopListener : ILoopListener, ISocketLoopEvent
{
    /// <summary>Connections in a turn.</summary>
    private const int BatchSize = 64;

    private readonly SocketLoop _loop;
    private readonly Socket _listener;
    private readonly IAcceptHandler _handler;
    private readonly SocketAsyncEventArgs _accept = new(true);
    private Socket? _kept;
    private bool _enabled = true;
    private bool _accepting;
    private bool _disposed;
    private bool _finishing;

    public SocketLoopListener(SocketLoop loop, Socket listener, IAcceptHandler handler)
    {
        _loop = loop;
        _listener = listener;
        _handler = handler;
        _accept.Completed += (_, _) => _loop.Enqueue(this);
        Accept();
    }

    public bool Enabled
    {
        get => _enabled;
        set
        {
            if (_disposed || value == _enabled) return;
            _enabled = value;
            if (!value) return;
            if (_kept is { } socket)
            {
                _kept = null;
                Deliver(socket);
            }
            Accept();
        }
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _kept?.Dispose();
        if (!_accepting) _accept.Dispose();
    }

    void ILoopListener.Finish()
    {
        if (_disposed) return;
        _finishing = true;
        Socket? kept = _kept;
        _kept = null;
        Dispose();
        if (kept is not null) Deliver(kept);
    }

    void ISocketLoopEvent.OnReady()
    {
        for (int count = 1; ; count++)
        {
            Complete();
            if (!Begin()) return;
            if (count < BatchSize) continue;
            _loop.Enqueue(this);
            return;
        }
    }

    /// <summary>The accept that was under way has ended.</summary>
    private void Complete()
    {
        _accepting = false;
        Socket? socket = _accept.AcceptSocket;
        SocketError error = _accept.SocketError;
        _accept.AcceptSocket = null;
        if (_disposed)
        {
            if (_finishing && error == SocketError.Success) Deliver(socket!);
            else socket?.Dispose();
            _accept.Dispose();
        }
        else if (error != SocketError.Success)
        {
            OnError(error);
        }
        else if (_enabled)
        {
            Deliver(socket!);
            _loop.RunDeferredIfDue();
        }
        else
        {
            _kept = socket;
        }
    }

    private void Accept()
    {
        if (Begin()) _loop.Enqueue(this);
    }

    /// <summary>Begins to accept, unless it is under way or not wanted.</summary>
    /// <returns>Whether a connection has been waiting, so that it has ended at once.</returns>
    private bool Begin()
    {
        if (_disposed || _accepting || !_enabled) return false;
        _accepting = true;
        return !_listener.AcceptAsync(_accept);
    }

    private void Deliver(Socket socket)
    {
        if (Lift(socket) is not { } kept)
        {
            _handler.OnAcceptError(SocketError.TooManyOpenSockets);
            return;
        }
        kept.Blocking = false;
        _handler.OnAccepted(new ConnectedSocket(kept));
    }

    /// <summary>None of the numbers of the standard streams; <see cref="StandardDescriptors"/> tells why.</summary>
    private static Socket? Lift(Socket socket)
    {
        int descriptor = OperatingSystem.IsLinux() ? StandardDescriptors.Lift((int)socket.Handle) : (int)socket.Handle;
        if (descriptor == (int)socket.Handle) return socket;
        // The number is another file's by now.
        ConnectedSocket.Abandon(socket);
        return descriptor < 0 ? null : new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
    }

    private void OnError(SocketError error)
    {
        // Other errors, such as ConnectionReset, are about one connection that was gone before it was accepted.
        if (error is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable or SocketError.OperationAborted
            or SocketError.NotSocket or SocketError.InvalidArgument)
            _handler.OnAcceptError(error);
    }
}
