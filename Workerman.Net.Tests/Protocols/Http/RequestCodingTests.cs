using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Bodies in a content coding: refused where they would be misread, decompressed where the worker says so, and never to more than
/// it takes.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class RequestCodingTests(Type loopType)
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string MultipartForm = "multipart/form-data; boundary=b";

    private static string[] Codings =>
        ["gzip", "x-gzip", "GZip", "deflate", "raw deflate", "br", "gzip, br", "br,deflate, gzip", "identity, gzip"];

    [Test]
    public async Task CodedBodyIsNotReadAsWhatItsTypeSays(
        [Values("gzip", "br", "klingon", "identity, klingon", "gzip,gzip,gzip,gzip")] string coding, [Values] bool decompress)
    {
        if (decompress && coding is "gzip" or "br") return;
        await using TestServer server = Start(decompress);
        foreach (string type in new[] { Form, MultipartForm, "application/json", "text/plain" })
        {
            (HttpStatusCode status, string body, HttpResponseHeaders headers) = await Send(server, type, coding, [1, 2, 3]);
            Assert.That((status, string.Join(", ", headers.GetValues("Accept-Encoding"))),
                Is.EqualTo((HttpStatusCode.UnsupportedMediaType, decompress ? "gzip, deflate, br" : "identity")), type);
            Assert.That(body, Does.Contain("HttpOptions.DecompressRequests"));
        }
        (_, string raw, _) = await Send(server, Form, coding, [1, 2, 3], "/raw");
        Assert.That(raw, Is.EqualTo($"{coding}|3|010203"), "a proxy hands it on as it is");
    }

    [Test]
    public async Task UnsupportedTypeOfTheApplicationHasNoAcceptEncoding()
    {
        await using TestServer server = TestServer.Http(loopType, (_, _) => throw new BadRequestException(415, "only JSON"));
        (HttpStatusCode status, _, HttpResponseHeaders headers) = await Send(server, Form, "gzip", [1]);
        Assert.That((status, headers.Contains("Accept-Encoding")), Is.EqualTo((HttpStatusCode.UnsupportedMediaType, false)));
    }

    [TestCase("identity")]
    [TestCase("")]
    [TestCase("identity, Identity")]
    public async Task IdentityIsNoCoding(string coding)
    {
        await using TestServer server = Start(decompress: false);
        Assert.That((await Send(server, Form, coding, "a=1"u8.ToArray())).Body, Is.EqualTo("a=1"));
    }

    [Test]
    public async Task BodiesAreDecompressedIfTheWorkerSaysSo([ValueSource(nameof(Codings))] string coding)
    {
        await using TestServer server = Start(decompress: true);
        string name = coding.Replace("raw ", "", StringComparison.Ordinal);
        string text = new('x', 150_000);
        string file = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b\r\n"
            + $"Content-Disposition: form-data; name=f; filename=f\r\n\r\n{text}\r\n--b--";
        Assert.That((await Send(server, Form, name, Encode(coding, "a=1&b=2"))).Body, Is.EqualTo("a=1 b=2"));
        Assert.That((await Send(server, "application/json", name, Encode(coding, "{\"a\":1}"))).Body, Is.EqualTo("a=1"));
        Assert.That((await Send(server, MultipartForm, name, Encode(coding, file))).Body, Is.EqualTo($"a=1 f:{text.Length}"));
        Assert.That((await Send(server, "text/plain", name, Encode(coding, text), "/raw")).Body,
            Is.EqualTo($"|{text.Length}|{Convert.ToHexString(Encoding.ASCII.GetBytes(text))}"));
        // However it is cut and framed.
        byte[] coded = Encode(coding, text);
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            string head = $"POST /length HTTP/1.1\r\nHost: a\r\nContent-Encoding: {name}\r\n";
            client.Send([.. Encoding.Latin1.GetBytes($"{head}Content-Length: {coded.Length}\r\n\r\n"), .. coded], fragmentation);
            Assert.That(client.ReadResponse().Body, Is.EqualTo($"{text.Length} {text.Length}"), $"{fragmentation}");
            client.Send([.. Encoding.Latin1.GetBytes($"{head}Transfer-Encoding: chunked\r\n\r\n{coded.Length:x}\r\n"), .. coded,
                .. "\r\n0\r\n\r\n"u8], fragmentation);
            Assert.That(client.ReadResponse().Body, Is.EqualTo($"{text.Length} {text.Length}"), $"{fragmentation}");
        }
    }

    [Test]
    public async Task GzipMayHaveSeveralMembersAndABodyMayBeEmpty()
    {
        await using TestServer server = Start(decompress: true);
        byte[] members = [.. Encode("gzip", "a=1"), .. Encode("gzip", "&b=2")];
        Assert.That((await Send(server, Form, "gzip", members)).Body, Is.EqualTo("a=1 b=2"));
        Assert.That((await Send(server, Form, "gzip", Encode("gzip", ""))).Body, Is.Empty);
        Assert.That((await Send(server, Form, "gzip", [])).Body, Is.Empty);
        using RawClient client = server.Connect();
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        Assert.That(client.ReadResponse().Status, Is.EqualTo(200));
    }

    [Test]
    public async Task BrokenCodingIs400([ValueSource(nameof(Codings))] string coding)
    {
        await using TestServer server = Start(decompress: true);
        string name = coding.Replace("raw ", "", StringComparison.Ordinal);
        var random = new byte[2000];
        new Random(1).NextBytes(random);
        byte[] good = Encode(coding, "a=" + Convert.ToBase64String(random));
        for (int length = 1; length < good.Length; length += Math.Max(1, Math.Min(97, good.Length - length - 9)))
            Assert.That((await Send(server, "text/plain", name, good[..length], "/length")).Status,
                Is.EqualTo(HttpStatusCode.BadRequest), $"{length} of {good.Length}");
        if (!name.Contains("br", StringComparison.Ordinal))
            Assert.That((await Send(server, "text/plain", name, [0xFF, 0xFE, .. good], "/length")).Status,
                Is.EqualTo(HttpStatusCode.BadRequest));
    }

    /// <summary>
    /// Ten thousand times as much as came: it ends at the bound, whichever coding of several makes it so large.
    /// </summary>
    [Test]
    public async Task DecompressionBombIs413([Values("gzip", "deflate", "br", "gzip, gzip", "br, br")] string coding)
    {
        await using TestServer server =
            Start(decompress: true, worker => worker.OnConnect = connection => connection.MaxPackageSize = 1 << 20);
        byte[] bomb = Encode(coding, new string('x', 1 << 26));
        Assert.That(bomb, Has.Length.LessThan(1 << 20));
        foreach (string type in new[] { Form, MultipartForm, "text/plain" })
        {
            (HttpStatusCode status, string body, _) = await Send(server, type, coding, bomb);
            Assert.That((status, body), Is.EqualTo((HttpStatusCode.RequestEntityTooLarge,
                "413 Content Too Large: request body too large (HttpOptions.MaxRequestSize, TcpConnection.MaxPackageSize)\n")));
        }
        Assert.That((await Send(server, "text/plain", coding, Encode(coding, new string('x', (1 << 20) - 1000)), "/length")).Body,
            Is.EqualTo($"{(1 << 20) - 1000} {(1 << 20) - 1000}"));
    }

    private static async Task<(HttpStatusCode Status, string Body, HttpResponseHeaders Headers)> Send(TestServer server,
        string type, string coding, byte[] body, string path = "/")
    {
        using var client = new HttpClient();
        using var content = new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        content.Headers.TryAddWithoutValidation("Content-Encoding", coding);
        using HttpResponseMessage response = await client.PostAsync(new Uri(server.Uri, path), content);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers);
    }

    private static byte[] Encode(string codings, string text) =>
        codings.Split(',').Aggregate(Encoding.Latin1.GetBytes(text), (bytes, coding) =>
        {
            using var output = new MemoryStream();
            Stream? encoder = coding.Trim().ToUpperInvariant() switch
            {
                "BR" => new BrotliStream(output, CompressionLevel.Fastest),
                "DEFLATE" => new ZLibStream(output, CompressionLevel.Fastest),
                "RAW DEFLATE" => new DeflateStream(output, CompressionLevel.Fastest),
                "IDENTITY" => null,
                _ => new GZipStream(output, CompressionLevel.Fastest),
            };
            if (encoder is null) return bytes;
            using (encoder) encoder.Write(bytes);
            return output.ToArray();
        });

    private TestServer Start(bool decompress, Action<Worker>? setUp = null) => TestServer.Http(loopType, Answer, worker =>
    {
        worker.Options.Http.DecompressRequests = decompress;
        setUp?.Invoke(worker);
    });

    private static void Answer(TcpConnection connection, Request request)
    {
        if (request.Path == "/raw")
        {
            string body = Convert.ToHexString(request.RawBody.Span);
            connection.Send($"{request.Header("content-encoding")}|{request.Header("content-length")}|{body}");
        }
        else if (request.Path == "/length") connection.Send($"{request.Header("content-length")} {request.BodyLength}");
        else
            connection.Send(string.Join(' ', request.Post().Fields.Select(f => $"{f.Key}={f.Value}")
                .Concat(request.File().Fields.Select(f => $"{f.Key}:{f.Value.Size}"))));
    }
}
