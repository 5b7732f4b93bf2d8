using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// A session's data as it is stored: one JSON object, a member for each value. Values are taken apart only when the application
/// asks for them with a type it names; the data itself names none. Pure.
/// </summary>
internal static class SessionJson
{
    /// <summary>Deeper than any value that the serializer writes.</summary>
    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = 1024 };

    private static readonly JsonWriterOptions Writing = new() { MaxDepth = 1024 };

    public static byte[] Write(Dictionary<string, JsonElement> values)
    {
        var output = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(output, Writing);
        writer.WriteStartObject();
        foreach ((string name, JsonElement value) in values)
        {
            writer.WritePropertyName(name);
            value.WriteTo(writer);
        }
        writer.WriteEndObject();
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <returns>False if it is something else; then there are no values.</returns>
    public static bool TryRead(byte[] data, out Dictionary<string, JsonElement> values, [NotNullWhen(false)] out Exception? reason)
    {
        values = [];
        reason = null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(data, Reading);
            foreach (JsonProperty member in document.RootElement.EnumerateObject()) values[member.Name] = member.Value.Clone();
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            values = [];
            reason = e;
            return false;
        }
    }

    /// <summary>A plain value.</summary>
    /// <exception cref="ArgumentException">It is none that JSON has a form for without being told.</exception>
    public static JsonElement Of(object? value) => value switch
    {
        null => Of((string?)null),
        string text => Of(text),
        bool flag => Of(flag),
        byte or sbyte or short or ushort or int or uint or long => Of(Convert.ToInt64(value, null)),
        float or double => Of(Convert.ToDouble(value, null)),
        decimal number => Of(number),
        JsonElement element => element.Clone(),
        _ => throw new ArgumentException($"A session stores texts, numbers, true, false and null by themselves, but {value.GetType()} only with its JsonTypeInfo: Set(name, value, MyContext.Default.MyType).", nameof(value)),
    };

    public static JsonElement Of(string? value) => JsonSerializer.SerializeToElement(value, SessionJsonContext.Default.String!);

    public static JsonElement Of(bool value) => JsonSerializer.SerializeToElement(value, SessionJsonContext.Default.Boolean);

    public static JsonElement Of(long value) => JsonSerializer.SerializeToElement(value, SessionJsonContext.Default.Int64);

    /// <exception cref="ArgumentException">It is no number or infinite.</exception>
    public static JsonElement Of(double value) => JsonSerializer.SerializeToElement(value, SessionJsonContext.Default.Double);

    public static JsonElement Of(decimal value) => JsonSerializer.SerializeToElement(value, SessionJsonContext.Default.Decimal);
}

/// <summary>How plain values are written, without reflection.</summary>
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(double))]
[JsonSerializable(typeof(decimal))]
internal sealed partial class SessionJsonContext : JsonSerializerContext;
