using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Hosting;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>Broadcast and multicast, for workers and clients, on the loopback interface alone.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Platform("Linux")]
internal sealed class DatagramGroupTests(Type loopType)
{
    private static readonly IPAddress Group = IPAddress.Parse("239.255.44.1");

    private LoopRunner _loop = null!;
    private EventQueue _events = null!;

    [SetUp]
    public void SetUp()
    {
        _events = new EventQueue();
        _loop = new LoopRunner(loopType);
    }

    [TearDown]
    public void TearDown()
    {
        _loop.Dispose();
        Assert.That(_loop.Errors, Is.Empty);
        _events.Dispose();
    }

    [Test]
    public async Task BroadcastArrivesAndIsAnsweredByEachForItself()
    {
        await using TestServer server = Start("udp://127.255.255.255:0");
        Client(server.EndPoint, client => client.EnableBroadcast = true);
        Assert.That(_events.Next(), Is.EqualTo("worker got hello from 127.0.0.1"));
        Assert.That(_events.Next(), Is.EqualTo($"client got hello back from 127.0.0.1:{server.EndPoint.Port}"));
    }

    [Test]
    public async Task BroadcastThatIsNotEnabledIsAnErrorThatNamesTheSetting()
    {
        await using TestServer server = Start("udp://127.255.255.255:0");
        Client(server.EndPoint, _ => { });
        Assert.That(_events.Next(), Does.StartWith("error ConnectFail").And.Contain("EnableBroadcast"));
    }

    [Test]
    public async Task WorkerBroadcastsToo()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp)
        {
            ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds
        };
        listener.Bind(new IPEndPoint(IPAddress.Parse("127.255.255.255"), 0));
        var target = (IPEndPoint)listener.LocalEndPoint!;
        await using TestServer server = Start("udp://127.0.0.1:0", worker =>
        {
            worker.EnableBroadcast = true;
            worker.OnMessage = (_, text) => worker.PeerAt(target).Send($"to all: {text}");
        });
        using var client = new UdpClientSocket(server.EndPoint);
        client.Send("news");
        byte[] buffer = new byte[100];
        Assert.That(System.Text.Encoding.UTF8.GetString(buffer, 0, listener.Receive(buffer)), Is.EqualTo("to all: news"));
    }

    [Test]
    public async Task MembersOfAGroupReceiveWhatIsSentToIt([Values] bool late)
    {
        UdpWorker<string>? started = null;
        await using TestServer server = Start($"udp://{Group}:0", worker =>
        {
            started = worker;
            if (!late) worker.JoinMulticastGroup(Group, IPAddress.Loopback);
        });
        if (late) started!.JoinMulticastGroup(Group, IPAddress.Loopback);
        Client(server.EndPoint, client => client.Multicast.Interface = IPAddress.Loopback);
        Assert.That(_events.Next(), Is.EqualTo("worker got hello from 127.0.0.1"));
        Assert.That(_events.Next(), Is.EqualTo($"client got hello back from 127.0.0.1:{server.EndPoint.Port}"));
        started!.DropMulticastGroup(Group, IPAddress.Loopback);
        Assert.That(() => started.DropMulticastGroup(Group, IPAddress.Loopback), Throws.InstanceOf<SocketException>(),
            "it is no member any more");
    }

    [Test]
    public async Task ClientMayBeAMember()
    {
        AsyncUdpConnection<string> member = _loop.Ask(() =>
        {
            AsyncUdpConnection<string> member = Make(new IPEndPoint(Group, Peer.UnusedPort()));
            member.BindTo = new IPEndPoint(Group, 0);
            member.JoinMulticastGroup(Group, IPAddress.Loopback);
            member.OnConnect = _ => _events.Add("ready");
            member.Connect();
            return member;
        });
        Assert.That(_events.Next(), Is.EqualTo("ready"));
        await using TestServer server = Start("udp://127.0.0.1:0", worker =>
        {
            worker.Multicast.Interface = IPAddress.Loopback;
            worker.OnMessage = (_, text) => worker.PeerAt(member.LocalAddress!).Send($"for members: {text}");
        });
        using var client = new UdpClientSocket(server.EndPoint);
        client.Send("news");
        Assert.That(_events.Next(), Is.EqualTo($"client got for members: news from 127.0.0.1:{server.EndPoint.Port}"));
        _loop.Do(() => member.DropMulticastGroup(Group, IPAddress.Loopback));
    }

    [Test]
    public void OptionsAreThoseOfTheSocket()
    {
        var options = new MulticastOptions { TimeToLive = 7, Loopback = false, Interface = IPAddress.Loopback };
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        options.ApplyTo(socket);
        int Value(SocketOptionName name) => (int)socket.GetSocketOption(SocketOptionLevel.IP, name)!;
        Assert.That((Value(SocketOptionName.MulticastTimeToLive), Value(SocketOptionName.MulticastLoopback),
            new IPAddress(BitConverter.GetBytes(Value(SocketOptionName.MulticastInterface)))),
            Is.EqualTo((7, 0, IPAddress.Loopback)));
        using var six = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
        new MulticastOptions { TimeToLive = 9, Loopback = false }.ApplyTo(six);
        Assert.That((six.GetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastTimeToLive),
            six.GetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.MulticastLoopback)), Is.EqualTo((9, 0)));
        Assert.That(() => options.TimeToLive = 256, Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void WhatCannotWorkIsToldAtTheStart()
    {
        var worker = new UdpWorker<string>("udp://127.0.0.1:0") { OnMessage = (_, _) => { } };
        Assert.That(() => worker.JoinMulticastGroup(IPAddress.Loopback),
            Throws.ArgumentException.With.Message.Contains("224.0.0.0"));
        Assert.That(() => worker.PeerAt(new IPEndPoint(Group, 1)),
            Throws.InvalidOperationException.With.Message.Contains("callbacks"));
        worker.JoinMulticastGroup(Group, IPAddress.Parse("192.0.2.1"));
        Assert.That(TestServer.Refusal(loopType, worker), Does.Contain("multicast groups").And.Contain("Cure: "));
        var shared = new UdpWorker<string>("udp://127.0.0.1:0") { OnMessage = (_, _) => { }, ReusePort = true, Count = 2 };
        shared.JoinMulticastGroup(Group, IPAddress.Loopback);
        Assert.That(() => TestServer.RunAsync(loopType, default, shared),
            Throws.InvalidOperationException.With.Message.Contains("ReusePort"));
    }

    private TestServer Start(string address, Action<UdpWorker<string>>? setUp = null)
    {
        var worker = new UdpWorker<string>(address);
        worker.OnMessage = (connection, text) =>
        {
            _events.Add($"worker got {text} from {connection.RemoteIp}");
            connection.Send($"{text} back");
        };
        setUp?.Invoke(worker);
        return TestServer.Start(loopType, worker);
    }

    private AsyncUdpConnection<string> Make(IPEndPoint endPoint) => new($"udp://{endPoint}")
    {
        OnMessage = (client, text) => _events.Add($"client got {text} from {client.Sender}"),
        OnError = (_, error, reason) => _events.Add($"error {error} {reason}"),
    };

    private void Client(IPEndPoint endPoint, Action<AsyncUdpConnection<string>> setUp) => _loop.Do(() =>
    {
        AsyncUdpConnection<string> client = Make(endPoint);
        setUp(client);
        client.OnConnect = _ => client.Send("hello");
        client.Connect();
    });
}
