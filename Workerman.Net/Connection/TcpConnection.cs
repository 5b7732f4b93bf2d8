using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// One TCP connection (PHP: <c>TcpConnection</c>). It lives on one loop, whose thread runs all its callbacks; its methods may be
/// called from any thread and are then handed over to the loop. It is no protocol: it knows its protocol only as something that
/// judges and encodes. Made by a worker, or as an <see cref="AsyncTcpConnection"/>. This file is its face; how it opens is in
/// <c>.Opening.cs</c>, the way in in <c>.Input.cs</c>, the way out in <c>.Output.cs</c>, its life and its end in <c>.Life.cs</c>.
/// </summary>
public partial class TcpConnection : IPeer
{
    private ConnectionHandler _handler;
    private ConnectionLimits _limits = ConnectionLimits.Default;
    private ConnectionCallbacks? _callbacks;
    private ConnectionAddresses _addresses;

    /// <summary>Bytes that may wait to be sent, for new connections; 1 MiB (PHP: <c>$defaultMaxSendBufferSize</c>).</summary>
    public static int DefaultMaxSendBufferSize
    {
        get => ConnectionLimits.Default.MaxSendBufferSize;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { MaxSendBufferSize = value };
    }

    /// <summary>Bytes that a message may have, for new connections; 10 MiB (PHP: <c>$defaultMaxPackageSize</c>).</summary>
    public static long DefaultMaxPackageSize
    {
        get => ConnectionLimits.Default.MaxPackageSize;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { MaxPackageSize = value };
    }

    /// <summary>
    /// How long <see cref="End()"/> goes on reading what the peer still sends, for new connections; 1 second, zero for not at
    /// all (PHP: <c>$defaultLingerTimeout</c>). Checked about once a second.
    /// </summary>
    public static TimeSpan DefaultLingerTimeout
    {
        get => ConnectionLimits.Default.LingerTimeout;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { LingerTimeout = value };
    }

    /// <summary>
    /// How long a peer may take none of the bytes that wait for it before the connection is destroyed, for new connections; 60
    /// seconds, <see cref="Timeout.InfiniteTimeSpan"/> for ever. Checked about once a second.
    /// </summary>
    public static TimeSpan DefaultSendTimeout
    {
        get => ConnectionLimits.Default.SendTimeout;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { SendTimeout = value };
    }

    /// <summary>
    /// How long a connection whose peer has ended its side is kept for an answer that is still owed, for new connections; 60
    /// seconds, <see cref="Timeout.InfiniteTimeSpan"/> for ever. A peer that has gone away for good looks just like one that
    /// waits. Checked about once a second, and only while nothing is being sent.
    /// </summary>
    public static TimeSpan DefaultHalfClosedTimeout
    {
        get => ConnectionLimits.Default.HalfClosedTimeout;
        set => ConnectionLimits.Default = ConnectionLimits.Default with { HalfClosedTimeout = value };
    }

    /// <summary>
    /// How a peer that vanished without closing is found, for workers and client connections that are made from here on; null for
    /// not at all. By default after 55 + 55 seconds of silence
    /// (PHP: what it sets on every socket). Theirs: <c>WorkerOptions.KeepAlive</c> and
    /// <see cref="AsyncTcpConnection.KeepAlive"/>.
    /// </summary>
    public static TcpKeepAlive? DefaultKeepAlive { get; set; } = new();

    /// <summary>Number of the connection, unique in the process (PHP: <c>$id</c>).</summary>
    public long Id { get; }

    /// <summary>Where the connection is in its life (PHP: <c>getStatus()</c>). Any thread.</summary>
    public ConnectionStatus Status => _life.Status;

    /// <summary>
    /// Anything that the application hangs on the connection; see <see cref="GetContext"/> for a class of its own (PHP:
    /// <c>$context</c>, and properties of any name).
    /// </summary>
    public object? Context { get; set; }

    /// <summary>
    /// What <see cref="Context"/> holds, as a class of the application's, made when it is first asked for:
    /// <c>connection.GetContext&lt;Visitor&gt;().Name = "Ann"</c> (PHP: properties of any name, as in
    /// <c>$connection-&gt;uid</c>).
    /// </summary>
    /// <typeparam name="TContext">The class.</typeparam>
    /// <exception cref="InvalidOperationException">The context is of another type.</exception>
    public TContext GetContext<TContext>()
        where TContext : class, new()
    {
        Context ??= new TContext();
        return Context as TContext ?? throw ConnectionContext.Mismatch("connection", Context, typeof(TContext));
    }

    /// <summary>Bytes that may wait to be sent before sends are dropped; at least 1 (PHP: <c>$maxSendBufferSize</c>).</summary>
    public int MaxSendBufferSize
    {
        get => _limits.MaxSendBufferSize;
        set => _limits = _limits with { MaxSendBufferSize = value };
    }

    /// <summary>
    /// Bytes that a message may have; at least 1 (PHP: <c>$maxPackageSize</c>). Of HTTP that is head and body, and the body may
    /// be larger than memory. A message of
    /// another protocol of the library is one text or one array, and has no more than 1 GiB.
    /// </summary>
    public long MaxPackageSize { get => _limits.MaxPackageSize; set => _limits = _limits with { MaxPackageSize = value }; }

    /// <summary>See <see cref="DefaultLingerTimeout"/> (PHP: <c>$lingerTimeout</c>).</summary>
    public TimeSpan LingerTimeout { get => _limits.LingerTimeout; set => _limits = _limits with { LingerTimeout = value }; }

    /// <summary>See <see cref="DefaultSendTimeout"/>.</summary>
    public TimeSpan SendTimeout { get => _limits.SendTimeout; set => _limits = _limits with { SendTimeout = value }; }

    /// <summary>See <see cref="DefaultHalfClosedTimeout"/>.</summary>
    public TimeSpan HalfClosedTimeout
    {
        get => _limits.HalfClosedTimeout;
        set => _limits = _limits with { HalfClosedTimeout = value };
    }

    /// <summary>Takes the place of the worker's <c>OnClose</c> for this connection (PHP: <c>$onClose</c>).</summary>
    public Action<TcpConnection>? OnClose { get => _callbacks?.Close; set => Callbacks.Close = value; }

    /// <summary>Takes the place of the worker's <c>OnError</c> for this connection (PHP: <c>$onError</c>).</summary>
    public Action<TcpConnection, ConnectionError, string>? OnError { get => _callbacks?.Error; set => Callbacks.Error = value; }

    /// <summary>Takes the place of the worker's <c>OnBufferFull</c> for this connection (PHP: <c>$onBufferFull</c>).</summary>
    public Action<TcpConnection>? OnBufferFull { get => _callbacks?.BufferFull; set => Callbacks.BufferFull = value; }

    /// <summary>Takes the place of the worker's <c>OnBufferDrain</c> for this connection (PHP: <c>$onBufferDrain</c>).</summary>
    public Action<TcpConnection>? OnBufferDrain { get => _callbacks?.BufferDrain; set => Callbacks.BufferDrain = value; }

    /// <summary>Bytes received so far; over TLS those of the wire, with the handshake (PHP: <c>$bytesRead</c>).</summary>
    public long BytesRead => _bytesRead;

    /// <summary>
    /// Bytes that the operating system has taken so far; over TLS those of the wire, with the handshake (PHP:
    /// <c>$bytesWritten</c>).
    /// </summary>
    public long BytesWritten => _bytesWritten;

    /// <summary>
    /// Bytes that wait to be sent (PHP: <c>getSendBufferQueueSize()</c>); over TLS as they were before encryption.
    /// </summary>
    public long SendBufferQueueSize => _queue is { } queue ? queue.Length + queue.HeldLength : 0;

    /// <summary>Bytes received that no message was made of yet (PHP: <c>getRecvBufferQueueSize()</c>).</summary>
    public long RecvBufferQueueSize => _input?.Length ?? 0;

    /// <summary>Whether nothing waits to be sent, no file either (PHP: <c>bufferIsEmpty()</c>).</summary>
    public bool BufferIsEmpty => _queue is null or { Length: 0, HeldLength: 0, File: null };

    /// <summary>
    /// The peer's address, as IPv4 where it speaks that, whatever the listening socket is bound to; also after the end (PHP:
    /// <c>getRemoteAddress()</c>, there as text). Behind a proxy that speaks the PROXY protocol it is
    /// the client's. Null on a Unix socket. Any thread.
    /// </summary>
    public IPEndPoint? RemoteAddress => _addresses.Remote(_socket);

    /// <summary>The peer's IP address, or an empty text (PHP: <c>getRemoteIp()</c>).</summary>
    public string RemoteIp => RemoteAddress?.Address.ToString() ?? "";

    /// <summary>The peer's port, or 0 (PHP: <c>getRemotePort()</c>).</summary>
    public int RemotePort => RemoteAddress?.Port ?? 0;

    /// <summary>
    /// The address that the peer connected to, written as <see cref="RemoteAddress"/> is; also after the end (PHP:
    /// <c>getLocalAddress()</c>, there as text). Null on a Unix socket. Any thread.
    /// </summary>
    public IPEndPoint? LocalAddress => _addresses.Local(_socket);

    /// <summary>The IP address that the peer connected to, or an empty text (PHP: <c>getLocalIp()</c>).</summary>
    public string LocalIp => LocalAddress?.Address.ToString() ?? "";

    /// <summary>The port that the peer connected to, or 0 (PHP: <c>getLocalPort()</c>).</summary>
    public int LocalPort => LocalAddress?.Port ?? 0;

    /// <summary>Whether the peer speaks IPv4 (PHP: <c>isIpV4()</c>).</summary>
    public bool IsIpV4 => RemoteAddress?.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>Whether the peer speaks IPv6 (PHP: <c>isIpV6()</c>).</summary>
    public bool IsIpV6 => RemoteAddress?.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>Whether the connection is encrypted (PHP: <c>$transport === 'ssl'</c>).</summary>
    public bool IsEncrypted => TlsSocket is { IsSecured: true };

    /// <summary>The version of TLS that is spoken; none on a connection that is not encrypted.</summary>
    public SslProtocols SslProtocol => TlsSocket?.Protocol ?? SslProtocols.None;

    /// <summary>The host name that the client asked for in its handshake (SNI), as it wrote it; an empty text for none.</summary>
    public string ServerName => TlsSocket?.ServerName ?? "";

    /// <summary>
    /// The certificate that the peer gave and that counts; null for none. On the connection's loop, and not after <c>OnClose</c>.
    /// </summary>
    public X509Certificate2? RemoteCertificate => TlsSocket?.RemoteCertificate;

    /// <summary>
    /// Sends text as the protocol's usual message: for HTTP a 200 response (PHP: <c>send($data)</c>). Before the handshake of a
    /// WebSocket it waits. Where it has no place now, because no request waits for an answer perhaps, it is dropped, and
    /// <see cref="OnError"/> tells why. Any thread.
    /// </summary>
    /// <exception cref="InvalidOperationException">No connection of the protocol sends such a message.</exception>
    public SendResult Send(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Loop.IsCurrent
            ? Send(new Text(text), static (connection, text, output) => connection.Protocol.Encode(text.Value, output))
            : HandOver(text, static (connection, text) => connection.Send(text));
    }

    /// <summary>
    /// Sends bytes as the protocol's usual message: for HTTP a 200 response (PHP: <c>send($data)</c>). They are copied where they
    /// have to wait. Any thread.
    /// </summary>
    /// <inheritdoc cref="Send(string)"/>
    public SendResult Send(ReadOnlySpan<byte> bytes)
    {
        if (Loop.IsCurrent) return Send(bytes, static (connection, bytes, output) => connection.Protocol.Encode(bytes, output));
        return HandOver(bytes.ToArray(), static (connection, copy) => connection.Send(copy));
    }

    /// <inheritdoc cref="Send(ReadOnlyMemory{byte})"/>
    public SendResult Send(byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        return Send(bytes.AsMemory());
    }

    /// <summary>
    /// Sends bytes as the protocol's usual message: for HTTP a 200 response (PHP: <c>send($data)</c>). 64 KiB and more are not
    /// copied, so that what many peers are sent and do not read is in memory once: do not change them afterwards, or send them as
    /// a span. Any thread.
    /// </summary>
    /// <inheritdoc cref="Send(string)"/>
    public SendResult Send(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < LastingBytes.LeastReferenced) return Send(bytes.Span);
        return Loop.IsCurrent
            ? Send(new Lasting(bytes), static (connection, lasting, output) => connection.Protocol.Encode(lasting.Bytes, output))
            : HandOver(bytes, static (connection, bytes) => connection.Send(bytes));
    }

    /// <summary>
    /// Sends a message of the protocol (PHP: <c>send($data)</c>): for HTTP a <c>Response</c>, <c>Chunk</c> or
    /// <c>ServerSentEvents</c>. Any thread; from another than the loop's, do not change the message afterwards. Numbers, and the
    /// messages of a protocol of your own, are sent by <see cref="SendExtensions"/>.
    /// </summary>
    /// <inheritdoc cref="Send(string)"/>
    public SendResult Send<T>(T message)
        where T : IMessage => SendMessage(message);

    /// <summary>Does not compile: which message it is, is not known.</summary>
    [Obsolete("An IMessage is sent by the type that it is: Send((Response)message).", error: true)]
    public SendResult Send(IMessage message) => throw new NotSupportedException();

    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    public SendResult Send(ArraySegment<byte> bytes) => Send(bytes.AsSpan());

    /// <summary>Sends whatever the protocol encodes. Any thread.</summary>
    /// <inheritdoc cref="Send{T}(T)"/>
    internal SendResult SendMessage<T>(T message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (Protocol is not IEncoder<T>) return Misplaced(message);
        return Loop.IsCurrent
            ? Send(message, static (connection, message, output) => ((IEncoder<T>)connection.Protocol).Encode(message, output))
            : HandOver(message, static (connection, message) => connection.SendMessage(message));
    }

    /// <summary>
    /// Sends bytes as they are, past the protocol (PHP: <c>send($data, true)</c>). For HTTP the first of them count as the
    /// answer: where it ends is known to the application alone, and so is whether the connection ends with it. Before the
    /// handshake of a WebSocket they wait for it, but for those of <c>Close(bytes, raw: true)</c>. Any thread.
    /// </summary>
    public SendResult SendRaw(ReadOnlySpan<byte> bytes)
    {
        if (Loop.IsCurrent) return Send(bytes, WriteRaw);
        return HandOver(bytes.ToArray(), static (connection, copy) => connection.SendRaw(copy));
    }

    /// <summary>Sends text as UTF-8, past the protocol (PHP: <c>send($data, true)</c>). Any thread.</summary>
    /// <inheritdoc cref="SendRaw(ReadOnlySpan{byte})"/>
    public SendResult SendRaw(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return SendRaw(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Sends a last text and closes (PHP: <c>close($data)</c>). Any thread.</summary>
    public void Close(string text, bool raw = false) =>
        Finish(() => raw ? SendLastRaw(Encoding.UTF8.GetBytes(text)) : Send(text), closing: true);

    /// <summary>Sends last bytes and closes (PHP: <c>close($data)</c>). Any thread.</summary>
    public void Close(ReadOnlySpan<byte> bytes, bool raw = false)
    {
        byte[] copy = bytes.ToArray();
        Finish(() => raw ? SendLastRaw(copy) : Send(copy), closing: true);
    }

    /// <inheritdoc cref="Close(ReadOnlySpan{byte}, bool)"/>
    public void Close(ReadOnlyMemory<byte> bytes, bool raw = false) => Close(bytes.Span, raw);

    /// <summary>Sends a last message and closes (PHP: <c>close($data)</c>). Any thread.</summary>
    public void Close<T>(T message)
        where T : IMessage => CloseWith(message);

    /// <summary>Does not compile: which message it is, is not known.</summary>
    [Obsolete("An IMessage is sent by the type that it is: Send((Response)message).", error: true)]
    public void Close(IMessage message) => throw new NotSupportedException();

    /// <inheritdoc cref="Close{T}(T)"/>
    internal void CloseWith<T>(T message) => Finish(() => SendMessage(message), closing: true);

    /// <summary>Sends a last text, then <see cref="End()"/> (PHP: <c>end($data)</c>). Any thread.</summary>
    public void End(string text, bool raw = false) =>
        Finish(() => raw ? SendLastRaw(Encoding.UTF8.GetBytes(text)) : Send(text), closing: false);

    /// <summary>Sends last bytes, then <see cref="End()"/> (PHP: <c>end($data)</c>). Any thread.</summary>
    public void End(ReadOnlySpan<byte> bytes, bool raw = false)
    {
        byte[] copy = bytes.ToArray();
        Finish(() => raw ? SendLastRaw(copy) : Send(copy), closing: false);
    }

    /// <inheritdoc cref="End(ReadOnlySpan{byte}, bool)"/>
    public void End(ReadOnlyMemory<byte> bytes, bool raw = false) => End(bytes.Span, raw);

    /// <summary>Sends a last message, then <see cref="End()"/> (PHP: <c>end($data)</c>). Any thread.</summary>
    public void End<T>(T message)
        where T : IMessage => EndWith(message);

    /// <summary>Does not compile: which message it is, is not known.</summary>
    [Obsolete("An IMessage is sent by the type that it is: Send((Response)message).", error: true)]
    public void End(IMessage message) => throw new NotSupportedException();

    /// <inheritdoc cref="End{T}(T)"/>
    internal void EndWith<T>(T message) => Finish(() => SendMessage(message), closing: false);

    /// <summary>
    /// Sends all that arrives from here on to <paramref name="destination"/>, as it is and past both protocols; the end of this
    /// connection closes the other, and a full send buffer there pauses reading here (PHP: <c>pipe($dest)</c>). Between two
    /// connections of one loop that are piped into each other, a peer that only ends its sending may still be answered, and a
    /// reset is handed on as one.
    /// </summary>
    public void Pipe(TcpConnection destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (!Loop.IsCurrent)
        {
            Loop.Post(() => Pipe(destination));
            return;
        }
        destination.OnBufferFull = _ => PauseRecv();
        destination.OnBufferDrain = _ => ResumeRecv();
        Switch(RawProtocol.Instance, new PipeHandler(_handler, destination));
    }

    /// <summary>What made the connection: the worker, which this layer does not know.</summary>
    internal object? Owner => _handler.Owner;

    /// <summary>
    /// Whether the application has given it another protocol than its worker's: what the others of the worker send has no place
    /// on it then, which is no mistake of whoever sends to all.
    /// </summary>
    internal bool HasOwnProtocol { get; set; }

    /// <summary>The protocol at work. An upgrade puts another in its place, together with the handler.</summary>
    internal ConnectionProtocol Protocol { get; private set; }

    /// <summary>What is called for the connection's messages and its end.</summary>
    internal ConnectionHandler Handler => _handler;

    internal IEventLoop Loop => _handler.Loop;

    /// <summary>The message callback of its own; null for the worker's.</summary>
    internal Delegate? MessageCallback
    {
        get => _callbacks?.Message;
        set
        {
            if (value is not null || _callbacks is not null) Callbacks.Message = value;
        }
    }

    /// <summary>What a layer above hangs on the connection; see <see cref="ConnectionCallbacks.Extension"/>.</summary>
    internal object? Extension { get => _callbacks?.Extension; set => Callbacks.Extension = value; }

    /// <summary>Whether what arrives is sent on to another connection.</summary>
    private protected bool IsPiped => _handler is PipeHandler;

    /// <summary>Whether what arrives here is sent on to <paramref name="other"/>.</summary>
    internal bool IsPipedInto(TcpConnection other) => _handler is PipeHandler pipe && pipe.Destination == other;

    private ConnectionBuffers Buffers => _handler.Buffers;

    private ConnectionCallbacks Callbacks => _callbacks ??= new ConnectionCallbacks();

    internal TlsSocket? TlsSocket => _socket as TlsSocket;
}
