using System.Net.Http.Headers;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// A request whose body has come whole says so (RFC 9112 section 7.1.3), so that whoever hands it on, header fields and body or
/// all of it, hands on a request
/// that the next server reads.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ForwardingTests(Type loopType)
{
    private const string Chunked =
        "POST /p?q HTTP/1.1\r\nHost: a\r\nX: 1\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\nY: 2\r\n\r\n";

    [Test]
    public async Task ChunkedRequestHasItsLength()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) => connection.Send(string.Join('|',
            request.RawHead, string.Join(';', request.Header().Select(h => $"{h.Key}={h.Value}")),
            request.Header("transfer-encoding"), request.Header("trailer"),
            request.HeaderValues("content-length").Count, Encoding.ASCII.GetString(request.RawBuffer()),
            string.Join(',', request.Trailers.Keys), request.Uri, request.Method)));
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            foreach ((string chunks, string body) in new[] { ("5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nDigest: z\r\n\r\n",
                "hello world"), ("0\r\nDigest: z\r\n\r\n", "") })
            {
                client.Send(Chunked + chunks, fragmentation);
                string head = $"POST /p?q HTTP/1.1\r\nHost: a\r\nX: 1\r\nContent-Length: {body.Length}\r\nY: 2";
                Assert.That(client.ReadResponse().Body, Is.EqualTo($"{head}|host=a;x=1;content-length={body.Length};y=2|||1|"
                    + $"{head}\r\n\r\n{body}|Digest|/p?q|POST"), $"{fragmentation}");
            }
            client.Send("POST / HTTP/1.1\r\nhost:a\r\ncontent-length: 2\r\nTrailer: x\r\n\r\nhi");
            Assert.That(client.ReadResponse().Body, Does.StartWith(
                "POST / HTTP/1.1\r\nhost:a\r\ncontent-length: 2\r\nTrailer: x|"), "one that had a length stays as it was sent");
        }
    }

    /// <summary>As programs ported from PHP do it: all header fields and the raw body, or the raw buffer.</summary>
    [Test]
    public async Task ProxyHandsChunkedAndCompressedRequestsOn([Values("/buffer", "/fields")] string path, [Values] bool gzip,
        [Values(10, 100_000)] int size)
    {
        await using TestServer backend = TestServer.Http(loopType, (connection, request) =>
            connection.Send($"{request.Header("x")} {request.Post("a")!.Length} {request.Header("content-length")}"));
        string address = $"tcp://{backend.EndPoint}";
        await using TestServer proxy = TestServer.Http(loopType, (connection, request) =>
        {
            var upstream = new AsyncTcpConnection<ReadOnlyMemory<byte>>(address)
            {
                OnMessage = (_, bytes) => connection.SendRaw(bytes.Span)
            };
            upstream.Connect();
            upstream.Send(request.Path == "/buffer" ? request.RawBuffer() : Rebuild(request));
        }, worker => worker.Options.Http.DecompressRequests = true);
        byte[] body = Encoding.ASCII.GetBytes("a=" + new string('x', size));
        using var client = new HttpClient();
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(proxy.Uri, path))
        {
            Content = new ByteArrayContent(gzip ? Gzip(body) : body)
        };
        message.Headers.TransferEncodingChunked = true;
        message.Headers.Add("X", "y");
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        if (gzip) message.Content.Headers.ContentEncoding.Add("gzip");
        using HttpResponseMessage response = await client.SendAsync(message).WaitAsync(Wait.Limit);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo($"y {size} {body.Length}"));
    }

    private static byte[] Rebuild(Request request) =>
        [.. Encoding.UTF8.GetBytes($"{request.Method} {request.Uri} HTTP/1.1\r\n"
            + $"{string.Concat(request.Header().Select(h => $"{h.Key}: {h.Value}\r\n"))}\r\n"), .. request.RawBody.Span];

    private static byte[] Gzip(byte[] bytes)
    {
        using var output = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(output, System.IO.Compression.CompressionLevel.Fastest))
            gzip.Write(bytes);
        return output.ToArray();
    }
}
