using System.Buffers;
using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Workerman.Protocols.Http.Sessions;

/// <summary>
/// A session's data as it is stored: one JSON object, a member for each value. A value is deserialized only when the application
/// reads it, as the type that the application names; the stored data names no types. Pure.
/// </summary>
internal static class SessionJson
{
    /// <summary>
    /// The member that distinguishes sessions that have had the same id: the one that a request has read may have been removed
    /// since, and another one stored.
    /// </summary>
    public const string MarkName = "workerman.session";

    /// <summary>A depth that no value exceeds which the serializer writes.</summary>
    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = 1024 };

    private const int MaxPlainDepth = 64;

    private static readonly JsonWriterOptions Writing = new() { MaxDepth = 1024 };

    public static string NewMark() => SessionIds.Create()[..12];

    public static byte[] Write(Dictionary<string, JsonElement> values, string? mark)
    {
        var output = new ArrayBufferWriter<byte>();
        using var writer = new Utf8JsonWriter(output, Writing);
        writer.WriteStartObject();
        if (mark is not null) writer.WriteString(MarkName, mark);
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
    /// <returns>False if the data is something else; there are no values then.</returns>
    public static bool TryRead(byte[] data, out Dictionary<string, JsonElement> values, out string? mark,
        [NotNullWhen(false)] out Exception? reason)
    {
        values = [];
        mark = null;
        reason = null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(data, Reading);
            foreach (JsonProperty member in document.RootElement.EnumerateObject()) values[member.Name] = member.Value.Clone();
            if (values.Remove(MarkName, out JsonElement found)) mark = found.ToString();
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            values = [];
            reason = e;
            return false;
        }
    }

    /// <summary>The JSON of a plain value, or of an array, list or dictionary of such values.</summary>
    /// <exception cref="ArgumentException">JSON has no form for it without metadata.</exception>
    public static JsonElement Of(object? value) => value switch
    {
        null => Of((string?)null),
        string text => Of(text),
        bool flag => Of(flag),
        byte or sbyte or short or ushort or int or uint or long => Of(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        ulong number => Of((decimal)number),
        char letter => Of(letter.ToString()),
        // Through its text: converted directly, 0.1f would become 0.10000000149011612.
        float number => Of(double.Parse(number.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)),
        double number => Of(number),
        decimal number => Of(number),
        JsonElement element => element.Clone(),
        IEnumerable or JsonNode => OfMany(value),
        _ => throw NotPlain(value),
    };

    private static JsonElement OfMany(object value)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output, Writing)) WriteAny(writer, value);
        using JsonDocument document = JsonDocument.Parse(output.WrittenMemory, Reading);
        return document.RootElement.Clone();
    }

    private static void WriteAny(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case JsonNode node:
                node.WriteTo(writer);
                break;
            case IDictionary entries:
                writer.WriteStartObject();
                foreach (DictionaryEntry entry in entries)
                {
                    writer.WritePropertyName(entry.Key as string
                        ?? throw new ArgumentException("A session stores dictionaries whose keys are texts.", nameof(value)));
                    WriteInner(writer, entry.Value);
                }
                writer.WriteEndObject();
                break;
            case IEnumerable<KeyValuePair<string, object?>> entries:
                writer.WriteStartObject();
                foreach ((string key, object? entry) in entries)
                {
                    writer.WritePropertyName(key);
                    WriteInner(writer, entry);
                }
                writer.WriteEndObject();
                break;
            case IEnumerable items and not string:
                // Bytes would become an array of numbers here, and base64 with metadata.
                if (value is byte[]) throw NotPlain(value);
                writer.WriteStartArray();
                foreach (object? item in items) WriteInner(writer, item);
                writer.WriteEndArray();
                break;
            default:
                Of(value).WriteTo(writer);
                break;
        }
    }

    private static void WriteInner(Utf8JsonWriter writer, object? value)
    {
        if (writer.CurrentDepth > MaxPlainDepth)
            throw new ArgumentException($"A session stores values of {MaxPlainDepth} levels at most; does this one hold itself?",
                nameof(value));
        WriteAny(writer, value);
    }

    private static ArgumentException NotPlain(object value) => new(
        "A session stores texts, numbers, true, false and null, and lists and dictionaries of them, by themselves, "
        + $"but {value.GetType()} only as Set(name, value), or with its JsonTypeInfo in trimmed programs: Set(name, value, "
        + "MyContext.Default.MyType).", nameof(value));

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
