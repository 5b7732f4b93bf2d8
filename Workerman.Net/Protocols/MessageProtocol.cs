using System.Buffers;

namespace Workerman.Protocols;

/// <summary>An application's <see cref="IProtocol{T}"/> as the protocol of one connection.</summary>
internal sealed class MessageProtocol<T>(string name, IProtocol<T> protocol) : ConnectionProtocol, IDecoder<T>, IEncoder<T>
{
    public override string Name => name;

    public override string Sends => typeof(T).ToString();

    public Verdict TryDecode(ref ReadOnlySequence<byte> input, int maxPackageSize, out T message)
    {
        long before = input.Length;
        Verdict verdict = protocol.TryDecode(ref input, maxPackageSize, out message);
        if (verdict.Kind == VerdictKind.Message && input.Length == before)
            throw new InvalidOperationException($"{protocol.GetType()} returned a message without consuming a byte of it; advance input past the message.");
        return verdict.Kind == VerdictKind.NeedMore && input.Length > maxPackageSize
            ? Verdict.Reject(0, $"message exceeds MaxPackageSize ({maxPackageSize} bytes)")
            : verdict;
    }

    public void Encode(T message, IBufferWriter<byte> output) => protocol.Encode(message, output);

    public override void Encode(string text, IBufferWriter<byte> output)
    {
        if (text is T message) protocol.Encode(message, output);
        else throw Mismatch("text");
    }

    public override void Encode(ReadOnlySpan<byte> bytes, IBufferWriter<byte> output)
    {
        if (typeof(T) == typeof(byte[])) protocol.Encode((T)(object)bytes.ToArray(), output);
        else if (typeof(T) == typeof(ReadOnlyMemory<byte>)) protocol.Encode((T)(object)new ReadOnlyMemory<byte>(bytes.ToArray()), output);
        else throw Mismatch("bytes");
    }

    private InvalidOperationException Mismatch(string what) =>
        new($"A {name} connection sends {typeof(T)}, not {what}; use SendRaw for bytes past the protocol.");
}
