using System.Text.Json;

namespace Workerman.Protocols.Http;

/// <summary>
/// The top-level members of a JSON body as fields of a form: text as it is, anything else as its JSON, null not at all. Of an
/// array the elements, by their numbers, as in PHP. Pure.
/// </summary>
internal static class JsonFields
{
    /// <exception cref="BadRequestException">It is no JSON, or has more than <paramref name="limit"/> members.</exception>
    public static FieldCollection<string> Read(ReadOnlyMemory<byte> json, int limit)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return Read(document.RootElement, limit);
        }
        // The latter is what text that is not UTF-8 makes (RFC 8259 section 8.1), found only when it is read.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new BadRequestException(400, "malformed JSON body", e);
        }
    }

    private static FieldCollection<string> Read(JsonElement root, int limit)
    {
        var fields = new FieldCollection<string>();
        switch (root.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty member in root.EnumerateObject()) Add(fields, member.Name, member.Value, limit);
                break;
            case JsonValueKind.Array:
                int index = 0;
                foreach (JsonElement element in root.EnumerateArray()) Add(fields, $"{index++}", element, limit);
                break;
            default:
                Add(fields, "0", root, limit);
                break;
        }
        return fields;
    }

    private static void Add(FieldCollection<string> fields, string name, JsonElement value, int limit)
    {
        if (fields.Total == limit) throw new BadRequestException(413, "too many JSON members");
        if (value.ValueKind == JsonValueKind.Null) return;
        fields.Add(name, value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText());
    }
}
