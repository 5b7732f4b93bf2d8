using System.Diagnostics;
using System.Globalization;
using System.Net;
using StackExchange.Redis;
using Workerman.EventStreams;
using Workerman.Extensions.Redis;

namespace Workerman.Benchmarks;

/// <summary>
/// <c>cluster [--minutes M] [--clients N] [--events N] [--nodes N]</c>: event streams on many nodes while things break. Nodes are
/// processes (<see cref="ClusterNode"/>) with nginx in front and one Redis behind, which keeps an append-only file. Two
/// publishers add events; clients are cut at random and resume, at whichever node they come to; Redis is killed with -9 and
/// started again, a node is killed with -9, nodes are stopped and started. Each client must get each event once, in the one order
/// that all have, and no <c>gap</c>. Exit status 0 if that holds, 1 if not, 2 where redis-server or nginx is missing.
/// </summary>
internal static class Cluster
{
    private const int Publishers = 2;

    public static int Run(string[] args) => RunAsync(args).GetAwaiter().GetResult();

    private static async Task<int> RunAsync(string[] args)
    {
        if (!ClusterProcess.Find("redis-server", out string redis) || !ClusterProcess.Find("nginx", out string nginx))
        {
            Console.Error.WriteLine("redis-server and nginx are needed (Debian packages redis-server and nginx-light)");
            return 2;
        }
        var duration = TimeSpan.FromMinutes(Arguments.Number(args, "--minutes", 10));
        int events = Arguments.Integer(args, "--events", 100_000);
        var record = new ClusterRecord(Publishers, events / Publishers);
        string folder = Directory.CreateTempSubdirectory("workerman.cluster.").FullName;
        try
        {
            using var site = new ClusterSite(folder, redis, nginx, Arguments.Integer(args, "--nodes", 3));
            ClusterClient[] clients = [.. Enumerable.Range(0, Arguments.Integer(args, "--clients", 3000))
                .Select(_ => new ClusterClient(site.Front, record))];
            var clock = Stopwatch.StartNew();
            await RunAsync(site, clients, record, duration);
            return record.Report(clients, clock.Elapsed) ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task RunAsync(ClusterSite site, ClusterClient[] clients, ClusterRecord record, TimeSpan duration)
    {
        using var stop = new CancellationTokenSource();
        Task[] reading = [.. clients.Select(client => Task.Run(() => client.RunAsync(stop.Token)))];
        await Until(() => Array.TrueForAll(clients, static client => client.HasPlace), "all clients to have a place", 60);
        Task cutting = CutAsync(clients, duration, stop.Token);
        Task breaking = BreakAsync(site, duration);
        await Task.WhenAll(Enumerable.Range(0, Publishers).Select(one => PublishAsync(site.Redis, one, record, duration)));
        await breaking;
        Console.Error.WriteLine("everything is published");
        await UntilAllHaveEverything(clients, record);
        await stop.CancelAsync();
        await Task.WhenAll([.. reading, cutting]);
    }

    /// <summary>Publishes in bursts, so that the time is spent on many deliveries and not on many writes.</summary>
    private static async Task PublishAsync(IPEndPoint redis, int publisher, ClusterRecord record, TimeSpan duration)
    {
        var options = new ConfigurationOptions { EndPoints = { redis }, AbortOnConnectFail = false, ConnectTimeout = 2000 };
        using ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(options);
        var log = new RedisEventLog(connection, ClusterNode.Key,
            new() { WhenUnavailable = WhenUnavailable.Wait, MaxPending = int.MaxValue, MaxCount = 1_000_000 });
        int burst = Math.Max(1, (int)(record.EventsOfEach * 2 / duration.TotalSeconds));
        var clock = Stopwatch.StartNew();
        List<Task> waiting = [];
        for (int i = 0; i < record.EventsOfEach; i++)
        {
            string data = string.Create(CultureInfo.InvariantCulture, $"{publisher}:{i}:{Stopwatch.GetTimestamp()}");
            waiting.Add(log.AppendAsync(new EventRecord { Data = data }).AsTask());
            if ((i + 1) % burst > 0) continue;
            // A fifth of the time is left for the last ones to arrive.
            TimeSpan next = duration * 0.8 * ((i + 1.0) / record.EventsOfEach);
            if (next > clock.Elapsed) await Task.Delay(next - clock.Elapsed);
        }
        await Task.WhenAll(waiting);
    }

    /// <summary>Cuts each client about three times.</summary>
    private static async Task CutAsync(ClusterClient[] clients, TimeSpan duration, CancellationToken stop)
    {
        double each = duration.TotalMilliseconds / (3.0 * clients.Length);
        var clock = Stopwatch.StartNew();
        for (long cut = 0; !stop.IsCancellationRequested && clock.Elapsed < duration * 0.8; await Pause(20, stop))
        {
            for (; cut < clock.ElapsedMilliseconds / each; cut++) clients[Random.Shared.Next(clients.Length)].Cut();
        }
    }

    private static async Task BreakAsync(ClusterSite site, TimeSpan duration)
    {
        var clock = Stopwatch.StartNew();
        TimeSpan away = TimeSpan.FromSeconds(Math.Min(30, duration.TotalSeconds / 8));
        await At(0.15);
        Say("redis-server is killed with -9");
        site.KillRedis();
        await Task.Delay(away);
        Say("redis-server is started again");
        site.StartRedis();
        await At(0.4);
        Say("node 0 is killed with -9");
        site.KillNode(0);
        await Task.Delay(away / 3);
        site.StartNode(0);
        for (int node = 1; node < site.Nodes; node++)
        {
            await At(0.4 + 0.3 * node / site.Nodes);
            Say($"node {node} is stopped, and started");
            site.StopNode(node);
            site.StartNode(node);
        }

        Task At(double part) =>
            duration * part > clock.Elapsed ? Task.Delay(duration * part - clock.Elapsed) : Task.CompletedTask;

        void Say(string what) => Console.Error.WriteLine($"{clock.Elapsed.TotalSeconds:0} s: {what}");
    }

    private static async Task Until(Func<bool> condition, string what, int seconds)
    {
        long end = Environment.TickCount64 + seconds * 1000L;
        while (!condition())
        {
            if (Environment.TickCount64 > end) throw new TimeoutException($"waited {seconds} s in vain for {what}");
            await Task.Delay(20);
        }
    }

    /// <summary>However long that takes on this machine, as long as something arrives.</summary>
    private static async Task UntilAllHaveEverything(ClusterClient[] clients, ClusterRecord record)
    {
        long before = -1;
        while (!Array.TrueForAll(clients, client => client.Number >= record.Total || client.Gaps > 0) && before != record.Delivered)
        {
            before = record.Delivered;
            for (int i = 0; i < 100 && !Array.TrueForAll(clients, client => client.Number >= record.Total); i++) await Task.Delay(100);
        }
    }

    private static Task Pause(int milliseconds, CancellationToken stop) =>
        Task.Delay(milliseconds, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
}

/// <summary>A node of <see cref="Cluster"/>: <c>cluster-node --port P --redis ADDRESS:PORT</c>. Whoever asks gets the
/// stream.</summary>
internal static class ClusterNode
{
    /// <summary>Key of the log.</summary>
    public const string Key = "cluster";

    public static int Run(string[] args)
    {
        ConfigurationOptions redis = ConfigurationOptions.Parse(Arguments.Text(args, "--redis")!);
        redis.AbortOnConnectFail = false;
        redis.ConnectTimeout = 2000;
        var log = new RedisEventLog(ConnectionMultiplexer.Connect(redis), Key, new() { MaxCount = 1_000_000 });
        var stream = new EventStream("cluster", new() { Log = log });
        _ = new Worker($"http://127.0.0.1:{Arguments.Text(args, "--port")}")
        {
            OnMessage = (connection, request) => stream.Subscribe(connection, request)
        };
        Worker.RunAll();
        return Environment.ExitCode;
    }
}
