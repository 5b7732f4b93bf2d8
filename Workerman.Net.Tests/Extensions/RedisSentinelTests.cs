using StackExchange.Redis;
using Workerman.EventStreams;
using Workerman.Extensions.Redis;
using Workerman.Tests.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>A log in a Redis whose place a replica takes, as a real Sentinel has it: nothing that the replica had is
/// lost.</summary>
internal sealed class RedisSentinelTests
{
    [Test]
    public async Task LogGoesOnWhereTheReplicaTakesOver()
    {
        RedisServer.SkipIfMissing();
        using var master = new RedisServer();
        using var replica = new RedisServer($"replicaof {master.EndPoint.Address} {master.EndPoint.Port}",
            "repl-diskless-sync-delay 0");
        using var sentinel = RedisServer.Sentinel(master);
        await Wait.Until(() => sentinel.Cli("sentinel", "replicas", "mymaster").Contains("slave0", StringComparison.Ordinal)
            || sentinel.Cli("info", "sentinel").Contains("slaves=1", StringComparison.Ordinal),
            "the sentinel to know the replica");
        await using ConnectionMultiplexer connection =
            await ConnectionMultiplexer.ConnectAsync($"{sentinel.EndPoint},serviceName=mymaster,abortConnect=false");
        var log = new RedisEventLog(connection, "log", new() { CheckInterval = TimeSpan.FromMilliseconds(200) });
        await using EventLogContract.Follower follower = new(log);
        await follower.Next();
        List<EventPlace> places = [];
        for (int i = 0; i < 10; i++) places.Add(await log.AppendAsync(new EventRecord { Data = $"{i}" }));
        Assert.That((await follower.Read(10)).Select(DataOf), Is.EqualTo(Enumerable.Range(0, 10).Select(i => $"{i}")));
        await Wait.Until(() => replica.Cli("xlen", "log") == "10", "the replica to have them");

        master.Kill();
        EventPlace? next = null;
        await Wait.Until(() =>
        {
            next = TryAppend(log);
            return next is not null;
        }, "the log to take events again");
        // One that was sent while the master died may have come to the replica, though nobody was told.
        List<string> seen = [];
        while (seen.Count == 0 || seen[^1] != "after") seen.AddRange((await follower.Read(1)).Select(DataOf));
        Assert.That(seen, Has.All.EqualTo("after"));
        Assert.That(next!.Value.Epoch, Is.EqualTo(places[0].Epoch), "the replica had everything, so it is the same log");
        Assert.That(next.Value.Number, Is.GreaterThan(10));
        Assert.That((await log.ReadAsync(places[8], 10)).Events[0].Data, Is.EqualTo("9"));
    }

    private static string DataOf(string read) => read.Split(' ')[^1];

    private static EventPlace? TryAppend(RedisEventLog log)
    {
        try
        {
            return Wait.For(log.AppendAsync(new EventRecord { Data = "after" }).AsTask());
        }
        catch (EventLogException)
        {
            return null;
        }
    }
}
