using System.Buffers;

namespace Workerman.Tls;

/// <summary>
/// Ciphertext of a piece of a file on its way to the socket, in rented memory. It reads no file and sends nothing. Belongs to its connection, on the
/// loop's thread.
/// </summary>
internal sealed class TlsPiece : IDisposable
{
    /// <summary>Bytes of the file that are encrypted at a time.</summary>
    public const int Size = 64 * 1024;

    private byte[] _bytes = [];
    private int _start;
    private int _end;

    public bool IsEmpty => _start == _end;

    /// <summary>What is still to be sent.</summary>
    public ReadOnlyMemory<byte> Rest => _bytes.AsMemory(_start, _end - _start);

    public void Set(ReadOnlySpan<byte> ciphertext)
    {
        if (_bytes.Length < ciphertext.Length)
        {
            Dispose();
            _bytes = ArrayPool<byte>.Shared.Rent(ciphertext.Length);
        }
        ciphertext.CopyTo(_bytes);
        _start = 0;
        _end = ciphertext.Length;
    }

    public void Skip(int count) => _start += count;

    public void Dispose()
    {
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _start = _end = 0;
    }
}
