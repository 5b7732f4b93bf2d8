using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;

namespace Workerman.Handover;

/// <summary>
/// Writes what one process hands over to the next: numbers in little-endian order, texts and bytes behind their length. What it
/// writes, <see cref="HandoverReader"/> reads, texts that are no valid UTF-16 too. It keeps nothing; any thread, one at a time.
/// </summary>
internal readonly struct HandoverWriter(IBufferWriter<byte> output)
{
    /// <summary>What stands for the length of a text that is null.</summary>
    public const long Null = -1;

    /// <summary>What the length of a text is less by that is written as UTF-16: it has half a surrogate pair.</summary>
    public const long Utf16 = long.MinValue;

    public void Write(byte value) => output.Write((ReadOnlySpan<byte>)[value]);

    public void Write(bool value) => Write(value ? (byte)1 : (byte)0);

    public void Write(int value) => Write((long)value);

    public void Write(long value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        output.Write(bytes);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        Write((long)bytes.Length);
        output.Write(bytes);
    }

    public void Write(string? text)
    {
        if (text is null)
        {
            Write(Null);
            return;
        }
        byte[] bytes = GC.AllocateUninitializedArray<byte>(Encoding.UTF8.GetByteCount(text));
        if (Utf8.FromUtf16(text, bytes, out _, out _, replaceInvalidSequences: false) == OperationStatus.Done)
        {
            Write(bytes);
            return;
        }
        ReadOnlySpan<byte> units = MemoryMarshal.AsBytes(text.AsSpan());
        Write(Utf16 + units.Length);
        output.Write(units);
    }
}

/// <summary>
/// Reads what <see cref="HandoverWriter"/> has written, from start to end. Each member throws an
/// <see cref="InvalidDataException"/> where the bytes cannot be that. Owned by whoever reads.
/// </summary>
internal ref struct HandoverReader(ReadOnlySequence<byte> input)
{
    private SequenceReader<byte> _reader = new(input);

    /// <summary>What has not been read yet.</summary>
    public readonly ReadOnlySequence<byte> Rest => _reader.UnreadSequence;

    /// <summary>Reads the number of the version.</summary>
    /// <exception cref="InvalidDataException">It is another one.</exception>
    public void ReadVersion(byte expected)
    {
        byte found = ReadByte();
        if (found != expected)
            throw new InvalidDataException($"The other process hands over in version {found}, and this one takes {expected}: "
                + "they run different versions of Workerman.Net. Cure: restart, in place of a reload.");
    }

    public byte ReadByte() => _reader.TryRead(out byte value) ? value : throw Damaged();

    public bool ReadBoolean() => ReadByte() != 0;

    public long ReadInt64() => _reader.TryReadLittleEndian(out long value) ? value : throw Damaged();

    public int ReadInt32() => ReadInt64() is >= int.MinValue and <= int.MaxValue and var value ? (int)value : throw Damaged();

    public byte[] ReadBytes() => ReadExactly(ReadInt64());

    public string ReadText() => ReadTextOrNull() ?? throw Damaged();

    public string? ReadTextOrNull()
    {
        long length = ReadInt64();
        if (length == HandoverWriter.Null) return null;
        if (length >= 0) return Encoding.UTF8.GetString(ReadExactly(length));
        return new string(MemoryMarshal.Cast<byte, char>(ReadExactly(length - HandoverWriter.Utf16)));
    }

    public static InvalidDataException Damaged() =>
        new("What the other process hands over is damaged: it ends early, or has a value that cannot be.");

    private byte[] ReadExactly(long count)
    {
        // Before any memory is taken for it.
        if (count < 0 || count > _reader.Remaining || count > Array.MaxLength) throw Damaged();
        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)count);
        _reader.TryCopyTo(bytes);
        _reader.Advance(count);
        return bytes;
    }
}
