using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.ClientConnections;

/// <summary>
/// The way of a client connection to its peer: what is reached, what fails and how that is told, what is sent and closed on the
/// way.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Parallelizable]
internal sealed class ConnectingTests(Type loopType)
{
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
    public void ConnectedItIsAConnectionLikeAnyOther()
    {
        using var peer = new Peer();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Connect(_loop, peer.Address, _events);
        using RawClient server = peer.Accept();
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Assert.That(connection.RemoteAddress, Is.EqualTo(peer.EndPoint));
        Assert.That(connection.LocalAddress, Is.EqualTo(server.Socket.RemoteEndPoint));
        Assert.That(connection.Send("hello"), Is.EqualTo(SendResult.Queued), "from another thread");
        Assert.That(server.ReadExactly(5), Is.EqualTo("hello"));
        server.Send("world");
        Assert.That(_events.Next(), Is.EqualTo("world"));
        Assert.That((connection.BytesRead, connection.BytesWritten), Is.EqualTo((5, 5)));
        Assert.That((connection.Worker, connection.RemoteHost, connection.RemoteUri, connection.Address),
            Is.EqualTo((null as WorkerBase, "127.0.0.1", "/", peer.Address)));
        connection.Close("bye");
        Assert.That(server.ReadToEnd(), Is.EqualTo("bye"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void PeerThatClosesIsAClose()
    {
        using var peer = new Peer();
        Clients.Connect(_loop, peer.Address, _events);
        using (RawClient server = peer.Accept()) server.Send("last words");
        Assert.That((_events.Next(), _events.Next(), _events.Next()),
            Is.EqualTo(("connect Established", "last words", "close Closed")));
    }

    [Test]
    public void RefusedIsAnErrorAndThenAClose()
    {
        int port = Peer.UnusedPort();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Connect(_loop, $"tcp://127.0.0.1:{port}", _events);
        Assert.That(_events.Next(), Does.Match(
            $@"^error ConnectFail Closing connect tcp://127\.0\.0\.1:{port} failed after [\d.]+ seconds: Connection refused$"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        Assert.That(connection.Send("x"), Is.Not.EqualTo(SendResult.Sent));
    }

    [Test]
    public void ErrorThatIsNotWantedIsStillFollowedByAClose()
    {
        Clients.Connect(_loop, $"tcp://127.0.0.1:{Peer.UnusedPort()}", _events, connection => connection.OnError = null);
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void DestroyInOnErrorClosesOnce()
    {
        Clients.Connect(_loop, $"tcp://127.0.0.1:{Peer.UnusedPort()}", _events, connection => connection.OnError = (self, _, _) =>
        {
            self.Destroy();
            self.Close();
        });
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        _loop.Do(() => { });
        Assert.That(_events.Count, Is.Zero);
    }

    [Test]
    public void SilenceEndsWithConnectTimeout()
    {
        using var hole = new BlackHole();
        Clients.Connect(_loop, hole.Address, _events, connection => connection.ConnectTimeout = TimeSpan.FromMilliseconds(100));
        Assert.That(_events.Next(), Does.Match(
            @"^error ConnectFail Closing connect tcp://\S+ failed after [0-4]\.\d+ seconds: no answer within ConnectTimeout$"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public async Task TimersThatAreAllDeletedTakeNoTimeoutAlong()
    {
        using var hole = new BlackHole();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Connect(_loop, hole.Address, _events,
            connection => connection.ConnectTimeout = TimeSpan.FromMilliseconds(20));
        _loop.Do(Timer.DelAll);
        // Until the time is over, which it is not told of.
        long end = Environment.TickCount64 + 20;
        await Wait.Until(() => Environment.TickCount64 > end, "the end of the time");
        // What the loop does once a second.
        _loop.Do(connection.Tick);
        Assert.That(_events.Next(), Does.Contain("no answer within ConnectTimeout"));
    }

    [Test]
    public void HostNameIsLookedUpOffTheLoop()
    {
        using var peer = new Peer();
        var answer = new TaskCompletionSource<IPAddress[]>();
        Clients.Connect(_loop, $"tcp://somewhere.test:{peer.Port}", _events, connection => connection.LookUp = host =>
        {
            _events.Add(host);
            return answer.Task;
        });
        _loop.Do(() => { });
        Assert.That(_events.Next(), Is.EqualTo("somewhere.test"), "and the loop goes on");
        answer.SetResult([IPAddress.Loopback]);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void LocalhostIsFound()
    {
        using var peer = new Peer();
        Clients.Connect(_loop, $"tcp://localhost:{peer.Port}", _events);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void AllAddressesOfANameAreTried()
    {
        using var peer = new Peer();
        Clients.Connect(_loop, $"tcp://many.test:{peer.Port}", _events, connection => connection.LookUp =
            _ => Task.FromResult(new[] { IPAddress.Parse("127.0.0.77"), IPAddress.IPv6Loopback, IPAddress.Loopback }));
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Clients.Connect(_loop, $"tcp://none.test:{Peer.UnusedPort()}", _events, connection => connection.LookUp =
            _ => Task.FromResult(new[] { IPAddress.Parse("127.0.0.77"), IPAddress.Loopback }));
        Assert.That(_events.Next(), Does.Contain("Connection refused"));
    }

    [Test]
    public void UnknownHostIsAnError()
    {
        Clients.Connect(_loop, "tcp://unknown.test:80", _events,
            connection => connection.LookUp = _ => throw new SocketException((int)SocketError.HostNotFound));
        Assert.That(_events.Next(), Does.StartWith("error ConnectFail Closing connect tcp://unknown.test:80 failed after ")
            .And.Contain("unknown.test cannot be looked up"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        Clients.Connect(_loop, "tcp://empty.test:80", _events,
            connection => connection.LookUp = _ => Task.FromResult(Array.Empty<IPAddress>()));
        Assert.That(_events.Next(), Does.Contain("empty.test has no address"));
    }

    [Test]
    public void DestroyedWhileItsNameIsLookedUpItIsClosedOnce()
    {
        using var peer = new Peer();
        var answer = new TaskCompletionSource<IPAddress[]>();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            Clients.Connect(_loop, $"tcp://late.test:{peer.Port}", _events, connection => connection.LookUp = _ => answer.Task);
        connection.Destroy();
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        answer.SetResult([IPAddress.Loopback]);
        _loop.Do(() => { });
        _loop.Do(() => { });
        Assert.That((_events.Count, peer.HasVisitor), Is.EqualTo((0, false)));
    }

    [Test]
    public void ClosedOnTheWayItIsClosedOnce([Values] bool end)
    {
        using var peer = new Peer();
        _loop.Do(() =>
        {
            AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Raw(peer.Address, _events);
            connection.Connect();
            connection.Send("lost");
            if (end) connection.End("words");
            else connection.Close();
            Assert.That(connection.Status, Is.EqualTo(ConnectionStatus.Closed));
            connection.Close();
        });
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        _loop.Do(() => { });
        Assert.That(_events.Count, Is.Zero);
    }

    [Test]
    public void WhatIsSentBeforeItIsConnectedLeavesFirst()
    {
        using var peer = new Peer();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = _loop.Ask(() =>
        {
            AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Raw(peer.Address, _events);
            Assert.That(connection.Send("1"), Is.EqualTo(SendResult.Queued), "before Connect");
            connection.OnConnect = self => self.Send("4");
            connection.OnBufferDrain = self => self.Send("5");
            connection.Connect();
            Assert.That(connection.Send("2"u8), Is.EqualTo(SendResult.Queued));
            Assert.That(connection.SendRaw("3"), Is.EqualTo(SendResult.Queued));
            Assert.That((connection.SendBufferQueueSize, connection.BufferIsEmpty), Is.EqualTo((3, false)));
            return connection;
        });
        using RawClient server = peer.Accept();
        Assert.That(server.ReadExactly(5), Is.EqualTo("12345"));
        Assert.That((connection.SendBufferQueueSize, connection.BufferIsEmpty), Is.EqualTo((0, true)));
    }

    [Test]
    public void MoreThanTheSendBufferHoldsIsDroppedWithAnError()
    {
        using var peer = new Peer();
        _loop.Do(() =>
        {
            AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Raw(peer.Address, _events);
            connection.MaxSendBufferSize = 10;
            connection.OnBufferFull = _ => _events.Add("full");
            Assert.That(connection.Send("0123456789"), Is.EqualTo(SendResult.Queued));
            Assert.That(connection.Send("x"), Is.EqualTo(SendResult.Dropped));
            connection.Connect();
        });
        Assert.That((_events.Next(), _events.Next()),
            Is.EqualTo(("full", "error SendFail Initial send buffer full and drop package")));
        using RawClient server = peer.Accept();
        Assert.That(server.ReadExactly(10), Is.EqualTo("0123456789"));
    }

    [Test]
    public void MuchThatIsSentEarlyArrivesWhole()
    {
        using var peer = new Peer();
        byte[] much = new byte[8 * 1024 * 1024];
        Random.Shared.NextBytes(much);
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            Clients.Connect(_loop, peer.Address, _events, connection => connection.MaxSendBufferSize = much.Length + 1);
        connection.Send(much);
        connection.Send("end");
        using RawClient server = peer.Accept();
        string received = server.ReadExactly(much.Length + 3);
        Assert.That(received == System.Text.Encoding.Latin1.GetString(much) + "end");
    }

    [Test]
    public void UnixSocketIsReached()
    {
        if (!Socket.OSSupportsUnixDomainSockets) Assert.Ignore("This system has no Unix sockets.");
        using var folder = new TemporaryFolder();
        using var peer = new Peer(Path.Combine(folder.Path, "a.sock"));
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Connect(_loop, peer.Address, _events);
        using RawClient server = peer.Accept();
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        connection.Send("ping");
        Assert.That(server.ReadExactly(4), Is.EqualTo("ping"));
        server.Send("pong");
        Assert.That(_events.Next(), Is.EqualTo("pong"));
        Assert.That((connection.RemoteAddress, connection.RemoteIp, connection.Address),
            Is.EqualTo((null as IPEndPoint, "", peer.Address)));
        Clients.Connect(_loop, $"unix://{folder.Path}/nobody.sock", _events);
        Assert.That(_events.Next(),
            Does.Contain($"connect unix://{folder.Path}/nobody.sock failed").And.Contain("no such socket file"));
    }

    /// <summary>A connect to a Unix socket does not wait for room in the backlog, as one by TCP does.</summary>
    [Test]
    public void MoreThanTheBacklogOfAUnixSocketHoldsWait()
    {
        if (!Socket.OSSupportsUnixDomainSockets) Assert.Ignore("This system has no Unix sockets.");
        using var folder = new TemporaryFolder();
        using var peer = new Peer(Path.Combine(folder.Path, "a.sock"), backlog: 1);
        for (int i = 0; i < 10; i++)
            Clients.Connect(_loop, peer.Address, _events, connection => connection.OnMessage = (_, _) => { });
        for (int i = 0; i < 10; i++) peer.Accept().Dispose();
        string[] all = [.. Enumerable.Range(0, 20).Select(_ => _events.Next())];
        Assert.That((all.Count(what => what == "connect Established"), all.Count(what => what == "close Closed")),
            Is.EqualTo((10, 10)));
    }

    [Test]
    public void BindToIsTheAddressThatThePeerSees()
    {
        using var peer = new Peer();
        Clients.Connect(_loop, peer.Address, _events,
            connection => connection.BindTo = new IPEndPoint(IPAddress.Parse("127.0.0.9"), 0));
        using RawClient server = peer.Accept();
        Assert.That(((IPEndPoint)server.Socket.RemoteEndPoint!).Address.ToString(), Is.EqualTo("127.0.0.9"));
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Clients.Connect(_loop, peer.Address, _events,
            connection => connection.BindTo = new IPEndPoint(IPAddress.Parse("192.0.2.1"), 0));
        Assert.That(_events.Next(), Does.EndWith("Cannot assign requested address"));
    }

    /// <summary>
    /// TCP connects a socket to its own address, where nobody listens: by chance, when the system gives it just that port.
    /// </summary>
    [Test]
    public void SocketThatMeetsItselfIsRefused()
    {
        var endPoint = new IPEndPoint(IPAddress.Loopback, Peer.UnusedPort());
        Clients.Connect(_loop, $"tcp://{endPoint}", _events, connection => connection.BindTo = endPoint);
        Assert.That(_events.Next(), Does.EndWith("Connection refused"));
    }

    [Test]
    public void WhatConfigureSocketThrowsFailsTheConnection()
    {
        using var peer = new Peer();
        Clients.Connect(_loop, peer.Address, _events,
            client => client.ConfigureSocket = _ => throw new SocketException((int)SocketError.ProtocolOption));
        Assert.That(_events.Next(),
            Does.Match("^error ConnectFail Closing connect .*ConfigureSocket failed with SocketException: "));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void ThrowingCallbacksAreLoggedAndHarmNobody()
    {
        using var peer = new Peer();
        Clients.Connect(_loop, peer.Address, _events, connection =>
        {
            connection.OnConnect = _ => throw new InvalidOperationException("in OnConnect");
            connection.OnMessage = (_, _) => throw new InvalidOperationException("in OnMessage");
            connection.OnClose = _ =>
            {
                _events.Add("closed");
                throw new InvalidOperationException("in OnClose");
            };
        });
        using (RawClient server = peer.Accept()) server.Send("x");
        Assert.That(_events.Next(), Is.EqualTo("closed"));
        _loop.Do(() => { });
        foreach (string where in new[] { "in OnConnect", "in OnMessage", "in OnClose" })
            Assert.That(_loop.Log.Text, Does.Contain(where));
        Assert.That(_loop.Log.Text, Does.Contain(peer.Address));
    }
}
