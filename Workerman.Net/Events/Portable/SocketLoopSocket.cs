using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Events;

/// <summary>
/// One connected socket of a <see cref="SocketLoop"/>: an asynchronous receive of zero bytes tells that there is something to
/// read. For sending there is no such call, so what waits is sent asynchronously. Its methods run on the loop's thread, the
/// completions on any.
/// </summary>
internal sealed class SocketLoopSocket : ILoopSocket, ISocketLoopEvent
{
    private readonly SocketLoop _loop;
    private readonly Socket _socket;
    private readonly ISocketHandler _handler;
    private readonly SocketAsyncEventArgs _receive = new(true);
    private SocketLoopSend? _send;
    private SocketError _failure;
    private bool _readEnabled = true;
    private bool _receiving;
    private bool _disposed;

    public SocketLoopSocket(SocketLoop loop, Socket socket, ISocketHandler handler)
    {
        _loop = loop;
        _socket = socket;
        _handler = handler;
        _receive.SetBuffer([], 0, 0);
        _receive.Completed += (_, _) => _loop.Enqueue(this);
        Receive();
    }

    public bool ReadEnabled
    {
        get => _readEnabled;
        set
        {
            _readEnabled = value;
            if (value) Receive();
        }
    }

    public IPEndPoint? RemoteEndPoint => Ask(static socket => (socket.RemoteEndPoint as IPEndPoint)?.Unmapped());

    public IPEndPoint? LocalEndPoint => Ask(static socket => (socket.LocalEndPoint as IPEndPoint)?.Unmapped());

    public bool HasUnread => Ask(static socket => socket.Available > 0);

    public int Receive(Span<byte> buffer, out SocketError error)
    {
        // The system reports a reset once, perhaps to the zero-byte receive: a receive after that would find an end in order.
        error = _failure;
        return error == SocketError.Success ? _socket.Receive(buffer, SocketFlags.None, out error) : 0;
    }

    public int Send(ReadOnlySpan<byte> data, out SocketError error) => _socket.Send(data, SocketFlags.None, out error);

    public bool ShutdownSend() => Ask(static socket =>
    {
        socket.Shutdown(SocketShutdown.Send);
        return true;
    });

    public bool SetOption(int level, int name, int value) => Ask(socket =>
    {
        socket.SetRawSocketOption(level, name, BitConverter.GetBytes(value));
        return true;
    });

    public void SendWhenWritable(ReadOnlyMemory<byte> data)
    {
        if (_disposed) return;
        _send ??= new SocketLoopSend(_loop, _socket, this);
        _send.Start(data);
    }

    public bool SendsFilesAtOnce => true;

    public void SendFileWhenWritable(SafeFileHandle file, long offset, long count)
    {
        if (_disposed) return;
        _send ??= new SocketLoopSend(_loop, _socket, this);
        _send.Start(file, offset, count);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        // An operation that is still under way ends when its socket is closed, and is disposed of then.
        if (!_receiving) _receive.Dispose();
        _send?.Dispose();
    }

    public void Close(bool reset)
    {
        Dispose();
        if (reset) Ask(static socket => socket.LingerState = new LingerOption(true, 0));
        // Where .NET's engine still waits on the socket, closing it would reset the connection.
        else ShutdownSend();
        _socket.Dispose();
    }

    public int Detach(out int sent)
    {
        sent = 0;
        if (_disposed || !OperatingSystem.IsLinux()) return -1;
        // .NET ends what is under way on a socket that it closes by resetting the connection: that must meet another file.
        int descriptor = SocketCalls.Extract((int)_socket.Handle);
        if (descriptor < 0) return -1;
        _socket.Dispose();
        sent = _send?.WaitForEnd() ?? 0;
        Dispose();
        if (sent >= 0) return descriptor;
        using (new ConnectedSocket(descriptor, default)) return -1;
    }

    void ISocketLoopEvent.OnReady()
    {
        _receiving = false;
        if (_disposed)
        {
            _receive.Dispose();
            return;
        }
        if (_receive.SocketError is not (SocketError.Success or SocketError.OperationAborted)) _failure = _receive.SocketError;
        // Switched off meanwhile: the next zero-byte receive finds what is there.
        if (!_readEnabled) return;
        try
        {
            _handler.OnReadable();
        }
        finally
        {
            Receive();
        }
    }

    internal void OnSent(int count, SocketError error)
    {
        if (!_disposed) _handler.OnSent(count, error);
    }

    /// <summary>The socket's answer; nothing if it is closed or its connection reset.</summary>
    private T? Ask<T>(Func<Socket, T> question)
    {
        try
        {
            return question(_socket);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return default;
        }
    }

    private void Receive()
    {
        if (_disposed || _receiving || !_readEnabled) return;
        _receiving = true;
        if (!_socket.ReceiveAsync(_receive)) _loop.Enqueue(this);
    }
}

/// <summary>
/// The asynchronous send of a <see cref="SocketLoopSocket"/>, which owns it. It sends a copy, because .NET may still read the
/// bytes after the connection has given its own back. Its methods run on the loop's thread; a completion only queues it.
/// </summary>
internal sealed class SocketLoopSend : ISocketLoopEvent, IDisposable
{
    private const int MaxSize = 64 * 1024;

    /// <summary>How long the end of a send is waited for whose socket was closed: .NET's threads have to get to it.</summary>
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(1);

    private readonly SocketLoop _loop;
    private readonly Socket _socket;
    private readonly SocketLoopSocket _owner;
    private readonly SocketAsyncEventArgs _send = new(true);
    private byte[] _copy = [];
    private bool _sending;
    private bool _completed;
    private bool _disposed;

    public SocketLoopSend(SocketLoop loop, Socket socket, SocketLoopSocket owner)
    {
        _loop = loop;
        _socket = socket;
        _owner = owner;
        _send.Completed += (_, _) => Complete();
    }

    public void Start(ReadOnlyMemory<byte> data)
    {
        int size = Math.Min(data.Length, MaxSize);
        EnsureCopy(size);
        data.Span[..size].CopyTo(_copy);
        Start(size);
    }

    /// <summary>
    /// Sends a piece of a file, read on the loop's thread: there is no portable call that has the kernel copy it.
    /// </summary>
    public void Start(SafeFileHandle file, long offset, long count)
    {
        EnsureCopy(FilePiece.Size);
        Start(FilePiece.Read(file, offset, count, _copy));
    }

    /// <summary>Waits for a send that may be under way and whose socket was closed.</summary>
    /// <returns>How many bytes of it were taken; -1 if it does not end.</returns>
    public int WaitForEnd()
    {
        if (!_sending) return 0;
        return SpinWait.SpinUntil(() => Volatile.Read(ref _completed), EndTimeout) ? _send.BytesTransferred : -1;
    }

    public void Dispose()
    {
        _disposed = true;
        if (!_sending) Free();
    }

    void ISocketLoopEvent.OnReady()
    {
        _sending = false;
        if (_disposed) Free();
        else if (_send.Count == 0) _owner.OnSent(0, SocketError.Success);
        else _owner.OnSent(_send.BytesTransferred, _send.SocketError);
    }

    private void Start(int size)
    {
        _send.SetBuffer(_copy, 0, size);
        _sending = true;
        _completed = false;
        // A file that has ended has nothing to send.
        if (size == 0 || !_socket.SendAsync(_send)) Complete();
    }

    private void Complete()
    {
        Volatile.Write(ref _completed, true);
        _loop.Enqueue(this);
    }

    private void EnsureCopy(int size)
    {
        if (_copy.Length >= size) return;
        if (_copy.Length > 0) ArrayPool<byte>.Shared.Return(_copy);
        _copy = ArrayPool<byte>.Shared.Rent(size);
    }

    private void Free()
    {
        _send.Dispose();
        if (_copy.Length > 0) ArrayPool<byte>.Shared.Return(_copy);
        _copy = [];
    }
}
