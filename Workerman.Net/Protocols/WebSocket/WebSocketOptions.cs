namespace Workerman.Protocols.WebSocket;

/// <summary>Limits and timeouts of WebSockets. Set them before the worker runs: its loops share them.</summary>
public sealed class WebSocketOptions
{
    /// <summary>
    /// Bytes that one frame may have; 10 MiB, at least 125. A larger one ends the connection with 1009 as soon as its length is
    /// known. A message, whatever the number of its frames, has the connection's <c>MaxPackageSize</c>.
    /// </summary>
    public long MaxFrameSize
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 125);
            field = value;
        }
    } = 10 * 1024 * 1024;

    /// <summary>
    /// How long a peer may be silent before it is sent a ping; 25 seconds, <see cref="Timeout.InfiniteTimeSpan"/> for never. If
    /// it is silent for as long again it counts as gone, and its connection is closed. Checked about once a second, so it may
    /// happen a second later. The default is shorter than the idle timeouts of common proxies: HAProxy 30 or 50 seconds as it is
    /// packaged, Heroku 55, nginx and AWS's ALB 60, Cloudflare 100, Azure 230 (PHP: <c>$websocketPingInterval</c>).
    /// </summary>
    public TimeSpan PingInterval { get; set => field = Setting.PositiveOrInfinite(value); } = TimeSpan.FromSeconds(25);

    /// <summary>
    /// How long a peer may send nothing in the middle of a message; 60 seconds, <see cref="Timeout.InfiniteTimeSpan"/> for no
    /// limit. Then the connection ends with 1008.
    /// </summary>
    public TimeSpan MessageTimeout { get; set => field = Setting.PositiveOrInfinite(value); } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Bytes a second that a message has to come with on average, as they are sent; 240, 0 for any rate. Otherwise the connection
    /// ends with 1008. It is looked at about once a second, and not while the application has paused reading.
    /// </summary>
    public int MinMessageRate { get; set => field = Setting.InRange(value, 0); } = 240;

    /// <summary>How long a message may be slower than <see cref="MinMessageRate"/> at its beginning; 5 seconds.</summary>
    public TimeSpan MinMessageRateGrace { get; set => field = Setting.NotNegative(value); } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How messages are compressed with clients that offer it (permessage-deflate, RFC 7692); null, the default, for not at all:
    /// with context takeover a connection takes some 300 KiB more.
    /// </summary>
    public DeflateOptions? Deflate { get; set; }
}
