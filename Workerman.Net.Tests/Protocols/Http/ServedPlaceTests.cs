using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Files;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Where a path leads when folders and links are replaced, before, between and during requests.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Platform("Linux")]
internal sealed partial class ServedPlaceTests(Type loopType)
{
    private const string Secret = "secret";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public async Task FolderThatIsReplacedIsFollowedAtOnce()
    {
        _folder.Write("public/a.txt", "old");
        _folder.Write("next/a.txt", "new");
        await using TestServer server = Serve("public");
        using RawClient client = server.Connect();
        Assert.That(Get(client, "/a.txt"), Is.EqualTo((200, "old")));
        Directory.Move(_folder.PathOf("public"), _folder.PathOf("gone"));
        Assert.That(Get(client, "/a.txt").Status, Is.EqualTo(404));
        Directory.Move(_folder.PathOf("next"), _folder.PathOf("public"));
        Assert.That(Get(client, "/a.txt"), Is.EqualTo((200, "new")));
        Directory.Delete(_folder.PathOf("public"), recursive: true);
        Link("public", "gone");
        for (int i = 0; i < 3; i++) Assert.That(Get(client, "/a.txt"), Is.EqualTo((200, "old")), "a link in its place");
        File.Delete(_folder.PathOf("public"));
        _folder.Write("public/a.txt", "again");
        Assert.That(Get(client, "/a.txt"), Is.EqualTo((200, "again")), "and a folder in place of the link");
    }

    /// <summary>A deployment: the link is replaced by another one in one step, while requests come.</summary>
    [Test]
    public async Task LinkInThePathOfTheFolderIsFollowedWhereverItLeads([Values("current", "current/web")] string root)
    {
        foreach (string release in (string[])["1", "2", "3"])
        {
            _folder.Write($"releases/{release}/a.txt", release);
            _folder.Write($"releases/{release}/web/a.txt", release);
        }
        Link("current", "releases/1");
        await using TestServer server = Serve(root);
        using RawClient client = server.Connect();
        foreach (string release in (string[])["1", "2", "3", "1"])
        {
            Replace(_folder.PathOf("current"), $"releases/{release}");
            for (int i = 0; i < 3; i++) Assert.That(Get(client, "/a.txt"), Is.EqualTo((200, release)));
        }
        Directory.Move(_folder.PathOf("releases/1"), _folder.PathOf("releases/4"));
        Assert.That(Get(client, "/a.txt").Status, Is.EqualTo(404), "the link leads nowhere");
        _folder.Write("releases/1/a.txt", "another");
        _folder.Write("releases/1/web/a.txt", "another");
        Assert.That(Get(client, "/a.txt"), Is.EqualTo((200, "another")), "what has the name now");
        Replace(_folder.PathOf("current"), "releases/4");
        Assert.That(Get(client, "/a.txt"), Is.EqualTo((200, "1")));
    }

    [Test]
    public async Task FolderThatIsALinkIsAsStrict()
    {
        MakeTree("real");
        Link("linked", "real");
        await using TestServer server = Serve("linked");
        using RawClient client = server.Connect();
        for (int i = 0; i < 2; i++)
        {
            foreach ((string path, (int, string) expected) in Verdicts)
                Assert.That(Get(client, path), Is.EqualTo(expected), path);
        }
    }

    [Test]
    public async Task LinksWithinAndOutOfAFolderAreToldApart()
    {
        MakeTree("real");
        await using TestServer server = Serve("real");
        using RawClient client = server.Connect();
        foreach ((string path, (int, string) expected) in Verdicts)
            Assert.That(Get(client, path), Is.EqualTo(expected), path);
    }

    /// <summary>What needs one system call, and the way that kernels without it take.</summary>
    [Test]
    [SupportedOSPlatform("linux")]
    public void BothWaysOfOpeningAgree()
    {
        MakeTree("real");
        Link("linked", "real");
        MakePipe("real/pipe");
        string[] names = ["a.txt", "sub", "sub/b.txt", "sub/", "a.txt/", "a.txt/x", ".env", "missing", "sub/missing", "pipe",
            "out", "outside/a.txt", "outside/missing", "absolute", "in", "inside/b.txt", "dot", "self", "gone", "back/real/a.txt",
            "..", "../real/a.txt", "../secret.txt", "sub/../a.txt", ".", ""];
        foreach (string root in (string[])["real", "linked", "real/"])
        {
            foreach (bool dots in (bool[])[false, true])
            {
                var folder = new ServedFolder(_folder.PathOf(root), dots);
                foreach (string path in names.Select(name => Path.Combine(folder.Path, name)))
                {
                    Opening expected = OpenAndClose(out string? content, path, folder, LinuxFiles.Judge);
                    Assert.That((OpenAndClose(out string? read, path, folder, LinuxFiles.Open), read),
                        Is.EqualTo((expected, content)), $"{path}, {dots}");
                }
            }
        }
        foreach (string path in names.Select(name => Path.Combine(_folder.PathOf("real"), name)))
        {
            Opening expected = OpenAndClose(out string? content, path, null, LinuxFiles.Judge);
            Assert.That((OpenAndClose(out string? read, path, null, LinuxFiles.Open), read),
                Is.EqualTo((expected, content)), path);
        }
    }

    /// <summary>The client asks all the time; what it asks for is exchanged for a link that leads out, and back.</summary>
    [TestCase("file", 1_000)]
    [TestCase("folder", 1_000)]
    [TestCase("root", 1_000)]
    [TestCase("file", 40_000, Explicit = true)]
    [TestCase("folder", 40_000, Explicit = true)]
    [TestCase("root", 40_000, Explicit = true)]
    public async Task NothingFromOutsideIsSentWhileLinksAreExchanged(string what, int requests)
    {
        _folder.Write("public/sub/a.txt", "public");
        _folder.Write("releases/1/sub/a.txt", "public");
        _folder.Write("secret/a.txt", Secret);
        Link("current", "public");
        (string place, string target, string request) = what switch
        {
            "file" => ("public/sub/a.txt", "../../secret/a.txt", "/sub/a.txt"),
            "folder" => ("public/sub", "../secret", "/sub/a.txt"),
            _ => ("current", "releases/1", "/sub/a.txt"),
        };
        await using TestServer server = Serve(what == "root" ? "current" : "public");
        using var stop = new CancellationTokenSource();
        var exchange = Task.Run(() => Exchange(_folder.PathOf(place), target, stop.Token));
        using RawClient client = server.Connect();
        var answers = new Dictionary<(int, string), int>();
        for (int i = 0; i < requests || (answers.Count < 2 && what != "root" && i < 100 * requests); i++)
        {
            (int, string) answer = Get(client, request);
            answers[answer] = answers.GetValueOrDefault(answer) + 1;
        }
        await stop.CancelAsync();
        await exchange;
        Assert.That(answers.Keys.Except([(200, "public"), (404, "<h3>404 Not Found</h3>")]), Is.Empty);
        if (what == "root") Assert.That(answers.Keys, Is.EqualTo(new[] { (200, "public") }), "there is one at any time");
        else Assert.That(answers, Has.Count.EqualTo(2), "both have been met");
    }

    [Test]
    public async Task NobodyWhoWritesToAPipeInTheFolderIsWokenUp()
    {
        _folder.Write("public/a.txt", "a file");
        MakePipe("public/pipe");
        await using TestServer server = Serve("public");
        using RawClient client = server.Connect();
        using var writer = System.Diagnostics.Process.Start("sh", ["-c", $"echo x > '{_folder.PathOf("public/pipe")}'"]);
        for (int i = 0; i < 100; i++) Assert.That(Get(client, "/pipe").Status, Is.EqualTo(404));
        Assert.That(writer.HasExited, Is.False);
        using (FileStream reader = File.OpenRead(_folder.PathOf("public/pipe"))) Assert.That(reader.ReadByte(), Is.EqualTo('x'));
        await writer.WaitForExitAsync();
    }

    private static readonly (string Path, (int Status, string Body) Answer)[] Verdicts =
    [
        ("/a.txt", (200, "a file")), ("/sub/b.txt", (200, "below")), ("/in", (200, "below")), ("/inside/b.txt", (200, "below")),
        ("/absolute", (200, "a file")), ("/back/real/a.txt", (200, "a file")), ("/sub/", (200, "index")),
        ("/inside/", (200, "index")),
        ("/out", NotFound), ("/outside/a.txt", NotFound), ("/outside/", NotFound), ("/outside", NotFound), ("/dot", NotFound),
        ("/self", NotFound), ("/gone", NotFound), ("/missing", NotFound), ("/back/secret.txt", NotFound), ("/", NotFound),
    ];

    private static (int, string) NotFound => (404, "<h3>404 Not Found</h3>");

    private void MakeTree(string name)
    {
        _folder.Write($"{name}/a.txt", "a file");
        _folder.Write($"{name}/.env", Secret);
        _folder.Write($"{name}/sub/b.txt", "below");
        _folder.Write($"{name}/sub/index.html", "index");
        _folder.Write("secret.txt", Secret);
        _folder.Write("other/a.txt", Secret);
        // The folder is outside, and its index file is not.
        Link("other/index.html", $"../{name}/a.txt");
        Link($"{name}/out", "../secret.txt");
        Link($"{name}/outside", "../other");
        Link($"{name}/absolute", _folder.PathOf($"{name}/a.txt"));
        Link($"{name}/in", "sub/b.txt");
        Link($"{name}/inside", "sub");
        Link($"{name}/dot", ".env");
        Link($"{name}/self", "self");
        Link($"{name}/gone", "nowhere");
        Link($"{name}/back", "..");
    }

    private delegate Opening Opener(string path, ServedFolder? within, out OpenedFile? file);

    private static Opening OpenAndClose(out string? content, string path, ServedFolder? within, Opener open)
    {
        Opening opening = open(path, within, out OpenedFile? file);
        using (file)
        {
            byte[] bytes = new byte[file?.Size ?? 0];
            content = file is null
                ? null
                : System.Text.Encoding.UTF8.GetString(bytes, 0, RandomAccess.Read(file.Handle, bytes, 0));
        }
        return opening;
    }

    /// <summary>Puts a link in the place of what is there, and back, in one step each where that can be.</summary>
    private static void Exchange(string place, string target, CancellationToken stop)
    {
        bool isLink = new FileInfo(place).LinkTarget is not null;
        string original = isLink ? new FileInfo(place).LinkTarget! : place + ".original";
        while (!stop.IsCancellationRequested)
        {
            if (isLink)
            {
                Replace(place, target);
                Replace(place, original);
                continue;
            }
            Directory.Move(place, original);
            File.CreateSymbolicLink(place, target);
            File.Delete(place);
            Directory.Move(original, place);
        }
    }

    /// <summary>.NET's <c>Move</c> does not take links to folders.</summary>
    [LibraryImport("libc", EntryPoint = "rename", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string from, string to);

    private static void Replace(string place, string target)
    {
        File.CreateSymbolicLink(place + ".next", target);
        Assert.That(Rename(place + ".next", place), Is.Zero);
    }

    private void MakePipe(string name)
    {
        using var make = System.Diagnostics.Process.Start("mkfifo", _folder.PathOf(name));
        make.WaitForExit();
    }

    private void Link(string name, string target) => File.CreateSymbolicLink(_folder.PathOf(name), target);

    private static (int Status, string Body) Get(RawClient client, string path)
    {
        (int status, _, string body) = client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        return (status, body);
    }

    private TestServer Serve(string folder)
    {
        var files = new StaticFiles(_folder.PathOf(folder));
        return TestServer.Http(loopType, (connection, request) => connection.Send(files.Serve(request)));
    }
}
