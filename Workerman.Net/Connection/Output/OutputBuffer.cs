using System.Buffers;

namespace Workerman.Connection;

/// <summary>
/// Bytes on their way into one send: what encoders write to. It grows as needed and shrinks when it has been emptied. One
/// per loop and purpose; belongs to the loop's thread. What a connection sends is encoded to a <see cref="BatchBuffer"/>.
/// </summary>
internal class OutputBuffer : IBufferWriter<byte>
{
    private const int InitialSize = 64 * 1024;

    // Not cleared: what nobody writes to takes no memory.
    private byte[] _buffer = GC.AllocateUninitializedArray<byte>(InitialSize);

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    public void Advance(int count)
    {
        if (count < 0 || count > _buffer.Length - Length) throw new ArgumentOutOfRangeException(nameof(count));
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _buffer.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _buffer.AsSpan(Length);
    }

    /// <summary>Takes back what was written after <paramref name="length"/>.</summary>
    public void Truncate(int length) => Length = length;

    public void Clear()
    {
        Length = 0;
        // One large answer must not keep its size for the life of the loop.
        if (_buffer.Length > 16 * InitialSize) _buffer = GC.AllocateUninitializedArray<byte>(InitialSize);
    }

    private void Ensure(int sizeHint)
    {
        int needed = Math.Max(sizeHint, 1);
        if (needed > _buffer.Length - Length)
            Array.Resize(ref _buffer, (int)Math.Min((long)Array.MaxLength, Math.Max(_buffer.Length * 2L, (long)Length + needed)));
    }
}
