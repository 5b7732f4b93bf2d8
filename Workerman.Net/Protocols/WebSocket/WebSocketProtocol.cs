using System.Buffers;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// Which end of the connection this is: the client masks its frames, the server does not (RFC 6455 section 5.1).
/// </summary>
internal enum WebSocketRole
{
    /// <summary>It accepted the connection.</summary>
    Server,

    /// <summary>It made the connection.</summary>
    Client,
}

/// <summary>
/// WebSocket on one connection (RFC 6455 sections 5 to 7, RFC 7692): messages in, messages out, pings and the closing handshake.
/// A server's begins with the handshake done; a client's does the handshake first. It judges and encodes; it neither sends nor
/// closes. Belongs to its connection, on the loop's thread. Frames are read in <c>.Read.cs</c>, control frames in
/// <c>.Control.cs</c>, and written in <c>.Write.cs</c>.
/// </summary>
internal sealed partial class WebSocketProtocol
    : ConnectionProtocol, IDecoder<string>, IDecoder<WebSocketMessage>, IEncoder<WebSocketMessage>
{
    private readonly WebSocketRole _role;
    private readonly bool _takesBinary;
    private readonly WebSocketOptions _options;
    private DeflateParameters? _deflate;
    private State _state;
    private readonly ClientHandshake? _handshake;
    private bool _requestPending;

    /// <summary>Makes the server's end, of a connection whose handshake is done.</summary>
    /// <param name="takesBinary">Whether the application takes messages of bytes; otherwise text alone.</param>
    /// <param name="options">Limits and timeouts.</param>
    /// <param name="deflate">What was agreed on for compression; null for none.</param>
    public WebSocketProtocol(bool takesBinary, WebSocketOptions options, DeflateParameters? deflate)
    {
        _role = WebSocketRole.Server;
        _takesBinary = takesBinary;
        _options = options;
        _deflate = deflate;
        _state = State.Open;
    }

    /// <summary>Makes the client's end, which begins with the handshake.</summary>
    /// <inheritdoc cref="WebSocketProtocol(bool, WebSocketOptions, DeflateParameters?)"/>
    public WebSocketProtocol(bool takesBinary, WebSocketOptions options, ClientHandshake handshake)
    {
        _role = WebSocketRole.Client;
        _takesBinary = takesBinary;
        _options = options;
        _handshake = handshake;
        _state = State.Opening;
        _requestPending = true;
    }

    private enum State : byte
    {
        /// <summary>The client waits for the answer to its request.</summary>
        Opening,

        /// <summary>Messages go both ways.</summary>
        Open,

        /// <summary>The peer's close frame has arrived, and is to be answered with one (section 5.5.1).</summary>
        CloseReceived,

        /// <summary>The close frame from here has been sent; nothing more is sent.</summary>
        Closed,
    }

    public override string Name => "websocket";

    public override string Sends => "text, bytes and WebSocketMessage";

    /// <summary>What was agreed on for compression; null for none.</summary>
    public DeflateParameters? Deflate => _deflate;

    /// <summary>How long the server may take to answer the handshake of this client; asked while it is waited for.</summary>
    public Func<TimeSpan> HandshakeTimeout { get; init; } = static () => Timeout.InfiniteTimeSpan;

    public override bool IsOpening => _state == State.Opening;

    /// <summary>The subprotocol that the server chose; null for none, and on a server.</summary>
    public string? ChosenSubprotocol => _handshake?.Subprotocol;

    /// <summary>Whether this end is the server's.</summary>
    public bool IsServer => _role == WebSocketRole.Server;

    /// <summary>Whether messages may be sent: it is open, and no close frame was sent or received.</summary>
    public bool TakesMessages => _state == State.Open;

    public override bool IsReady => _state is State.Open or State.Opening;

    /// <summary>A client's message before the handshake is through is held until then.</summary>
    public override bool CanBroadcast<T>() => _state is State.Open or State.Opening && base.CanBroadcast<T>();

    /// <summary>What is sent to a peer does not show that it is there.</summary>
    public override bool SendingCounts => false;

    public override bool IsFinished => _state == State.Closed;

    /// <summary>
    /// Without masks the same bytes go to all clients of a server; those that get compressed messages, where none refers back to
    /// the one before it.
    /// </summary>
    public override object? SharedEncoding
    {
        get
        {
            if (_role != WebSocketRole.Server) return null;
            if (_deflate is null) return typeof(WebSocketProtocol);
            if (!_deflate.ServerNoContextTakeover) return null;
            return field ??= new SharedDeflate(_options.Deflate!, _deflate.ServerWindowBits);
        }
    }

    /// <summary>The port of a server may have pages and event streams too.</summary>
    public override bool SharesPort => _role == WebSocketRole.Server;

    public override WaitPhase Waiting => _state switch
    {
        State.Opening => WaitPhase.Head,
        State.Open => IsWithinMessage ? WaitPhase.Body : WaitPhase.Idle,
        _ => WaitPhase.Nothing,
    };

    public override TimeSpan TimeoutOf(WaitPhase phase) => phase switch
    {
        WaitPhase.Head => HandshakeTimeout(),
        WaitPhase.Body => _options.MessageTimeout,
        WaitPhase.Idle => _options.PingInterval,
        _ => Timeout.InfiniteTimeSpan,
    };

    /// <summary>A silent peer is sent a ping first; if it stays silent, the connection ends.</summary>
    public override Verdict OnTimeout(WaitPhase phase)
    {
        if (phase == WaitPhase.Head) return Verdict.Reject(0, "the server took too long to answer the handshake");
        if (phase == WaitPhase.Body) return Verdict.Reject(CloseCode.PolicyViolation, "the message took too long");
        if (!_awaitsPong) QueuePing([]);
        else _state = State.Closed;
        return Verdict.NeedMore;
    }

    public override Verdict JudgeRate(long now)
    {
        // A control frame has no more than 125 bytes, and MessageTimeout bounds it.
        if (_kind == Opcode.Continuation) return Verdict.NeedMore;
        _rate ??= new LeastRate(countsFirst: true);
        return _rate.IsMissed(now, _message.Length, _options.MinMessageRate, _options.MinMessageRateGrace)
            ? Verdict.Reject(CloseCode.PolicyViolation, "the message came too slowly (WebSocketOptions.MinMessageRate)")
            : Verdict.NeedMore;
    }

    public override bool Drain(bool stopping)
    {
        if (stopping) (_closeCode, _closeReason) = (CloseCode.GoingAway, "");
        return true;
    }

    public override void Dispose()
    {
        _message.Release();
        _plain.Release();
        _inflater?.Dispose();
        _deflater?.Dispose();
        base.Dispose();
    }

    private Verdict ReadAnswer(ref ReadOnlySequence<byte> input)
    {
        Verdict verdict = _handshake!.Read(ref input);
        if (verdict.Kind != VerdictKind.Message) return verdict;
        _deflate = _handshake.Deflate;
        _state = State.Open;
        return Verdict.NeedMore;
    }

    private void WriteRequest(IBufferWriter<byte> output)
    {
        _requestPending = false;
        _handshake!.WriteRequest(output);
    }
}
