using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;
using Workerman.Protocols.Http.Sessions;

namespace Workerman.Tests.Protocols.Http.Sessions;

/// <summary>What each handler owes a session, whatever it is made of.</summary>
[TestFixture("file")]
[TestFixture("memory")]
[TestFixture("cache")]
[TestFixture("cache, absolute")]
[TestFixture("own, the least there is")]
internal sealed class SessionHandlerTests(string kind)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    private readonly string _id = SessionIds.Create();
    private string _folder = null!;
    private Clock _clock = null!;
    private ISessionHandler _handler = null!;

    [SetUp]
    public void SetUp()
    {
        _folder = Path.Combine(Path.GetTempPath(), "workerman-test-" + Guid.NewGuid().ToString("N"));
        _clock = new Clock();
        _handler = kind switch
        {
            "file" => new FileSessionHandler(_folder),
            "memory" => new MemorySessionHandler(timeProvider: _clock),
            "cache" => new DistributedCacheSessionHandler(Cache()),
            "cache, absolute" => new DistributedCacheSessionHandler(Cache(), "s:") { Sliding = false },
            _ => new LeastHandler(_clock),
        };
    }

    [TearDown]
    public void TearDown()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void ReadsWhatWasWritten()
    {
        Assert.That(_handler.Read(_id, Lifetime), Is.Null);
        Assert.That(_handler.UpdateTimestamp(_id, Lifetime), Is.False);
        _handler.Write(_id, "one"u8.ToArray(), Lifetime);
        _handler.Write(SessionIds.Create(), "other"u8.ToArray(), Lifetime);
        Assert.That(Text(_handler.Read(_id, Lifetime)), Is.EqualTo("one"));
        _handler.Write(_id, "2"u8.ToArray(), Lifetime);
        Assert.That(_handler.UpdateTimestamp(_id, Lifetime));
        Assert.That(Text(_handler.Read(_id, Lifetime)), Is.EqualTo("2"));
        _handler.Gc(Lifetime);
        Assert.That(Text(_handler.Read(_id, Lifetime)), Is.EqualTo("2"));
        _handler.Destroy(_id);
        Assert.That(_handler.Read(_id, Lifetime), Is.Null);
        Assert.That(() => _handler.Destroy(_id), Throws.Nothing);
    }

    [Test]
    public async Task DoesTheSameWithoutMakingAnyoneWait()
    {
        Assert.That(await _handler.ReadAsync(_id, Lifetime), Is.Null);
        Assert.That(await _handler.UpdateTimestampAsync(_id, Lifetime), Is.False);
        await _handler.WriteAsync(_id, "one"u8.ToArray(), Lifetime);
        Assert.That(Text(await _handler.ReadAsync(_id, Lifetime)), Is.EqualTo("one"));
        Assert.That(await _handler.UpdateTimestampAsync(_id, Lifetime));
        Assert.That(Text(_handler.Read(_id, Lifetime)), Is.EqualTo("one"));
        await _handler.DestroyAsync(_id);
        Assert.That(await _handler.ReadAsync(_id, Lifetime), Is.Null);
    }

    [Test]
    public void AnExpiredSessionIsUnknownBeforeAnyoneSweeps()
    {
        _handler.Write(_id, "one"u8.ToArray(), Lifetime);
        Age(Lifetime - TimeSpan.FromSeconds(30));
        Assert.That(Text(_handler.Read(_id, Lifetime)), Is.EqualTo("one"));
        Age(Lifetime + TimeSpan.FromSeconds(30));
        Assert.That(_handler.Read(_id, Lifetime), Is.Null);
        Assert.That(_handler.UpdateTimestamp(_id, Lifetime), Is.False);
    }

    [Test]
    public void UpdateTimestampBeginsANewLifetime()
    {
        _handler.Write(_id, "one"u8.ToArray(), Lifetime);
        for (int i = 0; i < 3; i++)
        {
            Age(Lifetime - TimeSpan.FromSeconds(30));
            Assert.That(_handler.UpdateTimestamp(_id, Lifetime));
        }
        Assert.That(Text(_handler.Read(_id, Lifetime)), Is.EqualTo("one"));
    }

    [Test]
    public void SweepingLeavesWhatIsAlive()
    {
        string young = SessionIds.Create();
        _handler.Write(_id, "old"u8.ToArray(), Lifetime);
        Age(Lifetime + TimeSpan.FromMinutes(2));
        _handler.Write(young, "young"u8.ToArray(), Lifetime);
        _handler.Gc(Lifetime);
        Assert.That((Text(_handler.Read(_id, Lifetime)), Text(_handler.Read(young, Lifetime))),
            Is.EqualTo((null as string, "young")));
        if (_handler is FileSessionHandler) Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1));
        if (_handler is MemorySessionHandler memory) Assert.That(memory.Count, Is.EqualTo(1));
    }

    [Test]
    public void UpdateIsGivenWhatIsStoredAndStoresWhatItReturns()
    {
        var seen = new List<string?>();
        byte[]? Change(string? to)
        {
            return _handler.Update(_id, stored =>
            {
                seen.Add(Text(stored));
                return to is null ? null : Encoding.UTF8.GetBytes(to);
            }, Lifetime);
        }

        Assert.That((Change(null), _handler.Read(_id, Lifetime)), Is.EqualTo(((byte[]?)null, (byte[]?)null)),
            "what is not there stays away");
        Assert.That((Text(Change("one")), Text(_handler.Read(_id, Lifetime))), Is.EqualTo(("one", "one")));
        Assert.That((Text(Change("two")), Text(_handler.Read(_id, Lifetime))), Is.EqualTo(("two", "two")));
        Assert.That(Text(_handler.Update(_id, stored => stored, Lifetime)), Is.EqualTo("two"));
        Age(Lifetime - TimeSpan.FromSeconds(30));
        Assert.That(_handler.Update(_id, stored => stored, Lifetime), Is.Not.Null);
        Age(Lifetime - TimeSpan.FromSeconds(30));
        Assert.That((Change(null), _handler.Read(_id, Lifetime)), Is.EqualTo(((byte[]?)null, (byte[]?)null)),
            "what is there is removed");
        Assert.That((Text(Change("anew")), Text(_handler.Read(_id, Lifetime))), Is.EqualTo(("anew", "anew")),
            "an id may begin again");
        Age(Lifetime + TimeSpan.FromSeconds(30));
        Change(null);
        Assert.That(seen, Is.EqualTo(new[] { null, null, "one", "two", null, null }), "what has expired is not there");
        Assert.That(() => _handler.Update(_id, _ => throw new InvalidOperationException("no"), Lifetime),
            Throws.InvalidOperationException);
        Assert.That(_handler.Read(_id, Lifetime), Is.Null);
    }

    [Test]
    public async Task UpdateAsyncDoesTheSame()
    {
        Assert.That(await _handler.UpdateAsync(_id, _ => null, Lifetime), Is.Null);
        Assert.That(Text(await _handler.UpdateAsync(_id, stored => stored ?? "one"u8.ToArray(), Lifetime)), Is.EqualTo("one"));
        Assert.That(Text(await _handler.UpdateAsync(_id, stored => [.. stored!, .. "!"u8], Lifetime)), Is.EqualTo("one!"));
        Assert.That(await _handler.UpdateAsync(_id, _ => null, Lifetime), Is.Null);
        Assert.That(_handler.Read(_id, Lifetime), Is.Null);
    }

    /// <summary>Threads are what loops are; some of them await.</summary>
    [Test]
    public async Task NoUpdateIsLostAndNoneBringsBackWhatWasRemoved()
    {
        const int Threads = 4, Rounds = 50;
        byte[] Next(byte[]? stored) => stored is null ? [1] : [(byte)(stored[0] + 1)];
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                if (thread % 2 == 0) _handler.Update(_id, Next, Lifetime);
                else await _handler.UpdateAsync(_id, Next, Lifetime);
            }
        })));
        Assert.That(_handler.Read(_id, Lifetime), Is.EqualTo(new byte[] { Threads * Rounds }));
        // Now they only change what is there, and one of them removes it in the middle.
        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Run(async () =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                if (thread == 0 && i == Rounds / 2) _handler.Update(_id, _ => null, Lifetime);
                else if (thread == 1) await _handler.UpdateTimestampAsync(_id, Lifetime);
                else if (thread == 2) _handler.UpdateTimestamp(_id, Lifetime);
                else _handler.Update(_id, stored => stored is null ? null : Next(stored), Lifetime);
            }
        })));
        Assert.That(_handler.Read(_id, Lifetime), Is.Null);
        if (_handler is FileSessionHandler) Assert.That(Directory.GetFiles(_folder), Is.Empty, "no locks, nothing half done");
    }

    private static string? Text(byte[]? data) => data is null ? null : Encoding.UTF8.GetString(data);

    private MemoryDistributedCache Cache() =>
#pragma warning disable CS0618 // The cache has no other clock.
        new(Options.Create(new MemoryDistributedCacheOptions { Clock = _clock }));
#pragma warning restore CS0618

    /// <summary>Lets time pass: for files, that is the time they bear.</summary>
    private void Age(TimeSpan time)
    {
        _clock.Now += time;
        if (!Directory.Exists(_folder)) return;
        foreach (string file in Directory.GetFiles(_folder)) File.SetLastWriteTimeUtc(file, DateTime.UtcNow - time);
    }

    /// <summary>A handler that leaves all that it may to the interface.</summary>
    private sealed class LeastHandler(Clock clock) : ISessionHandler
    {
        private readonly ConcurrentDictionary<string, (byte[] Data, DateTimeOffset Written)> _sessions = [];

        public byte[]? Read(string sessionId, TimeSpan lifetime) =>
            _sessions.TryGetValue(sessionId, out var session) && clock.Now - session.Written <= lifetime ? session.Data : null;

        public void Write(string sessionId, byte[] data, TimeSpan lifetime) => _sessions[sessionId] = (data, clock.Now);

        public void Destroy(string sessionId) => _sessions.TryRemove(sessionId, out _);
    }

    private sealed class Clock : TimeProvider, Microsoft.Extensions.Internal.ISystemClock
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public DateTimeOffset UtcNow => Now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.UtcTicks;
    }
}
