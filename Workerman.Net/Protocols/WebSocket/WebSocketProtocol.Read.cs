using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Workerman.Protocols.WebSocket;

/// <summary>The way in: a frame's head is judged byte by byte, its payload unmasked and checked as it comes.</summary>
internal sealed partial class WebSocketProtocol
{
    private MessageInflater? _inflater;
    private FrameHeader _frame;
    private bool _inFrame;
    private long _remaining;

    /// <summary>Opcode of the message whose fragments are arriving; <see cref="Opcode.Continuation"/> between messages.</summary>
    private Opcode _kind;

    private bool _compressed;

    /// <summary>How fast the message comes; null unless it is looked at while it has come in part.</summary>
    private LeastRate? _rate;
    private Utf8Check _utf8;
    private MessageBuffer _message;

    /// <summary>What <see cref="_message"/> has been inflated to, as long as it is.</summary>
    private MessageBuffer _plain;
    private bool _isInflating;
    private string? _text;
    private byte[] _data = [];
    private bool _isText;

    public override bool HasUnfinishedWork => _isInflating;

    private bool IsWithinMessage => _inFrame || _kind != Opcode.Continuation;

    Verdict IDecoder<string>.TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
    {
        Verdict verdict = Read(ref input, maxPackageSize);
        message = verdict.Kind == VerdictKind.Message ? _text! : null!;
        _text = null;
        return verdict;
    }

    Verdict IDecoder<WebSocketMessage>.TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize,
        out WebSocketMessage message)
    {
        Verdict verdict = Read(ref input, maxPackageSize);
        message = verdict.Kind != VerdictKind.Message ? default : new WebSocketMessage(_data, _isText);
        _data = [];
        return verdict;
    }

    private Verdict Read(ref ReadOnlySequence<byte> input, long limit)
    {
        if (_state == State.Opening) return ReadAnswer(ref input);
        limit = Math.Min(limit, MessageSize.Most);
        if (_isInflating) return Complete(limit);
        while (true)
        {
            if (!_inFrame)
            {
                Verdict head = ReadHead(ref input, limit);
                if (head.Kind != VerdictKind.Message) return head;
            }
            if (_frame.IsControl)
            {
                if (input.Length < _frame.Length) return Verdict.NeedMore;
                Verdict control = ReadControl(ref input);
                // Pending control is sent before anything else is read.
                if (control.Kind == VerdictKind.Reject || HasPendingControl) return control;
                continue;
            }
            Verdict verdict = ReadPayload(ref input, limit);
            if (verdict.Kind != VerdictKind.Message || _frame.IsFinal) return verdict;
        }
    }

    private Verdict ReadHead(ref ReadOnlySequence<byte> input, long limit)
    {
        if (input.IsEmpty) return Verdict.NeedMore;
        FrameHeader head = input.FirstSpan.Length >= FrameHeader.MaxSize
            || input.IsSingleSegment ? FrameHeader.Read(input.FirstSpan) : ReadCopy(input);
        Verdict verdict = Judge(in head, limit);
        if (verdict.Kind == VerdictKind.Reject || head.Size == 0) return verdict;
        input = input.Slice(head.Size);
        Begin(in head);
        return verdict;
    }

    /// <summary>A head that may lie in several pieces.</summary>
    private static FrameHeader ReadCopy(in ReadOnlySequence<byte> input)
    {
        Span<byte> copy = stackalloc byte[(int)Math.Min(input.Length, FrameHeader.MaxSize)];
        input.Slice(0, copy.Length).CopyTo(copy);
        return FrameHeader.Read(copy);
    }

    private void Begin(in FrameHeader head)
    {
        _frame = head;
        _inFrame = true;
        _remaining = head.Length;
        // Any frame shows that the peer is there.
        _awaitsPong = false;
        if (head.IsControl || head.Opcode == Opcode.Continuation) return;
        _kind = head.Opcode;
        _rate = null;
        _compressed = head.IsCompressed;
    }

    /// <summary>Whether a frame may come here, as far as it is known.</summary>
    private Verdict Judge(in FrameHeader head, long limit)
    {
        // Section 5.2: reserved bits that no extension defines, opcodes that are not defined.
        if (head.HasReservedBits) return Broken("a reserved bit is set");
        if (head.Opcode is not (Opcode.Continuation or Opcode.Text or Opcode.Binary or Opcode.Close or Opcode.Ping
            or Opcode.Pong)) return Broken("unknown opcode");
        // RFC 7692 section 6: a message is compressed as a whole, which RSV1 of its first frame says.
        if (head.IsCompressed && (_deflate is null || head.IsControl || head.Opcode == Opcode.Continuation))
            return Broken("RSV1 is set where nothing is compressed");
        // Section 5.5: control frames are not fragmented. Section 5.4: the fragments of two messages are not interleaved.
        if (head.IsControl && !head.IsFinal) return Broken("fragmented control frame");
        if (!head.IsControl && head.Opcode == Opcode.Continuation != (_kind != Opcode.Continuation))
            return Broken(_kind == Opcode.Continuation ? "nothing to continue" : "a message within another");
        if (head.Opcode == Opcode.Binary && !_takesBinary) return Verdict.Reject(CloseCode.UnsupportedData, "text is read here");
        if (!head.HasSecondByte) return Verdict.NeedMore;
        // Section 5.1: clients mask, servers do not.
        if (head.IsMasked != (_role == WebSocketRole.Server))
            return Broken(head.IsMasked ? "masked frame from a server" : "frame without a mask");
        // Whatever follows: the second byte says so, by announcing a length of 16 or 64 bits.
        if (head.IsControl && ((ulong)head.Length > 125 || !head.IsLengthMinimal))
            return Broken("control frame of more than 125 bytes");
        if (head.Opcode == Opcode.Close && head.Length == 1) return Broken("half a close code");
        if (!head.IsLengthKnown) return Verdict.NeedMore;
        // Section 5.2: the least number of bytes, and no more than 63 bits.
        if (!head.IsLengthMinimal) return Broken("length in more bytes than it needs");
        if (head.Length < 0) return Broken("length of 64 bits");
        if (!head.IsControl && head.Length > _options.MaxFrameSize)
            return TooBig("frame too big (WebSocketOptions.MaxFrameSize)");
        // Compared by subtraction: with a length of 63 bits the sum could overflow.
        if (!head.IsControl && head.Length > limit - _message.Length) return TooBig();
        return head.Size == 0 ? Verdict.NeedMore : Verdict.Message;
    }

    private Verdict ReadPayload(ref ReadOnlySequence<byte> input, long limit)
    {
        ReadOnlySpan<byte> first = input.FirstSpan;
        if (_frame.IsFinal && _message.Length == 0 && _remaining == _frame.Length && first.Length >= _remaining && !_compressed
            && _kind == _frame.Opcode)
        {
            Verdict whole = TakeWhole(first[..(int)_remaining]);
            input = input.Slice(_remaining);
            return whole;
        }
        while (_remaining > 0)
        {
            if (input.IsEmpty) return Verdict.NeedMore;
            ReadOnlySpan<byte> piece = input.FirstSpan;
            if (piece.Length > _remaining) piece = piece[..(int)_remaining];
            if (!Append(piece)) return NotUtf8();
            input = input.Slice(piece.Length);
        }
        _inFrame = false;
        return _frame.IsFinal ? Complete(limit) : Verdict.Message;
    }

    /// <summary>The usual message: one frame that has arrived whole.</summary>
    private Verdict TakeWhole(ReadOnlySpan<byte> payload)
    {
        _inFrame = false;
        _kind = Opcode.Continuation;
        if (_takesBinary)
        {
            _isText = _frame.Opcode == Opcode.Text;
            _data = GC.AllocateUninitializedArray<byte>(payload.Length);
            FrameMask.Apply(_frame.Mask, payload, _data);
            return _isText && !Utf8.IsValid(_data) ? NotUtf8() : Verdict.Message;
        }
        byte[]? rented = payload.Length > 512 ? ArrayPool<byte>.Shared.Rent(payload.Length) : null;
        Span<byte> bytes = (rented ?? stackalloc byte[512])[..payload.Length];
        FrameMask.Apply(_frame.Mask, payload, bytes);
        bool valid = Utf8.IsValid(bytes);
        if (valid) _text = Encoding.UTF8.GetString(bytes);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return valid ? Verdict.Message : NotUtf8();
    }

    /// <summary>Keeps a piece of the payload.</summary>
    /// <returns>False if the text is not valid UTF-8.</returns>
    private bool Append(ReadOnlySpan<byte> piece)
    {
        Span<byte> room = _message.Extend(piece.Length);
        FrameMask.Apply(FrameMask.After(_frame.Mask, _frame.Length - _remaining), piece, room);
        _remaining -= piece.Length;
        return _kind != Opcode.Text || _compressed || _utf8.Append(room);
    }

    private Verdict Complete(long limit)
    {
        try
        {
            if (_compressed)
            {
                Inflate(limit);
                if (_isInflating) return Verdict.NeedMore;
                if (_message.Length > limit) return TooBig();
            }
            _isText = _kind == Opcode.Text;
            // Section 5.6: text is UTF-8, its last character is whole. Compressed text could not be checked as it arrived.
            if (_isText && (_compressed ? !Utf8.IsValid(_message.Written) : !_utf8.IsAtBoundary)) return NotUtf8();
            if (_takesBinary) _data = _message.Written.ToArray();
            else _text = Encoding.UTF8.GetString(_message.Written);
            return Verdict.Message;
        }
        catch (InvalidDataException)
        {
            _isInflating = false;
            return Verdict.Reject(CloseCode.InvalidData, "data that cannot be inflated");
        }
        finally
        {
            if (!_isInflating)
            {
                _message.Release();
                _plain.Release();
                _kind = Opcode.Continuation;
                _utf8 = default;
            }
        }
    }

    /// <summary>Inflates the message, as much of it as a turn has room for.</summary>
    private void Inflate(long limit)
    {
        _inflater ??= new MessageInflater(
            !(_role == WebSocketRole.Server ? _deflate!.ClientNoContextTakeover : _deflate!.ServerNoContextTakeover));
        if (!_isInflating) _inflater.Begin(_message.Memory);
        _isInflating = !_inflater.Inflate(limit, ref _plain);
        if (!_isInflating) (_plain, _message) = (_message, _plain);
    }

    private static Verdict Broken(string reason) => Verdict.Reject(CloseCode.ProtocolError, reason);

    private static Verdict TooBig(string reason = "message too big (TcpConnection.MaxPackageSize)") =>
        Verdict.Reject(CloseCode.MessageTooBig, reason);

    private static Verdict NotUtf8() => Verdict.Reject(CloseCode.InvalidData, "text that is not UTF-8");
}
