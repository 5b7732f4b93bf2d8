using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>The addresses of a connection: as which they are told, and for how long.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class AddressTests(Type loopType)
{
    /// <summary>Addresses that are bound to, and how the peer is told.</summary>
    private static readonly object[] Families = [new[] { "127.0.0.1", "127.0.0.1" }, new[] { "[::1]", "::1" }];

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
                told.SetResult((connection.RemoteAddress, connection.LocalAddress, connection.RemoteIp, connection.RemotePort,
                    connection.LocalIp, connection.LocalPort));
            };
        });
        using RawClient client = server.Connect();
        var peer = (IPEndPoint)client.Socket.LocalEndPoint!;
        client.Send("x");
        if (way == "peer ends") client.HalfClose();
        if (way == "peer resets") client.Reset();
        (IPEndPoint? remote, IPEndPoint? local, string remoteIp, int remotePort, string localIp, int localPort) =
            Wait.For(told.Task);
        Assert.That((remoteIp, remotePort, localIp, localPort),
            Is.EqualTo((family[1], peer.Port, family[1], server.EndPoint.Port)));
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
    public async Task AClientTakesAnIPv4AddressInIPv6sWriting()
    {
        var told = new TaskCompletionSource<string>();
        var worker = new Worker<string>("text://127.0.0.1:0") { OnMessage = (connection, line) => connection.Send(line) };
        worker.OnWorkerStart = _ => Timer.Delay(0.005, () =>
        {
            var client = new AsyncTcpConnection<string>($"text://[::ffff:127.0.0.1]:{worker.LocalEndPoint!.Port}");
            client.OnConnect = connection => connection.Send(connection.RemoteIp);
            client.OnMessage = (_, line) => told.TrySetResult(line);
            client.OnError = (_, error, reason) => told.TrySetResult($"{error}: {reason}");
            client.Connect();
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(Wait.For(told.Task), Is.EqualTo("127.0.0.1"));
    }

    /// <summary>
    /// A socket for both families, as that of <c>http://[::]:80</c> is; bound to 127.0.0.1 in IPv6's writing, because tests
    /// listen nowhere else.
    /// </summary>
    [Test]
    public void AnIPv4PeerOfASocketForBothFamiliesIsToldAsIPv4()
    {
        using var runner = new LoopRunner(loopType);
        using Socket listener = ForBoth(SocketType.Stream);
        listener.Listen();
        var accepted =
            new TaskCompletionSource<(IPEndPoint?, IPEndPoint?, ILoopSocket)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var handler = new RecordingHandler();
        ILoopListener accepting = runner.Ask(() => runner.Loop.Accept(listener, new Accepting(socket =>
        {
            ILoopSocket watch = runner.Loop.Watch(socket, handler);
            accepted.SetResult((watch.RemoteEndPoint, watch.LocalEndPoint, watch));
        })));
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port);
        (IPEndPoint? remote, IPEndPoint? local, ILoopSocket watch) = Wait.For(accepted.Task);
        Assert.That((remote, local), Is.EqualTo((client.LocalEndPoint, client.RemoteEndPoint)));
        runner.Do(() =>
        {
            watch.Close(reset: false);
            accepting.Dispose();
        });
    }

    [Test]
    public void AnIPv4DatagramOnASocketForBothFamiliesIsToldAsIPv4AndIsAnswered()
    {
        using var runner = new LoopRunner(loopType);
        using Socket socket = ForBoth(SocketType.Dgram);
        var told = new TaskCompletionSource<IPEndPoint?>(TaskCreationOptions.RunContinuationsAsynchronously);
        ILoopDatagramSocket watch = null!;
        runner.Do(() => watch = runner.Loop.WatchDatagrams(socket, new Receiving(() =>
        {
            byte[] buffer = new byte[64 * 1024];
            int count = watch.Receive(buffer, out IPEndPoint? from, out SocketError error);
            if (error != SocketError.Success) return;
            watch.Send(buffer.AsSpan(0, count), from);
            told.TrySetResult(from);
        })));
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        client.Client.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        client.Connect(IPAddress.Loopback, ((IPEndPoint)socket.LocalEndPoint!).Port);
        client.Send("x"u8);
        IPEndPoint? answerer = null;
        Assert.That(client.Receive(ref answerer), Is.EqualTo("x"u8.ToArray()));
        Assert.That(Wait.For(told.Task), Is.EqualTo(client.Client.LocalEndPoint));
        runner.Do(watch.Dispose);
    }

    private static Socket ForBoth(SocketType type)
    {
        var socket =
            new Socket(AddressFamily.InterNetworkV6, type, type == SocketType.Stream ? ProtocolType.Tcp : ProtocolType.Udp)
            {
                DualMode = true
            };
        socket.Bind(new IPEndPoint(IPAddress.Loopback.MapToIPv6(), 0));
        return socket;
    }

    private TestServer Listen(string host, Action<Worker<string>> setUp)
    {
        var worker = new Worker<string>($"tcp://{host}:0") { OnMessage = (_, _) => { } };
        setUp(worker);
        return TestServer.Start(loopType, worker);
    }

    private sealed class Accepting(Action<ConnectedSocket> accepted) : IAcceptHandler
    {
        public void OnAccepted(ConnectedSocket socket) => accepted(socket);

        public void OnAcceptError(SocketError error)
        {
        }
    }

    private sealed class Receiving(Action receive) : IDatagramHandler
    {
        public void OnReadable() => receive();
    }
}
