using System.IO.Compression;
using System.Net;
using System.Text;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Compressed bodies: who gets which coding, what is left alone, and what caches are told.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class CompressionTests(Type loopType)
{
    private static readonly string Long = string.Concat(Enumerable.Range(0, 1000).Select(i => $"line {i} \u00e9\n"));

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [TestCase(null, ContentCoding.Identity)]
    [TestCase("", ContentCoding.Identity)]
    [TestCase("gzip", ContentCoding.Gzip)]
    [TestCase("X-GZip", ContentCoding.Gzip)]
    [TestCase("br", ContentCoding.Brotli)]
    [TestCase("gzip, deflate, br, zstd", ContentCoding.Brotli)]
    [TestCase("gzip;q=1.0, br;q=0.9", ContentCoding.Gzip)]
    [TestCase("gzip;q=0.5,br ; q=0.501", ContentCoding.Brotli)]
    [TestCase("br;q=0, gzip", ContentCoding.Gzip)]
    [TestCase("br;q=0.000, gzip;Q=0", ContentCoding.Identity)]
    [TestCase("*", ContentCoding.Brotli)]
    [TestCase("*;q=0.1, br;q=0", ContentCoding.Gzip)]
    [TestCase("*;q=0", ContentCoding.Identity)]
    [TestCase("identity;q=0.5, *;q=0", ContentCoding.Identity)]
    [TestCase("identity, gzip;q=0.5", ContentCoding.Identity)]
    [TestCase("identity;q=0.5, gzip;q=0.5", ContentCoding.Gzip)]
    [TestCase("deflate, zstd", ContentCoding.Identity)]
    [TestCase("gzip;q=2", ContentCoding.Identity)]
    [TestCase("gzip;q=abc", ContentCoding.Identity)]
    [TestCase("gzip;q=-1", ContentCoding.Identity)]
    [TestCase("gzip;level=9", ContentCoding.Identity)]
    [TestCase(",,gzip,", ContentCoding.Gzip)]
    public void ClientsWeightsDecide(string? field, object expected) =>
        Assert.That(AcceptEncoding.Parse(field).Choose(), Is.EqualTo(expected));

    [Test]
    public async Task TextIsCompressedForWhoeverTakesIt([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server =
            Serve(() => new Response(200, new() { ["ETag"] = "\"v1\"", ["Vary"] = "Origin" }, Long).WithCompression());
        using RawClient client = server.Connect();
        client.Send(Get("gzip") + Get("br") + Get("identity") + Get(null), fragmentation);
        foreach (string coding in new[] { "gzip", "br", "", "" })
        {
            (_, string head, string body) = client.ReadResponse();
            Assert.That(Decompress(coding, body), Is.EqualTo(Long), coding);
            Assert.That(Field(head, "Content-Encoding"), Is.EqualTo(coding));
            Assert.That(head, Does.Contain("\r\nVary: Origin\r\n").And.Contain("\r\nVary: Accept-Encoding\r\n"));
            Assert.That(Field(head, "ETag"), Is.EqualTo(coding.Length == 0 ? "\"v1\"" : "W/\"v1\""));
            if (coding.Length > 0) Assert.That(body, Has.Length.LessThan(Long.Length / 2));
        }
    }

    [Test]
    public async Task HeadHasTheSameFields()
    {
        await using TestServer server = Serve(() => new Response(200, null, Long).WithCompression());
        using RawClient client = server.Connect();
        string get = client.Send(Get("gzip")).ReadResponse().Head;
        string head = client.Send(Get("gzip").Replace("GET", "HEAD")).ReadResponse(headOnly: true).Head;
        Assert.That((Field(head, "Content-Length"), Field(head, "Content-Encoding")),
            Is.EqualTo((Field(get, "Content-Length"), "gzip")));
    }

    [TestCase("gzip")]
    [TestCase("br")]
    public async Task HarderIsSmaller(string coding)
    {
        var lengths = new List<int>();
        foreach ((int gzip, int brotli) in ((int, int)[])[(1, 0), (9, 11)])
        {
            await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send(Long), worker =>
            {
                worker.Options.Http.Compression = true;
                worker.Options.Http.GzipLevel = gzip;
                worker.Options.Http.BrotliQuality = brotli;
            });
            using RawClient client = server.Connect();
            (_, _, string body) = client.Send(Get(coding)).ReadResponse();
            Assert.That(Decompress(coding, body), Is.EqualTo(Long));
            lengths.Add(body.Length);
        }
        Assert.That(lengths[1], Is.LessThan(lengths[0]));
    }

    [Test]
    public void LevelsHaveBounds()
    {
        var options = new HttpOptions();
        Assert.That((options.GzipLevel, options.BrotliQuality), Is.EqualTo((1, 1)));
        Assert.That(() => options.GzipLevel = 0, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => options.GzipLevel = 10, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => options.BrotliQuality = -1, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => options.BrotliQuality = 12, Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    private static IEnumerable<TestCaseData> LeftAlone()
    {
        yield return Case("off by default", () => new Response(200, null, Long), varies: false);
        yield return Case("too short", () => new Response(200, null, "short").WithCompression(), varies: false);
        yield return Case("too long", () => new Response(200, null, new string('x', Compression.MaxSize + 1)).WithCompression(),
            varies: false);
        yield return Case("a picture", () => new Response(200, new() { ["Content-Type"] = "image/png" }, Long).WithCompression(),
            varies: false);
        yield return Case("encoded already",
            () => new Response(200, new() { ["Content-Encoding"] = "zstd" }, Long).WithCompression(), varies: false);
        yield return Case("a range", () => new Response(206, new() { ["Content-Range"] = "bytes 0-1/2" }, Long).WithCompression(),
            varies: false);
        yield return Case("not to be transformed",
            () => new Response(200, new() { ["Cache-Control"] = "public, no-transform" }, Long).WithCompression(), varies: false);
        yield return Case("noise", () => new Response(200, null, Noise()).WithCompression(), varies: true);

        static TestCaseData Case(string name, Func<Response> response, bool varies) =>
            new TestCaseData(response, varies).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(LeftAlone))]
    public async Task SomeBodiesAreLeftAlone(Func<Response> response, bool varies)
    {
        await using TestServer server = Serve(response);
        using RawClient client = server.Connect();
        (_, string head, string body) = client.Send(Get("gzip, br")).ReadResponse();
        Assert.That(Encoding.Latin1.GetBytes(body).AsSpan().SequenceEqual(response().RawBody.Span));
        Assert.That(Field(head, "Content-Encoding"), Is.Not.AnyOf("gzip", "br"));
        Assert.That(Field(head, "Vary"), Is.EqualTo(varies ? "Accept-Encoding" : ""));
    }

    [Test]
    public async Task WorkerMayCompressEverythingButEventsChunksAndFiles()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("long.txt", Long);
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            switch (request.Path)
            {
                case "/text":
                    connection.Send(Long);
                    break;
                case "/bytes":
                    connection.Send(Encoding.UTF8.GetBytes(Long));
                    break;
                case "/not":
                    connection.Send(new Response(200, null, Long).WithCompression(false));
                    break;
                case "/file":
                    connection.Send(new Response().WithFile(path));
                    break;
                case "/chunks":
                    connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, Long));
                    connection.Send(new Chunk(""));
                    break;
                default:
                    connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }));
                    connection.End(new ServerSentEvents { Data = Long });
                    break;
            }
        }, worker => worker.Options.Http.Compression = true);
        using var client = new HttpClient { BaseAddress = server.Uri };
        client.DefaultRequestHeaders.Add("Accept-Encoding", "gzip");
        foreach (string compressed in new[] { "/text", "/bytes" })
        {
            using HttpResponseMessage response = await client.GetAsync(compressed);
            Assert.That(response.Content.Headers.ContentEncoding, Is.EqualTo(new[] { "gzip" }), compressed);
            Assert.That(Decompress("gzip", Encoding.Latin1.GetString(await response.Content.ReadAsByteArrayAsync())),
                Is.EqualTo(Long));
        }
        foreach (string plain in new[] { "/not", "/file", "/chunks", "/events" })
        {
            using HttpResponseMessage response = await client.GetAsync(plain);
            Assert.That(response.Content.Headers.ContentEncoding, Is.Empty, plain);
            Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("line 999"));
        }
    }

    [Test]
    public async Task HttpClientDecompresses()
    {
        await using TestServer server =
            Serve(() => new Response(200, new() { ["Content-Type"] = "application/problem+json" }, Long).WithCompression());
        foreach (DecompressionMethods method in new[] { DecompressionMethods.GZip, DecompressionMethods.Brotli,
            DecompressionMethods.All })
        {
            using var client = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = method });
            Assert.That(await client.GetStringAsync(server.Uri), Is.EqualTo(Long));
        }
    }

    private TestServer Serve(Func<Response> response) =>
        TestServer.Http(loopType, (connection, _) => connection.Send(response()));

    private static byte[] Noise()
    {
        byte[] noise = new byte[5000];
        new Random(1).NextBytes(noise);
        return noise;
    }

    private static string Get(string? acceptEncoding) =>
        $"GET / HTTP/1.1\r\nHost: a\r\n{(acceptEncoding is null ? "" : $"Accept-Encoding: {acceptEncoding}\r\n")}\r\n";

    private static string Field(string head, string name) =>
        head.Split("\r\n")
            .LastOrDefault(line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..] ?? "";

    private static string Decompress(string coding, string body)
    {
        var bytes = new MemoryStream(Encoding.Latin1.GetBytes(body));
        using Stream stream = coding switch
        {
            "gzip" => new GZipStream(bytes, CompressionMode.Decompress),
            "br" => new BrotliStream(bytes, CompressionMode.Decompress),
            _ => bytes,
        };
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
