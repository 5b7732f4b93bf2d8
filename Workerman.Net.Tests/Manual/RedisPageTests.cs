using System.Text.Json;
using StackExchange.Redis;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of the pages components/workerman-redis and workerman-redis-queue of Workerman's manual, in C#, by
/// StackExchange.Redis against a real server. Its calls are awaited, and return to the loop they began on.
/// </summary>
internal sealed class RedisPageTests
{
    private const string Client = "StackExchange.Redis, awaited; errors are exceptions";

    private RedisServer _server = null!;
    private ConnectionMultiplexer _redis = null!;

    [OneTimeSetUp]
    public async Task StartRedis()
    {
        RedisServer.SkipIfMissing();
        _server = new RedisServer("requirepass secret");
        // PHP: auth, select and connect_timeout.
        _redis = await ConnectionMultiplexer.ConnectAsync($"{_server.EndPoint},password=secret,connectTimeout=10000");
    }

    [OneTimeTearDown]
    public void StopRedis()
    {
        _redis?.Dispose();
        _server?.Dispose();
    }

    /// <summary>The first two: in the callback of a request.</summary>
    [ManualPage("components/workerman-redis.md", Different = Client)]
    [Test]
    public async Task SetAndGetInACallback()
    {
        IDatabase redis = _redis.GetDatabase();
        var worker = new Worker("http://127.0.0.1:0");
        worker.OnMessageAsync = async (connection, request) =>
        {
            int thread = Environment.CurrentManagedThreadId;
            await redis.StringSetAsync("key", "hello world");
            string? result = await redis.StringGetAsync("key");
            connection.Send($"{result} {thread == Environment.CurrentManagedThreadId}");
        };
        await using TestServer server = TestServer.Start(Loops.Available[0], worker);
        using var client = new HttpClient();
        Assert.That(await client.GetStringAsync(server.Uri), Is.EqualTo("hello world True"));
    }

    /// <summary>set, get, setEx, pSetEx, del, setNx, exists, mset, incr, incrByFloat, decr, select.</summary>
    [ManualPage("components/workerman-redis.md", Different = Client)]
    [Test]
    public async Task Strings()
    {
        IDatabase redis = _redis.GetDatabase(2);
        Assert.That(await redis.StringSetAsync("key", "value"));
        Assert.That((string?)await redis.StringGetAsync("key"), Is.EqualTo("value"));
        Assert.That((string?)await redis.StringGetAsync("no such key"), Is.Null);
        await redis.StringSetAsync("key", "value", TimeSpan.FromSeconds(10));
        Assert.That(await redis.KeyTimeToLiveAsync("key"), Is.GreaterThan(TimeSpan.Zero));
        await redis.StringSetAsync("key", "value", TimeSpan.FromMilliseconds(3_600_000));
        Assert.That(await redis.KeyTimeToLiveAsync("key"), Is.GreaterThan(TimeSpan.FromSeconds(10)));
        Assert.That(await redis.KeyDeleteAsync("key"));
        Assert.That((await redis.StringSetAsync("key", "value", when: When.NotExists),
            await redis.StringSetAsync("key", "value", when: When.NotExists)), Is.EqualTo((true, false)));
        Assert.That((await redis.KeyExistsAsync("key"), await redis.KeyExistsAsync("NonExistingKey")), Is.EqualTo((true, false)));
        await redis.StringSetAsync([new("foo", "foo"), new("bar", "bar"), new("baz", "baz")]);
        Assert.That(await redis.KeyExistsAsync(["foo", "bar", "baz"]), Is.EqualTo(3));
        Assert.That(await redis.KeyDeleteAsync(["foo", "bar", "baz"]), Is.EqualTo(3));
        Assert.That((await redis.StringIncrementAsync("key1"), await redis.StringIncrementAsync("key1", 10)),
            Is.EqualTo((1L, 11L)));
        Assert.That(await redis.StringIncrementAsync("key1", 1.5), Is.EqualTo(12.5));
        Assert.That((await redis.StringDecrementAsync("key2"), await redis.StringDecrementAsync("key2", 10)),
            Is.EqualTo((-1L, -11L)));
    }

    /// <summary>subscribe, psubscribe and publish.</summary>
    [ManualPage("components/workerman-redis.md", Different = Client)]
    [Test]
    public async Task Subscribe()
    {
        using var output = new EventQueue();
        ISubscriber redis = _redis.GetSubscriber();
        await redis.SubscribeAsync(RedisChannel.Literal("news"), (channel, message) => output.Add($"{channel}, {message}"));
        await redis.PublishAsync(RedisChannel.Literal("news"), "news content");
        Assert.That(output.Next(), Is.EqualTo("news, news content"));
        await redis.SubscribeAsync(RedisChannel.Pattern("blog*"), (channel, message) => output.Add($"{channel}, {message}"));
        await redis.PublishAsync(RedisChannel.Literal("blog.add"), "blog content");
        Assert.That(output.Next(), Is.EqualTo("blog.add, blog content"));
    }

    /// <summary>
    /// workerman-redis-queue: messages wait in a list until a worker takes them; delayed ones wait in a sorted set until it is
    /// time.
    /// </summary>
    [ManualPage("components/workerman-redis-queue.md", Different = "a list of Redis by StackExchange.Redis, read by a timer")]
    [Test]
    public async Task Queue()
    {
        const string Waiting = "{redis-queue}-waiting";
        const string Delayed = "{redis-queue}-delayed";
        using var output = new EventQueue();
        IDatabase redis = _redis.GetDatabase();
        var worker = new Worker();
        worker.OnWorkerStart = worker => Timer.AddAsync(0.005, async () =>
        {
            double now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            foreach (RedisValue due in await redis.SortedSetRangeByScoreAsync(Delayed, stop: now))
            {
                // One of several that find it moves it.
                if (await redis.SortedSetRemoveAsync(Delayed, due)) await redis.ListLeftPushAsync($"{Waiting}user-1", due);
            }
            while (await redis.ListRightPopAsync($"{Waiting}user-1") is { HasValue: true } package)
            {
                using JsonDocument message = JsonDocument.Parse((string)package!);
                output.Add($"user-1 {message.RootElement.GetProperty("data")}");
            }
        });
        await using TestServer server = TestServer.Start(Loops.Available[0], worker);
        await Send("user-1", ["some", "data"], delay: 20);
        await Send("user-1", ["at", "once"]);
        Assert.That(new[] { output.Next(), output.Next() },
            Is.EquivalentTo(new[] { "user-1 [\"at\",\"once\"]", "user-1 [\"some\",\"data\"]" }));

        async Task Send(string queue, string[] data, int delay = 0)
        {
            long now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            string package = JsonSerializer.Serialize(new { id = Guid.NewGuid(), time = now, delay, attempts = 0, queue, data });
            if (delay > 0) await redis.SortedSetAddAsync(Delayed, package, now + delay);
            else await redis.ListLeftPushAsync($"{Waiting}{queue}", package);
        }
    }
}
