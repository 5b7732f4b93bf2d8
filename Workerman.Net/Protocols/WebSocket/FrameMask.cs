using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Workerman.Protocols.WebSocket;

/// <summary>
/// Masking (RFC 6455 section 5.3): the payload xor the key, over and over; the same both ways. Pure but for the keys.
/// </summary>
internal static class FrameMask
{
    private const int KeysAtOnce = 256;

    [ThreadStatic]
    private static uint[]? _keys;

    [ThreadStatic]
    private static int _next;

    /// <summary>A key that nobody can foresee (section 10.3).</summary>
    public static uint NewKey()
    {
        uint[] keys = _keys ??= new uint[KeysAtOnce];
        // Drawn many at a time: each draw is a call of the system.
        if (_next == 0) RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(keys.AsSpan()));
        uint key = keys[_next];
        _next = (_next + 1) % KeysAtOnce;
        return key;
    }

    /// <summary>The key for what follows <paramref name="count"/> bytes.</summary>
    public static uint After(uint key, long count) => BitOperations.RotateRight(key, (int)(count & 3) * 8);

    /// <summary>Applies the key, from <paramref name="source"/> to <paramref name="target"/>, which may be the same.</summary>
    public static void Apply(uint key, ReadOnlySpan<byte> source, Span<byte> target)
    {
        int done = 0;
        if (source.Length >= Vector<byte>.Count)
        {
            var keys = Vector.AsVectorByte(new Vector<uint>(key));
            for (; done <= source.Length - Vector<byte>.Count; done += Vector<byte>.Count)
                (new Vector<byte>(source[done..]) ^ keys).CopyTo(target[done..]);
        }
        // A vector's size is a multiple of the key's, so the key begins anew.
        for (; done <= source.Length - sizeof(uint); done += sizeof(uint))
            MemoryMarshal.Write(target[done..], MemoryMarshal.Read<uint>(source[done..]) ^ key);
        for (; done < source.Length; done++, key >>= 8) target[done] = (byte)(source[done] ^ key);
    }
}
