using System.Buffers;
using System.Buffers.Text;
using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

namespace Workerman.EventStreams;

/// <summary>
/// Events as WebSockets get them: each a text message in one frame, with an object of JSON (RFC 8259) that has the members which
/// there are. What a stream says besides its events has the same members. The frame of an event is made when the first WebSocket
/// gets it, and kept for the others as long as the event is: a stream without WebSockets has none. Any thread.
/// </summary>
internal static class EventFrames
{
    private static readonly ConditionalWeakTable<PublishedEvent, byte[]> Known = [];

    /// <summary>The text goes into no page, so letters stay what they are.</summary>
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The frame of an event. Nobody changes these bytes.</summary>
    public static byte[] Of(PublishedEvent published) => Known.GetValue(published, static published =>
        Encode(published.Id, published.Event, published.Data, published.AllTopics, RetryOf(published.Bytes)));

    /// <summary>The frame of what a stream says besides.</summary>
    public static byte[] Of(ServerSentEvents block) => Encode(block.Id, block.Event, block.Data, topics: default, block.Retry);

    private static byte[] Encode(string? id, string? name, string? data, EventTopics topics, int? retry)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json, Relaxed))
        {
            writer.WriteStartObject();
            if (id is not null) writer.WriteString("id"u8, id);
            if (name is not null) writer.WriteString("event"u8, name);
            if (data is not null) writer.WriteString("data"u8, data);
            if (topics.First is { } topic) writer.WriteString("topic"u8, topic);
            if (topics.Count > 1) WriteAll(topics, writer);
            if (retry is { } time) writer.WriteNumber("retry"u8, time);
            writer.WriteEndObject();
        }
        // A server does not mask (RFC 6455 section 5.1), and a message may be left uncompressed on any connection (RFC 7692
        // section 6), so that all get the same bytes.
        Span<byte> head = stackalloc byte[FrameHeader.MaxSize];
        int size = FrameHeader.Write(head, Opcode.Text, compressed: false, json.WrittenCount, mask: null);
        return [.. head[..size], .. json.WrittenSpan];
    }

    /// <summary>The time that a client waits before it connects again, which is kept only as it is sent.</summary>
    private static int? RetryOf(ReadOnlySpan<byte> block)
    {
        foreach (Range line in block.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> text = block[line];
            if (text.StartsWith("retry: "u8) && Utf8Parser.TryParse(text[7..], out int retry, out _)) return retry;
        }
        return null;
    }

    private static void WriteAll(EventTopics topics, Utf8JsonWriter writer)
    {
        writer.WriteStartArray("topics"u8);
        for (int i = 0; i < topics.Count; i++) writer.WriteStringValue(topics[i]);
        writer.WriteEndArray();
    }
}
