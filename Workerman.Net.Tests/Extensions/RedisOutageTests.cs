using System.Globalization;
using StackExchange.Redis;
using Workerman.Events;
using Workerman.EventStreams;
using Workerman.Extensions.Redis;
using Workerman.Tests.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>Event streams through a Redis that is away, slow, full, refuses, or has forgotten: each with a server of its
/// own.</summary>
internal sealed class RedisOutageTests
{
    [SetUp]
    public void SkipIfMissing() => RedisServer.SkipIfMissing();

    [Test]
    public async Task NodesGoOnAfterACrash()
    {
        using var redis = new RedisServer("appendonly yes", "appendfsync always");
        using ConnectionMultiplexer connection = await Connect(redis);
        RedisEventLogOptions settings = Quick(WhenUnavailable.Wait);
        await using StreamServer one = Node(connection, settings);
        await using StreamServer other = Node(connection, settings);
        await Task.WhenAll(one.Stream.Ready, other.Stream.Ready).WaitAsync(Wait.Limit);
        using EventClient a = await one.Subscribe();
        using EventClient b = await other.Subscribe();
        await one.Stream.PublishAsync("0", default);
        Assert.That((a.Data(1)[0], b.Data(1)[0]), Is.EqualTo(("0", "0")));
        redis.Kill();
        Task<string>[] waiting = [.. Enumerable.Range(1, 50).Select(i => other.Stream.PublishAsync($"{i}", default).AsTask())];
        await Wait.Until(() => !one.Stream.LogStatus!.Value.IsConnected && !other.Stream.LogStatus!.Value.IsConnected,
            "the loss to be seen");
        Assert.That(other.Stream.LogStatus!.Value.Pending, Is.EqualTo(50));
        redis.Start();
        await Task.WhenAll(waiting).WaitAsync(Wait.Limit);
        string[] expected = [.. Enumerable.Range(1, 50).Select(i => $"{i}")];
        Assert.That((a.Data(50), b.Data(50)), Is.EqualTo((expected, expected)));
        await Wait.Until(() => one.Stream.LogStatus!.Value.IsConnected, "the return to be seen");
        Assert.That(one.Stream.LogBehind, Is.Zero);
    }

    [Test]
    public async Task EmptyRedisIsToldByGap()
    {
        using var redis = new RedisServer();
        using ConnectionMultiplexer connection = await Connect(redis);
        await using StreamServer server = Node(connection, Quick());
        using EventClient client = await server.Subscribe();
        for (int i = 0; i < 3; i++) await server.Stream.PublishAsync($"{i}", default);
        Assert.That(client.Data(3), Has.Length.EqualTo(3));
        string last = client.LastEventId!;
        redis.Kill();
        redis.Start();
        // Without anything being published.
        Assert.That(client.NextEvent(), Has.Property("Event").EqualTo("gap"));
        await PublishUntilItWorks(server, "new");
        Assert.That(client.NextEvent().Data, Is.EqualTo("new"));
        using EventClient late = await server.Subscribe(last);
        Assert.That((late.NextEvent().Event, late.NextEvent().Data), Is.EqualTo(("gap", "new")));
    }

    [Test]
    public async Task RedisThatIsBehindIsToldByGap([Values] bool isWrittenFirst)
    {
        using var redis = new RedisServer("appendonly no", "dbfilename dump.rdb");
        using ConnectionMultiplexer connection = await Connect(redis);
        await using StreamServer server = Node(connection, Quick());
        using EventClient client = await server.Subscribe();
        for (int i = 0; i < 3; i++) await server.Stream.PublishAsync($"{i}", default);
        redis.Cli("SAVE");
        for (int i = 3; i < 6; i++) await server.Stream.PublishAsync($"{i}", default);
        Assert.That(client.Data(6), Has.Length.EqualTo(6));
        redis.Kill();
        redis.Start();
        if (isWrittenFirst)
        {
            // Somebody who has not seen what was lost gives its numbers to others, before this node is back.
            using ConnectionMultiplexer fresh = await Connect(redis);
            var log = new RedisEventLog(fresh, "stream");
            for (int i = 0; i < 8; i++) await log.AppendAsync(new EventRecord { Data = $"fresh {i}" });
        }
        Block gap = client.NextEvent();
        // Between the two it may have been sent events that come after the place where it was.
        while (gap.Event != "gap") gap = client.NextEvent();
        await PublishUntilItWorks(server, "new");
        Block block = client.NextEvent();
        while (block.Data != "new") block = client.NextEvent();
        Assert.That(client.LastEventId, Does.Not.StartWith(gap.Data!.Split('-')[0] + "-"));
    }

    [Test]
    public async Task PublishFailsInTime([Values] bool hangs)
    {
        using var redis = new RedisServer();
        using ConnectionMultiplexer connection = await Connect(redis);
        await using StreamServer server = Node(connection, Quick());
        using EventClient client = await server.Subscribe();
        await server.Stream.PublishAsync("0", default);
        Assert.That(client.Data(1), Is.EqualTo(new[] { "0" }));
        if (hangs) redis.Pause();
        else redis.Kill();
        Assert.That(async () => await server.Stream.PublishAsync("1", default).AsTask().WaitAsync(Wait.Limit),
            Throws.InstanceOf<EventLogException>().With.Message.Contains("WhenUnavailable"));
        using var cancel = new CancellationTokenSource(50);
        Assert.That(async () => await server.Stream.PublishAsync("2", cancel.Token).AsTask().WaitAsync(Wait.Limit),
            Throws.InstanceOf<OperationCanceledException>());
        if (hangs) redis.Resume();
        else redis.Start();
        await PublishUntilItWorks(server, "3");
        Block block = client.NextEvent();
        while (block.Data != "3") block = client.NextEvent();
    }

    [Test]
    public async Task QueueOfThoseThatWaitIsBounded()
    {
        using var redis = new RedisServer();
        using ConnectionMultiplexer connection = await Connect(redis);
        RedisEventLogOptions settings = Quick(WhenUnavailable.Wait);
        settings.MaxPending = 10;
        var log = new RedisEventLog(connection, "stream", settings);
        redis.Kill();
        Task<EventPlace>[] waiting =
            [.. Enumerable.Range(0, 10).Select(i => log.AppendAsync(new EventRecord { Data = $"{i}" }).AsTask())];
        Assert.That(async () => await log.AppendAsync(new EventRecord()), Throws.InstanceOf<EventLogException>()
            .With.Message.Contains("MaxPending"));
        redis.Start();
        EventPlace[] places = await Task.WhenAll(waiting).WaitAsync(Wait.Limit);
        Assert.That(places.Select(place => place.Number), Is.EqualTo(Enumerable.Range(1, 10)));
    }

    [TestCase("OOM", "CONFIG", "SET", "maxmemory", "1")]
    [TestCase("NOREPLICAS", "CONFIG", "SET", "min-replicas-to-write", "1")]
    [TestCase("READONLY", "REPLICAOF", "127.0.0.1", "1")]
    [TestCase("NOPERM", "ACL", "SETUSER", "default", "-@all", "+ping", "+client", "+config", "+acl", "+replicaof", "+info")]
    public async Task RefusalIsSaidAndStreamsStay(string reason, params string[] command)
    {
        using var redis = new RedisServer("replica-read-only yes");
        using ConnectionMultiplexer connection = await Connect(redis);
        await using StreamServer server = Node(connection, Quick());
        using EventClient client = await server.Subscribe();
        await server.Stream.PublishAsync("0", default);
        Assert.That(client.Data(1), Is.EqualTo(new[] { "0" }));
        Assert.That(redis.Cli(command), Is.EqualTo("OK"));
        EventLogException? refusal = null;
        await Wait.Until(() =>
        {
            try
            {
                server.Stream.PublishAsync("no", default).AsTask().GetAwaiter().GetResult();
            }
            catch (EventLogException e)
            {
                refusal = e;
            }
            return refusal is not null;
        }, "a refusal");
        Assert.That(refusal!.ToString(), Does.Contain(reason).Or.Contain("No connection"));
        redis.Cli(reason switch
        {
            "OOM" => ["CONFIG", "SET", "maxmemory", "0"],
            "NOREPLICAS" => ["CONFIG", "SET", "min-replicas-to-write", "0"],
            "READONLY" => ["REPLICAOF", "NO", "ONE"],
            _ => ["ACL", "SETUSER", "default", "+@all"],
        });
        await PublishUntilItWorks(server, "1");
        Block block = client.NextEvent();
        while (block.Data != "1") block = client.NextEvent();
    }

    [TestCase("OOM", "CONFIG", "SET", "maxmemory", "1")]
    [TestCase("READONLY", "REPLICAOF", "127.0.0.1", "1")]
    public async Task RefusedWritesAreOneLineThoughReadingGoesOn(string reason, params string[] command)
    {
        using var redis = new RedisServer();
        using ConnectionMultiplexer connection = await Connect(redis);
        var logger = new TestServer.MemoryLogger();
        RedisEventLogOptions options = Quick();
        options.Logger = logger;
        options.WhenUnavailable = WhenUnavailable.Wait;
        await using StreamServer server = Node(connection, options);
        await server.Stream.PublishAsync("0", default);
        Assert.That(redis.Cli(command), Is.EqualTo("OK"));
        Task<string> waiting = server.Stream.PublishAsync("1", default).AsTask();
        await Wait.Until(() => logger.Lines.Any(line => line.Contains(reason, StringComparison.Ordinal)), "the line");
        // Each of these is an answer, after which Redis is known to be there. Writing is tried ten times a second meanwhile.
        long tries = RefusedWrites(redis);
        await Wait.Until(() =>
        {
            server.Stream.ReadAsync().AsTask().GetAwaiter().GetResult();
            return RefusedWrites(redis) >= tries + 5;
        }, "five more tries");
        Assert.That(server.Stream.LogStatus!.Value.IsConnected);
        redis.Cli(reason == "OOM" ? ["CONFIG", "SET", "maxmemory", "0"] : ["REPLICAOF", "NO", "ONE"]);
        await waiting.WaitAsync(Wait.Limit);
        Assert.That(logger.Lines.Where(line => line.Contains("takes", StringComparison.Ordinal)), Has.Exactly(2).Items);
        Assert.That(logger.Lines, Has.None.Contains("not available"));
    }

    [Test]
    public async Task WhoMayNotPublishIsHeardAtTheNextCheck()
    {
        using var redis = new RedisServer();
        using ConnectionMultiplexer connection = await Connect(redis);
        await using StreamServer server = Node(connection, Quick());
        using EventClient client = await server.Subscribe();
        Assert.That(redis.Cli("ACL", "SETUSER", "default", "resetchannels"), Is.EqualTo("OK"));
        await PublishUntilItWorks(server, "1");
        Assert.That(client.NextEvent().Data, Is.EqualTo("1"));
    }

    [Test]
    public async Task EpochThatHasEndedIsNotGoneBackTo()
    {
        using var redis = new RedisServer();
        using ConnectionMultiplexer connection = await Connect(redis);
        await using StreamServer server = Node(connection, Quick());
        using EventClient client = await server.Subscribe();
        await server.Stream.PublishAsync("1", default);
        Assert.That(client.NextEvent().Data, Is.EqualTo("1"));
        string first = client.LastEventId!.Split('-')[0];
        redis.Cli("SAVE");
        redis.Cli("DEL", "stream");
        Assert.That(client.NextEvent().Event, Is.EqualTo("gap"));
        redis.Kill();
        redis.Start();
        await PublishUntilItWorks(server, "2");
        Block block = client.NextEvent();
        while (block.Data != "2") block = client.NextEvent();
        Assert.That(client.LastEventId, Does.Not.StartWith(first + "-"));
    }

    [Test]
    public async Task WrongPasswordIsSaid()
    {
        using var redis = new RedisServer("requirepass right");
        ConfigurationOptions options = Settings(redis);
        options.Password = "wrong";
        using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(options);
        var log = new RedisEventLog(connection, "stream", Quick());
        Assert.That(async () => await log.AppendAsync(new EventRecord()).AsTask().WaitAsync(Wait.Limit),
            Throws.InstanceOf<EventLogException>());
        Assert.That(log.Status.IsConnected, Is.False);
    }

    [Test]
    public async Task StreamMadeBeforeRedisIsThereBeginsWhenItIs()
    {
        using var redis = new RedisServer();
        redis.Kill();
        using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(Settings(redis));
        await using StreamServer server = Node(connection, Quick(), new() { Heartbeat = TimeSpan.FromMilliseconds(50) });
        using EventClient client = await server.Subscribe();
        Assert.That(client.Next().Comment, Is.Empty);
        redis.Start();
        await Wait.Until(() => client.Next().Id is not null, "the id to resume by");
        await PublishUntilItWorks(server, "live");
        Assert.That(client.NextEvent().Data, Is.EqualTo("live"));
    }

    private static long RefusedWrites(RedisServer redis) => long.Parse(redis.Cli("info", "stats").Split('\n')
        .Single(line => line.StartsWith("total_error_replies:", StringComparison.Ordinal)).Split(':')[1],
        CultureInfo.InvariantCulture);

    private static async Task PublishUntilItWorks(StreamServer server, string data)
    {
        long end = Environment.TickCount64 + (long)Wait.Limit.TotalMilliseconds;
        while (true)
        {
            try
            {
                await server.Stream.PublishAsync(data, default);
                return;
            }
            catch (EventLogException) when (Environment.TickCount64 < end)
            {
                // It comes back in its own time.
            }
        }
    }

    private static Task<ConnectionMultiplexer> Connect(RedisServer redis) => ConnectionMultiplexer.ConnectAsync(Settings(redis));

    private static ConfigurationOptions Settings(RedisServer redis) => new()
    {
        EndPoints = { redis.EndPoint },
        AbortOnConnectFail = false,
        ConnectTimeout = 1000,
        AsyncTimeout = 1000,
        ReconnectRetryPolicy = new LinearRetry(100),
        AllowAdmin = true,
    };

    private static RedisEventLogOptions Quick(WhenUnavailable whenUnavailable = WhenUnavailable.Fail) => new()
    {
        CheckInterval = TimeSpan.FromMilliseconds(50),
        PublishTimeout = TimeSpan.FromMilliseconds(500),
        WhenUnavailable = whenUnavailable,
    };

    private static StreamServer Node(ConnectionMultiplexer connection, RedisEventLogOptions settings,
        EventStreamOptions? options = null)
    {
        options ??= new EventStreamOptions();
        options.Log = new RedisEventLog(connection, "stream", settings);
        return new StreamServer(Loops.Available[0], options);
    }
}
