using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Workerman.Protocols;

namespace Workerman.Tests.Manual;

/// <summary>
/// Where PHP's <c>input</c> tells a length, and <c>decode</c> gets that many bytes: the same shape for the protocols of the
/// manual's pages.
/// </summary>
internal abstract class LengthProtocol<T> : IProtocol<T>
{
    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out T message)
    {
        message = default!;
        long length = Input(input);
        if (length < 0 || length > maxPackageSize) return Verdict.Reject(0, $"a message of {length} bytes");
        if (length == 0 || input.Length < length) return Verdict.NeedMore;
        message = Decode(input.Slice(0, length).ToArray());
        input = input.Slice(length);
        return Verdict.Message;
    }

    public abstract void Encode(T message, IBufferWriter<byte> output);

    /// <summary>Bytes of the message that begins here, 0 if that is not known yet, -1 if it is none.</summary>
    protected abstract long Input(ReadOnlySequence<byte> input);

    protected abstract T Decode(byte[] bytes);

    /// <summary>The length of a message that ends with its line.</summary>
    protected static long LineOf(ReadOnlySequence<byte> input) =>
        input.PositionOf((byte)'\n') is { } end ? input.Slice(0, end).Length + 1 : 0;

    /// <summary>The length in the first four bytes, which counts them.</summary>
    protected static long HeadOf(ReadOnlySequence<byte> input, int headSize)
    {
        if (input.Length < headSize) return 0;
        uint length = BinaryPrimitives.ReadUInt32BigEndian(input.Slice(0, 4).ToArray());
        return length < headSize ? -1 : length;
    }
}

/// <summary>protocols/how-protocols.</summary>
internal sealed class JsonNL : LengthProtocol<JsonElement>
{
    public override void Encode(JsonElement message, IBufferWriter<byte> output) =>
        output.Write(Encoding.UTF8.GetBytes(message.GetRawText() + "\n"));

    protected override long Input(ReadOnlySequence<byte> input) => LineOf(input);

    protected override JsonElement Decode(byte[] bytes) => JsonDocument.Parse(bytes).RootElement;
}

/// <summary>protocols/example, one.</summary>
internal sealed class XmlProtocol : LengthProtocol<XElement>
{
    public override void Encode(XElement message, IBufferWriter<byte> output)
    {
        string xml = message.ToString();
        output.Write(Encoding.Latin1.GetBytes($"{xml.Length + 10:d10}{xml}"));
    }

    protected override long Input(ReadOnlySequence<byte> input)
    {
        if (input.Length < 10) return 0;
        return long.TryParse(input.Slice(0, 10).ToArray(), NumberStyles.None, CultureInfo.InvariantCulture, out long length)
            && length >= 10 ? length : -1;
    }

    protected override XElement Decode(byte[] bytes) => XElement.Parse(Encoding.Latin1.GetString(bytes, 10, bytes.Length - 10));
}

/// <summary>protocols/example, two.</summary>
internal sealed class JsonInt : LengthProtocol<JsonElement>
{
    public override void Encode(JsonElement message, IBufferWriter<byte> output)
    {
        byte[] json = Encoding.UTF8.GetBytes(message.GetRawText());
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(4), 4 + json.Length);
        output.Advance(4);
        output.Write(json);
    }

    protected override long Input(ReadOnlySequence<byte> input) => HeadOf(input, headSize: 4);

    protected override JsonElement Decode(byte[] bytes) => JsonDocument.Parse(bytes.AsMemory(4)).RootElement;
}

/// <summary>What the protocols of protocols/example, three and four, carry.</summary>
internal sealed record NamedFile(string Name, byte[] Data);

/// <summary>protocols/example, three.</summary>
internal sealed class BinaryTransfer : LengthProtocol<NamedFile>
{
    /// <summary>Answers are text, which is sent as it is.</summary>
    public override void Encode(NamedFile message, IBufferWriter<byte> output) =>
        throw new NotSupportedException("files come, none are sent");

    protected override long Input(ReadOnlySequence<byte> input) => HeadOf(input, headSize: 5);

    protected override NamedFile Decode(byte[] bytes)
    {
        int nameLength = bytes[4];
        return new NamedFile(Encoding.UTF8.GetString(bytes, 5, nameLength), bytes[(5 + nameLength)..]);
    }
}

/// <summary>protocols/example, four.</summary>
internal sealed class TextTransfer : LengthProtocol<NamedFile>
{
    /// <inheritdoc cref="BinaryTransfer.Encode"/>
    public override void Encode(NamedFile message, IBufferWriter<byte> output) =>
        throw new NotSupportedException("files come, none are sent");

    protected override long Input(ReadOnlySequence<byte> input) => LineOf(input);

    protected override NamedFile Decode(byte[] bytes)
    {
        using JsonDocument package = JsonDocument.Parse(bytes);
        return new NamedFile(package.RootElement.GetProperty("file_name").GetString()!,
            package.RootElement.GetProperty("file_data").GetBytesFromBase64());
    }
}

/// <summary>worker/construct.</summary>
internal sealed class MyTextProtocol : LengthProtocol<string>
{
    public override void Encode(string message, IBufferWriter<byte> output) =>
        output.Write(Encoding.UTF8.GetBytes(message + "\n"));

    protected override long Input(ReadOnlySequence<byte> input) => LineOf(input);

    protected override string Decode(byte[] bytes) => Encoding.UTF8.GetString(bytes).Trim();
}
