using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http.Sessions;

/// <summary>Sessions over the wire: which id is taken on, when a cookie is set, what is remembered.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SessionWireTests(Type loopType)
{
    private static readonly Response Shared = new(200, new() { ["X-Shared"] = "1" }, "shared");

    private readonly MemorySessionHandler _handler = new();

    [Test]
    public async Task CountsVisitsUnderOneId()
    {
        await using TestServer server = Counter();
        using var browser = new Browser(server.Uri);
        using var other = new Browser(server.Uri);
        Assert.That((await browser.Get(), await browser.Get(), await other.Get(), await browser.Get()),
            Is.EqualTo(("1", "2", "1", "3")));
        Assert.That(browser.SessionId, Does.Match("^[0-9a-z]{32}$").And.Not.EqualTo(other.SessionId));
    }

    [Test]
    public async Task CookieIsSetOnceWithItsAttributes()
    {
        await using TestServer server = Counter();
        using RawClient client = server.Connect();
        string head = client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Head;
        string[] cookies = CookiesOf(head);
        Assert.That(cookies, Has.Length.EqualTo(1));
        Assert.That(cookies[0], Does.Match("^PHPSID=[0-9a-z]{32}; Path=/; HttpOnly; SameSite=Lax$"));
        Assert.That(head, Does.StartWith("HTTP/1.1 200 OK\r\n").And.Contain("\r\nContent-Type: text/html;charset=utf-8\r\n")
            .And.Not.Contain("Cache-Control"));
        head = client.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: x=y; PHPSID={IdOf(head)}; z\r\n\r\n").ReadResponse().Head;
        Assert.That(CookiesOf(head), Is.Empty);
    }

    [Test]
    public async Task WithoutASessionNothingIsSetOrStored()
    {
        await using TestServer server = Serve((connection, _) => connection.Send("ok"));
        using var browser = new Browser(server.Uri);
        await browser.Get();
        Assert.That((browser.SessionId, _handler.Count), Is.EqualTo((null as string, 0)));
    }

    /// <summary>Each way an answer is written.</summary>
    [TestCase("text")]
    [TestCase("bytes")]
    [TestCase("response")]
    [TestCase("head")]
    [TestCase("empty")]
    [TestCase("stream")]
    [TestCase("close")]
    [TestCase("later")]
    [TestCase("thread")]
    public async Task EveryAnswerSavesAndSetsTheCookie(string way)
    {
        await using TestServer server = Serve((connection, request) =>
        {
            request.Session.Set("way", way);
            switch (way)
            {
                case "bytes": connection.Send("x"u8); break;
                case "response": connection.Send(new Response(201, new() { ["Set-Cookie"] = "own=1" }, "x")); break;
                case "empty": connection.Send(new Response(204)); break;
                case "stream": connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" })); break;
                case "close": connection.Close("x"); break;
                case "later": Timer.Delay(0.01, () => connection.Send("x")); break;
                case "thread": Task.Run(() => connection.Send("x")); break;
                default: connection.Send("x"); break;
            }
        });
        using RawClient client = server.Connect();
        string head = client.Send($"{(way == "head" ? "HEAD" : "GET")} / HTTP/1.1\r\nHost: a\r\n\r\n")
            .ReadResponse(headOnly: true).Head;
        if (way == "response") Assert.That(head, Does.StartWith("HTTP/1.1 201").And.Contain("\r\nSet-Cookie: own=1\r\n"));
        Assert.That(Stored(IdOf(head)).Get("way"), Is.EqualTo(way));
    }

    [Test]
    public async Task AnEmptySessionKeepsItsId()
    {
        await using TestServer server = Serve((connection, request) => connection.Send(request.SessionId));
        using var browser = new Browser(server.Uri);
        string first = await browser.Get();
        Assert.That((await browser.Get(), browser.SessionId), Is.EqualTo((first, first)));
    }

    [TestCase("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [TestCase("../../../../../../../../etc/passwd")]
    [TestCase("a")]
    [TestCase("")]
    [TestCase("\"\"")]
    [TestCase("%00")]
    public async Task AnIdThatWeDidNotIssueIsNotTakenOn(string id)
    {
        await using TestServer server = Counter();
        using RawClient client = server.Connect();
        (int status, string head, string body) = client.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={id}\r\n\r\n")
            .ReadResponse();
        Assert.That((status, body), Is.EqualTo((200, "1")));
        Assert.That(IdOf(head), Is.Not.EqualTo(id).And.Match("^[0-9a-z]{32}$"));
        Assert.That(_handler.Read("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", TimeSpan.FromHours(1)), Is.Null);
    }

    [Test]
    public async Task OfSeveralCookiesTheFirstThatTheStoreKnowsIsTheSession()
    {
        await using TestServer server = Serve((connection, request) => connection.Send(request.Session.Get("who", "nobody")));
        string a = Store("a"), b = Store("b"), none = new('x', 32);
        using RawClient client = server.Connect();
        string Ask(string cookies) => client.Send($"GET / HTTP/1.1\r\nHost: a\r\n{cookies}\r\n\r\n").ReadResponse().Body;
        Assert.That(Ask($"Cookie: PHPSID={a}; PHPSID={b}"), Is.EqualTo("a"));
        Assert.That(Ask($"Cookie: PHPSID={b}\r\nCookie: PHPSID={a}"), Is.EqualTo("b"));
        Assert.That(Ask($"Cookie: PHPSID={none}; PHPSID=; PHPSID=../x; xPHPSID={a}; phpsid={a}; PHPSID = {b}"), Is.EqualTo("b"));
        Assert.That(Ask($"Cookie: {string.Concat(Enumerable.Repeat($"PHPSID={none}; ", 4))}PHPSID={b}"), Is.EqualTo("nobody"),
            "no more than four are looked for");
    }

    [Test]
    public async Task AResponseThatIsSharedStaysAsItIs()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            if (request.Path == "/session") request.Session.Set("a", 1);
            connection.Send(Shared);
        });
        using RawClient client = server.Connect();
        string first = client.Send("GET /session HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Head;
        string second = client.Send("GET /session HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Head;
        string third = client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Head;
        Assert.That((CookiesOf(first).Length, CookiesOf(second).Length, CookiesOf(third).Length, Shared.Headers.Count),
            Is.EqualTo((1, 1, 0, 1)));
        Assert.That(IdOf(first), Is.Not.EqualTo(IdOf(second)));
        Assert.That(third, Does.Contain("X-Shared: 1"));
    }

    [Test]
    public async Task RegeneratedIdReachesTheClientAndTheOldOneIsWorthNothing([Values] bool deleteOld)
    {
        await using TestServer server = Serve((connection, request) =>
        {
            if (request.Path == "/login")
            {
                string id = request.SessionRegenerateId(deleteOld);
                Assert.That(id, Is.EqualTo(request.SessionId));
                request.Session.Set("user", "tom");
            }
            else if (request.Path == "/begin") request.Session.Set("basket", "bread");
            connection.Send($"{request.Session.Get("user")},{request.Session.Get("basket")}");
        });
        using var browser = new Browser(server.Uri);
        await browser.Get("begin");
        string old = browser.SessionId!;
        Assert.That((await browser.Get("login"), await browser.Get()), Is.EqualTo(("tom,bread", "tom,bread")));
        Assert.That(browser.SessionId, Is.Not.EqualTo(old));
        using RawClient thief = server.Connect();
        string body = thief.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={old}\r\n\r\n").ReadResponse().Body;
        Assert.That(body, Is.EqualTo(deleteOld ? "," : ",bread"));
    }

    [Test]
    public async Task FlushEndsTheSession()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            if (request.Path == "/logout") request.Session.Flush();
            else request.Session.Set("a", 1);
            connection.Send(request.SessionId);
        });
        using var browser = new Browser(server.Uri);
        string id = await browser.Get();
        Assert.That(await browser.Get("logout"), Is.EqualTo(id));
        Assert.That(_handler.Count, Is.Zero);
        Assert.That(await browser.Get(), Is.Not.EqualTo(id).And.EqualTo(browser.SessionId));
    }

    [Test]
    public async Task AfterTheAnswerANewSessionIsRefusedAndAKnownOneGoesOn()
    {
        var outcome = new TaskCompletionSource<string>();
        await using TestServer server = Serve((connection, request) =>
        {
            connection.Send("answered");
            try
            {
                request.Session.Set("late", 1);
                request.Session.Save();
                Assert.That(() => request.SessionRegenerateId(), Throws.InvalidOperationException);
                outcome.SetResult("saved");
            }
            catch (InvalidOperationException e)
            {
                outcome.SetResult(e.Message);
            }
        });
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        Assert.That(await outcome.Task.WaitAsync(Wait.Limit), Does.Contain("before Send"));
        Assert.That(_handler.Count, Is.Zero);
        outcome = new TaskCompletionSource<string>();
        string id = Store("a");
        client.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={id}\r\n\r\n").ReadResponse();
        Assert.That(await outcome.Task.WaitAsync(Wait.Limit), Is.EqualTo("saved"));
        Assert.That((Stored(id).Get("late", 0), Stored(id).Get("who")), Is.EqualTo((1, "a")));
    }

    [Test]
    public async Task ChangesAfterTheAnswerNeedASave()
    {
        var done = new SemaphoreSlim(0);
        await using TestServer server = Serve((connection, request) =>
        {
            request.Session.Set("a", 1);
            connection.Send("ok");
            request.Session.Set("b", 2);
            if (request.Path == "/save") request.Session.Save();
            done.Release();
        });
        foreach (string path in new[] { "/", "/save" })
        {
            using RawClient client = server.Connect();
            string id = IdOf(client.Send($"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Head);
            Assert.That(await done.WaitAsync(Wait.Limit));
            Assert.That(Stored(id).Get("b", 0), Is.EqualTo(path == "/save" ? 2 : 0));
        }
    }

    /// <summary>As in PHP, which saves when the object is destroyed.</summary>
    [Test]
    public async Task AHandlerThatThrowsHasItsChangesSaved()
    {
        await using TestServer server = Serve((_, request) =>
        {
            request.Session.Set("tries", request.Session.Get("tries", 0) + 1);
            throw new InvalidOperationException("no luck");
        });
        using RawClient client = server.Connect();
        (int status, string head, _) = client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        Assert.That((status, Stored(IdOf(head)).Get("tries", 0)), Is.EqualTo((500, 1)));
    }

    [Test]
    public async Task WhatWasDoneForAClientThatIsGoneIsSaved([Values] bool onAnotherThread)
    {
        var told = new TaskCompletionSource<string>();
        var arrived = new TaskCompletionSource();
        var closed = new TaskCompletionSource();
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnClose = _ => closed.TrySetResult(),
            OnMessageAsync = async (connection, request) =>
            {
                request.Session.Set("paid", true);
                arrived.SetResult();
                await closed.Task;
                if (onAnotherThread) await Task.Run(() => connection.Send("thank you"));
                else connection.Send("thank you");
                told.SetResult(request.SessionId);
            },
        };
        worker.Options.Http.Session.Handler = _handler;
        await using TestServer server = TestServer.Start(loopType, worker);
        string id = Store("a");
        using (RawClient client = server.Connect())
        {
            client.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={id}\r\n\r\n");
            Wait.For(arrived.Task);
            client.Reset();
        }
        Assert.That(await told.Task.WaitAsync(Wait.Limit), Is.EqualTo(id));
        // What another thread sends is on its way to the loop yet.
        await Wait.Until(() => Stored(id).Get("paid", false), "the session's value");
    }

    [Test]
    public async Task RawAnswersSaveAndCannotSetACookie()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            request.Session.Set("raw", 1);
            connection.SendRaw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw");
        });
        using RawClient client = server.Connect();
        string id = Store("a");
        Assert.That(client.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={id}\r\n\r\n").ReadResponse().Body,
            Is.EqualTo("raw"));
        Assert.That(Stored(id).Get("raw", 0), Is.EqualTo(1));
        (int status, string head, _) = client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        Assert.That((status, Stored(IdOf(head)).Get("raw", 0)), Is.EqualTo((500, 1)));
        Assert.That(server.Log.Text, Does.Contain("SendRaw cannot do"));
    }

    [Test]
    public async Task NextRequestOfAConnectionHasNothingOfTheLastOnes()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            if (request.Path == "/a") request.Session.Set("a", 1);
            connection.Send("ok");
        });
        using RawClient client = server.Connect();
        client.Send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That((CookiesOf(client.ReadResponse().Head).Length, CookiesOf(client.ReadResponse().Head).Length),
            Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task InterimAnswersLeaveTheSessionToTheFinalOne()
    {
        await using TestServer server = Serve((connection, request) =>
        {
            request.Session.Set("a", 1);
            connection.Send(new Response(103, new() { ["Link"] = "</a.css>; rel=preload" }));
            request.Session.Set("a", 2);
            connection.Send("ok");
        });
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(CookiesOf(client.ReadUntil("\r\n\r\n")), Is.Empty);
        Assert.That(Stored(IdOf(client.ReadResponse().Head)).Get("a", 0), Is.EqualTo(2));
    }

    [TearDown]
    public void TearDown() => _handler.Gc(TimeSpan.FromTicks(-1));

    private static string[] CookiesOf(string head) =>
        [.. head.Split("\r\n").Where(line => line.StartsWith("Set-Cookie: ", StringComparison.Ordinal))
            .Select(line => line[12..])];

    private static string IdOf(string head) =>
        CookiesOf(head).Single(cookie => cookie.StartsWith("PHPSID=", StringComparison.Ordinal))[7..39];

    private TestServer Serve(Action<TcpConnection, Request> onMessage) =>
        TestServer.Http(loopType, onMessage, worker => worker.Options.Http.Session.Handler = _handler);

    private TestServer Counter() => Serve((connection, request) =>
    {
        int visits = request.Session.Get("visits", 0) + 1;
        request.Session.Set("visits", visits);
        connection.Send($"{visits}");
    });

    private string Store(string who)
    {
        Session session = new SessionStore { Handler = _handler }.Create();
        session.Set("who", who);
        session.Save();
        return session.Id;
    }

    private Session Stored(string id) =>
        new SessionStore { Handler = _handler }.Find([id]) ?? throw new AssertionException($"{id} is not stored");
}
