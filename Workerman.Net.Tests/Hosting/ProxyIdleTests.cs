using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>
/// Long-lived connections behind a proxy that cuts what is silent: the default periods, and a real nginx with its times shortened
/// as ours are.
/// </summary>
[TestFixture]
internal sealed class ProxyIdleTests
{
    /// <summary>The usual one: it is times that are tried here, and a second is a second on every loop.</summary>
    private static readonly Type LoopType = Loops.Available[0];

    /// <summary>
    /// The shortest that usual proxies wait: HAProxy as OpenShift's router. As Debian configures it it is 50 s; Heroku has 55 s,
    /// nginx and AWS's ALB 60 s.
    /// </summary>
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The longest that usual proxies keep an idle connection to the server behind them for another request, but for those whose
    /// manuals ask for a setting: Caddy.
    /// </summary>
    private static readonly TimeSpan LongestUpstream = TimeSpan.FromSeconds(120);

    [Test]
    public void DefaultPeriodsFitUsualProxies()
    {
        // Time limits are looked at once a second, and a heartbeat of an event stream may come a quarter later.
        Assert.That(new WebSocketOptions().PingInterval + TimeSpan.FromSeconds(1.5), Is.LessThan(Shortest * 0.9));
        Assert.That(new WebSocketClientOptions().Options.PingInterval, Is.EqualTo(new WebSocketOptions().PingInterval));
        Assert.That(new EventStreamOptions().Heartbeat * 1.25, Is.LessThan(Shortest * 0.9));
        Assert.That(new HttpOptions().KeepAliveTimeout, Is.GreaterThan(LongestUpstream + TimeSpan.FromSeconds(5)));
    }

    /// <summary>A minute is two seconds here.</summary>
    [Test]
    public async Task IdleWebSocketOutlivesTheProxysPatience([Values("defaults", "no pings", "the client talks")] string how)
    {
        NeedsNginx();
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Name = "test", OnMessage = (_, _) => { } };
        worker.Options.WebSocket.PingInterval = how == "no pings"
            ? Timeout.InfiniteTimeSpan
            : new WebSocketOptions().PingInterval / 30;
        await using TestServer server = TestServer.Start(LoopType, worker);
        using var nginx = new Nginx(server.EndPoint, "proxy_read_timeout 2s; proxy_send_timeout 2s;");
        using var client = new FrameClient(nginx.EndPoint, open: false);
        // In nginx's own words.
        Assert.That(client.Client.ReadUntil("\r\n\r\n"), Does.StartWith("HTTP/1.1 101 "));
        if (how == "no pings")
        {
            Assert.That(client.Client.IsAtEnd(), "nginx cuts what is silent: the test tests something");
            return;
        }
        if (how == "the client talks")
        {
            // Nothing ever goes the other way: no ping is due, and nginx counts both directions.
            for (int i = 0; i < 22; i++)
            {
                client.Send(FrameClient.TextFrame("x"));
                await Task.Delay(100);
            }
            Assert.That(worker.Connections, Has.Count.EqualTo(1));
            return;
        }
        for (int i = 0; i < 3; i++)
        {
            Assert.That(client.ReadFrame().First, Is.EqualTo(0x80 | FrameClient.Ping));
            client.Send(FrameClient.Frame(0x80 | FrameClient.Pong, []));
        }
    }

    /// <summary>A client of ours, and a server that never pings.</summary>
    [Test]
    public async Task IdleWebSocketClientOutlivesTheProxysPatience()
    {
        NeedsNginx();
        using var output = new EventQueue();
        var site = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "site",
            OnMessage = (_, _) => { },
            OnWebSocketPing = (_, _) => output.Add("ping")
        };
        site.Options.WebSocket.PingInterval = Timeout.InfiniteTimeSpan;
        var worker = new Worker();
        var connect = new TaskCompletionSource<Action<string>>();
        worker.OnWorkerStart = _ =>
        {
            SynchronizationContext loop = SynchronizationContext.Current!;
            connect.SetResult(address => loop.Post(_ =>
            {
                var client = new AsyncTcpConnection<string>(address) { OnClose = _ => output.Add("closed") };
                client.WebSocket.Options.PingInterval = new WebSocketOptions().PingInterval / 30;
                client.Connect();
            }, null));
        };
        await using TestServer server = TestServer.Start(LoopType, worker, site);
        await Wait.Until(() => site.LocalEndPoint is not null, "the site");
        using var nginx = new Nginx(site.LocalEndPoint!, "proxy_read_timeout 2s; proxy_send_timeout 2s;");
        Wait.For(connect.Task)($"ws://{nginx.EndPoint}");
        for (int i = 0; i < 3; i++) Assert.That(output.Next(), Is.EqualTo("ping"));
    }

    [Test]
    public async Task IdleEventStreamOutlivesTheProxysPatience()
    {
        NeedsNginx();
        var stream = new EventStream("proxied", new EventStreamOptions { Heartbeat = new EventStreamOptions().Heartbeat / 30 });
        await using TestServer server = TestServer.Http(LoopType, (connection, request) => stream.Subscribe(connection, request));
        using var nginx = new Nginx(server.EndPoint, "proxy_read_timeout 2s;");
        using var client = new RawClient(nginx.EndPoint);
        client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        for (int i = 0; i < 5; i++) client.ReadUntil("\n\n");
    }

    /// <summary>
    /// The proxy closes its idle connections first, so that no request meets a server that closes at that moment; nginx reports
    /// one that does.
    /// </summary>
    [Test]
    public async Task IdleConnectionsOfTheProxyAreKeptForLongerThanItKeepsThem()
    {
        NeedsNginx();
        var remotes = new HashSet<int>();
        await using TestServer server = TestServer.Http(LoopType, (connection, _) =>
        {
            remotes.Add(connection.RemotePort);
            connection.Send("ok");
        }, worker => worker.Options.Http.KeepAliveTimeout = new HttpOptions().KeepAliveTimeout / 60);
        using var nginx = new Nginx(server.EndPoint, "", "keepalive 4; keepalive_timeout 1s;");
        using var client = new RawClient(nginx.EndPoint);
        foreach (int pause in new[] { 0, 0, 500, 900, 980, 1010, 1200 })
        {
            await Task.Delay(pause);
            Assert.That(client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").ReadResponse().Status,
                Is.EqualTo(200));
        }
        Assert.That(remotes, Has.Count.LessThan(7), "connections are used again");
        Assert.That(nginx.Errors, Does.Not.Contain("upstream"));
    }

    private static void NeedsNginx()
    {
        if (!Nginx.IsInstalled) Assert.Ignore("nginx is not installed.");
    }
}
