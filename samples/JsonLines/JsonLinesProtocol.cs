using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Workerman.Protocols;

namespace JsonLines;

/// <summary>A message is a line of JSON, both ways.</summary>
internal sealed class JsonLinesProtocol : IProtocol<JsonNode>
{
    private long _searched;

    public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out JsonNode message)
    {
        message = "";
        if (input.Slice(_searched).PositionOf((byte)'\n') is not { } end)
        {
            // No line end so far: the next search begins behind these bytes.
            _searched = input.Length;
            return Verdict.NeedMore;
        }
        var reader = new Utf8JsonReader(input.Slice(0, end));
        input = input.Slice(input.GetPosition(1, end));
        _searched = 0;
        // Invalid JSON throws, which closes this connection and is logged.
        if (JsonNode.Parse(ref reader) is not { } node || reader.Read()) return Verdict.Reject(0, "null is no message");
        message = node;
        return Verdict.Message;
    }

    public void Encode(JsonNode message, IBufferWriter<byte> output)
    {
        using (var writer = new Utf8JsonWriter(output)) message.WriteTo(writer);
        output.Write("\n"u8);
    }
}
