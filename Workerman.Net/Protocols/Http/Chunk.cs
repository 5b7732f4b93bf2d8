using System.Buffers;
using System.Globalization;
using System.Text;

namespace Workerman.Protocols.Http;

/// <summary>
/// A piece of an answer whose length is not known yet (PHP: <c>Workerman\Protocols\Http\Chunk</c>; RFC 9112 section 7.1). The
/// answer begins with a <see cref="Response"/> with <c>Transfer-Encoding: chunked</c>; an empty chunk ends it. If the send buffer
/// is full when one is sent, the answer is broken off, in a way that the client does not take it for complete. A chunk never
/// changes and may be sent many times and from several loops.
/// </summary>
public sealed class Chunk : IMessage
{
    /// <summary>Makes a chunk of text, sent as UTF-8.</summary>
    public Chunk(string data)
    {
        ArgumentNullException.ThrowIfNull(data);
        Data = Encoding.UTF8.GetBytes(data);
    }

    /// <summary>Makes a chunk of bytes, which are not copied: do not change them afterwards.</summary>
    public Chunk(ReadOnlyMemory<byte> data) => Data = data;

    /// <summary>The bytes; none to end the answer.</summary>
    public ReadOnlyMemory<byte> Data { get; }

    /// <summary>The chunk as it goes over the wire (PHP: <c>__toString()</c>).</summary>
    public override string ToString()
    {
        var output = new ArrayBufferWriter<byte>();
        Write(Data, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>chunk-size CRLF chunk-data CRLF, or the last chunk with no trailers.</summary>
    internal static void Write(ReadOnlyMemory<byte> data, IBufferWriter<byte> output)
    {
        Span<byte> size = output.GetSpan(16);
        data.Length.TryFormat(size, out int length, "x", CultureInfo.InvariantCulture);
        "\r\n"u8.CopyTo(size[length..]);
        output.Advance(length + 2);
        output.WriteLasting(data);
        output.Write("\r\n"u8);
    }
}
