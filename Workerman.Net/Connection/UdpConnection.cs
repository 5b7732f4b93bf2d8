using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Workerman.Events;
using Workerman.Protocols;

namespace Workerman.Connection;

/// <summary>
/// A peer that datagrams come from and go to (PHP: <c>UdpConnection</c>). UDP knows no connections: this is an address and a way
/// to answer it, which may be kept for as long as the socket is open. What is sent arrives whole, or not at all, and nothing
/// tells which. It lives on one loop; its methods may be called from any thread and are then handed over to the loop.
/// </summary>
public abstract class UdpConnection
{
    private protected UdpConnection()
    {
    }

    private delegate void EncodeInto<in TState>(UdpConnection connection, TState state, OutputBuffer output)
        where TState : allows ref struct;

    /// <summary>
    /// Anything that the application hangs on it. A worker's peer is made anew for each datagram, so this lasts as long as the
    /// application keeps it.
    /// </summary>
    public object? Context { get; set; }

    /// <summary>What <see cref="Context"/> holds, as a class of the application's, made when it is first asked for.</summary>
    /// <typeparam name="TContext">The class.</typeparam>
    /// <exception cref="InvalidOperationException">The context is of another type.</exception>
    public TContext GetContext<TContext>()
        where TContext : class, new()
    {
        Context ??= new TContext();
        return Context as TContext ?? throw ConnectionContext.Mismatch("connection", Context, typeof(TContext));
    }

    /// <summary>
    /// The peer's address (PHP: <c>getRemoteAddress()</c>, there as text); null while its name is not looked up.
    /// </summary>
    public abstract IPEndPoint? RemoteAddress { get; }

    /// <summary>
    /// The address of the socket, which may stand for all of the machine's (PHP: <c>getLocalAddress()</c>, there as text).
    /// </summary>
    public abstract IPEndPoint? LocalAddress { get; }

    /// <summary>The peer's IP address, or an empty text (PHP: <c>getRemoteIp()</c>).</summary>
    public string RemoteIp => RemoteAddress?.Address.ToString() ?? "";

    /// <summary>The peer's port, or 0 (PHP: <c>getRemotePort()</c>).</summary>
    public int RemotePort => RemoteAddress?.Port ?? 0;

    /// <summary>The IP address of the socket, or an empty text (PHP: <c>getLocalIp()</c>).</summary>
    public string LocalIp => LocalAddress?.Address.ToString() ?? "";

    /// <summary>The port of the socket, or 0 (PHP: <c>getLocalPort()</c>).</summary>
    public int LocalPort => LocalAddress?.Port ?? 0;

    /// <summary>Whether the peer speaks IPv4 (PHP: <c>isIpV4()</c>).</summary>
    public bool IsIpV4 => RemoteAddress?.AddressFamily == AddressFamily.InterNetwork;

    /// <summary>Whether the peer speaks IPv6 (PHP: <c>isIpV6()</c>).</summary>
    public bool IsIpV6 => RemoteAddress?.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>What writes the messages.</summary>
    internal abstract ConnectionProtocol Codec { get; }

    /// <summary>The loop that it lives on; null while there is none.</summary>
    private protected abstract IEventLoop? Loop { get; }

    /// <summary>
    /// Sends text as one datagram of UTF-8, or as the protocol's message (PHP: <c>send($data)</c>). Any thread.
    /// </summary>
    /// <returns><see cref="SendResult.Dropped"/> where the system did not take it, because it is too long or there is no room;
    /// <c>OnError</c> tells why.</returns>
    /// <exception cref="InvalidOperationException">The protocol does not know such a message.</exception>
    public SendResult Send(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return IsElsewhere
            ? HandOver(text, static (connection, text) => connection.Send(text))
            : Send(text, static (connection, text, output) => connection.Codec.Encode(text, output));
    }

    /// <summary>Sends bytes as one datagram, or as the protocol's message (PHP: <c>send($data)</c>). Any thread.</summary>
    /// <inheritdoc cref="Send(string)"/>
    public SendResult Send(ReadOnlySpan<byte> bytes)
    {
        if (IsElsewhere) return HandOver(bytes.ToArray(), static (connection, copy) => connection.Send(copy));
        return Send(bytes, static (connection, bytes, output) => connection.Codec.Encode(bytes, output));
    }

    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    public SendResult Send(byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        return Send(bytes.AsSpan());
    }

    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    public SendResult Send(ReadOnlyMemory<byte> bytes) => Send(bytes.Span);

    /// <inheritdoc cref="Send(ReadOnlySpan{byte})"/>
    public SendResult Send(ArraySegment<byte> bytes) => Send(bytes.AsSpan());

    /// <summary>
    /// Sends a message of the protocol as one datagram (PHP: <c>send($data)</c>). Any thread; from another than the loop's, do
    /// not change it afterwards.
    /// </summary>
    /// <inheritdoc cref="Send(string)"/>
    internal SendResult SendMessage<T>(T message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (!IsElsewhere && TryGetReady() && Codec is not IEncoder<T>)
            throw new InvalidOperationException($"A {Codec.Name} connection cannot send {typeof(T)}; it sends {Codec.Sends}. "
                + "SendRaw sends bytes past the protocol.");
        return IsElsewhere
            ? HandOver(message, static (connection, message) => connection.SendMessage(message))
            : Send(message, static (connection, message, output) => ((IEncoder<T>)connection.Codec).Encode(message, output));
    }

    /// <summary>Whether the protocol encodes such a message.</summary>
    internal bool Encodes<T>() => (IsElsewhere || TryGetReady()) && Codec is IEncoder<T>;

    /// <summary>Sends bytes as one datagram, past the protocol (PHP: <c>send($data, true)</c>). Any thread.</summary>
    /// <inheritdoc cref="Send(string)"/>
    public SendResult SendRaw(ReadOnlySpan<byte> bytes)
    {
        if (IsElsewhere) return HandOver(bytes.ToArray(), static (connection, copy) => connection.SendRaw(copy));
        return TryGetReady() ? Transmit(bytes) : SendResult.Dropped;
    }

    /// <summary>Sends text as one datagram of UTF-8, past the protocol (PHP: <c>send($data, true)</c>). Any thread.</summary>
    /// <inheritdoc cref="Send(string)"/>
    public SendResult SendRaw(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return SendRaw(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>For a peer of a worker nothing, because there is no connection to close (PHP: <c>close()</c>).</summary>
    public virtual void Close()
    {
    }

    /// <summary>Sends a last text, then <see cref="Close()"/> (PHP: <c>close($data)</c>).</summary>
    public void Close(string text, bool raw = false)
    {
        if (raw) SendRaw(text);
        else Send(text);
        Close();
    }

    /// <summary>Sends last bytes, then <see cref="Close()"/> (PHP: <c>close($data)</c>).</summary>
    public void Close(ReadOnlySpan<byte> bytes, bool raw = false)
    {
        if (raw) SendRaw(bytes);
        else Send(bytes);
        Close();
    }

    /// <inheritdoc cref="Close(ReadOnlySpan{byte}, bool)"/>
    public void Close(ReadOnlyMemory<byte> bytes, bool raw = false) => Close(bytes.Span, raw);

    /// <summary>Gets ready to send: a client that is not connected yet connects. On the loop.</summary>
    /// <returns>Whether anything can be sent.</returns>
    private protected virtual bool TryGetReady() => true;

    /// <summary>Sends one datagram. On the loop.</summary>
    private protected abstract SendResult Transmit(ReadOnlySpan<byte> bytes);

    private bool IsElsewhere => Loop is { IsCurrent: false };

    private SendResult HandOver<TMessage>(TMessage message, Action<UdpConnection, TMessage> send) =>
        Loop!.Post(() => send(this, message)) ? SendResult.Queued : SendResult.Dropped;

    private SendResult Send<TState>(TState state, EncodeInto<TState> encode)
        where TState : allows ref struct
    {
        if (!TryGetReady()) return SendResult.Dropped;
        DatagramBuffers buffers = DatagramBuffers.Current;
        OutputBuffer output = buffers.Take();
        try
        {
            encode(this, state, output);
            return Transmit(output.Written);
        }
        finally
        {
            buffers.Return(output);
        }
    }
}

/// <summary>
/// A <see cref="UdpConnection"/> whose messages are of type <typeparamref name="T"/>, which is what its worker or client receives
/// and may send.
/// </summary>
/// <typeparam name="T">The message.</typeparam>
public abstract class UdpConnection<T> : UdpConnection
{
    private protected UdpConnection()
    {
    }
}
