using System.Globalization;
using StackExchange.Redis;
using Workerman.EventStreams;
using Workerman.Extensions.Redis;
using Workerman.Tests.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.Extensions;

/// <summary>The log in a real Redis Cluster of three nodes, which owns each key on one of them: what every log does.</summary>
internal sealed class RedisClusterLogTests : EventLogContract
{
    private const int Nodes = 3;
    private const int Slots = 16384;

    private readonly List<RedisServer> _nodes = [];
    private ConnectionMultiplexer _connection = null!;
    private int _keys;

    [OneTimeSetUp]
    public async Task StartCluster()
    {
        RedisServer.SkipIfMissing();
        for (int i = 0; i < Nodes; i++)
        {
            var node = new RedisServer("cluster-enabled yes", $"cluster-port {Peer.UnusedPort()}", "cluster-node-timeout 2000");
            _nodes.Add(node);
            Assert.That(node.Cli("cluster", "addslotsrange", Text(Slots * i / Nodes), Text((Slots * (i + 1) / Nodes) - 1)),
                Is.EqualTo("OK"));
            string bus = node.Cli("config", "get", "cluster-port").Split('\n')[^1];
            if (i > 0)
            {
                Assert.That(_nodes[0].Cli("cluster", "meet", "127.0.0.1", Text(node.EndPoint.Port), bus), Is.EqualTo("OK"));
            }
        }
        foreach (RedisServer node in _nodes)
        {
            await Wait.Until(() => node.Cli("cluster", "info") is var info
                && info.Contains("cluster_state:ok", StringComparison.Ordinal)
                && info.Contains($"cluster_known_nodes:{Nodes}", StringComparison.Ordinal), "the cluster to be whole");
        }
        _connection = await ConnectionMultiplexer.ConnectAsync(string.Join(',', _nodes.Select(node => node.EndPoint)));
    }

    [OneTimeTearDown]
    public void StopCluster()
    {
        _connection?.Dispose();
        foreach (RedisServer node in _nodes) node.Dispose();
    }

    [Test]
    public async Task StreamsAreOnAllNodesAndAreFollowedThere()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            var log = (RedisEventLog)Make();
            await using Follower follower = new(log);
            await follower.Next();
            await log.AppendAsync(new EventRecord { Data = $"{i}", Id = $"own-{i}" });
            Assert.That((await follower.Next()).Events.Single().Data, Is.EqualTo($"{i}"));
            Assert.That(await log.FindAsync($"own-{i}"), Is.Not.Null);
        }));
        Assert.That(_nodes.Select(node => int.Parse(node.Cli("dbsize"), CultureInfo.InvariantCulture)), Has.All.GreaterThan(0));
    }

    protected override IEventLog Make(int maxCount = 1000) => new RedisEventLog(_connection,
        $"log{Interlocked.Increment(ref _keys)}", new() { MaxCount = maxCount, CheckInterval = TimeSpan.FromMilliseconds(100) });

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
