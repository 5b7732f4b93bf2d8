using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>A folder on the web: what is served, and all that is not.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class StaticFilesTests(Type loopType)
{
    private TemporaryFolder _folder = null!;

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TemporaryFolder();
        _folder.Write("public/index.html", "the index");
        _folder.Write("public/a.txt", "a file");
        _folder.Write("public/two words.txt", "spaces");
        _folder.Write("public/gr\u00fc\u00dfe \u20ac.txt", "greetings");
        _folder.Write("public/100%.txt", "percent");
        _folder.Write("public/sub/index.html", "sub index");
        _folder.Write("public/sub/b.css", "p {}");
        _folder.Write("public/empty/x.y", "no index");
        _folder.Write("public/.env", "secret");
        _folder.Write("public/.git/config", "secret");
        _folder.Write("public/sub/.hidden", "secret");
        _folder.Write("secret.txt", "secret");
        _folder.Write("public-too/secret.txt", "secret");
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public async Task LinksWithinTheFolderLeadToNoDotFile()
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("links need a privilege there");
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "public", "linkgit"), ".git");
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "public", "linkenv"), ".env");
        File.CreateSymbolicLink(Path.Combine(_folder.Path, "public", "linka"), "a.txt");
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        foreach (string path in new[] { "/linkgit/config", "/linkenv" })
            Assert.That(client.Send(Request(path)).ReadResponse().Status, Is.EqualTo(404), path);
        Assert.That(client.Send(Request("/linka")).ReadResponse().Body, Is.EqualTo("a file"));
    }

    [Test]
    public void FolderMayBeTheRoot()
    {
        var served = new Workerman.Protocols.Http.Files.ServedFolder("/", DotFiles: false);
        Assert.That((served.Allows("/a/b", "/"), served.Allows("/a/.b", "/"), served.Allows("/", "/")),
            Is.EqualTo((true, false, true)));
    }

    [Test]
    public async Task FilesAreServed([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        (string Path, string Body)[] files =
        [
            ("/", "the index"), ("/index.html", "the index"), ("/a.txt", "a file"), ("/a.txt?v=1", "a file"),
            ("/two%20words.txt", "spaces"),
            ("/gr%C3%BC%C3%9Fe%20%E2%82%AC.txt", "greetings"), ("/100%25.txt", "percent"), ("/100%.txt", "percent"),
            ("/%61.txt", "a file"),
            ("/sub/", "sub index"), ("/sub/b.css", "p {}"), ("http://other/a.txt", "a file"),
        ];
        client.Send(string.Concat(files.Select(file => Request(file.Path))), fragmentation);
        foreach ((string path, string body) in files)
        {
            (int status, string head, string read) = client.ReadResponse();
            Assert.That((status, read), Is.EqualTo((200, body)), path);
            Assert.That(head, Does.Contain("\r\nETag: ").And.Contain("\r\nCache-Control: max-age=60\r\n"));
        }
    }

    [TestCase("/../secret.txt")]
    [TestCase("/%2e%2e/secret.txt")]
    [TestCase("/.%2E/secret.txt")]
    [TestCase("/%2e%2e%2fsecret.txt")]
    [TestCase("/..%5csecret.txt")]
    [TestCase("/sub/../../secret.txt")]
    [TestCase("/sub/../a.txt")]
    [TestCase("/sub/./b.css")]
    [TestCase("/%252e%252e/secret.txt")]
    [TestCase("/..%c0%afsecret.txt")]
    [TestCase("/%c0%ae%c0%ae/secret.txt")]
    [TestCase("/../public-too/secret.txt")]
    [TestCase("//a.txt")]
    [TestCase("//")]
    [TestCase("//etc/passwd")]
    [TestCase("/%2fetc/passwd")]
    [TestCase("/sub//b.css")]
    [TestCase("/sub%2fb.css")]
    [TestCase("/a.txt%00")]
    [TestCase("/a.txt%00.html")]
    [TestCase("/a.txt/")]
    [TestCase("/a.txt/x")]
    [TestCase("/.env")]
    [TestCase("/%2eenv")]
    [TestCase("/.git/config")]
    [TestCase("/.git")]
    [TestCase("/sub/.hidden")]
    [TestCase("/missing")]
    [TestCase("/missing/")]
    [TestCase("/empty/")]
    [TestCase("/A.TXT")]
    [TestCase("/two+words.txt")]
    [TestCase("/a.txt%ff")]
    [TestCase("http://other//a.txt")]
    [Platform("Linux")]
    public async Task WhatIsNotBelowTheFolderIsNotFound(string path)
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        (int status, _, string body) = client.Send(Request(path)).ReadResponse();
        Assert.That((status, body), Is.EqualTo((404, "<h3>404 Not Found</h3>")));
    }

    [Test]
    [Platform("Linux")]
    public async Task VeryLongNamesAreNotFound()
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        Assert.That(client.Send(Request("/" + new string('x', 5000))).ReadResponse().Status, Is.EqualTo(404));
        Assert.That(client.Send(Request(string.Concat(Enumerable.Repeat("/x", 3000)))).ReadResponse().Status, Is.EqualTo(404));
    }

    [Test]
    [Platform(Exclude = "Win")]
    public async Task LinksThatLeadOutAreNotFollowed()
    {
        Link("public/out.txt", _folder.PathOf("secret.txt"));
        Link("public/up", "..");
        Link("public/chain", "up/secret.txt");
        Link("public/neighbour", "../public-too");
        Link("public/gone", "nowhere");
        Link("public/self", "self");
        Link("public/in.txt", "sub/b.css");
        Link("public/inside", _folder.PathOf("public/sub"));
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        foreach (string path in new[] { "/out.txt", "/up/secret.txt", "/up", "/up/", "/up/public/a.txt/..", "/chain",
            "/neighbour/secret.txt", "/neighbour", "/gone", "/self" })
            Assert.That(client.Send(Request(path)).ReadResponse().Status, Is.EqualTo(404), path);
        Assert.That(client.Send(Request("/in.txt")).ReadResponse().Body, Is.EqualTo("p {}"), "within the folder they are");
        Assert.That(client.Send(Request("/inside/b.css")).ReadResponse().Body, Is.EqualTo("p {}"));
        Assert.That(client.Send(Request("/up/public/a.txt")).ReadResponse().Body, Is.EqualTo("a file"),
            "what counts is where it leads");
    }

    [Test]
    [Platform("Linux")]
    public async Task LinkThatIsTurnedBetweenLookAndSendIsCaught()
    {
        var files = new StaticFiles(_folder.PathOf("public"));
        Link("public/turned.txt", "a.txt");
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            Response response = files.Serve(request);
            Assert.That(response.StatusCode, Is.EqualTo(200));
            File.Delete(_folder.PathOf("public/turned.txt"));
            Link("public/turned.txt", _folder.PathOf("secret.txt"));
            connection.Send(response);
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send(Request("/turned.txt")).ReadResponse().Status, Is.EqualTo(404));
    }

    [Test]
    [Platform("Linux")]
    public async Task PipesDevicesAndSocketsAreNotFoundAndBlockNobody()
    {
        using (var make = System.Diagnostics.Process.Start("mkfifo", _folder.PathOf("public/pipe"))) make.WaitForExit();
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix,
            System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(_folder.PathOf("public/socket")));
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
            connection.Send(new StaticFiles(request.Path == "/zero" ? "/dev" : _folder.PathOf("public")).Serve(request)));
        using RawClient client = server.Connect();
        foreach (string path in new[] { "/pipe", "/socket", "/zero" })
            Assert.That(client.Send(Request(path)).ReadResponse().Status, Is.EqualTo(404), path);
    }

    [TestCase("/sub", "/sub/")]
    [TestCase("/sub?a=1&b=//c", "/sub/?a=1&b=//c")]
    [TestCase("/%73ub", "/%73ub/")]
    [TestCase("http://evil/sub", "/sub/")]
    public async Task FolderWithoutItsSlashIsRedirected(string path, string location)
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        (int status, string head, _) = client.Send(Request(path)).ReadResponse();
        Assert.That(status, Is.EqualTo(301));
        Assert.That(head, Does.Contain($"\r\nLocation: {location}\r\n"));
    }

    [TestCase("POST")]
    [TestCase("PUT")]
    [TestCase("DELETE")]
    [TestCase("OPTIONS")]
    public async Task OtherMethodsAreNotAllowed(string method)
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        (int status, string head, _) = client.Send(Request("/a.txt", method)).ReadResponse();
        Assert.That(status, Is.EqualTo(405));
        Assert.That(head, Does.Contain("\r\nAllow: GET, HEAD\r\n"));
    }

    [Test]
    public async Task HeadRangesAndConditionsWork()
    {
        await using TestServer server = Serve();
        using RawClient client = server.Connect();
        Assert.That(client.Send(Request("/a.txt", "HEAD")).ReadResponse(headOnly: true).Head,
            Does.Contain("\r\nContent-Length: 6\r\n"));
        Assert.That(client.Send(Request("/a.txt", fields: "Range: bytes=2-\r\n")).ReadResponse().Body, Is.EqualTo("file"));
        Assert.That(client.Send(Request("/a.txt", fields: "If-None-Match: *\r\n")).ReadResponse().Head,
            Does.StartWith("HTTP/1.1 304").And.Contain("Cache-Control: max-age=60"));
    }

    [Test]
    public async Task SettingsAreObeyed()
    {
        await using TestServer server = Serve(files =>
        {
            files.ServeDotFiles = true;
            files.IndexFile = "b.css";
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send(Request("/.env")).ReadResponse().Body, Is.EqualTo("secret"));
        Assert.That(client.Send(Request("/.git/config")).ReadResponse().Body, Is.EqualTo("secret"));
        Assert.That(client.Send(Request("/../secret.txt")).ReadResponse().Status, Is.EqualTo(404));
        Assert.That(client.Send(Request("/./a.txt")).ReadResponse().Status, Is.EqualTo(404));
        Assert.That(client.Send(Request("/sub/")).ReadResponse().Body, Is.EqualTo("p {}"));
        Assert.That(client.Send(Request("/")).ReadResponse().Status, Is.EqualTo(404));
    }

    [Test]
    public void WrongSettingsThrow()
    {
        var files = new StaticFiles(_folder.Path) { IndexFile = null };
        Assert.Throws<ArgumentException>(() => _ = new StaticFiles(_folder.PathOf("missing")));
        Assert.Throws<ArgumentException>(() => _ = new StaticFiles(""));
        Assert.Throws<ArgumentException>(() => files.IndexFile = "../index.html");
        Assert.Throws<ArgumentException>(() => files.CacheControl = "a\r\nb: c");
    }

    [Test]
    public async Task FolderMayBeALinkThatIsTurned()
    {
        if (OperatingSystem.IsWindows()) return;
        Link("current", "public");
        var files = new StaticFiles(_folder.PathOf("current"));
        await using TestServer server = TestServer.Http(loopType, (connection, request) => connection.Send(files.Serve(request)));
        using RawClient client = server.Connect();
        Assert.That(client.Send(Request("/a.txt")).ReadResponse().Body, Is.EqualTo("a file"));
        Directory.Delete(_folder.PathOf("current"));
        Link("current", "public-too");
        Assert.That(client.Send(Request("/secret.txt")).ReadResponse().Body, Is.EqualTo("secret"));
    }

    [TestCase("/assets", "/assets/a.txt", 200, "a file")]
    [TestCase("/assets/", "/assets/a.txt", 200, "a file")]
    [TestCase("/assets", "/assets/", 200, "the index")]
    [TestCase("/assets", "/assets/sub/b.css?v=1", 200, "p {}")]
    [TestCase("/assets", "/%61ssets/%61.txt", 200, "a file")]
    [TestCase("/assets", "http://other/assets/a.txt", 200, "a file")]
    [TestCase("/a/b", "/a/b/a.txt", 200, "a file")]
    [TestCase("/gr\u00fc\u00dfe", "/gr%C3%BC%C3%9Fe/a.txt", 200, "a file")]
    [TestCase("/gr%c3%bc%C3%9Fe", "/gr%C3%BC%C3%9Fe/a.txt", 200, "a file")]
    [TestCase("/.well-known", "/.well-known/a.txt", 200, "a file")]
    [TestCase("", "/a.txt", 200, "a file")]
    [TestCase("/assets", "/assets", 301, "/assets/")]
    [TestCase("/assets/", "/assets?a=1", 301, "/assets/?a=1")]
    [TestCase("/assets", "/assets/sub", 301, "/assets/sub/")]
    [TestCase("/assets", "/assetsX/a.txt", 404, null)]
    [TestCase("/assets", "/assetsa.txt", 404, null)]
    [TestCase("/assets", "/asset", 404, null)]
    [TestCase("/assets", "/a.txt", 404, null)]
    [TestCase("/assets", "/", 404, null)]
    [TestCase("/assets", "/Assets/a.txt", 404, null)]
    [TestCase("/assets", "//assets/a.txt", 404, null)]
    [TestCase("/assets", "/assets//a.txt", 404, null)]
    [TestCase("/assets", "/assets%2fa.txt", 404, null)]
    [TestCase("/assets", "/assets/../a.txt", 404, null)]
    [TestCase("/assets", "/assets/../assets/a.txt", 404, null)]
    [TestCase("/assets", "/assets/..%2fsecret.txt", 404, null)]
    [TestCase("/assets", "/assets/.env", 404, null)]
    [TestCase("/a/b", "/a", 404, null)]
    [TestCase("/a/b", "/a/c/a.txt", 404, null)]
    [Platform("Linux")]
    public async Task FolderMayStandBelowAPrefix(string prefix, string path, int status, string? expected)
    {
        var files = new StaticFiles(_folder.PathOf("public"));
        await using TestServer server =
            TestServer.Http(loopType, (connection, request) => connection.Send(files.Serve(request, prefix)));
        using RawClient client = server.Connect();
        (int read, string head, string body) = client.Send(Request(path)).ReadResponse();
        Assert.That(read, Is.EqualTo(status));
        if (status == 200) Assert.That(body, Is.EqualTo(expected));
        if (status == 301) Assert.That(head, Does.Contain($"\r\nLocation: {expected}\r\n"));
        Assert.That(client.Send(Request(path, "POST")).ReadResponse().Status,
            Is.EqualTo(status == 404 && !path.StartsWith($"{prefix}/", StringComparison.Ordinal) ? 404 : 405));
    }

    [TestCase("assets")]
    [TestCase("//")]
    [TestCase("//evil")]
    [TestCase("/a//b")]
    [TestCase("/a/../b")]
    [TestCase("/a?b")]
    [TestCase("/a#b")]
    [TestCase("/a\\b")]
    public async Task PrefixIsAPath(string prefix)
    {
        var files = new StaticFiles(_folder.PathOf("public"));
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
            connection.Send(Assert.Throws<ArgumentException>(() => files.Serve(request, prefix))!.ParamName!));
        using RawClient client = server.Connect();
        Assert.That(client.Send(Request("/a.txt")).ReadResponse().Body, Is.EqualTo("prefix"));
    }

    [Test]
    public async Task HttpClientAgrees()
    {
        await using TestServer server = Serve();
        using var client = new HttpClient { BaseAddress = server.Uri };
        Assert.That(await client.GetStringAsync("/sub"), Is.EqualTo("sub index"), "by way of the redirection");
        Assert.That(await client.GetStringAsync("/gr\u00fc\u00dfe \u20ac.txt"), Is.EqualTo("greetings"));
    }

    private TestServer Serve(Action<StaticFiles>? setUp = null)
    {
        var files = new StaticFiles(_folder.PathOf("public")) { CacheControl = "max-age=60" };
        setUp?.Invoke(files);
        return TestServer.Http(loopType, (connection, request) => connection.Send(files.Serve(request)));
    }

    private void Link(string name, string target) => File.CreateSymbolicLink(_folder.PathOf(name), target);

    private static string Request(string target, string method = "GET", string fields = "") => $"{method} {target} HTTP/1.1\r\n"
        + $"Host: {(target.StartsWith("http://", StringComparison.Ordinal) ? new Uri(target).Authority : "a")}\r\n{fields}\r\n";
}
