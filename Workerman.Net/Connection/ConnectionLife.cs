namespace Workerman.Connection;

/// <summary>
/// Where a connection is in its life, in the order of its life; <see cref="ConnectionStatus"/> is what the application sees of
/// it.
/// </summary>
internal enum ConnectionPhase : byte
{
    /// <summary>A client that is not on its way to its peer.</summary>
    Unconnected,

    /// <summary>A client that looks its peer up, connects, or has a proxy open the way.</summary>
    Dialling,

    /// <summary>The header of the PROXY protocol is still to come.</summary>
    ProxyHeader,

    /// <summary>In the TLS handshake.</summary>
    Securing,

    /// <summary>Bytes flow, and the peer has yet to agree to the protocol, a WebSocket perhaps: messages are held.</summary>
    Opening,

    /// <summary>Open both ways.</summary>
    Open,

    /// <summary>Nothing more is sent; what the peer sends is still read.</summary>
    HalfClosed,

    /// <summary>The TLS handshake has failed: the alert leaves, then it lingers.</summary>
    Refused,

    /// <summary>What was sent leaves, then it lingers.</summary>
    Ending,

    /// <summary>Half-closed; what the peer still sends is read and dropped until the peer ends too.</summary>
    Lingering,

    /// <summary>What was sent leaves, then it closes.</summary>
    Closing,

    /// <summary>As <see cref="Lingering"/>, because closing over unread bytes would reset the connection.</summary>
    ClosingLingering,

    /// <summary>A client that could not be connected, while its application is told.</summary>
    DialFailed,

    /// <summary>Gone; the socket is closed at the end of the turn.</summary>
    Closed,

    /// <summary>
    /// As <see cref="Closed"/>, and the socket is closed in a way that the peer cannot take for an end in order.
    /// </summary>
    Reset,

    /// <summary>The socket is closed, and nothing is held any more.</summary>
    Freed,
}

/// <summary>What is known of the peer's direction.</summary>
internal enum PeerSide : byte
{
    /// <summary>The peer may send.</summary>
    Sending,

    /// <summary>The peer has said that it sends no more.</summary>
    Ended,

    /// <summary>The peer, or the system, broke the connection off: what was received last need not be all.</summary>
    BrokenOff,
}

/// <summary>
/// The life of one connection: its phase, and what goes on beside it. A client that connects again begins with a new one. A value
/// of its connection, on the loop's thread; <see cref="Status"/> is read by any.
/// </summary>
internal struct ConnectionLife(ConnectionPhase phase)
{
    public ConnectionPhase Phase { get; private set; } = phase;

    /// <summary>The peer's direction.</summary>
    public PeerSide Peer { get; set; }

    /// <summary>Whether the application has heard of the connection, and so hears of its end.</summary>
    public bool IsKnown { get; set; }

    /// <summary>Whether the application has paused reading.</summary>
    public bool IsPaused { get; set; }

    /// <summary>
    /// Whether messages are being read, or the last one is being sent: the next step of life is taken after them.
    /// </summary>
    public bool IsInBatch { get; set; }

    /// <summary>Whether reading goes on in the next turn, with what has arrived by now.</summary>
    public bool ContinuesNextTurn { get; set; }

    /// <summary>Whether the server stops: the connection ends as soon as what the peer has sent is answered.</summary>
    public bool IsDraining { get; set; }

    /// <summary>What the peer is waited for, for the time limits.</summary>
    public Protocols.WaitPhase Awaited { get; set; }

    /// <summary>Since when the peer is waited for, on the loop's clock.</summary>
    public long Since { get; set; }

    /// <summary>Whether messages can be read and sent, be it that the protocol is still being agreed on.</summary>
    public readonly bool IsEstablished => Phase is >= ConnectionPhase.Opening and <= ConnectionPhase.HalfClosed;

    /// <summary>Whether its end has begun: what is sent is dropped.</summary>
    public readonly bool IsEnding => Phase > ConnectionPhase.HalfClosed;

    /// <summary>Whether messages that are sent have to wait until the peer can be sent any.</summary>
    public readonly bool HoldsMessages => Phase <= ConnectionPhase.Opening;

    public readonly bool IsLingering => Phase is ConnectionPhase.Lingering or ConnectionPhase.ClosingLingering;

    /// <summary>Whether nothing is received or sent any more.</summary>
    public readonly bool IsGone => Phase >= ConnectionPhase.Closed;

    public readonly ConnectionStatus Status => Phase switch
    {
        ConnectionPhase.Unconnected => ConnectionStatus.Initial,
        ConnectionPhase.Dialling or ConnectionPhase.ProxyHeader or ConnectionPhase.Securing => ConnectionStatus.Connecting,
        ConnectionPhase.Opening or ConnectionPhase.Open or ConnectionPhase.HalfClosed => ConnectionStatus.Established,
        ConnectionPhase.Refused or ConnectionPhase.Ending or ConnectionPhase.Lingering => ConnectionStatus.Ending,
        ConnectionPhase.Closing or ConnectionPhase.ClosingLingering or ConnectionPhase.DialFailed => ConnectionStatus.Closing,
        _ => ConnectionStatus.Closed,
    };

    /// <summary>Enters another phase. The peer is waited for anew from here on.</summary>
    public void MoveTo(ConnectionPhase next, long now)
    {
        Phase = next;
        Since = now;
    }
}
