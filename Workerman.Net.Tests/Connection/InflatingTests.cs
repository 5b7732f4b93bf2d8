using System.IO.Compression;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// A small message that inflates to a large one is inflated in pieces, one in a turn of the loop, and is what it was all the
/// same.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class InflatingTests(Type loopType)
{
    private const int Size = 8 * 1024 * 1024;

    /// <summary>One piece a turn, and another one in a turn in which more of the message has come.</summary>
    private const int LeastTurns = Size / TurnWork.InflatedBytes / 2;

    private static readonly byte[] Plain = [.. Enumerable.Range(0, Size).Select(i => (byte)('a' + i / 1000 % 26))];

    [TestCase("")]
    [TestCase("gzip")]
    [TestCase("deflate")]
    [TestCase("br")]
    [TestCase("gzip, br")]
    [TestCase("br, deflate, gzip")]
    public async Task BodyTakesManyTurns(string codings)
    {
        var turns = new TurnCounter();
        List<long> seen = [];
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/begin") turns.Begin(connection);
            seen.Add(turns.Count);
            connection.Send(request.RawBody.Span.SequenceEqual(Plain) ? "same" : $"{request.BodyLength}");
        }, worker => worker.Options.Http.DecompressRequests = true);
        using RawClient client = server.Connect();
        byte[] body = codings == "" ? [] : codings.Split(", ").Aggregate(Plain, Encode);
        // Sent again on the same connection: nothing of the first is left over.
        byte[] chunked = [.. Encoding.Latin1.GetBytes($"{body.Length:x}\r\n"), .. body, .. "\r\n0\r\n\r\n"u8];
        if (body.Length == 0) chunked = [.. "0\r\n\r\n"u8];
        foreach (byte[] request in new byte[][]
        {
            [
                .. "GET /begin HTTP/1.1\r\nHost: a\r\n\r\n"u8,
                .. Encoding.Latin1.GetBytes(Head(codings, $"Content-Length: {body.Length}")), .. body,
            ],
            [.. Encoding.Latin1.GetBytes(Head(codings, "Transfer-Encoding: chunked")), .. chunked],
        })
        {
            int before = seen.Count;
            client.Send(request);
            await Wait.Until(() => seen.Count == (before == 0 ? 2 : 3), "the request");
            long took = seen[^1] - seen[^2];
            if (codings == "" || before > 0) continue;
            Assert.That(took, Is.GreaterThanOrEqualTo(LeastTurns));
        }
        string expected = codings == "" ? "0" : "same";
        Assert.That(client.ReadResponse().Body, Is.EqualTo("0"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo(expected));
        Assert.That(client.ReadResponse().Body, Is.EqualTo(expected));
    }

    [Test]
    public async Task WebSocketMessageTakesManyTurns([Values(1, 3)] int fragments)
    {
        var turns = new TurnCounter();
        List<(long Turn, bool IsSame)> seen = [];
        var worker = new Worker<WebSocketMessage>("websocket://127.0.0.1:0")
        {
            OnMessage = (connection, message) =>
            {
                if (seen.Count == 0) turns.Begin(connection);
                seen.Add((turns.Count, message.Data.Span.SequenceEqual(Plain)));
            },
        };
        worker.Options.WebSocket.Deflate = new DeflateOptions();
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(server.EndPoint, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        using var deflater = new MessageDeflater(CompressionLevel.Fastest, takesContextOver: true, 15);
        client.Client.Send([.. FrameClient.TextFrame("begin"), .. Message(deflater, fragments), .. Message(deflater, 1),
            .. FrameClient.TextFrame("end")]);
        await Wait.Until(() => seen.Count == 4, "all messages");
        Assert.That(seen.Select(message => message.IsSame), Is.EqualTo(new[] { false, true, true, false }));
        Assert.That(seen[1].Turn - seen[0].Turn, Is.GreaterThanOrEqualTo(LeastTurns));
        Assert.That(seen[2].Turn - seen[1].Turn, Is.GreaterThanOrEqualTo(LeastTurns));
    }

    [Test]
    public async Task WhatIsUnderWayIsGivenUpWithTheConnection()
    {
        var closed = new TaskCompletionSource();
        int handled = 0;
        var worker = new Worker<WebSocketMessage>("websocket://127.0.0.1:0")
        {
            OnMessage = (connection, _) =>
            {
                // While the next message is inflated.
                if (++handled == 1) connection.Loop.Post(() => connection.Loop.Post(connection.Destroy));
            },
            OnClose = _ => closed.SetResult(),
        };
        worker.Options.WebSocket.Deflate = new DeflateOptions();
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(server.EndPoint, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        using var deflater = new MessageDeflater(CompressionLevel.Fastest, takesContextOver: true, 15);
        client.Client.Send([.. FrameClient.TextFrame("begin"), .. Message(deflater, 1), .. FrameClient.TextFrame("end")]);
        await closed.Task.WaitAsync(Wait.Limit);
        Assert.That(handled, Is.EqualTo(1));
    }

    private static string Head(string codings, string framing) =>
        $"POST / HTTP/1.1\r\nHost: a\r\n{(codings == "" ? "" : $"Content-Encoding: {codings}\r\n")}{framing}\r\n\r\n";

    private static byte[] Encode(byte[] bytes, string coding)
    {
        using var output = new MemoryStream();
        using (Stream encoder = coding switch
        {
            "br" => new BrotliStream(output, CompressionLevel.Fastest),
            "deflate" => new ZLibStream(output, CompressionLevel.Fastest),
            _ => new GZipStream(output, CompressionLevel.Fastest),
        }) encoder.Write(bytes);
        return output.ToArray();
    }

    private static byte[] Message(MessageDeflater deflater, int fragments)
    {
        byte[] payload = deflater.Compress(Plain).ToArray();
        byte[][] pieces = [.. payload.Chunk((payload.Length + fragments - 1) / fragments)];
        return [.. pieces.SelectMany((piece, i) => FrameClient.Frame(
            (i == pieces.Length - 1 ? 0x80 : 0) | (i == 0 ? 0x40 | FrameClient.Binary : 0), piece))];
    }

    /// <summary>Counts the turns of a loop, from a callback on. On the loop's thread.</summary>
    private sealed class TurnCounter
    {
        public long Count { get; private set; }

        public void Begin(TcpConnection connection)
        {
            if (Count++ < 1_000_000) connection.Loop.Post(() => Begin(connection));
        }
    }
}
