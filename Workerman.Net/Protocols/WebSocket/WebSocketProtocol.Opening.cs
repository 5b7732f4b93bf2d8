using System.Buffers;

namespace Workerman.Protocols.WebSocket;

/// <summary>The client's beginning: the request, its answer, and what the application sends meanwhile, which leaves once the WebSocket is open.</summary>
internal sealed partial class WebSocketProtocol
{
    /// <summary>Bytes that may wait for the server's answer.</summary>
    private const int MaxEarlySize = 1024 * 1024;

    private readonly ClientHandshake? _handshake;
    private bool _owesRequest;
    private EarlyFrames? _early;

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
        // Something is owed in any case, so that whoever reads comes back for what follows the answer.
        (_early ??= new EarlyFrames()).IsDue = true;
        return Verdict.NeedMore;
    }

    private void WriteRequest(IBufferWriter<byte> output)
    {
        _owesRequest = false;
        _handshake!.WriteRequest(output);
    }

    private void WriteEarly(IBufferWriter<byte> output)
    {
        output.Write(_early!.Frames.WrittenSpan);
        _early = null;
    }

    /// <summary>Where a message goes: after those that wait for the WebSocket to open.</summary>
    private IBufferWriter<byte> TargetOf(IBufferWriter<byte> output)
    {
        if (_state == State.Opening) _early ??= new EarlyFrames();
        if (_early is null) return output;
        if (_early.Frames.WrittenCount >= MaxEarlySize)
            throw new InvalidOperationException($"{MaxEarlySize} bytes have been sent before the WebSocket is open; wait for OnConnect.");
        return _early.Frames;
    }

    /// <summary>What was sent before the WebSocket was open.</summary>
    private sealed class EarlyFrames
    {
        public ArrayBufferWriter<byte> Frames { get; } = new();

        /// <summary>Whether it may leave.</summary>
        public bool IsDue { get; set; }
    }
}
