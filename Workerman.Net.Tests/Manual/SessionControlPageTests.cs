using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual page http/session-control in C#: where sessions are kept, and for how long.
/// </summary>
[ManualPage("http/session-control.md", Different = "sessions in Redis are kept by .NET's IDistributedCache")]
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SessionControlPageTests(Type loopType)
{
    private string _folder = null!;

    [SetUp]
    public void SetUp() => _folder = Path.Combine(Path.GetTempPath(), "workerman-test-" + Guid.NewGuid().ToString("N"));

    [TearDown]
    public void TearDown()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Redis in PHP; here any of .NET's caches, of which the one for Redis is made in the same way.</summary>
    [Test]
    public async Task KeepSessionsInACache()
    {
        IDistributedCache cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));

        var worker = new Worker("http://127.0.0.1:0");
        worker.Options.Http.Session.Handler = new DistributedCacheSessionHandler(cache, prefix: "session_");
        worker.OnMessage = (connection, request) =>
        {
            Session session = request.Session;
            session.Set("somekey", Random.Shared.Next());
            connection.Send(session.Get("somekey")!);
        };

        await using TestServer server = TestServer.Start(loopType, worker);
        using var browser = new Browser(server.Uri);
        string number = await browser.Get();
        Assert.That(int.Parse(number, CultureInfo.InvariantCulture), Is.GreaterThanOrEqualTo(0));
        Assert.That(await cache.GetStringAsync("session_" + browser.SessionId), Is.EqualTo($$"""{"somekey":{{number}}}"""));
    }

    /// <summary>The same for a cache behind a network, which the loop does not wait for.</summary>
    [Test]
    public async Task KeepSessionsInACacheThatIsFarAway()
    {
        IDistributedCache cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));

        var worker = new Worker("http://127.0.0.1:0");
        worker.Options.Http.Session.Handler = new DistributedCacheSessionHandler(cache);
        worker.OnMessageAsync = async (connection, request) =>
        {
            Session session = await request.LoadSessionAsync();
            session.Set("somekey", session.Get("somekey", 0) + 1);
            await session.SaveAsync();
            connection.Send(session.Get("somekey")!);
        };

        await using TestServer server = TestServer.Start(loopType, worker);
        using var browser = new Browser(server.Uri);
        Assert.That((await browser.Get(), await browser.Get()), Is.EqualTo(("1", "2")));
    }

    [Test]
    public async Task SetTheFolderOfSessionFiles()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.Options.Http.Session.Handler = new FileSessionHandler(_folder);
        worker.OnMessage = (connection, request) =>
        {
            Session session = request.Session;
            session.Set("name", "tome");
            connection.Send(session.Get("name")!);
        };

        await using TestServer server = TestServer.Start(loopType, worker);
        using var browser = new Browser(server.Uri);
        Assert.That(await browser.Get(), Is.EqualTo("tome"));
        Assert.That(Directory.GetFiles(_folder).Select(Path.GetFileName), Is.EqualTo(new[] { "session_" + browser.SessionId }));
    }

    /// <summary>PHP: <c>session.gc_probability</c>, <c>session.gc_divisor</c> and <c>session.gc_maxlifetime</c>.</summary>
    [Test]
    public async Task SweepSessionFiles()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.Options.Http.Session.Handler = new FileSessionHandler(_folder);
        worker.Options.Http.Session.GcProbability = 1;
        worker.Options.Http.Session.GcDivisor = 1;
        worker.Options.Http.Session.Lifetime = TimeSpan.FromMinutes(24);
        worker.OnMessage = (connection, request) => connection.Send(request.SessionId);

        await using TestServer server = TestServer.Start(loopType, worker);
        using var first = new Browser(server.Uri);
        string old = Path.Combine(_folder, "session_" + await first.Get());
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow - TimeSpan.FromMinutes(26));
        using var second = new Browser(server.Uri);
        string young = Path.Combine(_folder, "session_" + await second.Get());
        // The sweep of the first request may still be under way, and then the second has begun none: it is asked for again.
        await Wait.Until(() => !File.Exists(old) || Wait.For(second.Get()).Length == 0, "the sweep");
        Assert.That(File.Exists(young));
    }

    [Test]
    public async Task AddAnEngineOfOnesOwn()
    {
        var worker = new Worker("http://127.0.0.1:0");
        worker.Options.Http.Session.Handler = new MySessionHandler(host: "localhost");
        worker.OnMessage = (connection, request) =>
        {
            Session session = request.Session;
            if (request.Path == "/set") session.Set("somekey", Random.Shared.Next());
            connection.Send(session.Get("somekey")!);
        };

        await using TestServer server = TestServer.Start(loopType, worker);
        using var browser = new Browser(server.Uri);
        string number = await browser.Get("set");
        Assert.That((await browser.Get(), int.TryParse(number, CultureInfo.InvariantCulture, out _)), Is.EqualTo((number, true)));
    }

    /// <summary>The page's own handler, which shows the way and is not for production.</summary>
    private sealed class MySessionHandler(string host) : ISessionHandler
    {
        private static readonly ConcurrentDictionary<string, (byte[] Content, DateTime Timestamp)> Store = new();

        public string Host { get; } = host;

        public byte[]? Read(string sessionId, TimeSpan lifetime) =>
            Store.TryGetValue(sessionId, out var info) ? info.Content : null;

        public void Write(string sessionId, byte[] data, TimeSpan lifetime) => Store[sessionId] = (data, DateTime.UtcNow);

        public void Destroy(string sessionId) => Store.TryRemove(sessionId, out _);

        public void Gc(TimeSpan lifetime)
        {
            foreach ((string sessionId, (_, DateTime timestamp)) in Store)
            {
                if (DateTime.UtcNow - timestamp > lifetime) Store.TryRemove(sessionId, out _);
            }
        }
    }
}
