namespace Workerman.Protocols;

/// <summary>
/// Which peers begin their connections with a header of the PROXY protocol, version 1 or 2, as HAProxy, nginx and the balancers
/// of the clouds can: it says who the client is, and counts as the connection's <c>RemoteAddress</c> and <c>LocalAddress</c> from
/// <c>OnConnect</c> on. It comes before TLS. Set it before the worker listens: its loops share it.
/// </summary>
public sealed class ProxyProtocolOptions
{
    private const int LongestHeader = 16 + ushort.MaxValue;

    /// <summary>
    /// The proxies. A connection of theirs must begin with a header, or it is closed with a line in the log. What any other peer
    /// sends is read as the worker's protocol, also if it looks like a header. Empty, the default: nobody's header is read.
    /// </summary>
    public NetworkList TrustedProxies { get; set => field = value ?? throw new ArgumentNullException(nameof(value)); } = [];

    /// <summary>How long a header may take; 10 seconds, <see cref="Timeout.InfiniteTimeSpan"/> for ever. Beyond: the connection
    /// is closed. Checked about once a second.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is zero or less.</exception>
    public TimeSpan HandshakeTimeout { get; set => field = Setting.PositiveOrInfinite(value); } = TimeSpan.FromSeconds(10);

    /// <summary>Bytes that a header of version 2 may have with all that proxies add; 4096, 232 to 65,551. Beyond: the connection
    /// is closed. One of version 1 has 107 at most.</summary>
    public int MaxHeaderSize { get; set => field = Setting.InRange(value, 16 + 216, LongestHeader); } = 4096;
}
