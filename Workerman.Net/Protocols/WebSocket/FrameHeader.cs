using System.Buffers.Binary;

namespace Workerman.Protocols.WebSocket;

/// <summary>The head of one frame (RFC 6455 section 5.2), read and written. It knows the form, not what is allowed where. A value; pure.</summary>
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
    /// Bytes of the payload; negative if the highest bit of 64 is set. Until it <see cref="IsLengthKnown"/>: what the second byte says.
    /// </summary>
    public long Length { get; private init; }

    /// <summary>Whether all bytes of the length have come.</summary>
    public bool IsLengthKnown { get; private init; }

    /// <summary>Whether the length is written in as few bytes as it can be.</summary>
    public bool IsLengthMinimal { get; private init; }

    /// <summary>Bytes of the head; 0 if they have not all come: then only what stands in the first byte is known, and what stands in the second if there is one.</summary>
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
            : lengthSize == 2 ? BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]) : BinaryPrimitives.ReadInt64BigEndian(bytes[2..]);
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
            IsLengthMinimal = lengthSize == 0 || !isLengthKnown || length < 0 || length > (lengthSize == 2 ? 125 : ushort.MaxValue),
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
