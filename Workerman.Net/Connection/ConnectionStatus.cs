namespace Workerman.Connection;

/// <summary>Where a connection is in its life (PHP: <c>TcpConnection::STATUS_…</c>, the same values).</summary>
public enum ConnectionStatus
{
    /// <summary>Made, not connected.</summary>
    Initial = 0,

    /// <summary>On its way to the peer (client side), or in the TLS handshake.</summary>
    Connecting = 1,

    /// <summary>Open both ways.</summary>
    Established = 2,

    /// <summary><c>End</c>: sends what is left, half-closes, then drains what the peer still sends.</summary>
    Ending = 4,

    /// <summary><c>Close</c>: sends what is left, then closes.</summary>
    Closing = 8,

    /// <summary>Gone.</summary>
    Closed = 16,
}
