using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Hosting;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// That the system looks for peers which vanished, and the other options that sockets get, as getsockopt tells them.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Platform("Linux")]
internal sealed class KeepAliveTests(Type loopType)
{
    /// <summary>SO_KEEPALIVE, idle, interval, probes as PHP sets them, and TCP_NODELAY.</summary>
    private const string AsInPhp = "1 55 55 1 1";

    [TestCase("http")]
    [TestCase("websocket")]
    [TestCase("text")]
    [TestCase("frame")]
    [TestCase("tcp")]
    public async Task AcceptedConnectionsHaveIt(string scheme)
    {
        StreamWorker worker = scheme switch
        {
            "http" => new Worker("http://127.0.0.1:0") { OnMessage = (_, _) => { } },
            _ => new Worker<string>($"{scheme}://127.0.0.1:0") { OnMessage = (_, _) => { } },
        };
        Assert.That(await OfAccepted(worker), Is.EqualTo(AsInPhp));
    }

    [Test]
    public async Task ItIsSetPerWorker([Values] bool reusePort)
    {
        var worker = new Worker<string>("text://127.0.0.1:0") { OnMessage = (_, _) => { }, ReusePort = reusePort };
        worker.Options.KeepAlive =
            new TcpKeepAlive { Idle = TimeSpan.FromSeconds(10), Interval = TimeSpan.FromSeconds(3), Probes = 4 };
        Assert.That(await OfAccepted(worker), Is.EqualTo("1 10 3 4 1"));
        var without = new Worker<string>("text://127.0.0.1:0") { OnMessage = (_, _) => { } };
        without.Options.KeepAlive = null;
        Assert.That(await OfAccepted(without), Does.StartWith("0 ").And.EndWith(" 1"));
    }

    [Test]
    public async Task ConfigureSocketHasTheLastWordBeforeTheSocketIsBound()
    {
        var bound = new List<EndPoint?>();
        var worker = new Worker<string>("text://127.0.0.1:0") { OnMessage = (_, _) => { } };
        worker.Options.ConfigureSocket = socket =>
        {
            bound.Add(socket.LocalEndPoint);
            socket.NoDelay = false;
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 77);
        };
        Assert.That(await OfAccepted(worker), Is.EqualTo("1 77 55 1 0"));
        Assert.That(bound, Has.Count.EqualTo(1));
        Assert.That((bound[0] as IPEndPoint)?.Port ?? 0, Is.Zero);
    }

    [Test]
    public void ClientsHaveItAndTheirOwnOptions()
    {
        using var loop = new LoopRunner(loopType);
        using var events = new EventQueue();
        using var peer = new Peer();
        Assert.That(OfClient(loop, peer, events, _ => { }), Is.EqualTo(AsInPhp));
        Assert.That(OfClient(loop, peer, events, client => client.KeepAlive = new TcpKeepAlive
        {
            Idle = TimeSpan.FromSeconds(20),
            Probes = 9
        }), Is.EqualTo("1 20 55 9 1"));
        Assert.That(OfClient(loop, peer, events, client => client.KeepAlive = null), Does.StartWith("0 "));
        Assert.That(OfClient(loop, peer, events, client => client.ConfigureSocket = socket =>
        {
            socket.NoDelay = false;
            socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.9"), 0));
        }), Is.EqualTo("1 55 55 1 0"));
        Assert.That(loop.Errors, Is.Empty);
    }

    [Test]
    public void WhatConfigureSocketThrowsRefusesTheWorker()
    {
        var worker = new Worker<string>("text://127.0.0.1:0") { OnMessage = (_, _) => { } };
        worker.Options.ConfigureSocket = _ => throw new InvalidOperationException("no such option");
        Assert.That(TestServer.Refusal(loopType, worker),
            Does.Contain("ConfigureSocket failed with InvalidOperationException: no such option"));
    }

    [Test]
    public void UnixSocketsDoWithout()
    {
        using var loop = new LoopRunner(loopType);
        using var events = new EventQueue();
        using var folder = new TemporaryFolder();
        using var peer = new Peer(Path.Combine(folder.Path, "a.sock"));
        int configured = 0;
        Clients.Connect(loop, peer.Address, events,
            client => client.ConfigureSocket = socket => configured += socket.AddressFamily == AddressFamily.Unix ? 1 : 100);
        Assert.That(events.Next(), Is.EqualTo("connect Established"));
        Assert.That(configured, Is.EqualTo(1));
    }

    [TestCase(0, 55, 1)]
    [TestCase(40_000, 55, 1)]
    [TestCase(1.5, 55, 1)]
    [TestCase(55, -1, 1)]
    [TestCase(55, 55, 0)]
    [TestCase(55, 55, 128)]
    public void WhatNoSystemTakesIsRefused(double idle, double interval, int probes) => Assert.That(
        () => new TcpKeepAlive { Idle = TimeSpan.FromSeconds(idle), Interval = TimeSpan.FromSeconds(interval), Probes = probes },
        Throws.InstanceOf<ArgumentOutOfRangeException>());

    private async Task<string> OfAccepted(StreamWorker worker)
    {
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        await Wait.Until(() => worker.Connections.Count == 1, "the connection");
        return SocketOptions.OfTcp(client.Socket.RemoteEndPoint!, client.Socket.LocalEndPoint!);
    }

    private static string OfClient(LoopRunner loop, Peer peer, EventQueue events,
        Action<AsyncTcpConnection<ReadOnlyMemory<byte>>> setUp)
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> client = Clients.Connect(loop, peer.Address, events, setUp);
        Assert.That(events.Next(), Is.EqualTo("connect Established"));
        return SocketOptions.OfTcp(client.LocalAddress!, client.RemoteAddress!);
    }
}
