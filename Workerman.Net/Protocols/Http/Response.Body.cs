using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Workerman.Protocols.Http;

/// <summary>Bodies that are written when the response is sent, without an array or a text of their own.</summary>
public partial class Response
{
    /// <summary>What writes the body; null if its bytes are known. See <see cref="RawBody"/>.</summary>
    internal BodyWriter? Writer { get; private set; }

    /// <summary>A response of plain text: <c>text/plain;charset=utf-8</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="status">100 to 999.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is no status.</exception>
    public static Response Text(string text, int status = 200) =>
        new Response(status, null, text).WithHeader("Content-Type", "text/plain;charset=utf-8");

    /// <summary>
    /// A response of JSON: <c>application/json</c>, written with the contract of a source generator
    /// (<c>JsonSerializerContext</c>), so that trimmed and native programs can have it. The value is written when the
    /// response is sent, and each time that it is: do not change it before. An exception while it is written is one of
    /// <c>Send</c>.
    /// </summary>
    /// <param name="value">The value.</param>
    /// <param name="typeInfo">Its contract, such as <c>MyContext.Default.MyType</c>.</param>
    /// <param name="status">100 to 999.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is no status.</exception>
    public static Response Json<T>(T value, JsonTypeInfo<T> typeInfo, int status = 200)
    {
        ArgumentNullException.ThrowIfNull(typeInfo);
        Response response = new Response(status).WithHeader("Content-Type", "application/json");
        response.Writer = new JsonBody<T>(value, typeInfo);
        return response;
    }

    /// <summary>
    /// Sets a body that is written when the response is sent, without an array or a text of its own: on the connection's loop,
    /// once for each time that it is sent. An exception is one of <c>Send</c>.
    /// </summary>
    /// <param name="write">Writes it. The buffer is of no use after it has returned.</param>
    public Response WithBody(Action<IBufferWriter<byte>> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        WithBody(ReadOnlyMemory<byte>.Empty);
        Writer = new CallbackBody(write);
        return this;
    }

    /// <summary>This response, or a copy of it whose body has been written.</summary>
    internal Response WithWrittenBody()
    {
        if (Writer is null) return this;
        var copy = (Response)MemberwiseClone();
        copy._body = Writer.ToArray();
        copy.Writer = null;
        return copy;
    }

    private sealed class CallbackBody(Action<IBufferWriter<byte>> write) : BodyWriter
    {
        public override void Write(IBufferWriter<byte> output) => write(output);
    }

    private sealed class JsonBody<T>(T value, JsonTypeInfo<T> typeInfo) : BodyWriter
    {
        public override void Write(IBufferWriter<byte> output)
        {
            Utf8JsonWriter writer = JsonWriters.Take(output, typeInfo.Options);
            JsonSerializer.Serialize(writer, value, typeInfo);
            writer.Flush();
            JsonWriters.GiveBack(writer);
        }
    }
}

/// <summary>A body that is written when its response is sent. Immutable; its response's.</summary>
internal abstract class BodyWriter
{
    private const int KeptSize = 64 * 1024;

    /// <summary>Where a body is written whose length is not known yet; null while one is.</summary>
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _idle;

    /// <summary>Writes all of it.</summary>
    public abstract void Write(IBufferWriter<byte> output);

    /// <summary>Writes all of it to a buffer of the thread, which is to be given back.</summary>
    public ArrayBufferWriter<byte> WriteToBuffer()
    {
        ArrayBufferWriter<byte> buffer = _idle ?? new ArrayBufferWriter<byte>(4096);
        // What writes the body may send one itself.
        _idle = null;
        Write(buffer);
        return buffer;
    }

    public static void GiveBack(ArrayBufferWriter<byte> buffer)
    {
        buffer.ResetWrittenCount();
        // One large body must not keep its size for the life of the thread.
        if (buffer.Capacity <= KeptSize) _idle = buffer;
    }

    public byte[] ToArray()
    {
        var output = new ArrayBufferWriter<byte>();
        Write(output);
        return output.WrittenSpan.ToArray();
    }
}

/// <summary>A writer of JSON for each thread: making one costs as much as writing a small object.</summary>
internal static class JsonWriters
{
    [ThreadStatic]
    private static Utf8JsonWriter? _idle;

    [ThreadStatic]
    private static JsonSerializerOptions? _options;

    /// <summary>A writer that nobody else uses until it is given back; not given back after an exception.</summary>
    public static Utf8JsonWriter Take(IBufferWriter<byte> output, JsonSerializerOptions options)
    {
        Utf8JsonWriter? writer = _idle;
        _idle = null;
        if (writer is null || _options != options)
        {
            _options = options;
            return new Utf8JsonWriter(output, new JsonWriterOptions
            {
                Encoder = options.Encoder,
                Indented = options.WriteIndented,
                IndentCharacter = options.IndentCharacter,
                IndentSize = options.IndentSize,
                MaxDepth = options.MaxDepth,
                NewLine = options.NewLine,
                // The serializer writes nothing that is not valid.
                SkipValidation = true,
            });
        }
        writer.Reset(output);
        return writer;
    }

    public static void GiveBack(Utf8JsonWriter writer)
    {
        // So that it keeps nothing alive.
        writer.Reset(Nowhere.Instance);
        _idle = writer;
    }

    private sealed class Nowhere : IBufferWriter<byte>
    {
        public static readonly Nowhere Instance = new();

        public void Advance(int count)
        {
        }

        public Memory<byte> GetMemory(int sizeHint = 0) => throw new InvalidOperationException();

        public Span<byte> GetSpan(int sizeHint = 0) => throw new InvalidOperationException();
    }
}
