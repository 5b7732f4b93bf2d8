using System.Buffers;
using System.IO.Compression;

namespace Workerman.Protocols.Http;

/// <summary>br, RFC 7932. What follows its end is left unread. Belongs to a <see cref="RequestBody"/>.</summary>
internal sealed class BrotliBody(long limit, ContentDecoder? following, BodySink next)
    : ContentDecoder("br", limit, following, next)
{
    private const int Step = 64 * 1024;

    // Not read-only: it is a struct that changes.
    private BrotliDecoder _decoder;
    private bool _ended;

    public override void Append(ReadOnlySpan<byte> bytes)
    {
        HasBegun |= !bytes.IsEmpty;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(Step);
        try
        {
            while (!_ended)
            {
                OperationStatus status = _decoder.Decompress(bytes, buffer, out int consumed, out int written);
                bytes = bytes[consumed..];
                if (written > 0) Emit(buffer.AsSpan(0, written));
                if (status == OperationStatus.InvalidData) throw Malformed();
                _ended = status == OperationStatus.Done;
                if (status == OperationStatus.NeedMoreData) break;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public override void Dispose()
    {
        _decoder.Dispose();
        base.Dispose();
    }

    protected override bool IsWhole() => _ended;
}
