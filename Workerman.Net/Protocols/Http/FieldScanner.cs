using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Workerman.Protocols.Http;

/// <summary>
/// Finds the field lines of a head that are whole and valid (RFC 9112 section 5), with vectors: each block of 64 bytes is
/// classified once, into a bit for each byte that no name may have, and one for each that no value may have. It refuses nothing:
/// where it stops, the line is for <see cref="LineReader"/> and <see cref="HeaderLine"/> to judge. Part of the parser; pure.
/// </summary>
internal static class FieldScanner
{
    private const int BlockSize = 64;

    /// <summary>The least that is read at a time; input that is shorter is left to the others.</summary>
    private const int HalfBlock = BlockSize / 2;

    /// <summary>
    /// The token characters (RFC 9110 section 5.6.2): for each low half of a byte, one bit for each high half that makes it one.
    /// Four times, because the instruction looks up within 16 bytes of a wider vector.
    /// </summary>
    private static ReadOnlySpan<byte> TokenColumns =>
    [
        0xE8, 0xFC, 0xF8, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xF8, 0xF8, 0xF4, 0x54, 0xD0, 0x54, 0xF4, 0x70,
        0xE8, 0xFC, 0xF8, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xF8, 0xF8, 0xF4, 0x54, 0xD0, 0x54, 0xF4, 0x70,
        0xE8, 0xFC, 0xF8, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xF8, 0xF8, 0xF4, 0x54, 0xD0, 0x54, 0xF4, 0x70,
        0xE8, 0xFC, 0xF8, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xF8, 0xF8, 0xF4, 0x54, 0xD0, 0x54, 0xF4, 0x70,
    ];

    /// <summary>In the same way, the control characters other than HTAB, which no field value has (section 5.5).</summary>
    private static ReadOnlySpan<byte> ControlColumns =>
    [
        0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x02, 0x03, 0x03, 0x03, 0x03, 0x03, 0x83,
        0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x02, 0x03, 0x03, 0x03, 0x03, 0x03, 0x83,
        0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x02, 0x03, 0x03, 0x03, 0x03, 0x03, 0x83,
        0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x03, 0x02, 0x03, 0x03, 0x03, 0x03, 0x03, 0x83,
    ];

    /// <summary>The bit of each high half. A byte that is not ASCII has none, so it is in neither set.</summary>
    private static ReadOnlySpan<byte> Rows =>
    [
        0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0, 0, 0, 0, 0, 0, 0, 0,
        0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0, 0, 0, 0, 0, 0, 0, 0,
        0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0, 0, 0, 0, 0, 0, 0, 0,
        0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// <summary>Finds field lines, one behind the other.</summary>
    /// <param name="input">The head, from its request line or a later line on.</param>
    /// <param name="position">Where the first line starts; then, where the line starts that is none of them.</param>
    /// <param name="fields">Takes names, and values without the white space around them, by their positions.</param>
    /// <returns>How many there are, not more than <paramref name="fields"/> has room for.</returns>
    public static int Scan(ReadOnlySpan<byte> input, ref int position, scoped Span<HeaderField> fields)
    {
        int length = input.Length;
        if (length < HalfBlock) return 0;
        ref byte first = ref MemoryMarshal.GetReference(input);
        Block block = default;
        int start = position;
        int count = 0;
        while (count < fields.Length)
        {
            int colon = Find(ref first, length, ref block, start, control: false);
            if (colon == start || colon >= length || Unsafe.Add(ref first, colon) != ':') break;
            int end = Find(ref first, length, ref block, colon + 1, control: true);
            // Behind the CR there is an LF.
            if (end + 2 > length || Unsafe.Add(ref first, end) != '\r' || Unsafe.Add(ref first, end + 1) != '\n') break;
            int from = colon + 1;
            int to = end;
            while (from < to && HttpChars.IsWhitespace(Unsafe.Add(ref first, from))) from++;
            while (from < to && HttpChars.IsWhitespace(Unsafe.Add(ref first, to - 1))) to--;
            fields[count++] = new HeaderField(start, colon - start, from, to - from);
            start = end + 2;
        }
        position = start;
        return count;
    }

    /// <summary>
    /// The first byte from a position on that is no token character, or that is a control character; not before the end if there
    /// is none.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Find(ref byte first, int length, ref Block block, int from, bool control)
    {
        while (true)
        {
            if (from < block.End)
            {
                // A shift goes by the last six bits, which are the position in the block.
                ulong bits = (control ? block.Control : block.NotToken) >> from;
                if (bits != 0) return from + BitOperations.TrailingZeroCount(bits);
                from = block.End;
            }
            if (from >= length) return from;
            Classify(ref first, length, from & -BlockSize, ref block);
        }
    }

    /// <summary>
    /// Classifies a block. Of what lies behind the end the bits are zero. It is not inlined, because the loop over the fields has
    /// it in two places, and would have too few registers for its own state.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Classify(ref byte input, int length, int start, ref Block block)
    {
        // Near the end the last bytes are read, of which the first have been seen already.
        int at = Math.Max(Math.Min(start, length - BlockSize), 0);
        ref byte first = ref Unsafe.Add(ref input, at);
        ulong notToken;
        ulong control;
        if (Avx512BW.IsSupported && length >= BlockSize)
        {
            Vector512<byte> bytes = Vector512.LoadUnsafe(ref first);
            // The instruction looks at the low half of an index, and gives 0 for one that is not ASCII.
            Vector512<byte> rows = Avx512BW.Shuffle(Vector512.Create(Rows), bytes >>> 4);
            notToken = Vector512.IsZero(Avx512BW.Shuffle(Vector512.Create(TokenColumns), bytes) & rows)
                .ExtractMostSignificantBits();
            control = ~Vector512.IsZero(Avx512BW.Shuffle(Vector512.Create(ControlColumns), bytes) & rows)
                .ExtractMostSignificantBits();
        }
        else
        {
            int second = Math.Min(HalfBlock, length - HalfBlock);
            Classify(ref first, out uint notTokenFirst, out uint controlFirst);
            Classify(ref Unsafe.Add(ref first, second), out uint notTokenSecond, out uint controlSecond);
            notToken = notTokenFirst | ((ulong)notTokenSecond << second);
            control = controlFirst | ((ulong)controlSecond << second);
        }
        block.End = start + BlockSize;
        block.NotToken = notToken >> (start - at);
        block.Control = control >> (start - at);
    }

    /// <summary>Classifies half a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Classify(ref byte first, out uint notToken, out uint control)
    {
        if (Avx2.IsSupported)
        {
            Vector256<byte> bytes = Vector256.LoadUnsafe(ref first);
            Vector256<byte> rows = Avx2.Shuffle(Vector256.Create(Rows), bytes >>> 4);
            notToken = Vector256.IsZero(Avx2.Shuffle(Vector256.Create(TokenColumns), bytes) & rows).ExtractMostSignificantBits();
            control = ~Vector256.IsZero(Avx2.Shuffle(Vector256.Create(ControlColumns), bytes) & rows)
                .ExtractMostSignificantBits();
            return;
        }
        const int Width = HalfBlock / 2;
        Classify(Vector128.LoadUnsafe(ref first), out notToken, out control);
        Classify(Vector128.LoadUnsafe(ref first, Width), out uint notTokenSecond, out uint controlSecond);
        notToken |= notTokenSecond << Width;
        control |= controlSecond << Width;
    }

    /// <summary>Classifies a quarter of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Classify(Vector128<byte> bytes, out uint notToken, out uint control)
    {
        Vector128<byte> low = bytes & Vector128.Create((byte)0x0F);
        Vector128<byte> rows = LookUp(Rows, bytes >>> 4);
        notToken = Vector128.IsZero(LookUp(TokenColumns, low) & rows).ExtractMostSignificantBits();
        control = 0xFFFF & ~Vector128.IsZero(LookUp(ControlColumns, low) & rows).ExtractMostSignificantBits();
    }

    /// <summary>
    /// Looks up 16 indices below 16. The instruction is named, because the compiler of native programs makes a loop over bytes of
    /// <see cref="Vector128.Shuffle(Vector128{byte}, Vector128{byte})"/>: it takes SSE2 for granted and no more, but asks the
    /// processor where a set of instructions is named, unless it optimizes for size.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> LookUp(ReadOnlySpan<byte> table, Vector128<byte> indices) =>
        Ssse3.IsSupported ? Ssse3.Shuffle(Vector128.Create(table), indices)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.VectorTableLookup(Vector128.Create(table), indices)
            : Vector128.Shuffle(Vector128.Create(table), indices);

    /// <summary>What a block has. A value of the scanner's stack.</summary>
    private struct Block
    {
        /// <summary>Where it ends: a multiple of its size.</summary>
        public int End;

        /// <summary>A bit for each byte that no name may have.</summary>
        public ulong NotToken;

        /// <summary>A bit for each byte that no value may have.</summary>
        public ulong Control;
    }
}
