using System.Buffers;
using System.Globalization;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// Writes text and numbers into one span of a buffer writer, whose size is reckoned beforehand. For one head, or one event.
/// </summary>
internal ref struct HeadWriter(IBufferWriter<byte> output, int size)
{
    private readonly Span<byte> _span = output.GetSpan(size);
    private int _length;

    public void Write(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_span[_length..]);
        _length += bytes.Length;
    }

    public void Write(string text) => _length += Encoding.UTF8.GetBytes(text, _span[_length..]);

    public void Write(long number)
    {
        number.TryFormat(_span[_length..], out int written, default, CultureInfo.InvariantCulture);
        _length += written;
    }

    /// <summary>Writes text that is all ASCII.</summary>
    /// <returns>False if it is not, and then the writer is of no more use.</returns>
    public bool TryWriteAscii(string text)
    {
        bool isAscii = Ascii.FromUtf16(text, _span[_length..], out int written) == OperationStatus.Done;
        _length += written;
        return isAscii;
    }

    public readonly void Commit() => output.Advance(_length);
}
