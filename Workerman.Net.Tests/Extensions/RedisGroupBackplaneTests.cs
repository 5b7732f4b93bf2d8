using StackExchange.Redis;
using Workerman.Extensions.Redis;
using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>Groups over two nodes with a real Redis between them: while it is there, while it is not, and after it.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class RedisGroupBackplaneTests(Type loopType)
{
    [Test]
    public async Task MessagesReachTheMembersOfAllNodesOnceAndInOrder()
    {
        RedisServer.SkipIfMissing();
        using var redis = new RedisServer();
        await using Node one = await Node.Start(loopType, redis);
        await using Node two = await Node.Start(loopType, redis);
        await Task.WhenAll(one.Connected(), two.Connected());
        using RawClient here = one.Member("room");
        using RawClient there = two.Member("room");
        using RawClient user = two.Member("user:7");
        Assert.That(redis.Cli("PUBSUB", "NUMSUB", "test"), Is.EqualTo("test\n2"), "one subscription for each node");
        const int Messages = 5000;
        for (int i = 0; i < Messages; i++) one.Rooms.Send("room", $"{i}");
        for (int i = 0; i < Messages; i++)
        {
            Assert.That(here.ReadUntil("\n"), Is.EqualTo($"{i}\n"));
            Assert.That(there.ReadUntil("\n"), Is.EqualTo($"{i}\n"));
        }
        one.Rooms.Send("user:7", "h\u00e9llo");
        two.Rooms.Send("room", new byte[] { 1, 2 });
        Assert.That(user.ReadUntil("\n"), Is.EqualTo("h\u00c3\u00a9llo\n"));
        Assert.That((here.ReadUntil("\n"), there.ReadUntil("\n")), Is.EqualTo(("\u0001\u0002\n", "\u0001\u0002\n")));
        Assert.That((one.Rooms.Dropped, two.Rooms.Dropped, one.Backplane.Dropped), Is.EqualTo((0, 0, 0)));
    }

    [Test]
    public async Task RedisThatIsKilledIsMissedByTheOtherNodesAloneAndFoundAgain()
    {
        RedisServer.SkipIfMissing();
        using var redis = new RedisServer();
        await using Node one = await Node.Start(loopType, redis);
        await using Node two = await Node.Start(loopType, redis);
        await Task.WhenAll(one.Connected(), two.Connected());
        using RawClient here = one.Member("room");
        using RawClient there = two.Member("room");
        redis.Kill();
        await Wait.Until(() => !one.Rooms.IsConnected && !two.Rooms.IsConnected, "the loss");
        for (int i = 0; i < 100; i++) one.Rooms.Send("room", "lost");
        Assert.That(here.ReadExactly(500), Is.EqualTo(string.Concat(Enumerable.Repeat("lost\n", 100))));
        Assert.That((one.Rooms.Dropped, one.Backplane.Dropped), Is.EqualTo((100, 100)));
        redis.Start();
        await Task.WhenAll(one.Connected(), two.Connected());
        one.Rooms.Send("room", "found");
        Assert.That((here.ReadUntil("\n"), there.ReadUntil("\n")), Is.EqualTo(("found\n", "found\n")));
        await one.SendsAgain();
        Assert.That(one.Log.Lines, Has.Exactly(2).Items, "two lines for one outage");
        Assert.That(one.Log.Text, Does.Contain("Redis is not connected").And.Contain("100 were dropped"));
    }

    [Test]
    public async Task ANodeStartsWithoutRedisAndFindsItLater()
    {
        RedisServer.SkipIfMissing();
        using var redis = new RedisServer();
        redis.Kill();
        await using Node one = await Node.Start(loopType, redis);
        await using Node two = await Node.Start(loopType, redis);
        Assert.That(one.Rooms.IsConnected, Is.False);
        using RawClient here = one.Member("room");
        using RawClient there = two.Member("room");
        one.Rooms.Send("room", "alone");
        Assert.That(here.ReadUntil("\n"), Is.EqualTo("alone\n"));
        redis.Start();
        await Task.WhenAll(one.Connected(), two.Connected());
        one.Rooms.Send("room", "together");
        Assert.That((here.ReadUntil("\n"), there.ReadUntil("\n")), Is.EqualTo(("together\n", "together\n")));
    }

    /// <summary>A Redis that answers nothing does not hold the sender up, and what waits for it is limited.</summary>
    [Test]
    public async Task RedisThatDoesNotAnswerHoldsNobodyUp()
    {
        RedisServer.SkipIfMissing();
        using var redis = new RedisServer();
        await using Node one = await Node.Start(loopType, redis, maxQueueSize: 64 * 1024);
        await one.Connected();
        using RawClient here = one.Member("room");
        redis.Pause();
        int sent = 0;
        string text = new('x', 1000);
        for (; one.Backplane.Dropped == 0; sent++)
        {
            one.Rooms.Send("room", text);
            Assert.That(here.ReadUntil("\n"), Has.Length.EqualTo(1001));
        }
        // Each takes its text, its group and some 100 bytes.
        Assert.That(sent, Is.LessThanOrEqualTo(65));
        await Wait.Until(() => one.Log.Text.Contains("does not take them fast enough"), "the line in the log");
        redis.Resume();
        await one.SendsAgain();
    }

    [Test]
    public async Task RedisThatRefusesIsSaidInTheLog()
    {
        RedisServer.SkipIfMissing();
        using var redis = new RedisServer();
        await using Node one = await Node.Start(loopType, redis);
        await one.Connected();
        using RawClient here = one.Member("room");
        redis.Cli("ACL", "SETUSER", "default", "-publish");
        one.Rooms.Send("room", "text");
        Assert.That(here.ReadUntil("\n"), Is.EqualTo("text\n"));
        await Wait.Until(() => one.Log.Text.Contains("NOPERM"), () => "the refusal: " + one.Log.Text);
        redis.Cli("ACL", "SETUSER", "default", "+publish");
        await one.SendsAgain();
        Assert.That(one.Backplane.Dropped, Is.EqualTo(1));
    }

    [Test]
    public async Task RedisThatWantsAnotherPasswordIsNotConnected()
    {
        RedisServer.SkipIfMissing();
        using var redis = new RedisServer("requirepass secret");
        await using Node one = await Node.Start(loopType, redis);
        using RawClient here = one.Member("room");
        one.Rooms.Send("room", "text");
        Assert.That(here.ReadUntil("\n"), Is.EqualTo("text\n"));
        Assert.That((one.Rooms.IsConnected, one.Rooms.Dropped), Is.EqualTo((false, 1)));
        redis.Cli("-a", "secret", "--no-auth-warning", "CONFIG", "SET", "requirepass", "");
        await one.Connected();
    }

    [Test]
    public async Task WhatIsMalformedOrOfAnotherChannelReachesNobody()
    {
        RedisServer.SkipIfMissing();
        using var redis = new RedisServer();
        await using Node one = await Node.Start(loopType, redis);
        await using Node other = await Node.Start(loopType, redis, channel: "other");
        await Task.WhenAll(one.Connected(), other.Connected());
        using RawClient here = one.Member("room");
        other.Rooms.Send("room", "no");
        Assert.That(redis.Cli("PUBLISH", "test", "nonsense"), Is.EqualTo("1"));
        await Wait.Until(() => one.Rooms.Dropped == 1, "the malformed message");
        one.Rooms.Send("room", "end");
        Assert.That(here.ReadUntil("\n"), Is.EqualTo("end\n"));
        Assert.That(other.Rooms.Dropped, Is.Zero);
    }

    [Test]
    public async Task ABackplaneBelongsToOneGroupsAndEndsInOrder()
    {
        RedisServer.SkipIfMissing();
        using var redis = new RedisServer();
        await using Node one = await Node.Start(loopType, redis);
        await one.Connected();
        Assert.That(Assert.Throws<InvalidOperationException>(
            () => _ = new Groups(new GroupsOptions { Backplane = one.Backplane }))!.Message, Does.Contain("Cure: "));
        Assert.Throws<ArgumentException>(() => _ = new RedisGroupBackplane(one.Connection, ""));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new RedisGroupBackplane(one.Connection) { MaxQueueSize = 65_535 });
        for (int i = 0; i < 100; i++) one.Rooms.Send("room", $"{i}");
        await one.Backplane.DisposeAsync();
        Assert.That(one.Backplane.Dropped, Is.Zero, "what waits has left");
        one.Rooms.Send("room", "too late");
        Assert.That(one.Backplane.Dropped, Is.EqualTo(1));
        Assert.That(redis.Cli("PUBSUB", "NUMSUB", "test"), Is.EqualTo("test\n0"));
        await one.Backplane.DisposeAsync();
    }

    /// <summary>A server with its own connection to Redis, as a process of its own would have; on the test's thread.</summary>
    private sealed class Node : IAsyncDisposable
    {
        private readonly TestServer _server;

        private Node(Type loopType, ConnectionMultiplexer connection, string channel, int maxQueueSize)
        {
            Connection = connection;
            Backplane = new RedisGroupBackplane(connection, channel) { MaxQueueSize = maxQueueSize, Logger = Log };
            Rooms = new Groups(new GroupsOptions { Backplane = Backplane }, () => new TestServer.MemoryLogger());
            _server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
            {
                Name = "test",
                OnMessage = (own, room) => Rooms.Join(own, room),
            });
        }

        public ConnectionMultiplexer Connection { get; }

        public TestServer.MemoryLogger Log { get; } = new();

        public Groups Rooms { get; }

        public RedisGroupBackplane Backplane { get; }

        public static async Task<Node> Start(Type loopType, RedisServer redis, string channel = "test",
            int maxQueueSize = 16 * 1024 * 1024)
        {
            var options = ConfigurationOptions.Parse($"{redis.EndPoint},abortConnect=false,connectTimeout=1000");
            options.ReconnectRetryPolicy = new LinearRetry(50);
            options.HeartbeatInterval = TimeSpan.FromMilliseconds(100);
            return new Node(loopType, await ConnectionMultiplexer.ConnectAsync(options), channel, maxQueueSize);
        }

        public Task Connected() => Wait.Until(() => Rooms.IsConnected, "the connection to Redis");

        /// <summary>Sends until the log says that messages leave again.</summary>
        public Task SendsAgain() => Wait.Until(() =>
        {
            Rooms.Send("nobody", "again");
            return Log.Text.Contains("leave for the other nodes again");
        }, () => Log.Text);

        public RawClient Member(string room)
        {
            int before = Rooms.Count(room);
            RawClient client = _server.Connect();
            client.Send($"{room}\n");
            Wait.For(Wait.Until(() => Rooms.Count(room) == before + 1, "a member"));
            return client;
        }

        public async ValueTask DisposeAsync()
        {
            await _server.DisposeAsync();
            await Backplane.DisposeAsync();
            await Connection.DisposeAsync();
        }
    }
}
