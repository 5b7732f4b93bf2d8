using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Chat;

/// <summary>Who a connection is; room and name are empty until it has logged in. Immutable.</summary>
internal sealed record Client
{
    public string Id { get; } = Guid.NewGuid().ToString("N");

    public string Room { get; init; } = "";

    public string Name { get; init; } = "";
}

/// <summary>
/// What a page says: <c>login</c> with client_name and room_id, <c>say</c> with content and to_client_id (<c>all</c>, or an id),
/// <c>pong</c>. An id may be a number, as that of workerman-chat's room is. Immutable.
/// </summary>
internal sealed record Said(string? Type)
{
    public string? ClientName { get; init; }

    [JsonConverter(typeof(TextOrNumber))]
    public string? RoomId { get; init; }

    [JsonConverter(typeof(TextOrNumber))]
    public string? ToClientId { get; init; }

    public string? Content { get; init; }
}

/// <summary>Reads a number as the text that it is written with. Without state; any thread.</summary>
internal sealed class TextOrNumber : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number ? Encoding.UTF8.GetString(reader.ValueSpan) : reader.GetString();

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value);
}

/// <summary>
/// What a page is told: <c>login</c> with client_id and client_name, and client_list for the one who has logged in; <c>say</c>
/// with from_client_id, from_client_name, to_client_id and content, which is text and no HTML; <c>logout</c> with from_client_id
/// and from_client_name; <c>ping</c>; <c>error</c> with message. Names and content are as somebody has sent them, which the
/// server does not escape: a page sets them by <c>textContent</c>, where that of workerman-chat makes HTML of them. Immutable.
/// </summary>
internal sealed record Told(string Type)
{
    public string? ClientId { get; init; }

    public string? ClientName { get; init; }

    /// <summary>The names of those in the room, by their ids.</summary>
    public Dictionary<string, string>? ClientList { get; init; }

    public string? FromClientId { get; init; }

    public string? FromClientName { get; init; }

    public string? ToClientId { get; init; }

    public string? Content { get; init; }

    public string? Message { get; init; }

    public DateTimeOffset Time { get; init; } = DateTimeOffset.UtcNow;
}

/// <summary>How messages are JSON, made by the compiler: without reflection, so that NativeAOT knows it.</summary>
[JsonSerializable(typeof(Said))]
[JsonSerializable(typeof(Told))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class ChatJson : JsonSerializerContext;
