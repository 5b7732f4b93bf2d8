using System.Buffers;

namespace Workerman.Protocols;

/// <summary>
/// An <see cref="IProtocol{T}"/>, of the application or of the library, as the protocol of one connection. What it decodes is
/// checked here: it consumes what it makes a message of, and no message is longer than it may be. Owned by its connection, on
/// the loop's thread.
/// </summary>
/// <param name="name">Scheme of the addresses that speak it.</param>
/// <param name="protocol">What reads and writes.</param>
/// <param name="rate">How fast its messages have to come.</param>
/// <param name="isOwn">Whether the connection has it for itself, in place of its worker's.</param>
internal sealed class MessageProtocol<T>(string name, IProtocol<T> protocol, MessageRate rate = default, bool isOwn = false)
    : ConnectionProtocol, IDecoder<T>, IEncoder<T>
{
    private readonly IProtocol<T> _protocol = protocol
        ?? throw new InvalidOperationException($"The Protocol of a {name} worker returned null; "
            + "it makes a protocol for each connection: Protocol = () => new MyProtocol().");

    private string? _refusal;

    /// <summary>Bytes consumed since the last message.</summary>
    private long _consumed;

    /// <summary>Bytes that wait for the rest of their message.</summary>
    private long _unfinished;

    private LeastRate? _least;

    public override string Name => name;

    public override string Sends => typeof(T).ToString();

    /// <summary>One encoding serves all only where the protocol says that it keeps nothing between messages.</summary>
    public override object? SharedEncoding => _protocol is IStatelessEncoder ? _protocol.GetType() : null;

    public override WaitPhase Waiting =>
        rate.BytesPerSecond > 0 && _unfinished > MessageRate.FreeSize ? WaitPhase.Body : WaitPhase.Nothing;

    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out T message)
    {
        ReadOnlySequence<byte> given = input;
        Verdict verdict = _protocol.TryDecode(ref input, maxPackageSize, out message);
        long consumed = given.Length - input.Length;
        if (consumed < 0)
        {
            input = given;
            throw new InvalidOperationException(
                $"{_protocol.GetType()} made the input longer than it was; only move its start forward.");
        }
        if (verdict.Kind == VerdictKind.Message && consumed == 0)
            throw new InvalidOperationException(
                $"{_protocol.GetType()} returned a message without consuming a byte of it; advance input past the message.");
        _consumed += consumed;
        // The result is the same whether a message arrives whole or in pieces, and whether its decoder leaves the pieces in the
        // input or consumes them as they come.
        long size = verdict.Kind == VerdictKind.NeedMore ? _consumed + input.Length : _consumed;
        _unfinished = verdict.Kind == VerdictKind.NeedMore ? size : 0;
        if (verdict.Kind == VerdictKind.Message) (_consumed, _least) = (0, null);
        return size > maxPackageSize && verdict.Kind != VerdictKind.Reject
            ? Verdict.Reject(0, $"a message exceeds MaxPackageSize ({maxPackageSize} bytes)")
            : verdict;
    }

    public override Verdict JudgeRate(long now) =>
        (_least ??= new LeastRate(countsFirst: false)).IsMissed(now, _unfinished, rate.BytesPerSecond, rate.Grace)
            ? Verdict.Reject(0, "a message came too slowly (WorkerOptions.MinMessageRate)")
            : Verdict.NeedMore;

    public void Encode(T message, IBufferWriter<byte> output) => _protocol.Encode(message, output);

    public override void Encode(string text, IBufferWriter<byte> output)
    {
        if (text is T message) _protocol.Encode(message, output);
        else if (_protocol is IEncoder<string> encoder) encoder.Encode(text, output);
        else Refuse("text");
    }

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output) =>
        Encode((ReadOnlyMemory<byte>)bytes.ToArray(), output);

    public override void Encode(ReadOnlyMemory<byte> bytes, IBufferWriter<byte> output)
    {
        if (_protocol is IEncoder<ReadOnlyMemory<byte>> encoder) encoder.Encode(bytes, output);
        else if (_protocol is IEncoder<byte[]> arrayEncoder) arrayEncoder.Encode(bytes.ToArray(), output);
        else Refuse("bytes");
    }

    public override bool Takes<TMessage>()
    {
        if (typeof(TMessage) == typeof(string)) return _protocol is IEncoder<string>;
        if (typeof(TMessage) == typeof(ReadOnlyMemory<byte>) || typeof(TMessage) == typeof(byte[]))
            return _protocol is IEncoder<ReadOnlyMemory<byte>> or IEncoder<byte[]>;
        return base.Takes<TMessage>();
    }

    public override string? TakeRefusal()
    {
        string? refusal = _refusal;
        _refusal = null;
        return refusal;
    }

    /// <summary>
    /// An exception where all connections of the worker speak this protocol. Where one connection has it for itself, the message
    /// was meant for the others, so it is only refused.
    /// </summary>
    private void Refuse(string what)
    {
        string reason = $"A {name} connection sends {typeof(T)}, not {what}; use SendRaw for bytes past the protocol.";
        if (!isOwn) throw new InvalidOperationException(reason);
        _refusal = reason;
    }
}

/// <summary>The size that a message in one piece may have at most, whatever <c>MaxPackageSize</c> allows.</summary>
internal static class MessageSize
{
    /// <summary>Bytes that fit into any text and any array: the number of characters of the longest string.</summary>
    public const int Most = 0x3FFFFFDF;
}
