using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http.Sessions;

/// <summary>When a session begins to exist: not by being read, and not more often in a second than is allowed.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class NewSessionTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    private readonly MemorySessionHandler _handler = new();

    private static readonly Dictionary<string, Action<Request>> Readers = new()
    {
        ["get"] = request => request.Session.Get("a", 0),
        ["has"] = request => request.Session.Has("a"),
        ["all"] = request => request.Session.All(),
        ["pull"] = request => request.Session.Pull("a"),
        ["delete"] = request => request.Session.Delete("a"),
        ["flush"] = request => request.Session.Flush(),
        ["set and delete"] = request => Removed(request.Session),
        ["own id"] = request => Own(request),
        ["refresh"] = request => request.Session.Refresh(),
        ["save"] = request => request.Session.Save(),
        ["save without blocking"] = request => Wait.For(request.Session.SaveAsync().AsTask()),
    };

    private static readonly Dictionary<string, Action<Request>> Writers = new()
    {
        ["set"] = request => request.Session.Set("a", 1),
        ["null"] = request => request.Session.Set("a", (string?)null),
        ["put"] = request => request.Session.Put("a", 1),
        ["id"] = request => _ = request.SessionId,
        ["the session's id"] = request => _ = request.Session.Id,
        ["new id"] = request => request.SessionRegenerateId(),
        ["flush and set"] = request => Flushed(request.Session),
    };

    private static IEnumerable<string> ReaderNames => Readers.Keys;

    private static IEnumerable<string> WriterNames => Writers.Keys;

    [Test]
    public async Task WhatIsOnlyReadIsNotStoredAndSetsNoCookie([ValueSource(nameof(ReaderNames))] string name)
    {
        string folder = Path.Combine(Path.GetTempPath(), $"sessions-{Guid.NewGuid():n}");
        await using TestServer server = Serve(Answer(Readers[name]), new FileSessionHandler(folder));
        using RawClient client = server.Connect();
        for (int i = 0; i < 3; i++)
        {
            (int status, string head, _) = client.Send(Get).ReadResponse();
            Assert.That((status, head.Contains("Set-Cookie", StringComparison.Ordinal)), Is.EqualTo((200, false)));
        }
        if (!Directory.Exists(folder)) return;
        Assert.That(Directory.GetFiles(folder), Is.Empty);
        Directory.Delete(folder);
    }

    [Test]
    public async Task WhatIsWrittenIsStoredAndSetsTheCookie([ValueSource(nameof(WriterNames))] string name)
    {
        await using TestServer server = Serve(Answer(Writers[name]), _handler);
        using var browser = new Browser(server.Uri);
        await browser.Get();
        Assert.That((browser.SessionId?.Length, _handler.Count), Is.EqualTo((32, 1)));
        if (name == "new id") return;
        string id = browser.SessionId!;
        await browser.Get();
        Assert.That((browser.SessionId, _handler.Count), Is.EqualTo((id, 1)), "the next request finds it");
    }

    /// <summary>An answer of the application's own has no place for the cookie, and needs none.</summary>
    [Test]
    public async Task ARawAnswerMayHaveReadIt()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            request.Session.Get("a");
            connection.SendRaw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw");
        }, _handler);
        using RawClient client = server.Connect();
        Assert.That((client.Send(Get).ReadResponse().Body, _handler.Count), Is.EqualTo(("raw", 0)));
    }

    [Test]
    public async Task WhatIsSavedBehindAnAnswerWithoutTheCookieIsRefused()
    {
        var outcome = new TaskCompletionSource<string>();
        await using TestServer server = Serve((connection, request) =>
        {
            Session session = request.Session;
            connection.Send("ok");
            session.Set("a", 1);
            outcome.SetResult(Assert.Throws<InvalidOperationException>(session.Save)!.Message);
        }, _handler);
        using RawClient client = server.Connect();
        client.Send(Get).ReadResponse();
        Assert.That(await outcome.Task.WaitAsync(Wait.Limit), Does.Contain("before Send"));
        Assert.That(_handler.Count, Is.Zero);
    }

    [Test]
    public async Task NoMoreAreStoredInASecondThanAreAllowed()
    {
        const int limit = 3;
        var time = new StandingTime();
        await using TestServer server = Serve(Answer(request => request.Session.Set("a", request.Session.Get("a", 0) + 1)),
            _handler, options => (options.MaxNewPerSecond, options.Store.Time) = (limit, time));
        using var known = new Browser(server.Uri);
        await known.Get();
        for (int second = 0; second < 2; second++)
        {
            int[] statuses = [.. Enumerable.Range(0, limit + 2 - (second == 0 ? 1 : 0)).Select(_ => Ask(server))];
            int room = second == 0 ? limit - 1 : limit;
            Assert.That(statuses[..room], Is.All.EqualTo(200), "up to the limit");
            Assert.That(statuses[room..], Has.Length.EqualTo(2).And.All.EqualTo(503), "and one beyond, and another");
            Assert.That(_handler.Count, Is.EqualTo((second + 1) * limit));
            await known.Get();
            Assert.That(_handler.Count, Is.EqualTo((second + 1) * limit), "a session that is stored goes on");
            time.Now += TimeSpan.FromSeconds(1);
        }
        string[] lines = [.. server.Log.Lines.Where(line => line.Contains("MaxNewPerSecond", StringComparison.Ordinal)
            && line.Contains("[Warning]", StringComparison.Ordinal))];
        Assert.That(lines, Has.Length.EqualTo(1), "those that follow within a second are counted");
    }

    [Test]
    public void TheLimitIsValidated()
    {
        var options = new SessionOptions();
        Assert.That(options.MaxNewPerSecond, Is.EqualTo(1000));
        Assert.That(() => options.MaxNewPerSecond = 0, Throws.TypeOf<ArgumentOutOfRangeException>());
        options.MaxNewPerSecond = 1;
    }

    [TearDown]
    public void TearDown() => _handler.Gc(TimeSpan.FromTicks(-1));

    private static int Ask(TestServer server)
    {
        using RawClient client = server.Connect();
        (int status, string head, _) = client.Send(Get).ReadResponse();
        Assert.That(head.Contains("Set-Cookie", StringComparison.Ordinal), Is.EqualTo(status == 200));
        if (status == 503) Assert.That(head, Does.Contain("Connection: close"));
        return status;
    }

    private static void Removed(Session session)
    {
        session.Set("a", 1);
        session.Delete("a");
    }

    private static void Flushed(Session session)
    {
        session.Flush();
        session.Set("a", 1);
    }

    private static void Own(Request request)
    {
        request.SessionId = "a token that the client has sent".Replace(' ', '-');
        request.Session.Get("a");
    }

    private static Action<TcpConnection, Request> Answer(Action<Request> use) => (connection, request) =>
    {
        use(request);
        connection.Send("ok");
    };

    private TestServer Serve(Action<TcpConnection, Request> onMessage, ISessionHandler handler,
        Action<SessionOptions>? setUp = null) =>
        TestServer.Http(loopType, onMessage, worker =>
        {
            worker.Options.Http.Session.Handler = handler;
            setUp?.Invoke(worker.Options.Http.Session);
        });

    /// <summary>A clock that stands.</summary>
    private sealed class StandingTime : TimeProvider
    {
        public TimeSpan Now { get; set; } = TimeSpan.FromSeconds(10);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
