using System.Net;
using Workerman.Tests.Support;

namespace Workerman.Tests.Samples;

/// <summary>The sample of what Redis does for handlers as programs of its own, two nodes of it, with a real Redis.</summary>
internal sealed class RedisTests
{
    private const string Waiting = "{redis-queue}-waitingmail";
    private const string Delayed = "{redis-queue}-delayed";
    private const string Failed = "{redis-queue}-failed";

    [OneTimeSetUp]
    public void LookForRedis() => RedisServer.SkipIfMissing();

    [Test]
    public async Task CounterSessionAndRoomAreThoseOfAllNodes()
    {
        using var redis = new RedisServer();
        using ServerProcess one = Start(redis), two = Start(redis);
        using Browser ann = Open(one), bob = Open(two);
        Assert.That(await ann.Get(), Is.EqualTo("visit 1 of yours, 1 of all"));
        Assert.That(await bob.Get(), Is.EqualTo("visit 1 of yours, 2 of all"));
        // Ann's browser comes to the other node.
        bob.Cookies.SetCookies(new Uri($"http://{two.EndPoint}"), $"PHPSID={ann.SessionId}");
        Assert.That(await bob.Get(), Is.EqualTo("visit 2 of yours, 3 of all"));

        using var here = new FrameClient(one.EndPoint, path: "/room");
        using var there = new FrameClient(two.EndPoint, path: "/room");
        // The other node may take a while to listen.
        Task<string> heard = Task.Run(there.ReadText);
        while (!heard.IsCompleted)
        {
            here.Send(FrameClient.TextFrame("hello"));
            await Task.WhenAny(heard, Task.Delay(20));
        }
        Assert.That(await heard, Is.EqualTo("hello"));
    }

    [Test]
    public async Task MessagesAreConsumedWithRetries()
    {
        using var redis = new RedisServer();
        using ServerProcess server = Start(redis, "0.02");
        using Browser client = Open(server);
        using RawClient events = OpenEvents(server);
        Assert.That(await Send(client, "text=hello&failures=2"), Is.EqualTo(HttpStatusCode.Accepted));
        Assert.That(NextEvent(events), Is.EqualTo("sent: hello"));
        Assert.That(await Send(client, "text=later&delay=1"), Is.EqualTo(HttpStatusCode.Accepted));
        Assert.That(NextEvent(events), Is.EqualTo("sent: later"));
        // The first attempt and five more.
        Assert.That(await Send(client, "text=never&failures=6"), Is.EqualTo(HttpStatusCode.Accepted));
        Assert.That(await Send(client, "text=last&failures=5"), Is.EqualTo(HttpStatusCode.Accepted));
        Assert.That(NextEvent(events), Is.EqualTo("sent: last"));
        await Wait.Until(() => redis.Cli("LLEN", Failed) == "1", "the message that cannot be consumed");
        Assert.That(redis.Cli("LINDEX", Failed, "0"), Does.Contain("\"attempts\":6,").And.Contain("\"text\":\"never\"")
            .And.Contain("\"error\":\"the mail server is away\""));
        // Nothing is left behind.
        await Wait.Until(() => redis.Cli("ZCARD", Delayed) == "0" && redis.Cli("LLEN", Waiting) == "0", "an empty queue");
        foreach (string wrong in new[] { "", "text=", $"text={new string('a', 1001)}", "text=a&delay=-1", "text=a&failures=x" })
            Assert.That(await Send(client, wrong), Is.EqualTo(HttpStatusCode.BadRequest), wrong);
    }

    [Test]
    public async Task MessagesOfWorkermansPackageAreConsumedAndWhatIsNoneIsPutAside()
    {
        using var redis = new RedisServer();
        using ServerProcess server = Start(redis);
        using RawClient events = OpenEvents(server);
        redis.Cli("LPUSH", Waiting, "garbage");
        redis.Cli("LPUSH", Waiting, """{"id":1,"time":1}""");
        redis.Cli("ZADD", Delayed, "1", "garbage too");
        // No mails: they are not tried again, for they do not change.
        string[] none = ["null", "[]", "{}", """{"text":null}""", """{"text":""}""", """{"Text":"a"}""",
            """{"text":"a","failures":"x"}"""];
        foreach (string data in none) redis.Cli("LPUSH", Waiting, PackageOf("1", data));
        redis.Cli("LPUSH", Waiting, PackageOf("123456", """{"text":"from PHP"}"""));
        Assert.That(NextEvent(events), Is.EqualTo("sent: from PHP"));
        await Wait.Until(() => redis.Cli("LLEN", Failed) == $"{3 + none.Length}", () => redis.Cli("LRANGE", Failed, "0", "-1"));
        Assert.That(redis.Cli("LRANGE", Failed, "0", "-1"), Does.Contain("a mail has a text of 1 to 1000 characters"));
        // What is delayed, and what a consumer has on lease that has died.
        redis.Cli("ZADD", Delayed, "1", PackageOf("\"1764284400.1\"", """{"text":"delayed","failures":0}"""));
        Assert.That(NextEvent(events), Is.EqualTo("sent: delayed"));

        static string PackageOf(string id, string data) =>
            $$"""{"id":{{id}},"time":1764284400,"delay":0,"attempts":0,"queue":"mail","data":{{data}}}""";
    }

    [Test]
    public async Task RedisMayBeAwayAtTheStartAndInBetween()
    {
        using var redis = new RedisServer("appendonly yes", "appendfsync always");
        redis.Kill();
        using ServerProcess server = Start(redis, "0.02");
        using Browser client = Open(server);
        using RawClient events = OpenEvents(server);
        for (int i = 1; i <= 2; i++)
        {
            await WaitFor(client, HttpStatusCode.ServiceUnavailable);
            Assert.That(await Send(client, "text=lost"), Is.EqualTo(HttpStatusCode.ServiceUnavailable));
            redis.Start();
            await WaitFor(client, HttpStatusCode.OK);
            Assert.That(await Send(client, $"text={i}"), Is.EqualTo(HttpStatusCode.Accepted));
            Assert.That(NextEvent(events), Is.EqualTo($"sent: {i}"));
            redis.Kill();
        }
        await Wait.Until(() => server.Output.Contains("the queue mail waits for Redis: ", StringComparison.Ordinal), "that line");
    }

    private static ServerProcess Start(RedisServer redis, params string[] more) => ServerProcess.Run(["dotnet",
        Repository.ProgramOf(Path.Combine("samples", "Redis"), "Redis"), "http://127.0.0.1:0", $"{redis.EndPoint}", .. more])
        .WaitForStart();

    private static Browser Open(ServerProcess server) => new(new Uri($"http://{server.EndPoint}"));

    private static RawClient OpenEvents(ServerProcess server)
    {
        var client = new RawClient(server.EndPoint);
        client.Send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        return client;
    }

    private static string NextEvent(RawClient events)
    {
        events.ReadUntil("data: sent");
        return "sent" + events.ReadUntil("\n").TrimEnd('\n');
    }

    private static async Task<HttpStatusCode> Send(Browser client, string mail)
    {
        using HttpResponseMessage answer = await client.Http.PostAsync(new Uri($"/mail?{mail}", UriKind.Relative), null);
        return answer.StatusCode;
    }

    private static async Task WaitFor(Browser client, HttpStatusCode expected)
    {
        long end = Environment.TickCount64 + (long)Wait.Limit.TotalMilliseconds;
        while (true)
        {
            using HttpResponseMessage answer = await client.Http.GetAsync(new Uri("/", UriKind.Relative));
            if (answer.StatusCode == expected) return;
            Assert.That(Environment.TickCount64, Is.LessThan(end), $"waited in vain for {expected}");
            await Task.Delay(20);
        }
    }
}
