using System.Buffers;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;

namespace Workerman.Tests.Fuzzing;

/// <summary>Frames of WebSockets for the fuzzer: to a server, compressed, and to a client. Any thread.</summary>
internal static class WebSocketTargets
{
    private const int LongestMessage = 400;

    private static readonly WebSocketOptions Options = new() { MaxFrameSize = 300 };

    /// <summary>Beginnings of heads and what may be in them; the last are characters that are not whole, or none.</summary>
    private static readonly byte[][] Words =
    [
        [0x81], [0x82], [0x01], [0x02], [0x00], [0x80], [0xC1], [0x41], [0xC2], [0x91], [0x83], [0x08], [0x88, 0x80],
        [0x88, 0x81],
        [0x88, 0x82], [0x89, 0x80], [0x8A, 0x80], [0x89, 0xFE], [0x89, 0xFF], [0x88, 0xFF], [0x89, 0x7F], [0xFE, 0, 125],
        [0xFE, 0, 126], [0xFE, 1, 0x2C], [0xFE, 1, 0x2D], [0xFF], [0xFF, 0, 0, 0, 0, 0, 0, 0, 5], [0xFF, 0, 0, 0, 0, 0, 1, 0, 0],
        [0x80, 0, 0, 0, 0, 0, 0, 0], [0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1], [0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        [0x7E, 0, 125], [0x7F, 0x80, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0], [0x03, 0xE8], [0x03, 0xED], [0xC3], [0xE2, 0x82],
        [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF, 0xFF],
    ];

    public static FuzzTarget[] All { get; } =
    [
        new("websocket", Corpus(masked: true, compressed: false), Words, static (bytes, pieces, segmented) =>
            Read(new WebSocketProtocol(true, Options, (DeflateParameters?)null), bytes, pieces, segmented)),
        new("websocket-text", Corpus(masked: true, compressed: false), Words, static (bytes, pieces, segmented) =>
            Read(new WebSocketProtocol(false, Options, (DeflateParameters?)null), bytes, pieces, segmented, textAlone: true)),
        new("websocket-deflate", Corpus(masked: true, compressed: true), Words, static (bytes, pieces, segmented) =>
            Read(new WebSocketProtocol(true, Options, new DeflateParameters(false, false, 15, null)), bytes, pieces, segmented)),
        new("websocket-client", Corpus(masked: false, compressed: false), Words, static (bytes, pieces, segmented) =>
            Read(OpenClient(), bytes, pieces, segmented)),
        new("websocket-answer", FuzzTargets.Latin1(
                "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
                "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"),
            FuzzTargets.Latin1("\r\n", "\r\n\r\n", "\r", "\n", ":", " ", "HTTP/1.1 ", "101", "Upgrade: websocket\r\n", "\0"),
            static (bytes, pieces, segmented) => Read(NewClient(), bytes, pieces, segmented)),
    ];

    /// <summary>One frame, with the mask of a client or without.</summary>
    private static byte[] Frame(int first, ReadOnlySpan<byte> payload, bool masked)
    {
        byte[] frame = new byte[FrameHeader.MaxSize + payload.Length];
        uint? mask = masked ? 0x78563412 : null;
        int head = FrameHeader.Write(frame, (Opcode)(first & 0xF), compressed: false, payload.Length, mask);
        frame[0] = (byte)first;
        Span<byte> target = frame.AsSpan(head, payload.Length);
        if (mask is { } key) FrameMask.Apply(key, payload, target);
        else payload.CopyTo(target);
        return frame[..(head + payload.Length)];
    }

    private static byte[][] Corpus(bool masked, bool compressed)
    {
        byte[] text = "h\u00e9llo \u20ac \U0001d11e"u8.ToArray();
        byte[] Of(int first, ReadOnlySpan<byte> payload) => Frame(first, payload, masked);
        List<byte[]> corpus =
        [
            Of(0x81, text), Of(0x82, [1, 2, 3]), Of(0x81, []),
            [.. Of(0x01, text.AsSpan(0, 2)), .. Of(0x89, [9]), .. Of(0x00, text.AsSpan(2, 7)), .. Of(0x80, text.AsSpan(9))],
            Of(0x82, new byte[125]), Of(0x82, new byte[126]), Of(0x82, new byte[300]), Of(0x82, new byte[301]),
            [.. Of(0x02, new byte[200]), .. Of(0x80, new byte[200])], [.. Of(0x02, new byte[200]), .. Of(0x80, new byte[201])],
            [.. Of(0x89, [1, 2]), .. Of(0x8A, new byte[125]), .. Of(0x88, [0x03, 0xE8, 0x62])], Of(0x88, []),
        ];
        if (!compressed) return [.. corpus];
        foreach (byte[] plain in new[] { text, new byte[400], new byte[401] })
        {
            using var deflater = new MessageDeflater(CompressionLevel.Fastest, takesContextOver: false, windowBits: 15);
            byte[] packed = deflater.Compress(plain).ToArray();
            corpus.Add(Of(0xC2, packed));
            corpus.Add([.. Of(0x41, packed.AsSpan(0, 2)), .. Of(0x80, packed.AsSpan(2))]);
        }
        return [.. corpus];
    }

    private static WebSocketProtocol NewClient()
    {
        var client = new WebSocketProtocol(true, Options, new ClientHandshake("a.test", "/", new WebSocketClientOptions()));
        client.EncodeControl(new ArrayBufferWriter<byte>());
        return client;
    }

    /// <summary>A client that has been answered as it must be.</summary>
    private static WebSocketProtocol OpenClient()
    {
        var client = new WebSocketProtocol(true, Options, new ClientHandshake("a.test", "/", new WebSocketClientOptions()));
        var request = new ArrayBufferWriter<byte>();
        client.EncodeControl(request);
        string key = Encoding.ASCII.GetString(request.WrittenSpan).Split("Sec-WebSocket-Key: ")[1].Split("\r\n")[0];
        var answer = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n"
            + $"Connection: Upgrade\r\nSec-WebSocket-Accept: {ServerHandshake.AcceptOf(key)}\r\n\r\n"));
        ((IDecoder<string>)client).TryDecode(ref answer, LongestMessage, out _);
        return client;
    }

    private static List<string> Read(WebSocketProtocol protocol, byte[] bytes, IEnumerable<Range> pieces, bool segmented,
        bool textAlone = false)
    {
        using (protocol) return FuzzTarget.Pump(bytes, pieces, segmented, (ref ReadOnlySequence<byte> input, List<string> seen) =>
        {
            while (!input.IsEmpty && protocol.IsReady)
            {
                Verdict verdict = Decode(protocol, ref input, textAlone, out WebSocketMessage message);
                if (verdict.Kind == VerdictKind.Message)
                {
                    seen.Add($"{message.IsText} {message.Data.Length} {Digest(message.Data.Span)}");
                }
                else if (verdict.Kind == VerdictKind.Reject)
                {
                    seen.Add($"refused {verdict.Status} {verdict.Reason}");
                    return false;
                }
                else if (protocol.HasPendingControl)
                {
                    var output = new ArrayBufferWriter<byte>();
                    protocol.EncodeControl(output);
                    // A client's has a mask by chance.
                    seen.Add($"owed {output.WrittenCount}");
                }
                else
                {
                    return true;
                }
            }
            if (!protocol.IsReady) seen.Add("closed");
            return protocol.IsReady;
        });
    }

    private static Verdict Decode(WebSocketProtocol protocol, ref ReadOnlySequence<byte> input, bool textAlone,
        out WebSocketMessage message)
    {
        if (!textAlone)
            return ((IDecoder<WebSocketMessage>)protocol).TryDecode(ref input, LongestMessage, out message);
        Verdict verdict = ((IDecoder<string>)protocol).TryDecode(ref input, LongestMessage, out string text);
        message = verdict.Kind == VerdictKind.Message ? new WebSocketMessage(text) : default;
        return verdict;
    }

    private static string Digest(ReadOnlySpan<byte> bytes) =>
        bytes.Length <= 32 ? Convert.ToHexString(bytes) : Convert.ToHexString(SHA256.HashData(bytes).AsSpan(0, 8));
}
