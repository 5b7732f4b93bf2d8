using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Workerman.Protocols.WebSocket;

/// <summary>The kind of a frame (RFC 6455 section 5.2).</summary>
internal enum Opcode : byte
{
    /// <summary>Another fragment of a message.</summary>
    Continuation = 0x0,

    /// <summary>UTF-8, or the first fragment of it.</summary>
    Text = 0x1,

    /// <summary>Bytes, or the first fragment of them.</summary>
    Binary = 0x2,

    /// <summary>The end, with a code and a reason.</summary>
    Close = 0x8,

    /// <summary>A request for a pong, to see whether the peer is still there.</summary>
    Ping = 0x9,

    /// <summary>The answer to a ping.</summary>
    Pong = 0xA,
}

/// <summary>
/// The head of one frame (RFC 6455 section 5.2), read and written. It reads the form; whether a frame is allowed at its place is
/// for the protocol to judge. A value; pure.
/// </summary>
internal readonly struct FrameHeader
{
    /// <summary>Bytes that a head has at most.</summary>
    public const int MaxSize = 14;

    private const byte Final = 0x80;
    private const byte Compressed = 0x40;
    private const byte Masked = 0x80;

    public bool IsFinal { get; private init; }

    /// <summary>RSV1: the message is compressed (RFC 7692 section 6).</summary>
    public bool IsCompressed { get; private init; }

    /// <summary>RSV2 or RSV3, which nothing defines.</summary>
    public bool HasReservedBits { get; private init; }

    public Opcode Opcode { get; private init; }

    public bool IsMasked { get; private init; }

    /// <summary>The masking key, in the order of its bytes; 0 without one.</summary>
    public uint Mask { get; private init; }

    /// <summary>
    /// Bytes of the payload; negative if the highest bit of 64 is set. Until it <see cref="IsLengthKnown"/>: what the second byte
    /// says.
    /// </summary>
    public long Length { get; private init; }

    /// <summary>Whether all bytes of the length have come.</summary>
    public bool IsLengthKnown { get; private init; }

    /// <summary>Whether the length is written in as few bytes as it can be.</summary>
    public bool IsLengthMinimal { get; private init; }

    /// <summary>
    /// Bytes of the head; 0 if they have not all arrived: then only the fields of the first byte are known, and those of the
    /// second if it has arrived.
    /// </summary>
    public int Size { get; private init; }

    /// <summary>Whether the second byte has come.</summary>
    public bool HasSecondByte { get; private init; }

    public bool IsControl => ((byte)Opcode & 0x8) != 0;

    /// <summary>Reads a head, or the beginning of one, at least a byte.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> bytes)
    {
        byte first = bytes[0];
        byte second = bytes.Length > 1 ? bytes[1] : (byte)0;
        int brief = second & 0x7F;
        bool masked = (second & Masked) != 0;
        int lengthSize = brief == 127 ? 8 : brief == 126 ? 2 : 0;
        int size = 2 + lengthSize + (masked ? 4 : 0);
        bool whole = bytes.Length >= size;
        bool isLengthKnown = bytes.Length >= 2 + lengthSize;
        long length = lengthSize == 0 || !isLengthKnown ? brief
            : lengthSize == 2
            ? BinaryPrimitives.ReadUInt16BigEndian(bytes[2..])
            : BinaryPrimitives.ReadInt64BigEndian(bytes[2..]);
        return new FrameHeader
        {
            IsFinal = (first & Final) != 0,
            IsCompressed = (first & Compressed) != 0,
            HasReservedBits = (first & 0x30) != 0,
            Opcode = (Opcode)(first & 0xF),
            IsMasked = masked,
            Mask = whole && masked ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[(size - 4)..]) : 0,
            Length = length,
            IsLengthKnown = isLengthKnown,
            IsLengthMinimal = lengthSize == 0 || !isLengthKnown || length < 0
                || length > (lengthSize == 2 ? 125 : ushort.MaxValue),
            HasSecondByte = bytes.Length > 1,
            Size = whole ? size : 0,
        };
    }

    /// <summary>Writes the head of a final frame.</summary>
    /// <returns>How many bytes it has.</returns>
    public static int Write(Span<byte> into, Opcode opcode, bool compressed, int length, uint? mask)
    {
        into[0] = (byte)(Final | (compressed ? Compressed : 0) | (byte)opcode);
        int size = 2;
        if (length <= 125)
        {
            into[1] = (byte)length;
        }
        else if (length <= ushort.MaxValue)
        {
            into[1] = 126;
            BinaryPrimitives.WriteUInt16BigEndian(into[2..], (ushort)length);
            size = 4;
        }
        else
        {
            into[1] = 127;
            BinaryPrimitives.WriteInt64BigEndian(into[2..], length);
            size = 10;
        }
        if (mask is not { } key) return size;
        into[1] |= Masked;
        BinaryPrimitives.WriteUInt32LittleEndian(into[size..], key);
        return size + 4;
    }
}

/// <summary>
/// Masking (RFC 6455 section 5.3): each byte of the payload xor the key's, which is repeated. Unmasking is the same. Pure but for
/// the keys.
/// </summary>
internal static class FrameMask
{
    private const int KeysAtOnce = 256;

    [ThreadStatic]
    private static uint[]? _keys;

    [ThreadStatic]
    private static int _next;

    /// <summary>A key that cannot be predicted (section 10.3).</summary>
    public static uint NewKey()
    {
        uint[] keys = _keys ??= new uint[KeysAtOnce];
        // Many at a time, because each draw of random bytes is a system call.
        if (_next == 0) RandomNumberGenerator.Fill(MemoryMarshal.AsBytes(keys.AsSpan()));
        uint key = keys[_next];
        _next = (_next + 1) % KeysAtOnce;
        return key;
    }

    /// <summary>The key as it applies after <paramref name="count"/> bytes of a payload.</summary>
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
        // A vector's size is a multiple of the key's, so the key begins with its first byte again.
        for (; done <= source.Length - sizeof(uint); done += sizeof(uint))
            MemoryMarshal.Write(target[done..], MemoryMarshal.Read<uint>(source[done..]) ^ key);
        for (; done < source.Length; done++, key >>= 8) target[done] = (byte)(source[done] ^ key);
    }
}
