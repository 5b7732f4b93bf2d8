using System.Buffers;

namespace Workerman.Protocols.WebSocket;

/// <summary>Which end of the connection this is: the client masks its frames, the server does not (RFC 6455 section 5.1).</summary>
internal enum WebSocketRole
{
    /// <summary>It accepted the connection.</summary>
    Server,

    /// <summary>It made the connection.</summary>
    Client,
}

/// <summary>
/// WebSocket on one connection once the handshake is done (RFC 6455 sections 5 to 7, RFC 7692): messages in, messages out, pings and the end. It judges and
/// encodes; it neither sends nor closes. Belongs to its connection, on the loop's thread. Frames are read in <c>.Read.cs</c>, control frames in <c>.Control.cs</c>, and written in <c>.Write.cs</c>.
/// </summary>
/// <param name="role">Which end it is.</param>
/// <param name="takesBinary">Whether the application takes messages of bytes; otherwise text alone.</param>
/// <param name="options">Limits and patience.</param>
/// <param name="deflate">What was agreed on for compression; null for none.</param>
internal sealed partial class WebSocketProtocol(WebSocketRole role, bool takesBinary, WebSocketOptions options, DeflateParameters? deflate)
    : ConnectionProtocol, IDecoder<string>, IDecoder<WebSocketMessage>, IEncoder<WebSocketMessage>
{
    private State _state = State.Open;

    private enum State : byte
    {
        /// <summary>Messages go both ways.</summary>
        Open,

        /// <summary>The peer has said that it ends, and is owed the same (section 5.5.1).</summary>
        OwesClose,

        /// <summary>The end has been said here; nothing more is sent.</summary>
        Closed,
    }

    public override string Name => "websocket";

    public override string Sends => "text, bytes and WebSocketMessage";

    /// <summary>What was agreed on for compression; null for none.</summary>
    public DeflateParameters? Deflate => deflate;

    public override bool IsReady => _state == State.Open;

    public override bool IsFinished => _state == State.Closed;

    /// <summary>Without compression the same bytes serve all clients of a server.</summary>
    public override bool SharesEncoding => role == WebSocketRole.Server && deflate is null;

    public override WaitPhase Waiting => _state != State.Open ? WaitPhase.Nothing : IsWithinMessage ? WaitPhase.Body : WaitPhase.Idle;

    public override TimeSpan TimeoutOf(WaitPhase phase) => phase switch
    {
        WaitPhase.Body => options.MessageTimeout,
        WaitPhase.Idle => options.PingInterval,
        _ => Timeout.InfiniteTimeSpan,
    };

    /// <summary>A silent peer is asked first, and given up when it does not answer.</summary>
    public override Verdict TimedOut(WaitPhase phase)
    {
        if (phase == WaitPhase.Body) return Verdict.Reject(CloseCode.PolicyViolation, "the message took too long");
        if (!_awaitsPong) Ask([]);
        else _state = State.Closed;
        return Verdict.NeedMore;
    }

    public override bool Retire(bool stopping)
    {
        if (stopping) (_closeCode, _closeReason) = (CloseCode.GoingAway, "");
        return true;
    }

    public override void Dispose()
    {
        _message.Release();
        _inflater?.Dispose();
        _deflater?.Dispose();
        base.Dispose();
    }
}
