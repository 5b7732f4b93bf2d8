using System.Text;
using System.Text.Json;

namespace Workerman.Protocols.Http;

/// <summary>
/// The top-level members of a JSON body as fields of a form: a text as it is, anything else as its JSON; null is left out. The
/// elements of an array are named by their index, as in PHP. Pure.
/// </summary>
internal static class JsonFields
{
    /// <exception cref="BadRequestException">It is no JSON, or beyond a limit of forms.</exception>
    public static FieldCollection<string> Read(ReadOnlyMemory<byte> json, HttpOptions options)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return Read(document.RootElement, new FormLimits(options), options);
        }
        // InvalidOperationException is thrown for text that is not UTF-8 (RFC 8259 section 8.1), when that is read.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new BadRequestException(400, "malformed JSON body", e);
        }
    }

    private static FieldCollection<string> Read(JsonElement root, FormLimits limits, HttpOptions options)
    {
        var fields = new FieldCollection<string>();
        switch (root.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty member in root.EnumerateObject())
                {
                    FormLimits.CheckName(Encoding.UTF8.GetByteCount(member.Name), options);
                    Add(fields, member.Name, member.Value, ref limits);
                }
                break;
            case JsonValueKind.Array:
                int index = 0;
                foreach (JsonElement element in root.EnumerateArray()) Add(fields, $"{index++}", element, ref limits);
                break;
            default:
                Add(fields, "0", root, ref limits);
                break;
        }
        return fields;
    }

    private static void Add(FieldCollection<string> fields, string name, JsonElement value, ref FormLimits limits)
    {
        if (value.ValueKind == JsonValueKind.Null) return;
        limits.CountField();
        string text = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
        limits.CountBytes(Encoding.UTF8.GetByteCount(text));
        fields.Add(name, text);
    }
}
