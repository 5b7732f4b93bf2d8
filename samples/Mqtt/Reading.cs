using System.Buffers;
using System.Text;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using MQTTnet;

namespace Mqtt;

/// <summary>
/// What a page is told of a message: its topic, and its payload as text, or as Base64 where it is none. Immutable.
/// </summary>
internal sealed record Reading(string Topic, string? Text, byte[]? Bytes, bool IsRetained)
{
    public static Reading Of(MqttApplicationMessage message)
    {
        byte[] payload = message.Payload.ToArray();
        return Utf8.IsValid(payload)
            ? new(message.Topic, Encoding.UTF8.GetString(payload), null, message.Retain)
            : new(message.Topic, null, payload, message.Retain);
    }
}

/// <summary>How a reading is JSON, made by the compiler: without reflection, so that NativeAOT knows it.</summary>
[JsonSerializable(typeof(Reading))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class MqttJson : JsonSerializerContext;
