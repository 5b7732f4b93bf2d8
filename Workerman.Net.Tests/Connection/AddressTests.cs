using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>The addresses of a connection: as which they are told, and for how long.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class AddressTests(Type loopType)
{
    /// <summary>Addresses that are bound to, and how the peer is told.</summary>
    private static readonly object[] Families = [new[] { "127.0.0.1", "127.0.0.1" }, new[] { "[::1]", "::1" }, new[] { "[::ffff:127.0.0.1]", "127.0.0.1" }];

    [Test]
    public async Task AreKnownInOnCloseThoughNobodyAskedBefore(
        [ValueSource(nameof(Families))] string[] family, [Values("peer ends", "peer resets", "close", "destroy")] string way)
    {
        var told = new TaskCompletionSource<(IPEndPoint?, IPEndPoint?, string, int, string, int)>();
        TcpConnection? kept = null;
        await using TestServer server = Listen(family[0], worker =>
        {
            worker.OnMessage = (connection, _) =>
            {
                if (way == "close") connection.Close();
                if (way == "destroy") connection.Destroy();
            };
            worker.OnClose = connection =>
            {
                kept = connection;
                told.SetResult((connection.RemoteAddress, connection.LocalAddress, connection.RemoteIp, connection.RemotePort, connection.LocalIp, connection.LocalPort));
            };
        });
        using RawClient client = Connect(server);
        var peer = (IPEndPoint)client.Socket.LocalEndPoint!;
        client.Send("x");
        if (way == "peer ends") client.HalfClose();
        if (way == "peer resets") client.Reset();
        (IPEndPoint? remote, IPEndPoint? local, string remoteIp, int remotePort, string localIp, int localPort) = Wait.For(told.Task);
        Assert.That((remoteIp, remotePort, localIp, localPort), Is.EqualTo((family[1], peer.Port, family[1], server.EndPoint.Port)));
        Assert.That((kept!.RemoteAddress, kept.LocalAddress), Is.EqualTo((remote, local)), "and after it");
        Assert.That((kept.IsIpV4, kept.IsIpV6), Is.EqualTo((!family[1].Contains(':'), family[1].Contains(':'))));
    }

    [Test]
    public async Task AClientKnowsItsPeerWhenThatHasResetTheConnection()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var told = new TaskCompletionSource<(string, int, string)>();
        var worker = new Worker
        {
            OnWorkerStart = _ =>
            {
                var client = new AsyncTcpConnection<string>($"tcp://{listener.LocalEndpoint}");
                client.OnConnect = connection => connection.Send("x");
                client.OnClose = connection => told.SetResult((connection.RemoteIp, connection.RemotePort, connection.LocalIp));
                client.Connect();
            },
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using (var accepted = new RawClient(await listener.AcceptSocketAsync()))
        {
            accepted.ReadUntil("x");
            accepted.Reset();
        }
        Assert.That(Wait.For(told.Task), Is.EqualTo(("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port, "127.0.0.1")));
    }

    [Test]
    public async Task AnIPv4DatagramOnASocketForBothIsToldAsIPv4AndIsAnswered()
    {
        var told = new TaskCompletionSource<(string, bool)>();
        var worker = new UdpWorker<string>("udp://[::ffff:127.0.0.1]:0")
        {
            OnMessage = (connection, text) =>
            {
                told.TrySetResult((connection.RemoteIp, connection.IsIpV4));
                connection.Send(text);
            },
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        client.Client.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        client.Connect(new IPEndPoint(IPAddress.Loopback, server.EndPoint.Port));
        client.Send("x"u8);
        IPEndPoint? from = null;
        Assert.That(client.Receive(ref from), Is.EqualTo("x"u8.ToArray()));
        Assert.That(Wait.For(told.Task), Is.EqualTo(("127.0.0.1", true)));
    }

    private static RawClient Connect(TestServer server)
    {
        IPEndPoint bound = server.EndPoint;
        return new RawClient(bound.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(bound.Address.MapToIPv4(), bound.Port) : bound);
    }

    private TestServer Listen(string host, Action<Worker<string>> setUp)
    {
        var worker = new Worker<string>($"tcp://{host}:0") { OnMessage = (_, _) => { } };
        setUp(worker);
        return TestServer.Start(loopType, worker);
    }
}
