using System.Buffers;

namespace Workerman.Protocols;

/// <summary>
/// Bytes that are gathered: the payload of a message that has not arrived whole, or what is still to be decoded of one. It takes
/// memory for the bytes that have arrived, not for the length that was announced, and returns it with the message. Belongs to its
/// protocol.
/// </summary>
internal struct MessageBuffer
{
    private byte[]? _bytes;

    public int Length { get; private set; }

    public readonly ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public readonly ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, Length);

    /// <summary>Room for so many more bytes, which count as written.</summary>
    public Span<byte> Extend(int count)
    {
        int length = checked(Length + count);
        if (_bytes is null)
        {
            _bytes = ArrayPool<byte>.Shared.Rent(count);
        }
        else if (length > _bytes.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(Array.MaxLength, Math.Max(length, 2L * _bytes.Length)));
            Written.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }
        Span<byte> room = _bytes.AsSpan(Length, count);
        Length = length;
        return room;
    }

    public void Truncate(int length) => Length = length;

    public void Release()
    {
        if (_bytes is not null) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = null;
        Length = 0;
    }
}
