using System.Net;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http.Sessions;

/// <summary>Requests of one client at the same time, over the wire: slow ones, a logout, other loops, another process.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SessionRaceTests(Type loopType)
{
    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = Path.Combine(Path.GetTempPath(), "workerman-test-" + Guid.NewGuid().ToString("N"));

    [TearDown]
    public void TearDown()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task ALogoutHoldsThoughASlowRequestSetsAValue([Values("flush", "renew")] string way, [Values] bool awaits)
    {
        TaskCompletionSource arrived = new(), go = new();
        await using TestServer server = Serve(1, arrived, go.Task, awaits);
        using var browser = new Browser(server.Uri);
        await browser.Get("login");
        string id = browser.SessionId!;
        Task<string> slow = browser.Get("slow");
        await arrived.Task.WaitAsync(Wait.Limit);
        Assert.That(await browser.Get(way), Is.EqualTo("bye"));
        go.SetResult();
        Assert.That(await slow, Is.EqualTo("slow,user"), "its own copy");
        using RawClient thief = server.Connect();
        (_, string head, string body) = thief.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={id}\r\n\r\n").ReadResponse();
        Assert.That((body, head.Contains($"PHPSID={id}", StringComparison.Ordinal)), Is.EqualTo(("", false)));
    }

    [Test]
    public async Task WhatWasSetMeanwhileIsKept([Values] bool awaits)
    {
        TaskCompletionSource arrived = new(), go = new();
        await using TestServer server = Serve(1, arrived, go.Task, awaits);
        using var browser = new Browser(server.Uri);
        await browser.Get("login");
        Task<string> slow = browser.Get("slow");
        await arrived.Task.WaitAsync(Wait.Limit);
        await browser.Get("set?n=quick");
        go.SetResult();
        await slow;
        Assert.That(await browser.Get(), Is.EqualTo("quick,slow,user"));
    }

    [Test]
    public async Task LoopsLoseNothing()
    {
        await using TestServer server = Serve(4, new TaskCompletionSource(), Task.CompletedTask, awaits: false);
        using var browser = new Browser(server.Uri);
        await browser.Get("login");
        await Task.WhenAll(Enumerable.Range(0, 8)
            .Select(client => Task.Run(() => SetMany(server.EndPoint, browser.SessionId!, "set?n=", client))));
        Assert.That((await browser.Get()).Split(',').Length, Is.EqualTo(1 + 8 * 10));
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task ProcessesLoseNothingAndBringNothingBack()
    {
        TaskCompletionSource arrived = new(), go = new();
        await using TestServer server = Serve(2, arrived, go.Task, awaits: false);
        using ServerProcess other = ServerProcess.Serve(["--port", "0", "--sessions", _folder]).WaitForStart();
        using var browser = new Browser(server.Uri);
        await browser.Get("login");
        string id = browser.SessionId!;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(client => Task.Run(() =>
        {
            if (client % 2 == 0) SetMany(server.EndPoint, id, "set?n=", client);
            else SetMany(other.EndPoint, id, "session?set=", client);
        })));
        Assert.That((await browser.Get()).Split(',').Length, Is.EqualTo(1 + 8 * 10));
        Task<string> slow = browser.Get("slow");
        await arrived.Task.WaitAsync(Wait.Limit);
        using (var client = new RawClient(other.EndPoint)) Assert.That(Ask(client, id, "session?flush=1"), Is.Empty);
        go.SetResult();
        await slow;
        Assert.That(await browser.Get(), Is.Empty);
        await browser.Get("login");
        Assert.That(browser.SessionId, Is.Not.EqualTo(id));
    }

    [TestCase("tom@example.org/7")]
    [TestCase("../../../../etc/passwd")]
    [TestCase("A")]
    public async Task AnIdOfTheApplicationsOwnIsTheSession(string own)
    {
        var handler = new FileSessionHandler(_folder);
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Header("token") is { } token) request.SessionId = token;
            int visits = request.Session.Get("visits", 0) + 1;
            request.Session.Set("visits", visits);
            if (request.Path == "/flush") request.Session.Flush();
            connection.Send($"{visits} {request.SessionId}");
        }, worker => worker.Options.Http.Session.Handler = handler);
        using RawClient client = server.Connect();
        string Ask(string path, string lines)
        {
            (int status, string head, string body) = client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n{lines}\r\n").ReadResponse();
            bool told = head.Contains($"Set-Cookie: PHPSID={Uri.EscapeDataString(own)};", StringComparison.Ordinal);
            return $"{status} {body}{(told ? " told" : "")}";
        }
        string token = $"Token: {own}\r\n", cookie = $"Cookie: PHPSID={Uri.EscapeDataString(own)}\r\n";
        Assert.That((Ask("/", token), Ask("/", token), Ask("/", token + cookie)),
            Is.EqualTo(($"200 1 {own} told", $"200 2 {own} told", $"200 3 {own}")));
        Assert.That(Ask("/", cookie), Is.EqualTo($"200 4 {own}"), "the cookie alone does as well");
        Assert.That(Directory.GetFiles(_folder).Select(Path.GetFileName), Has.One.Match("^session_[0-9a-z]{32}$"));
        Ask("/flush", token);
        Assert.That(Ask("/", token), Is.EqualTo($"200 1 {own} told"));
        Ask("/flush", token);
        Assert.That(Ask("/", cookie), Does.StartWith("200 1 ").And.Not.Contain(own),
            "an id that the client brings and nobody knows is not taken on");
    }

    [Test]
    public async Task AnOwnIdThatComesTooLateOrIsNoneIsRefused()
    {
        string[] wrong = ["", " ", "a b", "a\r\n", "\u00fc", new('a', 1025)];
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            foreach (string id in wrong) Assert.That(() => request.SessionId = id, Throws.ArgumentException);
            request.SessionId = new string('a', 1024);
            request.SessionId = "own";
            Assert.That(request.SessionId, Is.EqualTo("own"));
            request.SessionId = "own";
            Assert.That(() => request.SessionId = "other",
                Throws.InvalidOperationException.With.Message.Contains("before the first use"));
            string issued = request.SessionRegenerateId(true);
            connection.Send($"{request.SessionId == issued && issued.Length == 32}");
        }, worker => worker.Options.Http.Session.Handler = new MemorySessionHandler());
        using var browser = new Browser(server.Uri);
        Assert.That(await browser.Get(), Is.EqualTo("True"));
    }

    private static void SetMany(IPEndPoint server, string id, string path, int client)
    {
        using var raw = new RawClient(server);
        for (int i = 0; i < 10; i++) Ask(raw, id, $"{path}c{client}-{i}");
    }

    private static string Ask(RawClient client, string id, string path)
    {
        (int status, _, string body) = client.Send($"GET /{path} HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={id}\r\n\r\n")
            .ReadResponse();
        Assert.That(status, Is.EqualTo(200));
        return body;
    }

    private TestServer Serve(int loops, TaskCompletionSource arrived, Task go, bool awaits)
    {
        var worker = new Worker("http://127.0.0.1:0")
        {
            Count = loops,
            OnMessageAsync = async (connection, request) =>
            {
                Session session = awaits ? await request.LoadSessionAsync() : request.Session;
                switch (request.Path)
                {
                    case "/login": session.Set("user", "tom"); break;
                    case "/set": session.Set(request.Get("n")!, true); break;
                    case "/flush": session.Flush(); break;
                    case "/renew":
                        request.SessionRegenerateId(true);
                        session.Flush();
                        break;
                    case "/slow":
                        Assert.That(session.Get("user"), Is.EqualTo("tom"));
                        arrived.SetResult();
                        await go;
                        session.Set("slow", 1);
                        break;
                }
                if (awaits) await session.SaveAsync();
                connection.Send(request.Path is "/flush"
                    or "/renew" ? "bye" : string.Join(',', session.All().Keys.Order(StringComparer.Ordinal)));
            },
        };
        worker.Options.Http.Session.Handler = new FileSessionHandler(_folder);
        return TestServer.Start(loopType, worker);
    }
}
