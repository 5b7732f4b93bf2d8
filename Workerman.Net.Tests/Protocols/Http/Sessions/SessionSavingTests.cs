using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Caching.StackExchangeRedis;
using Microsoft.Extensions.Options;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http.Sessions;

/// <summary>
/// Two requests that have one session at the same time, step by step: what each of them changes is kept, and what one ends the
/// other does not bring
/// back, in every store, saved in either way.
/// </summary>
[TestFixture("file", false)]
[TestFixture("file", true)]
[TestFixture("memory", false)]
[TestFixture("memory", true)]
[TestFixture("cache", false)]
[TestFixture("cache", true)]
[TestFixture("cache, two processes", false)]
[TestFixture("cache, two processes", true)]
[TestFixture("Redis, two processes", false)]
[TestFixture("Redis, two processes", true)]
[TestFixture("own, the least there is", false)]
[TestFixture("own, the least there is", true)]
internal sealed class SessionSavingTests(string kind, bool awaits)
{
    private string _folder = null!;
    private SessionStore _store = null!;
    private SessionStore _other = null!;
    private RedisServer? _redis;
    private RedisCache[] _caches = [];

    [OneTimeSetUp]
    public void StartRedis()
    {
        if (!kind.StartsWith("Redis", StringComparison.Ordinal)) return;
        RedisServer.SkipIfMissing();
        _redis = new RedisServer();
        var options = new RedisCacheOptions { Configuration = _redis.EndPoint.ToString(), InstanceName = "sessions:" };
        _caches = [new RedisCache(options), new RedisCache(options)];
    }

    [OneTimeTearDown]
    public void StopRedis()
    {
        Array.ForEach(_caches, cache => cache.Dispose());
        _redis?.Dispose();
    }

    [SetUp]
    public void SetUp()
    {
        int made = 0;
        _folder = Path.Combine(Path.GetTempPath(), "workerman-test-" + Guid.NewGuid().ToString("N"));
        var cache = new MemoryDistributedCache(Options.Create(new MemoryDistributedCacheOptions()));
        ISessionHandler Make() => kind switch
        {
            "file" => new FileSessionHandler(_folder),
            "memory" => new MemorySessionHandler(),
            "own, the least there is" => new LeastHandler(),
            "Redis, two processes" => new DistributedCacheSessionHandler(_caches[made++]),
            _ => new DistributedCacheSessionHandler(cache),
        };
        ISessionHandler handler = Make();
        _store = new SessionStore { Handler = handler };
        bool isOtherProcess = kind is "file" or "cache, two processes" or "Redis, two processes";
        _other = new SessionStore { Handler = isOtherProcess ? Make() : handler };
    }

    [TearDown]
    public void TearDown()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task AFlushedSessionStaysAway()
    {
        (Session slow, Session quick) = await Open("user", "tom");
        quick.Flush();
        await Save(quick);
        slow.Set("slow", 1);
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.Null);
        slow.Set("again", 1);
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.Null);
    }

    [Test]
    public async Task ATouchBringsNothingBack()
    {
        (Session slow, Session quick) = await Open("user", "tom");
        quick.Flush();
        await Save(quick);
        Assert.That((slow.Refresh(), await slow.RefreshAsync()), Is.EqualTo((false, false)));
        (_store.AutoUpdateTimestamp, _other.AutoUpdateTimestamp) = (true, true);
        await Save(_store.Create());
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.Null);
    }

    [Test]
    public async Task AnIdThatWasGivenUpStaysAway()
    {
        (Session slow, Session quick) = await Open("user", "tom");
        string old = quick.Id;
        quick.Regenerate(deleteOld: true);
        await Save(quick);
        slow.Set("slow", 1);
        await Save(slow);
        Assert.That(Stored(old), Is.Null);
        Assert.That(Stored(quick.Id), Is.EqualTo("user=tom"));
    }

    /// <summary>A new id is no way around the end either: what comes from the session that has ended stays away.</summary>
    [Test]
    public async Task ANewIdTakesNothingFromASessionThatHasEnded([Values] bool deleteOld)
    {
        (Session slow, Session quick) = await Open("user", "tom");
        quick.Flush();
        await Save(quick);
        string old = slow.Id;
        slow.Set("before", 1);
        slow.Regenerate(deleteOld);
        slow.Set("after", 2);
        slow.Regenerate(deleteOld);
        await Save(slow);
        Assert.That((Stored(old), Stored(slow.Id)), Is.EqualTo((null as string, "after=2 before=1")),
            "but what the request itself has set is kept");
    }

    [Test]
    public async Task WhatEachOfThemChangesIsKept()
    {
        (Session slow, Session quick) = await Open("a", "1", "b", "1", "c", "1");
        slow.Set("slow", "s");
        slow.Set("both", "slow");
        slow.Delete("a");
        quick.Set("quick", "q");
        quick.Set("both", "quick");
        quick.Delete("b");
        await Save(quick);
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.EqualTo("both=slow c=1 quick=q slow=s"));
        slow.Set("c", "2");
        await Save(quick);
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.EqualTo("both=slow c=2 quick=q slow=s"), "what was saved once is not saved again");
    }

    [Test]
    public async Task WhatIsSetAndRemovedAgainIsRemoved()
    {
        (Session slow, Session quick) = await Open("a", "1");
        slow.Set("b", "2");
        slow.Delete("b");
        quick.Set("b", "3");
        await Save(quick);
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.EqualTo("a=1"));
    }

    /// <summary>A logout that leaves a word for the next page.</summary>
    [Test]
    public async Task AFlushedSessionThatIsUsedAgainIsAnother([Values] bool savedBetween)
    {
        (Session slow, Session quick) = await Open("user", "tom");
        (_, Session later) = (slow, _other.Find([slow.Id])!);
        quick.Flush();
        if (savedBetween) await Save(quick);
        quick.Set("message", "bye");
        await Save(quick);
        slow.Set("user", "tom");
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.EqualTo("message=bye"));
        later.Flush();
        await Save(later);
        Assert.That(Stored(slow.Id), Is.EqualTo("message=bye"), "nor does it end what is not its own");
        quick.Set("more", "words");
        await Save(quick);
        Session next = _store.Find([slow.Id])!;
        next.Set("next", "1");
        await Save(next);
        Assert.That(Stored(slow.Id), Is.EqualTo("message=bye more=words next=1"));
    }

    [Test]
    public async Task TwoThatEndASessionEndIt()
    {
        (Session slow, Session quick) = await Open("user", "tom");
        slow.Flush();
        quick.Flush();
        await Save(quick);
        await Save(slow);
        slow.Set("message", "bye");
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.EqualTo("message=bye"), "it has ended it itself");
    }

    [Test]
    public async Task WhatOthersSetMovesAlongToANewId([Values] bool deleteOld)
    {
        (Session slow, Session quick) = await Open("user", "tom");
        slow.Set("before", "b");
        quick.Set("quick", "q");
        await Save(quick);
        string old = slow.Id;
        slow.Regenerate(deleteOld);
        slow.Set("after", "a");
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.EqualTo("after=a before=b quick=q user=tom"));
        Assert.That(Stored(old), Is.EqualTo(deleteOld ? null : "before=b quick=q user=tom"));
    }

    /// <summary>At any moment of the move: it reads the old one, writes the new one, and looks again.</summary>
    [Test]
    public async Task ALogoutWhileTheIdChangesEndsTheSessionUnderBoth([Values] bool deleteOld, [Values] bool hasChanges,
        [Range(1, 2)] int call)
    {
        var hooked = new HookedHandler(_store.Handler);
        _store.Handler = hooked;
        (Session slow, Session quick) = await Open("user", "tom");
        if (hasChanges) slow.Set("before", "b");
        string old = slow.Id;
        slow.Regenerate(deleteOld);
        hooked.After(call, () =>
        {
            quick.Flush();
            quick.Save();
        });
        await Save(slow);
        Assert.That(hooked.HasFired);
        _store.Handler = hooked.Inner;
        Assert.That(Stored(old), Is.Null);
        Assert.That(Stored(slow.Id), Does.Not.Contain("user"));
    }

    [Test]
    public async Task ASessionThatExpiredMeanwhileStaysSo()
    {
        (Session slow, _) = await Open("user", "tom");
        _store.Handler.Destroy(slow.Id);
        _store.Handler.Gc(TimeSpan.Zero);
        slow.Set("slow", 1);
        await Save(slow);
        Assert.That(Stored(slow.Id), Is.Null);
    }

    [Test]
    public async Task AnIdOfTheApplicationsOwnBeginsAgain()
    {
        Session first = _store.CreateOwn("tom@example.org");
        Session second = _other.CreateOwn("tom@example.org");
        first.Set("a", "1");
        second.Set("b", "2");
        await Save(first);
        await Save(second);
        Assert.That(Stored("tom@example.org"), Is.EqualTo("a=1 b=2"), "two began it at once");
        Session slow = _other.Find(["tom@example.org"])!;
        first.Flush();
        await Save(first);
        Session third = _store.CreateOwn("tom@example.org");
        third.Set("c", "3");
        await Save(third);
        slow.Set("user", "tom");
        await Save(slow);
        Assert.That(Stored("tom@example.org"), Is.EqualTo("c=3"));
    }

    private async Task<(Session Slow, Session Quick)> Open(params string[] values)
    {
        Session session = _store.Create();
        for (int i = 0; i < values.Length; i += 2) session.Set(values[i], values[i + 1]);
        await Save(session);
        return (_store.Find([session.Id])!, _other.Find([session.Id])!);
    }

    private async Task Save(Session session)
    {
        if (awaits) await session.SaveAsync();
        else session.Save();
    }

    private string? Stored(string id) =>
        _store.Find([id]) is { } session
        ? string.Join(' ', session.All().OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => $"{entry.Key}={entry.Value}")) : null;

    private sealed class LeastHandler : ISessionHandler
    {
        private readonly Dictionary<string, byte[]> _sessions = [];

        public byte[]? Read(string sessionId, TimeSpan lifetime) => _sessions.GetValueOrDefault(sessionId);

        public void Write(string sessionId, byte[] data, TimeSpan lifetime) => _sessions[sessionId] = data;

        public void Destroy(string sessionId) => _sessions.Remove(sessionId);
    }

    /// <summary>Another handler that lets something happen once, behind a call that reads or writes.</summary>
    private sealed class HookedHandler(ISessionHandler inner) : ISessionHandler
    {
        private int _calls;
        private Action? _hook;

        public ISessionHandler Inner => inner;

        public bool HasFired { get; private set; }

        public void After(int call, Action hook) => (_calls, _hook) = (call, hook);

        public byte[]? Read(string sessionId, TimeSpan lifetime) => Fire(inner.Read(sessionId, lifetime));

        public void Write(string sessionId, byte[] data, TimeSpan lifetime)
        {
            inner.Write(sessionId, data, lifetime);
            Fire<byte[]?>(null);
        }

        public void Destroy(string sessionId) => inner.Destroy(sessionId);

        public byte[]? Update(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime) =>
            Fire(inner.Update(sessionId, change, lifetime));

        public ValueTask<byte[]?> UpdateAsync(string sessionId, Func<byte[]?, byte[]?> change, TimeSpan lifetime,
            CancellationToken cancellationToken = default) =>
            new(Update(sessionId, change, lifetime));

        private T Fire<T>(T result)
        {
            if (_hook is null || --_calls > 0) return result;
            Action hook = _hook;
            _hook = null;
            HasFired = true;
            hook();
            return result;
        }
    }
}
