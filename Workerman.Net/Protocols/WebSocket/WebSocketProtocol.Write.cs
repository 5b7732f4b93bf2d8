using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Workerman.Protocols.WebSocket;

/// <summary>The way out: a message is one frame, compressed if both sides agreed on it, masked if this is the client.</summary>
internal sealed partial class WebSocketProtocol
{
    private MessageDeflater? _deflater;

    public override void Encode(string text, IBufferWriter<byte> output)
    {
        if (_state == State.Closed) return;
        int length = Encoding.UTF8.GetByteCount(text);
        if (Compresses(length))
        {
            byte[] rented = ArrayPool<byte>.Shared.Rent(length);
            Encoding.UTF8.GetBytes(text, rented);
            WriteData(Opcode.Text, rented.AsSpan(0, length), output);
            ArrayPool<byte>.Shared.Return(rented);
            return;
        }
        // The text is encoded where the payload belongs in the frame, and masked there.
        uint? mask = NewMask();
        Span<byte> frame = output.GetSpan(FrameHeader.MaxSize + length);
        int head = FrameHeader.Write(frame, Opcode.Text, compressed: false, length, mask);
        Span<byte> payload = frame.Slice(head, length);
        Encoding.UTF8.GetBytes(text, payload);
        if (mask is { } key) FrameMask.Apply(key, payload, payload);
        output.Advance(head + length);
    }

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        // Section 5.5.1: nothing is sent after a close frame.
        if (_state != State.Closed) WriteData(Opcode.Binary, bytes, output);
    }

    public override void Encode(ReadOnlyMemory<byte> bytes, IBufferWriter<byte> output)
    {
        if (_state != State.Closed) WriteData(Opcode.Binary, bytes, output);
    }

    void IEncoder<WebSocketMessage>.Encode(WebSocketMessage message, IBufferWriter<byte> output)
    {
        if (!message.HasBytes) Encode(message.Text, output);
        else if (_state != State.Closed) WriteData(message.IsText ? Opcode.Text : Opcode.Binary, message.Data, output);
    }

    /// <summary>Nothing: a message of a WebSocket has no answer, so the peer is not told that its handler has failed.</summary>
    public override bool EncodeFault(Verdict verdict, object? message, IBufferWriter<byte> output) => false;

    /// <summary>Writes bytes that nobody changes any more.</summary>
    private void WriteData(Opcode opcode, ReadOnlyMemory<byte> payload, IBufferWriter<byte> output)
    {
        // A mask and compression change them, and so need a copy.
        if (payload.Length < LastingBytes.LeastReferenced || _role == WebSocketRole.Client || Compresses(payload.Length))
        {
            WriteData(opcode, payload.Span, output);
            return;
        }
        output.Advance(FrameHeader.Write(output.GetSpan(FrameHeader.MaxSize), opcode, compressed: false, payload.Length, null));
        output.WriteLasting(payload);
    }

    private void WriteData(Opcode opcode, ReadOnlySpan<byte> payload, IBufferWriter<byte> output)
    {
        if (!Compresses(payload.Length))
        {
            Write(opcode, compressed: false, payload, output);
            return;
        }
        _deflater ??= NewDeflater();
        Write(opcode, compressed: true, _deflater.Compress(payload), output);
    }

    private void WriteClose(int code, string reason, IBufferWriter<byte> output)
    {
        if (code == CloseCode.NoStatus)
        {
            Write(Opcode.Close, compressed: false, [], output);
            return;
        }
        Span<byte> payload = stackalloc byte[MaxControlPayload];
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
        int length = 2 + Encoding.UTF8.GetBytes(reason, payload[2..]);
        Write(Opcode.Close, compressed: false, payload[..length], output);
    }

    private void Write(Opcode opcode, bool compressed, ReadOnlySpan<byte> payload, IBufferWriter<byte> output)
    {
        uint? mask = NewMask();
        Span<byte> frame = output.GetSpan(FrameHeader.MaxSize + payload.Length);
        int head = FrameHeader.Write(frame, opcode, compressed, payload.Length, mask);
        Span<byte> target = frame.Slice(head, payload.Length);
        if (mask is { } key) FrameMask.Apply(key, payload, target);
        else payload.CopyTo(target);
        output.Advance(head + payload.Length);
    }

    private uint? NewMask() => _role == WebSocketRole.Client ? FrameMask.NewKey() : null;

    private bool Compresses(int length) => _deflate is not null && length >= _options.Deflate!.MinSize;

    private MessageDeflater NewDeflater()
    {
        bool server = _role == WebSocketRole.Server;
        return new MessageDeflater(
            _options.Deflate!.Level,
            !(server ? _deflate!.ServerNoContextTakeover : _deflate!.ClientNoContextTakeover),
            server ? _deflate.ServerWindowBits : _deflate.ClientWindowBits ?? DeflateParameters.LargestWindow);
    }
}
