using System.Text;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Which files say their charset, and who decides about it.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class FileCharsetTests(Type loopType)
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase("a.txt", "x", "text/plain;charset=utf-8")]
    [TestCase("a.html", "x", "text/html;charset=utf-8")]
    [TestCase("a.CSS", "x", "text/css;charset=utf-8")]
    [TestCase("a.js", "x", "text/javascript;charset=utf-8")]
    [TestCase("a.mjs", "x", "text/javascript;charset=utf-8")]
    [TestCase("a.md", "x", "text/markdown;charset=utf-8")]
    [TestCase("a.csv", "x", "text/csv;charset=utf-8")]
    [TestCase("a.txt", "", "text/plain;charset=utf-8")]
    [TestCase("a.json", "{}", "application/json")]
    [TestCase("a.map", "{}", "application/json")]
    [TestCase("a.webmanifest", "{}", "application/manifest+json")]
    [TestCase("a.png", "x", "image/png")]
    [TestCase("a.wasm", "x", "application/wasm")]
    [TestCase("a.pdf", "x", "application/pdf")]
    [TestCase("a.unheard-of", "x", "application/octet-stream")]
    [TestCase("a.svg", "<svg/>", "image/svg+xml;charset=utf-8")]
    [TestCase("a.xml", "<a/>", "application/xml;charset=utf-8")]
    [TestCase("a.xml", "\uFEFF<a/>", "application/xml;charset=utf-8")]
    [TestCase("a.xml", "\n<a/>", "application/xml;charset=utf-8")]
    [TestCase("a.xhtml", "<?xml version=\"1.0\"?><html/>", "application/xhtml+xml;charset=utf-8")]
    [TestCase("a.rss", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss/>", "application/rss+xml;charset=utf-8")]
    [TestCase("a.atom", "<?xml version='1.0' encoding = 'utf-8' standalone='yes'?><feed/>", "application/atom+xml;charset=utf-8")]
    [TestCase("a.xml", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a/>", "application/xml")]
    [TestCase("a.svg", "<?xml version='1.0' encoding='windows-1251'?><svg/>", "image/svg+xml")]
    [TestCase("a.xml", "<?xml version='1.0' encoding='", "application/xml")]
    [TestCase("a.xml", "", "application/xml")]
    [TestCase("a.xml", "no document", "application/xml")]
    public async Task FileHasTheTypeThatItsReadersNeed(string name, string text, string type)
    {
        string path = _folder.Write(name, text);
        var files = new StaticFiles(_folder.Path);
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
            connection.Send(request.Path == "/" ? new Response().WithFile(path) : files.Serve(request)));
        using RawClient client = server.Connect();
        foreach (string target in new[] { "/", "/" + name }) Assert.That(TypeOf(client, target), Is.EqualTo(type), target);
    }

    [Test]
    public async Task DocumentInUtf16SaysItselfWhatItIs()
    {
        await File.WriteAllTextAsync(_folder.PathOf("marked.xml"), "<a/>", Encoding.Unicode);
        await File.WriteAllBytesAsync(_folder.PathOf("bare.xml"),
            Encoding.Unicode.GetBytes("<?xml version=\"1.0\" encoding=\"UTF-16\"?><a/>"));
        var files = new StaticFiles(_folder.Path);
        await using TestServer server = TestServer.Http(loopType, (connection, request) => connection.Send(files.Serve(request)));
        using RawClient client = server.Connect();
        foreach (string target in new[] { "/marked.xml", "/bare.xml" })
            Assert.That(TypeOf(client, target), Is.EqualTo("application/xml"));
    }

    [TestCase("utf-8", null, "text/plain;charset=utf-8")]
    [TestCase("windows-1251", null, "text/plain;charset=windows-1251")]
    [TestCase("", null, "text/plain")]
    [TestCase("utf-8", "", "text/plain")]
    [TestCase("", "koi8-r", "text/plain;charset=koi8-r")]
    public async Task WorkerFolderAndFileDecide(string ofWorker, string? own, string type)
    {
        string path = _folder.Write("a.txt", "x");
        var files = new StaticFiles(_folder.Path) { Charset = own };
        await using TestServer server = TestServer.Http(
            loopType, (connection, request) =>
                connection.Send(request.Path == "/" ? new Response().WithFile(path, charset: own) : files.Serve(request)),
            worker => worker.Options.Http.FileCharset = ofWorker);
        using RawClient client = server.Connect();
        foreach (string target in new[] { "/", "/a.txt" }) Assert.That(TypeOf(client, target), Is.EqualTo(type), target);
    }

    [TestCase("Range: bytes=0-0", 206)]
    [TestCase("X: y", 200)]
    public async Task OwnTypeIsNeverTouchedAndPartsHaveTheTypeOfTheWhole(string fields, int status)
    {
        string path = _folder.Write("a.txt", "text");
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            Response response = new Response().WithFile(path);
            connection.Send(request.Path == "/own" ? response.WithHeader("content-type", "text/plain") : response);
        });
        using RawClient client = server.Connect();
        Assert.That(TypeOf(client, "/own", fields), Is.EqualTo("text/plain"));
        Assert.That(TypeOf(client, "/", fields, status), Is.EqualTo("text/plain;charset=utf-8"));
    }

    [TestCase("utf 8")]
    [TestCase("utf-8;x=y")]
    [TestCase("\"utf-8\"")]
    [TestCase("a\r\nb: c")]
    public void WhatIsNoCharsetThrows(string charset)
    {
        Assert.Throws<ArgumentException>(() => new HttpOptions().FileCharset = charset);
        Assert.Throws<ArgumentException>(() => new StaticFiles(_folder.Path).Charset = charset);
        Assert.Throws<ArgumentException>(() => new Response().WithFile(_folder.Path, charset: charset));
    }

    private static string TypeOf(RawClient client, string target, string fields = "X: y", int status = 200)
    {
        (int read, string head, _) = client.Send($"GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n").ReadResponse();
        if (target != "/own") Assert.That(read, Is.EqualTo(status));
        return head.Split("\r\n").Single(line => line.StartsWith("Content-Type: ", StringComparison.OrdinalIgnoreCase))[14..];
    }
}
