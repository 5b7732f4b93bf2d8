using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Workerman.EventStreams;
using Workerman.Protocols.Http;

namespace Workerman.Extensions.Redis;

/// <summary>
/// An event as JSON, which is how it stands in Redis: <c>{"id":"…","event":"…","data":"…","comment":"…","retry":1,
/// "topics":["…"],"key":"…"}</c>, with the members that it has; others are skipped. No state; any thread.
/// </summary>
internal static class RecordJson
{
    private static readonly JsonWriterOptions Options = new()
    {
        // It is not written into pages of HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    public static byte[] Encode(EventRecord record)
    {
        var output = new ArrayBufferWriter<byte>(64 + (record.Data?.Length ?? 0));
        using var writer = new Utf8JsonWriter(output, Options);
        writer.WriteStartObject();
        Write(writer, "id"u8, record.Id);
        Write(writer, "event"u8, record.Event);
        Write(writer, "data"u8, record.Data);
        Write(writer, "comment"u8, record.Comment);
        if (record.Retry is { } retry) writer.WriteNumber("retry"u8, retry);
        if (record.Topics.Count > 0)
        {
            writer.WriteStartArray("topics"u8);
            foreach (string topic in record.Topics) writer.WriteStringValue(Utf8(topic));
            writer.WriteEndArray();
        }
        Write(writer, "key"u8, record.Key);
        writer.WriteEndObject();
        writer.Flush();
        return output.WrittenSpan.ToArray();
    }

    /// <returns>Null if it is no event.</returns>
    public static EventRecord? TryDecode(ReadOnlyMemory<byte> json, string? tag, DateTimeOffset time)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            var record = new EventRecord
            {
                Id = Text(root, "id"),
                Event = Text(root, "event"),
                Data = Text(root, "data"),
                Comment = Text(root, "comment"),
                Retry = root.TryGetProperty("retry", out JsonElement retry) ? retry.GetInt32() : null,
                Topics = root.TryGetProperty("topics", out JsonElement topics)
                    ? [.. topics.EnumerateArray().Select(static topic => topic.GetString() ?? throw new FormatException())]
                    : [],
                Key = Text(root, "key"),
                Tag = tag,
                Time = time,
            };
            // Throws where a subscriber could not be sent it.
            _ = new ServerSentEvents { Id = record.Id, Event = record.Event, Retry = record.Retry };
            return record;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) ? value.GetString() : null;

    private static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null) writer.WriteString(name, Utf8(value));
    }

    /// <summary>Half a surrogate pair becomes U+FFFD, as it would on the wire; the writer takes none.</summary>
    private static byte[] Utf8(string value) => Encoding.UTF8.GetBytes(value);
}
