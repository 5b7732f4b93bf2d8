using StackExchange.Redis;
using Workerman.EventStreams;
using Workerman.Extensions.Redis;
using Workerman.Tests.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>The log in a real Redis: what every log does, and what Redis alone has.</summary>
internal sealed class RedisEventLogTests : EventLogContract
{
    private RedisServer _server = null!;
    private ConnectionMultiplexer _connection = null!;
    private int _keys;

    [OneTimeSetUp]
    public async Task StartRedis()
    {
        RedisServer.SkipIfMissing();
        _server = new RedisServer();
        _connection = await ConnectionMultiplexer.ConnectAsync(_server.EndPoint.ToString());
    }

    [OneTimeTearDown]
    public void StopRedis()
    {
        _connection?.Dispose();
        _server?.Dispose();
    }

    [Test]
    public async Task NodesSeeEachOther()
    {
        string key = NewKey();
        using var second = await ConnectionMultiplexer.ConnectAsync(_server.EndPoint.ToString());
        var one = new RedisEventLog(_connection, key);
        var other = new RedisEventLog(second, key);
        await using Follower follower = new(other);
        await follower.Next();
        EventPlace place = await one.AppendAsync(new EventRecord { Data = "hello", Topics = ["a", "b"] });
        EventBatch told = await follower.Next();
        Assert.That((told.End, told.Events.Single().Data), Is.EqualTo((place, "hello")));
        Assert.That(told.Events[0].Topics, Is.EqualTo(new[] { "a", "b" }));
        // An event may be read before its message has come: gaps are not counted here.
        EventLogStatus status = other.Status;
        Assert.That(status, Is.EqualTo(new EventLogStatus(IsConnected: true, place, status.GapReads)));
    }

    [Test]
    public async Task LargeEventsAreReadInsteadOfTold()
    {
        IEventLog log = Make();
        await using Follower follower = new(log);
        await follower.Next();
        string large = new('x', 300_000);
        for (int i = 0; i < 10; i++) await log.AppendAsync(new EventRecord { Data = large + i });
        List<string> seen = await follower.Read(10);
        Assert.That(seen.Select(text => text[^1]), Is.EqualTo("0123456789"));
    }

    [Test]
    public async Task PagesAreBoundedByTheirSize()
    {
        IEventLog log = Make();
        for (int i = 0; i < 20; i++) await log.AppendAsync(new EventRecord { Data = new string('x', 200_000) });
        EventBatch page = await log.ReadAsync(null, 100);
        long number = 0;
        for (; page.Events.Count > 0; page = await log.ReadAsync(page.End, 100))
        {
            Assert.That(page.Events, Has.Count.InRange(1, 2));
            Assert.That(page.After.Number, Is.EqualTo(number));
            number = page.End.Number;
        }
        Assert.That(number, Is.EqualTo(20));
    }

    [Test]
    public async Task MessageThatDoesNotFollowOnWhatWasSeenIsNotTaken()
    {
        IEventLog log = Make();
        string key = ((RedisEventLog)log).Key;
        await using Follower follower = new(log);
        await follower.Next();
        EventPlace place = await log.AppendAsync(new EventRecord { Data = "seen" });
        Assert.That(await follower.Read(1), Has.Count.EqualTo(1));
        // As from a Redis in which another event had the place before.
        await _connection.GetSubscriber().PublishAsync(RedisChannel.Literal($"{{{key}}}:events"),
            $"{place.Epoch}-2 othertag\nx 14\n{{\"data\":\"no\"}}");
        await log.AppendAsync(new EventRecord { Data = "next" });
        Assert.That((await follower.Next()).Events.Single().Data, Is.EqualTo("next"));
    }

    [Test]
    public async Task SizeIsBoundedToo()
    {
        var log = new RedisEventLog(_connection, NewKey(), new() { MaxSize = 10_000 });
        for (int i = 0; i < 30; i++) await log.AppendAsync(new EventRecord { Data = new string('x', 1000) });
        EventBatch page = await log.ReadAsync(null, 100);
        Assert.That(page.Events, Has.Count.EqualTo(9));
        await log.AppendAsync(new EventRecord { Data = new string('x', 20_000) });
        Assert.That((await log.ReadAsync(null, 100)).Events, Has.Count.EqualTo(1), "the newest is kept in any case");
    }

    [Test]
    public async Task AgeIsBoundedToo()
    {
        var log = new RedisEventLog(_connection, NewKey(), new() { MaxAge = TimeSpan.FromMilliseconds(50) });
        EventPlace old = await log.AppendAsync(new EventRecord { Data = "old" });
        await Wait.Until(() => _connection.GetDatabase().StreamLength(log.Key) == 1
            && log.ReadAsync(old with { Number = 0, Tag = null }, 10).AsTask().Result.Events.Count == 0, "it to be removed");
        EventPlace next = await log.AppendAsync(new EventRecord { Data = "young" });
        Assert.That(next.Number, Is.EqualTo(2));
    }

    [Test]
    public async Task SentAgainIsAddedOnce()
    {
        using var proxy = new RedisProxy(_server.EndPoint);
        using var cut = await ConnectionMultiplexer.ConnectAsync(proxy.Configuration);
        string key = NewKey();
        var log = new RedisEventLog(cut, key, new() { WhenUnavailable = WhenUnavailable.Wait });
        var direct = new RedisEventLog(_connection, key);
        await log.AppendAsync(new EventRecord { Data = "first" });
        for (int i = 0; i < 5; i++)
        {
            // Redis gets it, and its answer is lost with the connection. On a new one the client may send the script itself
            // (EVAL) in place of its hash (EVALSHA).
            proxy.LosesNextAnswerTo("EVAL");
            await log.AppendAsync(new EventRecord { Data = $"{i}", Id = $"own{i}" }).AsTask().WaitAsync(Wait.Limit);
            await direct.AppendAsync(new EventRecord { Data = "other" });
        }
        EventBatch page = await direct.ReadAsync(null, 100);
        Assert.That(page.Events.Select(record => record.Data).Where(data => data != "other"),
            Is.EqualTo(new[] { "first", "0", "1", "2", "3", "4" }));
        await Wait.Until(() => proxy.Lost == 5, "the last answer to be lost");
    }

    [Test]
    public async Task WhatPubSubLosesIsRead()
    {
        string key = NewKey();
        using var node = await ConnectionMultiplexer.ConnectAsync(_server.EndPoint.ToString());
        var log = new RedisEventLog(node, key, new() { CheckInterval = TimeSpan.FromMilliseconds(50) });
        await using Follower follower = new(log);
        await follower.Next();
        Task<List<string>> reading = follower.Read(300);
        var writer = new RedisEventLog(_connection, key);
        for (int i = 0; i < 300; i++)
        {
            if (i % 50 == 10) _server.Cli("CLIENT", "KILL", "TYPE", "PUBSUB");
            await writer.AppendAsync(new EventRecord { Data = $"{i}" });
        }
        List<string> seen = await reading.WaitAsync(Wait.Limit);
        Assert.That(seen.Select(text => text.Split(' ')[^1]), Is.EqualTo(Enumerable.Range(0, 300).Select(i => $"{i}")));
        Assert.That(log.Status.GapReads, Is.Positive);
    }

    [Test]
    public async Task DeletedKeyIsANewEpoch()
    {
        IEventLog log = Make();
        string key = ((RedisEventLog)log).Key;
        await using Follower follower = new(log);
        await follower.Next();
        EventPlace before = (await AppendAsync(log, 3))[2];
        Assert.That(await follower.Read(3), Has.Count.EqualTo(3));
        await _connection.GetDatabase().KeyDeleteAsync(key);
        EventBatch told = await follower.Next();
        Assert.That(told.After.Epoch, Is.Not.EqualTo(before.Epoch));
        Assert.That((told.After.Number, told.Events.Count), Is.EqualTo((0, 0)));
        EventPlace first = await log.AppendAsync(new EventRecord { Data = "new", Id = "own" });
        Assert.That((first.Epoch, first.Number), Is.EqualTo((told.After.Epoch, 1)));
    }

    [Test]
    public async Task WhatSomebodyTrimsIsTold()
    {
        IEventLog log = Make();
        IDatabase database = _connection.GetDatabase();
        string key = ((RedisEventLog)log).Key;
        EventPlace[] places = await AppendAsync(log, 10);
        await database.StreamTrimAsync(key, 4);
        Assert.That((await log.ReadAsync(places[1], 100)).After.Number, Is.EqualTo(6));
        // One in the middle.
        await database.StreamDeleteAsync(key, [$"{places[7].Epoch}-{places[7].Number}"]);
        EventBatch page = await log.ReadAsync(places[5], 100);
        Assert.That((page.After.Number, page.End.Number), Is.EqualTo((6, 7)));
        page = await log.ReadAsync(page.End, 100);
        Assert.That((page.After.Number, page.End.Number), Is.EqualTo((8, 10)));
    }

    [Test]
    public async Task WhatIsNoEventOfOursIsTold()
    {
        IEventLog log = Make();
        IDatabase database = _connection.GetDatabase();
        string key = ((RedisEventLog)log).Key;
        await using Follower follower = new(log);
        await follower.Next();
        EventPlace place = await log.AppendAsync(new EventRecord { Data = "ours" });
        Assert.That(await follower.Read(1), Has.Count.EqualTo(1));
        await database.StreamAddAsync(key, [new("e", "{\"data\": 5}"), new("t", "x")], $"{place.Epoch}-2");
        await database.StreamAddAsync(key, [new("anything", "else")], $"{place.Epoch}-3");
        await _connection.GetSubscriber().PublishAsync(RedisChannel.Literal($"{{{key}}}:events"), "junk\n\n\0");
        await _connection.GetSubscriber().PublishAsync(RedisChannel.Literal($"{{{key}}}:events"), $"{place.Epoch}-77\nx 5\nab");
        EventPlace next = await log.AppendAsync(new EventRecord { Data = "ours again" });
        Assert.That(next.Number, Is.EqualTo(4));
        EventBatch told = await follower.Next();
        Assert.That((told.After.Number, told.Events.Single().Data), Is.EqualTo((3, "ours again")));
    }

    [Test]
    public async Task KeyOfAnotherTypeIsSaid()
    {
        string key = NewKey();
        await _connection.GetDatabase().StringSetAsync(key, "text");
        var log = new RedisEventLog(_connection, key);
        Assert.That(async () => await log.AppendAsync(new EventRecord()), Throws.InstanceOf<EventLogException>()
            .With.Message.Contains("WRONGTYPE"));
        Assert.That(async () => await log.ReadAsync(null, 1), Throws.InstanceOf<EventLogException>());
        Assert.That(log.Status.IsConnected, Is.False);
        await _connection.GetDatabase().KeyDeleteAsync(key);
        Assert.That((await log.AppendAsync(new EventRecord())).Number, Is.EqualTo(1));
        Assert.That(log.Status.IsConnected);
    }

    [TestCase("a{b}c", "a{b}c:ids")]
    [TestCase("plain", "{plain}:ids")]
    public async Task KeysAreOfOneSlot(string key, string ids)
    {
        key = NewKey() + key;
        ids = ids[0] == '{' ? $"{{{key}}}:ids" : key + ":ids";
        var log = new RedisEventLog(_connection, key);
        await log.AppendAsync(new EventRecord { Id = "own" });
        Assert.That(_connection.GetDatabase().HashLength(ids), Is.EqualTo(1));
        Assert.That(_connection.GetHashSlot(ids), Is.EqualTo(_connection.GetHashSlot(key)));
    }

    [TestCase("")]
    [TestCase("a{}b")]
    [TestCase("a}b{c")]
    [TestCase("{")]
    public void KeyThatCannotBeIsRefused(string key) =>
        Assert.That(() => new RedisEventLog(_connection, key), Throws.ArgumentException);

    [Test]
    public async Task PrefixOfChannelsHolds()
    {
        using var node = await ConnectionMultiplexer.ConnectAsync($"{_server.EndPoint},channelPrefix=app:");
        var log = new RedisEventLog(node, NewKey(), new() { CheckInterval = TimeSpan.FromHours(1) });
        await using Follower follower = new(log);
        await follower.Next();
        await log.AppendAsync(new EventRecord { Data = "told" });
        Assert.That((await follower.Next()).Events.Single().Data, Is.EqualTo("told"));
    }

    protected override IEventLog Make(int maxCount = 1000) =>
        new RedisEventLog(_connection, NewKey(), new() { MaxCount = maxCount, CheckInterval = TimeSpan.FromMilliseconds(100) });

    private string NewKey() => $"log{Interlocked.Increment(ref _keys)}-";
}
