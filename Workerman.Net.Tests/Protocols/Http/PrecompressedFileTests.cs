using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Compressed copies beside the files of a folder: who gets which, and what is said of them.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class PrecompressedFileTests(Type loopType)
{
    private const string Plain = "the original, which is the longest";

    private TemporaryFolder _folder = null!;

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TemporaryFolder();
        foreach (string name in new[] { "all.js", "gzip.txt", "none.txt" }) _folder.Write($"public/{name}", Plain);
        _folder.Write("public/all.js.br", "brotli");
        _folder.Write("public/all.js.zst", "zstandard");
        _folder.Write("public/all.js.gz", "gzip");
        _folder.Write("public/gzip.txt.gz", "gzip");
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase("/all.js", null, "")]
    [TestCase("/all.js", "", "")]
    [TestCase("/all.js", "gzip, deflate, br, zstd", "br")]
    [TestCase("/all.js", "gzip, zstd", "zstd")]
    [TestCase("/all.js", "gzip", "gzip")]
    [TestCase("/all.js", "x-gzip", "gzip")]
    [TestCase("/all.js", "deflate", "")]
    [TestCase("/all.js", "*", "br")]
    [TestCase("/all.js", "*;q=0.1, br;q=0", "zstd")]
    [TestCase("/all.js", "*;q=0", "")]
    [TestCase("/all.js", "br;q=0.5, gzip;q=0.8, zstd;q=0.1", "gzip")]
    [TestCase("/all.js", "BR;Q=0.001", "br")]
    [TestCase("/all.js", "br;q=0, gzip;q=0, zstd;q=0", "")]
    [TestCase("/all.js", "identity;q=0, gzip;q=0.1", "gzip")]
    [TestCase("/all.js", "identity, br;q=0.5", "")]
    [TestCase("/all.js", "identity;q=0.5, br;q=0.5", "br")]
    [TestCase("/all.js", "identity;q=0.6, br;q=0.5, gzip", "gzip")]
    [TestCase("/gzip.txt", "br, gzip;q=0.1", "gzip")]
    [TestCase("/gzip.txt", "br, zstd", "")]
    [TestCase("/gzip.txt", "br, gzip;q=0.5, identity;q=0.8", "")]
    [TestCase("/gzip.txt", "identity;q=0, br", "")]
    public async Task ClientsWeightsDecide(string path, string? accepted, string coding)
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        (int status, string head, string body) = client.Send(Request(path, accepted)).ReadResponse();
        string expected = coding switch { "br" => "brotli", "zstd" => "zstandard", "gzip" => "gzip", _ => Plain };
        Assert.That((status, body, Field(head, "Content-Encoding")), Is.EqualTo((200, expected, coding)));
        Assert.That(Field(head, "Vary"), Is.EqualTo("Accept-Encoding"), "whoever asks");
        Assert.That(Field(head, "Content-Type"),
            Does.StartWith(path == "/all.js" ? "text/javascript;charset=utf-8" : "text/plain;charset=utf-8"));
        Assert.That(head, Does.Contain("\r\nAccept-Ranges: bytes\r\n").And.Not.Contain("Content-Disposition"));
        string ofHead = client.Send(Request(path, accepted, method: "HEAD")).ReadResponse(headOnly: true).Head;
        Assert.That(Without(ofHead, "Date"), Is.EqualTo(Without(head, "Date")), "HEAD is the head of GET");
    }

    [Test]
    public async Task FileWithoutCopiesDoesNotVary()
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        (_, string head, string body) = client.Send(Request("/none.txt", "gzip, br")).ReadResponse();
        Assert.That((body, Field(head, "Vary"), Field(head, "Content-Encoding")), Is.EqualTo((Plain, "", "")));
    }

    [Test]
    public async Task EachRepresentationHasValidatorsOfItsOwn(
        [ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        string?[] accepted = [null, "br", "zstd", "gzip"];
        foreach (string? one in accepted) client.Send(Request("/all.js", one), fragmentation);
        string[] tags = [.. accepted.Select(_ => Field(client.ReadResponse().Head, "ETag"))];
        Assert.That(tags, Is.Unique.And.All.StartsWith("\""));
        for (int i = 0; i < accepted.Length; i++)
        {
            for (int j = 0; j < tags.Length; j++)
            {
                string head = client.Send(Request("/all.js", accepted[i], $"If-None-Match: {tags[j]}\r\n"))
                    .ReadResponse(headOnly: i == j).Head;
                Assert.That(head, Does.StartWith(i == j ? "HTTP/1.1 304" : "HTTP/1.1 200"));
                Assert.That((Field(head, "Vary"), Field(head, "ETag")), Is.EqualTo(("Accept-Encoding", tags[i])));
            }
        }
    }

    [Test]
    public async Task PartsAreThoseOfTheEncodedRepresentation()
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        string tag = Field(client.Send(Request("/all.js", "br")).ReadResponse().Head, "ETag");
        string other = Field(client.Send(Request("/all.js", "gzip")).ReadResponse().Head, "ETag");
        (int status, string head, string body) = client.Send(Request("/all.js", "br", "Range: bytes=1-3\r\n")).ReadResponse();
        Assert.That((status, body, Field(head, "Content-Range"), Field(head, "Content-Encoding"), Field(head, "Vary"),
            Field(head, "ETag")),
            Is.EqualTo((206, "rot", "bytes 1-3/6", "br", "Accept-Encoding", tag)));
        Assert.That(client.Send(Request("/all.js", "br", $"Range: bytes=1-3\r\nIf-Range: {tag}\r\n")).ReadResponse().Body,
            Is.EqualTo("rot"));
        Assert.That(client.Send(Request("/all.js", "br", $"Range: bytes=1-3\r\nIf-Range: {other}\r\n")).ReadResponse().Body,
            Is.EqualTo("brotli"));
        (status, head, _) = client.Send(Request("/all.js", "br", "Range: bytes=6-\r\n")).ReadResponse();
        Assert.That((status, Field(head, "Content-Range"), Field(head, "Content-Encoding"), Field(head, "Vary")),
            Is.EqualTo((416, "bytes */6", "", "Accept-Encoding")));
        Assert.That(client.Send(Request("/all.js", null, "Range: bytes=4-11\r\n")).ReadResponse().Body, Is.EqualTo(Plain[4..12]));
    }

    [Test]
    public async Task CopyThatIsOlderThanItsFileIsNotUsed()
    {
        var later = new DateTime(2026, 1, 2, 3, 4, 6, DateTimeKind.Utc);
        _folder.Write("public/gzip.txt", "new", later);
        _folder.Write("public/all.js.br", "fresh", later);
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        (_, string head, string body) = client.Send(Request("/gzip.txt", "gzip")).ReadResponse();
        Assert.That((body, Field(head, "Vary"), Field(head, "Content-Encoding")), Is.EqualTo(("new", "", "")));
        Assert.That(client.Send(Request("/all.js", "br")).ReadResponse().Body, Is.EqualTo("fresh"));
    }

    [Test]
    [Platform(Exclude = "Win")]
    public async Task CopyThatWouldNotBeServedByItsOwnNameIsNotUsed()
    {
        _folder.Write("secret", "secret");
        _folder.Write("public/.hidden", "secret");
        _folder.Write("public/folder.txt", Plain);
        _folder.Write("public/folder.txt.gz/x", "x");
        _folder.Write("public/empty.txt", Plain);
        _folder.Write("public/empty.txt.gz", "");
        foreach ((string name, string target) in new[] { ("out", "../secret"), ("dot", ".hidden"), ("gone", "nowhere"),
            ("in", "gzip.txt.gz") })
        {
            _folder.Write($"public/{name}.txt", Plain);
            File.CreateSymbolicLink(_folder.PathOf($"public/{name}.txt.gz"), target);
        }
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        foreach (string name in new[] { "out", "dot", "gone", "folder", "empty" })
        {
            (int status, string head, string body) = client.Send(Request($"/{name}.txt", "gzip")).ReadResponse();
            Assert.That((status, body, Field(head, "Vary")), Is.EqualTo((200, Plain, "")), name);
        }
        Assert.That(client.Send(Request("/in.txt", "gzip")).ReadResponse().Body, Is.EqualTo("gzip"),
            "a link within the folder is as good as a file");
    }

    [Test]
    public async Task IndexFileHasCopiesToo()
    {
        _folder.Write("public/index.html", Plain);
        _folder.Write("public/index.html.br", "brotli");
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        (_, string head, string body) = client.Send(Request("/", "br")).ReadResponse();
        Assert.That((body, Field(head, "Content-Type")), Is.EqualTo(("brotli", "text/html;charset=utf-8")));
    }

    [Test]
    public async Task CopyByItsOwnNameIsAFile()
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        (_, string head, string body) = client.Send(Request("/all.js.gz", "gzip")).ReadResponse();
        Assert.That((body, Field(head, "Content-Type"), Field(head, "Content-Encoding"), Field(head, "Vary")),
            Is.EqualTo(("gzip", "application/gzip", "", "")));
    }

    [Test]
    public async Task ApplicationsFieldsWin()
    {
        var files = new StaticFiles(_folder.PathOf("public"));
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            Response response = files.Serve(request).WithHeader("Vary", "Cookie").WithHeader("ETag", "\"own\"");
            connection.Send(request.QueryString == "coded" ? response.WithHeader("Content-Encoding", "aes128gcm") : response);
        });
        using RawClient client = server.Connect();
        (_, string head, string body) = client.Send(Request("/all.js", "br")).ReadResponse();
        Assert.That((body, Field(head, "ETag"), head.Contains("\r\nVary: Cookie\r\n"),
            head.Contains("\r\nVary: Accept-Encoding\r\n")), Is.EqualTo(("brotli", "W/\"own\"", true, true)));
        Assert.That(client.Send(Request("/all.js", null)).ReadResponse().Head, Does.Contain("\r\nETag: \"own\"\r\n"));
        (_, head, body) = client.Send(Request("/all.js?coded", "br")).ReadResponse();
        Assert.That((body, Field(head, "Content-Encoding")), Is.EqualTo((Plain, "aes128gcm")));
    }

    [Test]
    public async Task CanBeSwitchedOff()
    {
        await using TestServer server = Serve(files => files.Precompressed = false);
        using RawClient client = server.Connect();
        (_, string head, string body) = client.Send(Request("/all.js", "br")).ReadResponse();
        Assert.That((body, Field(head, "Vary"), Field(head, "Content-Encoding")), Is.EqualTo((Plain, "", "")));
    }

    private TestServer Serve(Action<StaticFiles>? setUp = null)
    {
        var files = new StaticFiles(_folder.PathOf("public"));
        setUp?.Invoke(files);
        return TestServer.Http(loopType, (connection, request) => connection.Send(files.Serve(request)));
    }

    private static string Without(string head, string name) =>
        string.Join('\n', head.Split("\r\n").Where(line => !line.StartsWith(name + ": ", StringComparison.Ordinal)));

    private static string Field(string head, string name) =>
        head.Split("\r\n")
            .FirstOrDefault(line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase))?[(name.Length + 2)..] ?? "";

    private static string Request(string path, string? accepted, string fields = "", string method = "GET") =>
        $"{method} {path} HTTP/1.1\r\nHost: a\r\n{(accepted is null ? "" : $"Accept-Encoding: {accepted}\r\n")}{fields}\r\n";
}
