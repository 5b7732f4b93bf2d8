using System.Buffers;

namespace Workerman.Tls;

/// <summary>
/// Ciphertext that a socket has not taken, in rented memory while there is some. It sends nothing. A value of its
/// <see cref="TlsSocket"/>, on the loop's thread.
/// </summary>
internal struct UnsentCiphertext()
{
    private byte[] _bytes = [];
    private int _start;
    private int _end;

    public readonly bool IsEmpty => _start == _end;

    /// <summary>What is to be sent. The memory stays as it is until all of it is skipped or released.</summary>
    public readonly ReadOnlyMemory<byte> Rest => _bytes.AsMemory(_start, _end - _start);

    /// <summary>Adds bytes behind those that wait.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        int length = _end - _start;
        if (_bytes.Length - _end < bytes.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(length + bytes.Length);
            _bytes.AsSpan(_start, length).CopyTo(larger);
            // What waits may have been given to the loop's socket: its old memory then is left to the garbage collector.
            if (length == 0) Release();
            (_bytes, _start, _end) = (larger, 0, length);
        }
        bytes.CopyTo(_bytes.AsSpan(_end));
        _end += bytes.Length;
    }

    /// <summary>The socket has taken bytes. With the last one the memory goes back.</summary>
    public void Skip(int count)
    {
        _start += count;
        if (IsEmpty) Release();
    }

    public void Release()
    {
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _start = _end = 0;
    }
}
