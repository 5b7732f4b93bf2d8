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
        Assert.That((Text(_handler.Read(_id, Lifetime)), Text(_handler.Read(young, Lifetime))), Is.EqualTo((null as string, "young")));
        if (_handler is FileSessionHandler) Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1));
        if (_handler is MemorySessionHandler memory) Assert.That(memory.Count, Is.EqualTo(1));
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
        private readonly Dictionary<string, (byte[] Data, DateTimeOffset Written)> _sessions = [];

        public byte[]? Read(string sessionId, TimeSpan lifetime) =>
            _sessions.TryGetValue(sessionId, out var session) && clock.Now - session.Written <= lifetime ? session.Data : null;

        public void Write(string sessionId, byte[] data, TimeSpan lifetime) => _sessions[sessionId] = (data, clock.Now);

        public void Destroy(string sessionId) => _sessions.Remove(sessionId);
    }

    private sealed class Clock : TimeProvider, Microsoft.Extensions.Internal.ISystemClock
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public DateTimeOffset UtcNow => Now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.UtcTicks;
    }
}
