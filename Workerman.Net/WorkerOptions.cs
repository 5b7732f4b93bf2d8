using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tls;

namespace Workerman;

/// <summary>
/// Settings of a worker's sockets and protocol (PHP: the second argument, <c>$context</c>). Set them before the worker runs: its
/// loops share them, without a lock.
/// </summary>
public sealed class WorkerOptions
{
    /// <summary>
    /// Connections that may wait to be accepted; 4096, at least 1. The system may cap it (PHP: <c>backlog</c>).
    /// </summary>
    public int Backlog
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 4096;

    /// <summary>
    /// Connections that the worker has at once, on all its loops; 100,000, at least 1. Beyond, new ones wait in the backlog until
    /// one is closed, and a line in the log says so. With several loops each may take one more before it notices.
    /// </summary>
    public int MaxConnections
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 100_000;

    /// <summary>
    /// How a peer that vanished without closing is found; at first <see cref="TcpConnection.DefaultKeepAlive"/>, null for not at
    /// all. It counts when the worker listens, and says nothing for Unix sockets.
    /// </summary>
    public TcpKeepAlive? KeepAlive { get; set; } = TcpConnection.DefaultKeepAlive;

    /// <summary>
    /// Sets options of a listening socket that have no setting here, before it is bound: buffer sizes, <c>DualMode</c>,
    /// broadcast (PHP: the <c>socket</c> part of <c>$context</c>). On Linux accepted connections inherit most of them,
    /// <c>NoDelay</c> and TCP_USER_TIMEOUT too. Called once per socket, of which there are several with
    /// <see cref="WorkerBase.ReusePort"/>. Do not keep or close the socket. What it throws keeps the worker from starting.
    /// </summary>
    public Action<Socket>? ConfigureSocket { get; set; }

    /// <summary>
    /// Who may connect to a Unix socket: the mode of its file, set before the first connection is possible; null for what the
    /// umask leaves. To connect takes the right to write. Not on Windows.
    /// </summary>
    public UnixFileMode? UnixFileMode { get; set; }

    /// <summary>
    /// Bytes a second that a message of <c>text://</c>, <c>frame://</c> or a protocol of the application's own has to come with
    /// on average, once 16 KiB of it wait for the rest; 240, 0 for any rate. Beyond: the connection is closed, and the log says
    /// so. HTTP and WebSocket have settings of their own (<see cref="HttpOptions.MinBodyRate"/>,
    /// <see cref="WebSocketOptions.MinMessageRate"/>).
    /// </summary>
    public int MinMessageRate { get; set => field = Setting.InRange(value, 0); } = 240;

    /// <summary>How long a message may be slower than <see cref="MinMessageRate"/> at its beginning; 5 seconds.</summary>
    public TimeSpan MinMessageRateGrace { get; set => field = Setting.NotNegative(value); } = TimeSpan.FromSeconds(5);

    /// <summary>Which peers are proxies that speak the PROXY protocol; none by default.</summary>
    public ProxyProtocolOptions ProxyProtocol { get; } = new();

    /// <summary>Limits and timeouts of an HTTP worker.</summary>
    public HttpOptions Http { get; } = new();

    /// <summary>Limits and timeouts of WebSockets.</summary>
    public WebSocketOptions WebSocket { get; } = new();

    /// <summary>
    /// Certificates and timeouts of a worker with <c>Transport = "ssl"</c>, or an <c>https://</c> or <c>wss://</c> address.
    /// </summary>
    public TlsOptions Tls { get; } = new();

    internal MessageRate MessageRate => new(MinMessageRate, MinMessageRateGrace);
}
