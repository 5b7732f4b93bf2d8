using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// Control frames (RFC 6455 section 5.5): pings, which are answered before anything else, and the closing handshake.
/// </summary>
internal sealed partial class WebSocketProtocol
{
    private const int MaxControlPayload = 125;

    private int _closeCode = CloseCode.Normal;
    private string _closeReason = "";
    private bool _awaitsPong;
    private byte[]? _pendingPong;
    private byte[]? _receivedPong;
    private byte[]? _pendingPing;

    /// <summary>The peer's close frame; null while none has arrived.</summary>
    public CloseFrame? PeerClose { get; private set; }

    /// <summary>The payload of a ping that was received and is not answered yet; null for none.</summary>
    public byte[]? ReceivedPing => _pendingPong;

    /// <summary>
    /// Also after a pong, which needs no answer: reading goes on after the pending control is written, so the frames behind it
    /// are read.
    /// </summary>
    public override bool HasPendingControl => _state == State.CloseReceived || _requestPending || _receivedPong is not null
        || (_state == State.Open && (_pendingPong is not null || _pendingPing is not null));

    public override void EncodeControl(IBufferWriter<byte> output)
    {
        _receivedPong = null;
        if (_requestPending) WriteRequest(output);
        // These are not sent before the WebSocket is open, nor after a close frame (section 5.5.1).
        if (_state is State.Opening or State.Closed) return;
        if (_pendingPong is { } pong) Write(Opcode.Pong, compressed: false, pong, output);
        if (_pendingPing is { } ping) Write(Opcode.Ping, compressed: false, ping, output);
        (_pendingPong, _pendingPing) = (null, null);
        if (_state == State.CloseReceived) EncodeCloseFrame(output);
    }

    public override bool NeedsCloseFrame => _state is State.Open or State.CloseReceived;

    /// <summary>
    /// The close frame that ends the connection from here, or answers the peer's (section 5.5.1: mostly with its own code).
    /// </summary>
    public override void EncodeCloseFrame(IBufferWriter<byte> output)
    {
        bool answers = _state == State.CloseReceived;
        _state = State.Closed;
        if (answers) WriteClose(PeerClose!.Code, "", output);
        else WriteClose(_closeCode, _closeReason, output);
    }

    public override void EncodeRejection(Verdict verdict, IBufferWriter<byte> output)
    {
        State before = _state;
        _state = State.Closed;
        // Section 7.1.7: before the opening handshake has ended there is no close frame, the connection just ends.
        if (before is State.Closed or State.Opening) return;
        WriteClose(verdict.Status >= 1000 ? verdict.Status : CloseCode.InternalError, verdict.Reason ?? "", output);
    }

    /// <summary>Checks code and reason of a close frame.</summary>
    /// <exception cref="ArgumentException">The code may not be sent, or the reason is too long.</exception>
    public static void CheckClose(int code, string reason)
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (!CloseCode.CanBeSent(code))
            throw new ArgumentOutOfRangeException(nameof(code), code,
                "This code may not be sent; use 1000 to 1003, 1007 to 1014, or 3000 to 4999 of your own.");
        if (Encoding.UTF8.GetByteCount(reason) > MaxControlPayload - 2)
            throw new ArgumentException("The reason has more than 123 bytes in UTF-8; shorten it.", nameof(reason));
    }

    /// <summary>Sets code and reason of the close frame that will be sent; see <see cref="CheckClose"/>.</summary>
    public void SetClose(int code, string reason) => (_closeCode, _closeReason) = (code, reason);

    /// <exception cref="ArgumentException">The payload is too large for a ping.</exception>
    public static void CheckPing(byte[] payload)
    {
        if (payload.Length > MaxControlPayload)
            throw new ArgumentException($"A ping has at most {MaxControlPayload} bytes.", nameof(payload));
    }

    /// <summary>Has a ping sent with the pending control; see <see cref="CheckPing"/>.</summary>
    public void QueuePing(byte[] payload)
    {
        _awaitsPong = true;
        _pendingPing = payload;
    }

    /// <summary>The payload of a pong that was received since the last call; null for none.</summary>
    public byte[]? TakePong()
    {
        byte[]? payload = _receivedPong;
        _receivedPong = null;
        return payload;
    }

    private Verdict ReadControl(ref ReadOnlySequence<byte> input)
    {
        Span<byte> payload = stackalloc byte[MaxControlPayload];
        payload = payload[..(int)_frame.Length];
        input.Slice(0, payload.Length).CopyTo(payload);
        FrameMask.Apply(_frame.Mask, payload, payload);
        input = input.Slice(payload.Length);
        _inFrame = false;
        if (_frame.Opcode == Opcode.Ping) _pendingPong = payload.ToArray();
        else if (_frame.Opcode == Opcode.Pong) _receivedPong = payload.ToArray();
        return _frame.Opcode == Opcode.Close ? ReadClose(payload) : Verdict.NeedMore;
    }

    private Verdict ReadClose(ReadOnlySpan<byte> payload)
    {
        int code = payload.IsEmpty ? CloseCode.NoStatus : BinaryPrimitives.ReadUInt16BigEndian(payload);
        // Section 7.4: codes that are reserved for use within a program, or not assigned.
        if (!payload.IsEmpty && !CloseCode.CanBeSent(code)) return Broken("close code that may not be sent");
        ReadOnlySpan<byte> reason = payload.IsEmpty ? payload : payload[2..];
        if (!Utf8.IsValid(reason)) return NotUtf8();
        PeerClose = new CloseFrame(code, Encoding.UTF8.GetString(reason));
        _state = State.CloseReceived;
        return Verdict.NeedMore;
    }
}

/// <summary>A close frame (RFC 6455 section 5.5.1). A value; pure.</summary>
/// <param name="Code">Its code, 1005 for none.</param>
/// <param name="Reason">Its reason.</param>
internal sealed record CloseFrame(int Code, string Reason);
