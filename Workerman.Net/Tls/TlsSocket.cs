using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Win32.SafeHandles;
using Workerman.Events;

namespace Workerman.Tls;

/// <summary>
/// A socket that encrypts: it wraps the loop's socket, so that its owner sends and receives plaintext like on any other. It
/// drives the handshake, and keeps the ciphertext that the loop's socket has not taken; the cryptography is the
/// <see cref="TlsFilter"/>'s. Plaintext counts as sent no sooner than its ciphertext: what is told of it in advance is less than
/// what has left. Belongs to its connection, on the loop's thread; the addresses are for any.
/// </summary>
internal sealed partial class TlsSocket : ILoopSocket, ISocketHandler, ITlsOwner
{
    /// <summary>A message that leaves with those of others is one record at most (RFC 8446 section 5.1).</summary>
    public const int MostInBatch = 16 * 1024;

    /// <summary>Bytes that are encrypted at a time.</summary>
    private const int PieceSize = 64 * 1024;

    private readonly IEventLoop _loop;
    private readonly TlsFilter _filter;
    private readonly ISecureSocketHandler _handler;
    private readonly TlsBuffers _buffers;
    private readonly ILoopSocket _inner;
    private State _state = State.Handshake;
    private bool _readEnabled = true;

    /// <summary>Why nothing more is received: the peer's end is Success; null while the peer may send.</summary>
    private SocketError? _end;

    /// <summary>Whether the next receive decrypts what has arrived before, and asks the loop's socket for nothing.</summary>
    private bool _hasArrived;

    /// <summary>What the loop's socket has not taken. While there is some, that socket has been told to send it.</summary>
    private UnsentCiphertext _unsent = new();

    /// <summary>
    /// Bytes of plaintext that are in the ciphertext above, or have left with it, and do not count as sent yet.
    /// </summary>
    private int _uncounted;

    private Order _order;

    /// <summary>Whether the peer was told that no more is sent.</summary>
    private bool _notified;
    private bool _endIsAwaited;
    private bool _shutsDown;
    private bool _disposed;

    private enum State
    {
        /// <summary>Bytes pass as they are, until <see cref="Start"/>.</summary>
        Clear,
        Handshake,

        /// <summary>
        /// The handshake goes on in another thread: what it writes there must not be touched, and it reads nothing.
        /// </summary>
        HandshakeOffThread,
        Secured,

        /// <summary>The handshake has failed, or the owner ends both directions: what still comes is dropped.</summary>
        Ended,
    }

    /// <summary>What the owner wants to be sent as the socket takes it: bytes, or a piece of a file.</summary>
    private readonly record struct Order(ReadOnlyMemory<byte> Bytes, SafeFileHandle? File, long Offset, long Count)
    {
        public bool IsNone => Bytes.IsEmpty && File is null;
    }

    /// <exception cref="Exception">The system does not watch the socket; it stays the caller's.</exception>
    public TlsSocket(IEventLoop loop, ConnectedSocket socket, TlsFilter filter, ISecureSocketHandler handler, TlsBuffers buffers)
    {
        _loop = loop;
        _filter = filter;
        _handler = handler;
        _buffers = buffers;
        filter.Owner = this;
        _inner = loop.Watch(socket, this);
    }

    public TimeSpan HandshakeTimeout => _filter.HandshakeTimeout;

    public bool IsSecured => _filter.IsSecured;

    public SslProtocols Protocol => _filter.Protocol;

    public string ServerName => _filter.ServerName;

    public X509Certificate2? RemoteCertificate => _filter.RemoteCertificate;

    public bool ReadEnabled
    {
        get => _readEnabled;
        set
        {
            _readEnabled = value;
            _inner.ReadEnabled = value && _state != State.HandshakeOffThread;
        }
    }

    public IPEndPoint? RemoteEndPoint => _inner.RemoteEndPoint;

    public IPEndPoint? LocalEndPoint => _inner.LocalEndPoint;

    public bool HasUnread => _inner.HasUnread;

    /// <summary>
    /// Whether a message can be encrypted now, and leave with those of others: by <see cref="EncryptForBatch"/>.
    /// </summary>
    public bool JoinsBatches => _state == State.Secured && !HasUnsent && !_disposed;

    bool ISocketHandler.ReceivesAtOnce => true;

    private bool HasUnsent => !_unsent.IsEmpty;

    public int Receive(Span<byte> buffer, out SocketError error)
    {
        if (_end is { } end)
        {
            error = end;
            return 0;
        }
        if (_state == State.Clear)
        {
            int clear = _inner.Receive(buffer, out error);
            _handler.OnReceived(clear);
            return clear;
        }
        ReadOnlyMemory<byte> ciphertext = default;
        if (!_hasArrived && !TryReceive(out ciphertext, out error)) return 0;
        _hasArrived = false;
        error = SocketError.WouldBlock;
        return _state == State.Secured ? Decrypt(ciphertext, buffer, out error) : 0;
    }

    /// <summary>Sends what the socket takes, in pieces; of the last one more may be encrypted than counts as sent.</summary>
    public int Send(ReadOnlySpan<byte> data, out SocketError error)
    {
        error = SocketError.WouldBlock;
        if (_state != State.Secured || HasUnsent) return 0;
        error = SocketError.Success;
        int sent = 0;
        while (sent < data.Length)
        {
            ReadOnlySpan<byte> piece = data.Slice(sent, Math.Min(data.Length - sent, PieceSize));
            int counted = Encrypt(piece, out error);
            sent += counted;
            if (counted < piece.Length) break;
        }
        if (sent > 0) error = SocketError.Success;
        else if (error == SocketError.Success) error = SocketError.WouldBlock;
        return sent;
    }

    /// <summary>
    /// Encrypts a message of at most <see cref="MostInBatch"/> bytes, which others send: followed by <see cref="EndSend"/>.
    /// </summary>
    /// <returns>What they send it to: the loop's socket.</returns>
    /// <exception cref="IOException">It cannot be encrypted any more.</exception>
    /// <exception cref="InvalidOperationException">Neither: the peer was told that no more is sent.</exception>
    public ILoopSocket EncryptForBatch(ReadOnlySpan<byte> message, IBufferWriter<byte> output)
    {
        _filter.Encrypt(message, output);
        return _inner;
    }

    /// <summary>The ciphertext of a piece was given to the loop's socket. What that has not taken is kept.</summary>
    /// <param name="length">The length of the piece.</param>
    /// <param name="ciphertext">What it was encrypted to.</param>
    /// <param name="sent">How much of that the socket has taken.</param>
    /// <param name="error">Its error; where there is none but that it has no room, Success.</param>
    /// <returns>How many bytes of the piece count as sent.</returns>
    public int EndSend(int length, ReadOnlySpan<byte> ciphertext, int sent, ref SocketError error)
    {
        if (error == SocketError.WouldBlock) (sent, error) = (0, SocketError.Success);
        if (error != SocketError.Success) return 0;
        _handler.OnTaken(sent);
        if (sent == ciphertext.Length) return length;
        Keep(ciphertext[sent..]);
        int counted = Math.Min(sent, length - 1);
        _uncounted = length - counted;
        return counted;
    }

    /// <summary>Ends both directions: what still comes is dropped.</summary>
    public bool SendEnd()
    {
        bool hasLeft = SendCloseNotify();
        _state = State.Ended;
        _endIsAwaited = !hasLeft;
        return hasLeft;
    }

    /// <summary>Ends this direction alone: what the peer sends is still received (RFC 8446 section 6.1).</summary>
    public bool ShutdownSend()
    {
        if (SendCloseNotify()) return _inner.ShutdownSend();
        _shutsDown = true;
        return true;
    }

    public bool SetOption(int level, int name, int value) => _inner.SetOption(level, name, value);

    public void SendWhenWritable(ReadOnlyMemory<byte> data)
    {
        _order = new Order(data, null, 0, 0);
        if (!HasUnsent) SendOrder();
    }

    public bool SendsFilesAtOnce => _inner.SendsFilesAtOnce;

    public void SendFileWhenWritable(SafeFileHandle file, long offset, long count)
    {
        _order = new Order(default, file, offset, count);
        if (!HasUnsent) SendOrder();
    }

    public void Close(bool reset) => _inner.Close(reset);

    /// <summary>
    /// Ends the watch; again after <see cref="Close"/>, it gives back what the owner could still ask for until then.
    /// </summary>
    public void Dispose()
    {
        _inner.Dispose();
        if (_disposed) _filter.Dispose();
        _disposed = true;
        _order = default;
        _unsent.Release();
    }

    void ISocketHandler.OnReadable()
    {
        if (_state is not (State.Handshake or State.HandshakeOffThread))
        {
            _handler.OnReadable();
            TellRest();
        }
        else if (TryReceive(out ReadOnlyMemory<byte> ciphertext, out _))
        {
            Handshake(ciphertext);
        }
        else if (_end is not null)
        {
            _handler.OnReadable();
        }
    }

    void ISocketHandler.OnSent(int count, SocketError error)
    {
        if (error != SocketError.Success)
        {
            Break(error);
            return;
        }
        _handler.OnTaken(count);
        _unsent.Skip(count);
        if (HasUnsent)
        {
            _inner.SendWhenWritable(_unsent.Rest);
            // All but one byte may count: the last one tells the owner that there is room again.
            Count(Math.Min(count, _uncounted - 1));
            return;
        }
        if (_shutsDown) _inner.ShutdownSend();
        if (_uncounted > 0) Count(_uncounted);
        else if (!_order.IsNone) SendOrder();
        if (!_endIsAwaited || HasUnsent) return;
        _endIsAwaited = false;
        _handler.OnSent(0, SocketError.Success);
    }

    void ISocketHandler.OnHangup() => _handler.OnHangup();

    void ISocketHandler.OnBroken() => _handler.OnBroken();

    /// <summary>The peer's end, or what it is refused for, came with bytes that the owner has received by now.</summary>
    private void TellRest()
    {
        if (_disposed || _end is not null || _state != State.Secured) return;
        if (_filter.PeerEnded) _end = SocketError.Success;
        else if (_filter.IsRefusing) _hasArrived = true;
        else return;
        _handler.OnReadable();
        _hasArrived = false;
    }

    private bool TryReceive(out ReadOnlyMemory<byte> ciphertext, out SocketError error)
    {
        int count = _inner.Receive(_buffers.Received, out error);
        ciphertext = _buffers.Received.AsMemory(0, count);
        _handler.OnReceived(count);
        if (count > 0) return true;
        if (error is not (SocketError.WouldBlock or SocketError.Interrupted)) _end = error;
        return false;
    }

    private int Decrypt(ReadOnlyMemory<byte> ciphertext, Span<byte> buffer, out SocketError error)
    {
        error = SocketError.WouldBlock;
        int length;
        try
        {
            length = _filter.Decrypt(ciphertext, _buffers.Plaintext);
        }
        catch (IOException e)
        {
            _handler.OnUndecipherable(e.GetBaseException().Message);
            return 0;
        }
        if (!SendOwn())
        {
            error = _end!.Value;
            return 0;
        }
        if (length == 0)
        {
            if (!_filter.PeerEnded) return 0;
            _end = error = SocketError.Success;
            return 0;
        }
        _buffers.Plaintext.AsSpan(0, length).CopyTo(buffer);
        error = SocketError.Success;
        return length;
    }

    /// <summary>Sends what the filter has to say of its own accord: the handshake, alerts, new keys.</summary>
    /// <returns>False if the connection is gone.</returns>
    private bool SendOwn()
    {
        ReadOnlySpan<byte> output = _filter.TakeOutput();
        if (output.IsEmpty) return true;
        SendCiphertext(output, out SocketError error);
        if (error == SocketError.Success) return true;
        _end = SocketError.ConnectionReset;
        return false;
    }

    /// <summary>Encrypts and sends a piece of plaintext; nothing waits before it.</summary>
    /// <returns>How much of it counts as sent.</returns>
    private int Encrypt(ReadOnlySpan<byte> piece, out SocketError error)
    {
        ArrayBufferWriter<byte> ciphertext = _buffers.Ciphertext;
        try
        {
            _filter.Encrypt(piece, ciphertext);
            int sent = _inner.Send(ciphertext.WrittenSpan, out error);
            return EndSend(piece.Length, ciphertext.WrittenSpan, sent, ref error);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            error = SocketError.ConnectionAborted;
            return 0;
        }
        finally
        {
            ciphertext.ResetWrittenCount();
        }
    }

    /// <summary>
    /// RFC 8446 section 6.1: tells the peer that this is the end, and nobody has cut the connection off (close_notify). Once.
    /// </summary>
    /// <returns>Whether all has left.</returns>
    private bool SendCloseNotify()
    {
        bool isDue = _state == State.Secured && !_notified;
        _notified = true;
        if (!isDue) return !HasUnsent;
        ArrayBufferWriter<byte> ciphertext = _buffers.Ciphertext;
        try
        {
            _filter.End(ciphertext);
            SendCiphertext(ciphertext.WrittenSpan, out _);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // The connection is broken: nobody is left to be told.
        }
        finally
        {
            ciphertext.ResetWrittenCount();
        }
        return !HasUnsent;
    }

    /// <summary>Sends ciphertext, behind what waits; what the socket does not take is kept.</summary>
    private void SendCiphertext(ReadOnlySpan<byte> ciphertext, out SocketError error)
    {
        error = SocketError.Success;
        int sent = 0;
        if (!HasUnsent)
        {
            sent = _inner.Send(ciphertext, out error);
            if (error == SocketError.WouldBlock) (sent, error) = (0, SocketError.Success);
            if (error != SocketError.Success) return;
            _handler.OnTaken(sent);
        }
        if (sent < ciphertext.Length) Keep(ciphertext[sent..]);
    }

    private void Keep(ReadOnlySpan<byte> rest)
    {
        bool isOrdered = HasUnsent;
        _unsent.Append(rest);
        if (!isOrdered) _inner.SendWhenWritable(_unsent.Rest);
    }

    /// <summary>
    /// Encrypts a piece of the order. It is sent when the loop's socket takes it, never within the call that orders it: a large
    /// file would otherwise be one call in another.
    /// </summary>
    private void SendOrder()
    {
        int length;
        try
        {
            length = _order.File is { } file
                ? FilePiece.Read(file, _order.Offset, _order.Count, this, static (piece, socket) => socket.EncryptAhead(piece))
                : EncryptAhead(_order.Bytes.Span[..Math.Min(_order.Bytes.Length, PieceSize)]);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            EndOrder(0, SocketError.ConnectionAborted);
            return;
        }
        if (length == 0) EndOrder(0, SocketError.Success);
    }

    private int EncryptAhead(ReadOnlySpan<byte> piece)
    {
        ArrayBufferWriter<byte> ciphertext = _buffers.Ciphertext;
        try
        {
            _filter.Encrypt(piece, ciphertext);
            _uncounted = piece.Length;
            Keep(ciphertext.WrittenSpan);
            return piece.Length;
        }
        finally
        {
            ciphertext.ResetWrittenCount();
        }
    }

    /// <summary>Tells the owner that plaintext has left, after which it orders the rest.</summary>
    private void Count(int bytes)
    {
        if (bytes <= 0) return;
        _uncounted -= bytes;
        EndOrder(bytes, SocketError.Success);
    }

    private void EndOrder(int count, SocketError error)
    {
        _order = default;
        _handler.OnSent(count, error);
    }

    /// <summary>The loop's socket sends no more.</summary>
    private void Break(SocketError error)
    {
        _end ??= error;
        if (!_order.IsNone || _endIsAwaited) EndOrder(0, error);
        else _handler.OnReadable();
    }
}
