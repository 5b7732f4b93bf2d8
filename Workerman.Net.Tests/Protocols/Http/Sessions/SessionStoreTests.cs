using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http.Sessions;

/// <summary>Stores at work: such as fail, such as are slow, such as are shared by loops and processes.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SessionStoreTests(Type loopType)
{
    private readonly List<string> _folders = [];

    [TearDown]
    public void TearDown()
    {
        foreach (string folder in _folders.Where(Directory.Exists)) Directory.Delete(folder, recursive: true);
        _folders.Clear();
    }

    /// <summary>However the answer was to be given, it is 500, it is logged, and nothing of it follows.</summary>
    [TestCase("text")]
    [TestCase("thread")]
    [TestCase("timer")]
    [TestCase("stream")]
    [TestCase("throw")]
    public async Task ASessionThatCannotBeSavedIsA500(string way)
    {
        var handler = new BrokenHandler { WriteFails = true };
        await using TestServer server = Serve(handler, (connection, request) =>
        {
            request.Session.Set("a", 1);
            switch (way)
            {
                case "thread": Task.Run(() => connection.Send("secret")); break;
                case "timer": Timer.Delay(0.01, () => connection.Send("secret")); break;
                case "throw": throw new InvalidOperationException("as well");
                case "stream":
                    connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }));
                    connection.Send(new ServerSentEvents { Data = "secret" });
                    break;
                default: connection.Send("secret"); break;
            }
        });
        using RawClient client = server.Connect();
        string close = way == "throw" ? "Connection: close\r\n" : "";
        string answer = client.Send($"GET / HTTP/1.1\r\nHost: a\r\n{close}\r\n").ReadToEnd();
        Assert.That(answer, Does.StartWith("HTTP/1.1 500 ").And.Not.Contain("secret").And.Not.Contain("Set-Cookie"));
        Assert.That(server.Log.Text,
            Does.Contain("[Error] A session could not be saved System.IO.IOException: the disk is full"));
    }

    [Test]
    public async Task HandlerThatKnowsOfItAnswersItself()
    {
        var handler = new BrokenHandler { WriteFails = true };
        var worker = new Worker("http://127.0.0.1:0") { Name = "test" };
        worker.OnMessageAsync = static async (connection, request) =>
        {
            Session session = await request.LoadSessionAsync();
            session.Set("a", 1);
            try
            {
                await session.SaveAsync();
            }
            catch (IOException e)
            {
                connection.Send(Response.Text($"later, because {e.Message}", 503));
            }
        };
        worker.Options.Http.Session.Handler = handler;
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        for (int i = 0; i < 2; i++)
        {
            (int status, string head, string body) = client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
            Assert.That((status, body), Is.EqualTo((503, "later, because the disk is full")));
            Assert.That(head, Does.Not.Contain("Set-Cookie"));
        }
    }

    [Test]
    public async Task ASessionThatCannotBeReadIsA500()
    {
        var handler = new BrokenHandler { ReadFails = true };
        await using TestServer server = Serve(handler, (connection, request) => connection.Send(request.SessionId));
        using RawClient client = server.Connect();
        Assert.That(client.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={SessionIds.Create()}\r\n\r\n")
            .ReadResponse().Status, Is.EqualTo(500));
        Assert.That(server.Log.Text, Does.Contain("the disk is gone"));
        handler.ReadFails = false;
        Assert.That(client.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={SessionIds.Create()}\r\n\r\n")
            .ReadResponse().Status, Is.EqualTo(200));
    }

    [Test]
    public async Task AForeignFileIsAnEmptySessionAndALineOnTheLog()
    {
        var handler = new FileSessionHandler(NewFolder());
        string id = SessionIds.Create();
        handler.Write(id, "user|s:5:\"admin\";"u8.ToArray(), TimeSpan.FromMinutes(1));
        await using TestServer server =
            Serve(handler, (connection, request) => connection.Send($"{request.SessionId} {request.Session.All().Count}"));
        using RawClient client = server.Connect();
        (int status, _, string body) = client.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={id}\r\n\r\n").ReadResponse();
        Assert.That((status, body), Is.EqualTo((200, $"{id} 0")));
        Assert.That(server.Log.Text, Does.Contain("[Error] The stored data of a session is none of this library's"));
        Assert.That(server.Log.Text, Does.Not.Contain(id), "an id is a secret");
    }

    [Test]
    public async Task ExpiredSessionsAreSweptOffTheLoop()
    {
        var handler = new BrokenHandler();
        await using TestServer server = Serve(handler, (connection, request) => connection.Send(request.SessionId),
            options => (options.GcDivisor, options.Lifetime) = (1, TimeSpan.FromSeconds(99)));
        using var browser = new Browser(server.Uri);
        await browser.Get();
        Assert.That(await handler.Swept.Task.WaitAsync(Wait.Limit), Is.EqualTo((TimeSpan.FromSeconds(99), true)));
        await Wait.Until(() => server.Log.Text.Contains("Expired sessions could not be removed", StringComparison.Ordinal),
            "what the sweep failed with");
    }

    [Test]
    public async Task WithoutAChanceNothingIsSwept()
    {
        var handler = new BrokenHandler();
        await using TestServer server = Serve(handler, (connection, request) => connection.Send(request.SessionId),
            options => (options.GcProbability, options.GcDivisor) = (0, 1));
        using var browser = new Browser(server.Uri);
        for (int i = 0; i < 20; i++) await browser.Get();
        Assert.That(handler.Swept.Task.IsCompleted, Is.False);
    }

    [Test]
    public async Task AutoUpdateTimestampKeepsAnIdleSessionAlive([Values] bool auto)
    {
        var handler = new FileSessionHandler(NewFolder());
        await using TestServer server = Serve(handler, (connection, request) => connection.Send(request.SessionId),
            options => options.AutoUpdateTimestamp = auto);
        using var browser = new Browser(server.Uri);
        string file = Path.Combine(handler.Folder, "session_" + await browser.Get());
        DateTime before = DateTime.UtcNow - TimeSpan.FromMinutes(10);
        File.SetLastWriteTimeUtc(file, before);
        await browser.Get();
        Assert.That(File.GetLastWriteTimeUtc(file),
            auto ? Is.GreaterThan(before + TimeSpan.FromMinutes(9)) : Is.LessThan(before + TimeSpan.FromMinutes(1)));
    }

    /// <summary>A cache behind a network: while one request waits for it, the loop answers others.</summary>
    [Test]
    public async Task ACacheMakesTheLoopWaitForNothing()
    {
        var cache = new RemoteCache();
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnMessageAsync = async (connection, request) =>
            {
                if (request.Path == "/quick")
                {
                    connection.Send("quick");
                    return;
                }
                Session session = await request.LoadSessionAsync();
                Assert.That(EventLoop.Current, Is.Not.Null, "back on the loop");
                Assert.That(session, Is.SameAs(request.Session).And.SameAs(await request.LoadSessionAsync()));
                session.Set("visits", session.Get("visits", 0) + 1);
                await session.SaveAsync();
                connection.Send(session.Get("visits")!);
            },
        };
        worker.Options.Http.Session.Handler = new DistributedCacheSessionHandler(cache);
        worker.Options.Http.Session.AutoUpdateTimestamp = true;
        await using TestServer server = TestServer.Start(loopType, worker);
        using var browser = new Browser(server.Uri);
        Assert.That(await browser.Get(), Is.EqualTo("1"));
        cache.Hold();
        Task<string> slow = browser.Get();
        await cache.Waiting.WaitAsync(Wait.Limit);
        Assert.That(await browser.Get("quick"), Is.EqualTo("quick"));
        Assert.That(slow.IsCompleted, Is.False);
        cache.Release();
        Assert.That((await slow, cache.SynchronousCalls), Is.EqualTo(("2", 0)));
    }

    /// <summary>A cache that is down fails quickly or not at all; the answer that tells so does not wait for it again.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public async Task ACacheThatIsDownIsAskedOnce(bool caught)
    {
        var cache = new RemoteCache();
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnMessageAsync = async (connection, request) =>
            {
                Session session = await request.LoadSessionAsync();
                session.Set("a", 1);
                cache.Fails = true;
                try
                {
                    await session.SaveAsync();
                }
                catch (IOException) when (caught)
                {
                    connection.Send("all is well");
                }
            },
        };
        worker.Options.Http.Session.Handler = new DistributedCacheSessionHandler(cache);
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ReadToEnd(),
            Does.StartWith("HTTP/1.1 500 ").And.Not.Contain("well").And.Not.Contain("Set-Cookie"));
        Assert.That(cache.SynchronousCalls, Is.Zero);
        Assert.That(server.Log.Text, Does.Contain("A session could not be saved System.IO.IOException: the cache is down"));
    }

    [Test]
    public async Task ASessionThatComesTooLateForItsAnswerIsRefused()
    {
        var cache = new RemoteCache();
        var outcome = new TaskCompletionSource<Exception?>();
        var worker = new Worker("http://127.0.0.1:0")
        {
            OnMessageAsync = async (connection, request) =>
            {
                ValueTask<Session> loading = request.LoadSessionAsync();
                connection.Send("too soon");
                cache.Release();
                try
                {
                    await loading;
                    outcome.SetResult(null);
                }
                catch (InvalidOperationException e)
                {
                    outcome.SetResult(e);
                }
            },
        };
        worker.Options.Http.Session.Handler = new DistributedCacheSessionHandler(cache);
        cache.Hold();
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: PHPSID={SessionIds.Create()}\r\n\r\n").ReadResponse().Body,
            Is.EqualTo("too soon"));
        Assert.That((await outcome.Task.WaitAsync(Wait.Limit))?.Message, Does.Contain("before Send"));
    }

    /// <summary>
    /// Four loops, two workers on one folder, clients that all write one session at once: it is never torn, and the last one
    /// wins.
    /// </summary>
    [Test]
    public async Task LoopsAndWorkersShareAFolder()
    {
        string folder = NewFolder();
        var sizes = new ConcurrentBag<int>();
        Worker Make()
        {
            var worker = new Worker("http://127.0.0.1:0")
            {
                Count = 4,
                OnMessage = (connection, request) =>
                {
                    Session session = request.Session;
                    if (session.Has("text"))
                    {
                        string text = session.Get("text", "");
                        if (text.Length != session.Get("length", -1) || text.Distinct().Count() > 1)
                            throw new InvalidDataException($"torn: {text.Length}");
                        sizes.Add(text.Length);
                    }
                    int length = int.Parse(request.Get("n")!, null);
                    session.Set("text", new string((char)('a' + length % 26), length));
                    session.Set("length", length);
                    connection.Send("ok");
                },
            };
            // A handler each: nothing is shared but the folder.
            worker.Options.Http.Session.Handler = new FileSessionHandler(folder);
            worker.Options.Http.Session.GcDivisor = 5;
            return worker;
        }

        Worker first = Make(), second = Make();
        await using TestServer server = TestServer.Start(loopType, first, second);
        using var browser = new Browser(server.Uri);
        await browser.Get("?n=1");
        string id = browser.SessionId!;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(client => Task.Run(() =>
        {
            using var raw = new RawClient((client % 2 == 0 ? first : second).LocalEndPoint!);
            for (int i = 0; i < 20; i++)
            {
                (int status, string head, _) = raw.Send($"GET /?n={1 + (client * 7919 + i * 104729) % 30_000} HTTP/1.1\r\n"
                    + $"Host: a\r\nCookie: PHPSID={id}\r\n\r\n").ReadResponse();
                Assert.That((status, head.Contains("Set-Cookie", StringComparison.Ordinal)), Is.EqualTo((200, false)));
            }
        })));
        Assert.That(server.Log.Text, Does.Not.Contain("torn").And.Not.Contain("[Error]"));
        Assert.That(sizes.Distinct().Count(), Is.GreaterThan(20), "they saw what others wrote");
        Assert.That(Directory.GetFiles(folder), Has.Length.EqualTo(1));
    }

    private TestServer Serve(ISessionHandler handler, Action<TcpConnection, Request> onMessage,
        Action<SessionOptions>? setUp = null) =>
        TestServer.Http(loopType, onMessage, worker =>
        {
            worker.Options.Http.Session.Handler = handler;
            setUp?.Invoke(worker.Options.Http.Session);
        });

    private string NewFolder()
    {
        string folder = Path.Combine(Path.GetTempPath(), "workerman-test-" + Guid.NewGuid().ToString("N"));
        _folders.Add(folder);
        return folder;
    }

    private sealed class BrokenHandler : ISessionHandler
    {
        public bool ReadFails { get; set; }

        public bool WriteFails { get; init; }

        public TaskCompletionSource<(TimeSpan Lifetime, bool OffTheLoop)> Swept { get; } = new();

        public byte[]? Read(string sessionId, TimeSpan lifetime) => ReadFails ? throw new IOException("the disk is gone") : null;

        public void Write(string sessionId, byte[] data, TimeSpan lifetime)
        {
            if (WriteFails) throw new IOException("the disk is full");
        }

        public void Destroy(string sessionId)
        {
        }

        public void Gc(TimeSpan lifetime)
        {
            Swept.TrySetResult((lifetime, EventLoop.Current is null));
            throw new IOException(Encoding.UTF8.GetString("the disk is slow"u8));
        }
    }

    /// <summary>.NET's cache in memory as if it were far away: its asynchronous calls can be held up.</summary>
    private sealed class RemoteCache : IDistributedCache
    {
        private readonly MemoryDistributedCache _cache = new(Options.Create(new MemoryDistributedCacheOptions()));
        private readonly TaskCompletionSource _waiting = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TaskCompletionSource? _held;
        private int _synchronousCalls;

        public bool Fails { get; set; }

        public Task Waiting => _waiting.Task;

        public int SynchronousCalls => _synchronousCalls;

        public void Hold() => _held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Release() => _held!.SetResult();

        public byte[]? Get(string key) => Synchronously(() => _cache.Get(key));

        public void Set(string key, byte[] value, DistributedCacheEntryOptions options) => Synchronously(() =>
        {
            _cache.Set(key, value, options);
            return 0;
        });

        public void Refresh(string key) => Synchronously(() => 0);

        public void Remove(string key) => Synchronously(() => 0);

        public async Task<byte[]?> GetAsync(string key, CancellationToken token = default)
        {
            await Far();
            return await _cache.GetAsync(key, token);
        }

        public async Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options,
            CancellationToken token = default)
        {
            await Far();
            await _cache.SetAsync(key, value, options, token);
        }

        public async Task RefreshAsync(string key, CancellationToken token = default)
        {
            await Far();
            await _cache.RefreshAsync(key, token);
        }

        public async Task RemoveAsync(string key, CancellationToken token = default)
        {
            await Far();
            await _cache.RemoveAsync(key, token);
        }

        private async Task Far()
        {
            await Task.Yield();
            if (Fails) throw new IOException("the cache is down");
            if (_held is not { } held) return;
            _waiting.TrySetResult();
            await held.Task;
        }

        private T Synchronously<T>(Func<T> call)
        {
            Interlocked.Increment(ref _synchronousCalls);
            return call();
        }
    }
}
