using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>
/// Exactly once: connections are cut at random moments under load, and whoever comes back by its last id sees every event once
/// and in order.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ReconnectionTests(Type loopType)
{
    [Test]
    public async Task CutAtRandomEveryClientSeesEachEventOnce()
    {
        const int Clients = 24;
        const int Publishers = 3;
        const int Each = 1500;
        int seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        await using var server = new StreamServer(loopType, new() { ReplayCount = 100_000, MaxBacklog = 100 }, count: 2);
        var open = new List<TcpConnection>();
        server.Connected = connection =>
        {
            lock (open) open.Add(connection);
        };
        string start = server.Stream.Publish("start");
        Task<string[]>[] clients = [.. Enumerable.Range(0, Clients).Select(i => Task.Factory.StartNew(
            () => Follow(server.Server.EndPoint, start, new Random(seed + i)), CancellationToken.None,
            TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        Task cutter = Task.Run(async () =>
        {
            var random = new Random(seed - 1);
            while (!Task.WhenAll(clients).IsCompleted)
            {
                TcpConnection? victim = null;
                lock (open)
                {
                    open.RemoveAll(connection => connection.Status == ConnectionStatus.Closed);
                    if (open.Count > 0) victim = open[random.Next(open.Count)];
                }
                if (random.Next(2) == 0) victim?.Destroy();
                else victim?.Close();
                await Task.Delay(random.Next(1, 8));
            }
        });
        Task[] publishers = [.. Enumerable.Range(0, Publishers).Select(p => Task.Run(async () =>
        {
            var random = new Random(seed - 2 - p);
            for (int i = 0; i < Each; i++)
            {
                server.Stream.Publish($"{p}/{i} {new string('x', random.Next(300))}");
                if (random.Next(60) == 0) await Task.Delay(random.Next(5));
            }
        }))];
        Wait.For(Task.WhenAll(publishers));
        server.Stream.Publish("end");
        string[][] seen = Wait.For(Task.WhenAll(clients));
        Wait.For(cutter);
        Assert.That(seen[0], Has.Length.EqualTo(Publishers * Each + 1));
        Assert.That(seen[0].Distinct().Count(), Is.EqualTo(seen[0].Length));
        Assert.That(seen, Is.All.EqualTo(seen[0]), "the same for all, in the same order");
        for (int p = 0; p < Publishers; p++)
        {
            Assert.That(seen[0].Where(data => data.StartsWith($"{p}/", StringComparison.Ordinal))
                .Select(data => int.Parse(data[2..data.IndexOf(' ')], null)),
                Is.EqualTo(Enumerable.Range(0, Each)), "events of one thread keep their order");
        }
        int reconnections = server.Subscriptions.Length - Clients;
        TestContext.Out.WriteLine($"{reconnections} reconnections");
        Assert.That(reconnections, Is.GreaterThanOrEqualTo(2 * Clients));
    }

    [Test]
    public async Task EventSourceOfABrowserSeesEachEventOnce()
    {
        if (Chromium.Path is null)
            Assert.Ignore(
                "Chromium is not installed (Debian: apt-get install chromium), so no browser has reconnected in this run.");
        const int Events = 600;
        int seed = Random.Shared.Next();
        TestContext.Out.WriteLine($"seed {seed}");
        var stream = new EventStream("browser", new() { Retry = TimeSpan.FromMilliseconds(5), ReplayCount = 10_000 });
        var subscribed = new TaskCompletionSource();
        TcpConnection? current = null;
        int connections = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Header("accept") != "text/event-stream")
            {
                connection.Send("ok");
                return;
            }
            stream.Subscribe(connection, request);
            connections++;
            Volatile.Write(ref current, connection);
            subscribed.TrySetResult();
        });
        await using Chromium browser = await Chromium.Open(server.Uri);
        Task<string?> seen = browser.Evaluate("""
            new Promise(resolve => {
              var seen = [];
              var source = new EventSource(location.href);
              source.addEventListener('gap', e => seen.push('gap ' + e.data));
              source.onmessage = e => {
                if (e.data === 'end') { source.close(); resolve(JSON.stringify(seen)); }
                else seen.push(e.data);
              };
              source.onerror = () => { if (source.readyState === 2) resolve('gave up after ' + seen.length); };
            })
            """);
        Wait.For(subscribed.Task);
        var random = new Random(seed);
        for (int i = 0; i < Events; i++)
        {
            stream.Publish($"{i}");
            int before = connections;
            if (random.Next(25) == 0)
            {
                if (random.Next(2) == 0) Volatile.Read(ref current)!.Destroy();
                else Volatile.Read(ref current)!.Close();
            }
            if (random.Next(4) == 0) await Task.Delay(random.Next(6));
            if (i % (Events / 3) != Events / 6) continue;
            // However slow the browser is, it comes again a few times before the end.
            Volatile.Read(ref current)!.Destroy();
            await Wait.Until(() => connections > before, "the browser again");
        }
        stream.Publish("end");
        string[] data = JsonSerializer.Deserialize<string[]>(Wait.For(seen)!)!;
        Assert.That(data, Is.EqualTo(Enumerable.Range(0, Events).Select(i => $"{i}")));
        TestContext.Out.WriteLine($"{connections} connections");
        // It comes back once more after the end, is turned away, and leaves it at that.
        subscribed = new TaskCompletionSource();
        Task<string?> states = browser.Evaluate("""
            new Promise(resolve => {
              var states = [];
              var source = new EventSource(location.href);
              source.onerror = () => {
                states.push(source.readyState);
                if (source.readyState === 2) resolve(JSON.stringify(states));
              };
            })
            """);
        Wait.For(subscribed.Task);
        stream.Complete(TimeSpan.FromMilliseconds(5), turnAway: true);
        Assert.That(Wait.For(states), Is.EqualTo("[0,2]"));
    }

    /// <summary>
    /// Reads until the event <c>end</c>, cutting its own connection now and then, perhaps in the middle of an event.
    /// </summary>
    private static string[] Follow(IPEndPoint endPoint, string start, Random random)
    {
        string? lastId = start;
        int connections = 0;
        var events = new List<Block>();
        while (events.LastOrDefault()?.Data != "end")
        {
            using var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
            {
                NoDelay = true,
                ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds
            };
            socket.Connect(endPoint);
            var reader = new ResumingReader(socket, lastId);
            try
            {
                socket.Send(Encoding.ASCII.GetBytes(
                    $"GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nLast-Event-ID: {lastId}\r\n\r\n"));
            }
            catch (SocketException)
            {
                continue;
            }
            // The first two for certain, long before the end.
            int patience = random.Next(1, connections++ < 2 ? 6 : 200);
            while (patience-- > 0 && events.LastOrDefault()?.Data != "end" && reader.TryRead(events))
            {
            }
            lastId = reader.LastEventId;
            if (random.Next(2) == 0) socket.LingerState = new LingerOption(true, 0);
        }
        return [.. events.Select(block => block.Data!)];
    }
}
