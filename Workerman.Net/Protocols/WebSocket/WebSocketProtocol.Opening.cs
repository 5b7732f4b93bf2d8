using System.Buffers;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// The client's beginning: the request and its answer. What the application sends meanwhile the connection keeps; it is not
/// compressed, because nothing is agreed on yet.
/// </summary>
internal sealed partial class WebSocketProtocol
{
    private readonly ClientHandshake? _handshake;
    private bool _owesRequest;

    /// <summary>How long the server may take to answer; asked when it does.</summary>
    public Func<TimeSpan> HandshakeTimeout { get; init; } = static () => Timeout.InfiniteTimeSpan;

    public override bool IsOpening => _state == State.Opening;

    /// <summary>The subprotocol that the server chose; null for none, and on a server.</summary>
    public string? ChosenSubprotocol => _handshake?.Subprotocol;

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
        _owesRequest = false;
        _handshake!.WriteRequest(output);
    }
}
