using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Text;
using System.Text.Json;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>
/// The entry for the public arena MDA2AV/HttpArena as a program of its own, on a data folder in the arena's form: what its
/// load generators send, and what its validation asks for.
/// </summary>
[Platform("Linux,MacOSX")]
internal sealed class HttpArenaTests
{
    private const string Get = "GET /baseline11?a=13&b=42 HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";

    private const string Post =
        "POST /baseline11?a=13&b=42 HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 2\r\n\r\n20";

    private const string Chunked = "POST /baseline11?a=13&b=42 HTTP/1.1\r\nHost: localhost:8080\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n2\r\n20\r\n0\r\n\r\n";

    /// <summary>The arena's twenty, by name and media type; those of text have compressed copies.</summary>
    private static readonly (string Name, string Type)[] Files =
    [
        ("reset.css", "text/css"), ("layout.css", "text/css"), ("theme.css", "text/css"), ("components.css", "text/css"),
        ("utilities.css", "text/css"), ("analytics.js", "text/javascript"), ("helpers.js", "text/javascript"),
        ("app.js", "text/javascript"), ("vendor.js", "text/javascript"), ("router.js", "text/javascript"),
        ("header.html", "text/html"), ("footer.html", "text/html"), ("regular.woff2", "font/woff2"),
        ("bold.woff2", "font/woff2"), ("logo.svg", "image/svg+xml"), ("icon-sprite.svg", "image/svg+xml"),
        ("hero.webp", "image/webp"), ("thumb1.webp", "image/webp"), ("thumb2.webp", "image/webp"),
        ("manifest.json", "application/json"),
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly IPEndPoint _encrypted = new(IPAddress.Loopback, Peer.UnusedPort());
    private ServerProcess _server = null!;

    private static IEnumerable<Fragmentation> Cuts => Fragmentation.All;

    [OneTimeSetUp]
    public void Start()
    {
        _folder.Write("dataset.json", Dataset());
        foreach ((string name, string type) in Files) WriteFile(name, !type.StartsWith("image/w") && !type.StartsWith("font/"));
        _folder.Write("server.crt", Certificates.Default.Server.ExportCertificatePem());
        _folder.Write("server.key", Certificates.KeyPem(Certificates.Default.Server));
        _server = ServerProcess.Run("env", $"DATA={_folder.Path}", $"CERTS={_folder.Path}", "dotnet",
            Repository.ProgramOf(Path.Combine("Workerman.Net.Benchmarks", "HttpArena"), "HttpArena"),
            "http://127.0.0.1:0", $"https://{_encrypted}").WaitForStart();
    }

    [OneTimeTearDown]
    public void Stop()
    {
        try
        {
            _server.Signal(15);
            Assert.That(_server.WaitForExit(), Is.Zero);
        }
        finally
        {
            _server.Dispose();
            _folder.Dispose();
        }
    }

    /// <summary>baseline, limited-conn: the three requests in turn on one connection, ten of them, and then it is left.</summary>
    [TestCaseSource(nameof(Cuts))]
    public void SumsTheQueryAndTheBody(Fragmentation cut)
    {
        using var client = new RawClient(_server.EndPoint);
        for (int i = 0; i < 10; i++)
        {
            (string request, string sum) = (i % 3) switch { 0 => (Get, "55"), 1 => (Post, "75"), _ => (Chunked, "75") };
            (int status, string head, string body) = client.Send(request, cut).ReadResponse();
            Assert.That((status, body), Is.EqualTo((200, sum)));
            Assert.That(head, Does.Contain("Content-Type: text/plain"));
        }
    }

    [Test]
    public void EachSumIsOfItsOwnNumbers()
    {
        using var client = new RawClient(_server.EndPoint);
        for (int a = 100; a < 120; a++)
        {
            string request = $"POST /baseline11?a={a}&b=-7 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{a + 500}";
            Assert.That(client.Send(request).ReadResponse().Body, Is.EqualTo($"{2 * a + 493}"));
        }
    }

    /// <summary>pipelined: sixteen requests in one write, and their answers in order of the bytes.</summary>
    [Test]
    public void AnswersRequestsThatComeTogether()
    {
        const string Request = "GET /pipeline HTTP/1.1\r\nHost: localhost:8080\r\n\r\n";
        using var client = new RawClient(_server.EndPoint);
        client.Send(string.Concat(Enumerable.Repeat(Request, 16)) + Get);
        for (int i = 0; i < 16; i++)
        {
            (int status, string head, string body) = client.ReadResponse();
            Assert.That((status, body), Is.EqualTo((200, "ok")));
            Assert.That(head, Does.Contain("Content-Type: text/plain"));
        }
        Assert.That(client.ReadResponse().Body, Is.EqualTo("55"));
    }

    /// <summary>json: as many items as asked for, of what there are, each with its total.</summary>
    [TestCase(1, 3)]
    [TestCase(12, 3)]
    [TestCase(31, 2)]
    [TestCase(50, 5)]
    [TestCase(60, 1)]
    public void ItemsHaveTheirTotals(int count, int factor)
    {
        using var client = new RawClient(_server.EndPoint);
        (int status, string head, string body) =
            client.Send($"GET /json/{count}?m={factor} HTTP/1.1\r\nHost: localhost:8080\r\n\r\n").ReadResponse();
        Assert.That(status, Is.EqualTo(200), body);
        Assert.That(head, Does.Contain("Content-Type: application/json").And.Not.Contain("Content-Encoding"));
        AssertItems(body, Math.Min(count, 50), factor);
    }

    /// <summary>json-comp: in what the client takes, and in nothing where it says nothing.</summary>
    [TestCase("gzip, br", "br", 25, 3)]
    [TestCase("gzip", "gzip", 40, 7)]
    [TestCase("br;q=0, gzip;q=0.5", "gzip", 50, 2)]
    [TestCase("identity", null, 50, 1)]
    [TestCase(null, null, 50, 1)]
    public async Task ItemsAreCompressedForThoseWhoTakeIt(string? accepted, string? coding, int count, int factor)
    {
        using HttpClient client = Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/json/{count}?m={factor}");
        if (accepted is not null) request.Headers.Add("Accept-Encoding", accepted);
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.That(response.Content.Headers.ContentEncoding, Is.EqualTo(coding is null ? [] : new[] { coding }));
        AssertItems(Encoding.UTF8.GetString(await Decoded(response)), count, factor);
    }

    /// <summary>json-tls: HTTP/1.1 agreed on by ALPN.</summary>
    [Test]
    public void SpeaksHttp11OverTls()
    {
        SslClientAuthenticationOptions options = TlsClient.Options();
        options.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
        using TlsClient client = new TlsClient(_encrypted).Authenticate(options);
        Assert.That(client.Stream.NegotiatedApplicationProtocol, Is.EqualTo(SslApplicationProtocol.Http11));
        foreach ((int count, int factor) in new[] { (7, 2), (23, 11), (50, 1) })
        {
            client.Send($"GET /json/{count}?m={factor} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            AssertItems(client.ReadResponse(), count, factor);
        }
    }

    /// <summary>upload: what was read is counted, up to the arena's largest.</summary>
    [TestCase(17)]
    [TestCase(500 * 1024)]
    [TestCase(2 * 1024 * 1024)]
    [TestCase(20 * 1024 * 1024)]
    public async Task CountsWhatWasUploaded(int size)
    {
        byte[] data = new byte[size];
        new Random(size).NextBytes(data);
        using HttpClient client = Client();
        using var content = new ByteArrayContent(data) { Headers = { ContentType = new("application/octet-stream") } };
        using HttpResponseMessage response = await client.PostAsync("/upload", content);
        Assert.That(await response.Content.ReadAsStringAsync(), Is.EqualTo($"{size}"));
    }

    /// <summary>static: media types, sizes, and the compressed copies of the files of text.</summary>
    [TestCase("br;q=1, gzip;q=0.8", "br")]
    [TestCase("gzip", "gzip")]
    [TestCase(null, null)]
    public async Task SendsFilesOrTheirCompressedCopies(string? accepted, string? coding)
    {
        using HttpClient client = Client();
        foreach ((string name, string type) in Files)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/static/{name}");
            if (accepted is not null) request.Headers.Add("Accept-Encoding", accepted);
            using HttpResponseMessage response = await client.SendAsync(request);
            bool isCopy = coding is not null && File.Exists(_folder.PathOf($"static/{name}.gz"));
            Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), name);
            Assert.That(response.Content.Headers.ContentType!.MediaType, Is.EqualTo(type), name);
            Assert.That(response.Content.Headers.ContentEncoding, Is.EqualTo(isCopy ? new[] { coding } : []), name);
            Assert.That(await Decoded(response), Is.EqualTo(File.ReadAllBytes(_folder.PathOf($"static/{name}"))), name);
        }
        using HttpResponseMessage none = await client.GetAsync("/static/nonexistent.txt");
        Assert.That(none.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    /// <summary>echo-ws: text, bytes, several at once, and the end in order.</summary>
    [TestCaseSource(nameof(Cuts))]
    public void WebSocketSendsBackWhatItReceives(Fragmentation cut)
    {
        using var client = new FrameClient(_server.EndPoint, path: "/ws");
        Assert.That(client.Send(FrameClient.TextFrame("größer"), cut).ReadText(), Is.EqualTo("größer"));
        byte[] data = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        (int first, byte[] payload) = client.Send(FrameClient.Frame(0x80 | FrameClient.Binary, data), cut).ReadFrame();
        Assert.That((first, payload), Is.EqualTo((0x80 | FrameClient.Binary, data)));
        client.Send([.. Enumerable.Range(0, 5).SelectMany(i => FrameClient.TextFrame($"message {i}"))], cut);
        for (int i = 0; i < 5; i++) Assert.That(client.ReadText(), Is.EqualTo($"message {i}"));
        Assert.That(client.Send(FrameClient.CloseFrame(1000, "validate done"), cut).ReadClose().Code, Is.EqualTo(1000));
    }

    [TestCase("/ws", 426)]
    [TestCase("/nothing", 404)]
    [TestCase("/json/many", 404)]
    [TestCase("/baseline11?a=x&b=1", 400)]
    public void OtherRequestsAreRefused(string target, int status)
    {
        using var client = new RawClient(_server.EndPoint);
        Assert.That(client.Send($"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Status, Is.EqualTo(status));
        Assert.That(client.Send(Get).ReadResponse().Body, Is.EqualTo("55"), "the connection goes on");
    }

    private static void AssertItems(string json, int count, int factor)
    {
        using JsonDocument answer = JsonDocument.Parse(json);
        Assert.That(answer.RootElement.GetProperty("count").GetInt32(), Is.EqualTo(count));
        JsonElement[] items = [.. answer.RootElement.GetProperty("items").EnumerateArray()];
        Assert.That(items, Has.Length.EqualTo(count));
        foreach ((int index, JsonElement item) in items.Index())
        {
            Assert.That(item.GetProperty("id").GetInt32(), Is.EqualTo(index + 1));
            Assert.That(item.GetProperty("total").GetInt64(), Is.EqualTo(
                (long)item.GetProperty("price").GetInt32() * item.GetProperty("quantity").GetInt32() * factor));
            Assert.That(item.GetProperty("tags").GetArrayLength(), Is.EqualTo(2));
            Assert.That(item.GetProperty("rating").GetProperty("score").GetInt32(), Is.EqualTo(index));
            Assert.That(item.GetProperty("active").GetBoolean(), Is.EqualTo(index % 2 == 0));
        }
    }

    /// <summary>Fifty items, as many as the arena's.</summary>
    private static string Dataset() => JsonSerializer.Serialize(Enumerable.Range(1, 50).Select(id => new
    {
        id,
        name = $"Widget {id}",
        category = "tools",
        price = id * 7,
        quantity = id % 9,
        active = id % 2 == 1,
        tags = new[] { "sale", "new" },
        rating = new { score = id - 1, count = id * 3 },
    }));

    private static async Task<byte[]> Decoded(HttpResponseMessage response)
    {
        await using Stream body = await response.Content.ReadAsStreamAsync();
        await using Stream plain = response.Content.Headers.ContentEncoding.SingleOrDefault() switch
        {
            "br" => new BrotliStream(body, CompressionMode.Decompress),
            "gzip" => new GZipStream(body, CompressionMode.Decompress),
            _ => body,
        };
        using var bytes = new MemoryStream();
        await plain.CopyToAsync(bytes);
        return bytes.ToArray();
    }

    private HttpClient Client() => new() { BaseAddress = new Uri($"http://{_server.EndPoint}"), Timeout = Wait.Limit };

    private void WriteFile(string name, bool isText)
    {
        string text = string.Concat(Enumerable.Range(0, 300).Select(i => $"{name} line {i}\n"));
        string path = _folder.Write($"static/{name}", text);
        if (!isText) return;
        using var brotli = new BrotliStream(File.Create(path + ".br"), CompressionLevel.Fastest);
        brotli.Write(Encoding.UTF8.GetBytes(text));
        using var gzip = new GZipStream(File.Create(path + ".gz"), CompressionLevel.Fastest);
        gzip.Write(Encoding.UTF8.GetBytes(text));
    }
}
