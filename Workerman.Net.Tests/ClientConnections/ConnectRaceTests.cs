using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.ClientConnections;

/// <summary>A name with several addresses, some of which are dead (RFC 8305).</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Parallelizable]
internal sealed class ConnectRaceTests(Type loopType)
{
    private static readonly IPAddress Dead = IPAddress.Parse("127.0.0.2");
    private static readonly IPAddress Refusing = IPAddress.Parse("127.0.0.77");
    private static readonly TimeSpan ShortDelay = TimeSpan.FromMilliseconds(20);

    private LoopRunner _loop = null!;
    private EventQueue _events = null!;
    private Peer _peer = null!;

    [SetUp]
    public void SetUp()
    {
        _events = new EventQueue();
        _peer = new Peer();
        _loop = new LoopRunner(loopType);
    }

    [TearDown]
    public void TearDown()
    {
        _loop.Dispose();
        Assert.That(_loop.Errors, Is.Empty);
        _events.Dispose();
        _peer.Dispose();
    }

    [Test]
    public void SilentAddressIsNotWaitedFor()
    {
        using var hole = new BlackHole(new IPEndPoint(Dead, _peer.Port));
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Connect([Dead, IPAddress.Loopback],
            connection => connection.AttemptDelay = Clients.Raw($"tcp://127.0.0.1:{_peer.Port}", _events).AttemptDelay);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Assert.That(connection.RemoteAddress, Is.EqualTo(_peer.EndPoint));
        using RawClient server = _peer.Accept();
        Assert.That(server.ReadExactly(5), Is.EqualTo("early"));
    }

    [Test]
    public void ReconnectMeetsTheSameAndLooksUpAgain()
    {
        using var hole = new BlackHole(new IPEndPoint(Dead, _peer.Port));
        int lookUps = 0;
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Connect([Dead, IPAddress.Loopback], connection =>
        {
            Func<string, Task<IPAddress[]>> lookUp = connection.LookUp;
            connection.LookUp = host =>
            {
                lookUps++;
                return lookUp(host);
            };
        });
        for (int round = 1; round <= 3; round++)
        {
            Assert.That(_events.Next(), Is.EqualTo("connect Established"));
            _peer.Accept().Dispose();
            Assert.That(_events.Next(), Is.AnyOf("close Closed", "early"));
            Assert.That(lookUps, Is.EqualTo(round));
            connection.Reconnect(0.01);
        }
    }

    [Test]
    public void SecondHoleIsPassedToo()
    {
        using var one = new BlackHole(new IPEndPoint(Dead, _peer.Port));
        using var two = new BlackHole(new IPEndPoint(IPAddress.Parse("127.0.0.3"), _peer.Port));
        Connect([Dead, IPAddress.Parse("127.0.0.3"), Refusing, IPAddress.Loopback]);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void WhatFailsIsNotWaitedFor()
    {
        Connect([Refusing, IPAddress.Parse("127.0.0.78"), IPAddress.Loopback],
            connection => connection.AttemptDelay = Timeout.InfiniteTimeSpan);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void DeletedTimersDoNotHoldTheNextAddressBack()
    {
        using var hole = new BlackHole(new IPEndPoint(Dead, _peer.Port));
        Connect([Dead, IPAddress.Loopback]);
        _loop.Do(Timer.DelAll);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void AwaitedItIsTheSame()
    {
        using var hole = new BlackHole(new IPEndPoint(Dead, _peer.Port));
        Wait.For(_loop.Ask(() => Make([Dead, IPAddress.Loopback]).ConnectAsync()));
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void ProxyWithSeveralAddressesIsReachedToo()
    {
        using var hole = new BlackHole(new IPEndPoint(Dead, _peer.Port));
        Connect([Dead, IPAddress.Loopback], connection => connection.ProxyHttp = $"proxy.test:{_peer.Port}");
        using RawClient proxy = _peer.Accept();
        Assert.That(proxy.ReadUntil("\r\n\r\n"), Does.StartWith($"CONNECT many.test:{_peer.Port} HTTP/1.1"));
        proxy.Send("HTTP/1.1 200 OK\r\n\r\n");
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void AllThatFailedIsTold()
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            _loop.Ask(() => Make([Refusing, IPAddress.Parse("127.0.0.78")], Peer.UnusedPort()));
        Task failed = _loop.Ask(() => connection.ConnectAsync());
        Assert.That(_events.Next(),
            Does.Match(@"no address answers: 127\.0\.0\.77:\d+: Connection refused; 127\.0\.0\.78:\d+: Connection refused$"));
        Assert.That(() => Wait.For(failed), Throws.InstanceOf<SocketException>()
            .With.Property(nameof(SocketException.SocketErrorCode)).EqualTo(SocketError.ConnectionRefused));
    }

    [Test]
    public void TimeLimitIsForAllAndSaysWhoWasSilent()
    {
        using var one = new BlackHole(new IPEndPoint(Dead, _peer.Port));
        using var two = new BlackHole(new IPEndPoint(IPAddress.Parse("127.0.0.3"), _peer.Port));
        Connect([Refusing, Dead, IPAddress.Parse("127.0.0.3")], connection =>
        {
            connection.AttemptDelay = TimeSpan.FromMilliseconds(10);
            connection.ConnectTimeout = TimeSpan.FromMilliseconds(300);
        });
        Assert.That(_events.Next(), Does.Match(
            @"no answer within ConnectTimeout, while 127\.0\.0\.2:\d+ and 127\.0\.0\.3:\d+ were connected to; "
            + @"before: 127\.0\.0\.77:\d+: Connection refused$"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void DestroyedAmongSeveralItIsClosedOnce()
    {
        using var one = new BlackHole(new IPEndPoint(Dead, _peer.Port));
        using var two = new BlackHole(new IPEndPoint(IPAddress.Parse("127.0.0.3"), _peer.Port));
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Connect([Dead, IPAddress.Parse("127.0.0.3"),
            IPAddress.Parse("127.0.0.3")], connection => connection.AttemptDelay = TimeSpan.FromMilliseconds(10));
        _loop.Do(() => Timer.Delay(0.1, connection.Destroy));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        _loop.Do(() => { });
        Assert.That(_events.Count, Is.Zero);
    }

    /// <summary>RFC 8305 section 4.</summary>
    [Test]
    public void FamiliesTakeTurns()
    {
        string[] six = ["::1", "::2", "::3"];
        string[] four = ["1.1.1.1", "1.1.1.2"];
        Assert.That(Order([.. six, .. four]), Is.EqualTo("::1 1.1.1.1 ::2 1.1.1.2 ::3"));
        Assert.That(Order([.. four, .. six]), Is.EqualTo("1.1.1.1 ::1 1.1.1.2 ::2 ::3"));
        Assert.That(Order(four), Is.EqualTo("1.1.1.1 1.1.1.2"));
        Assert.That(Order([]), Is.Empty);
    }

    [Test]
    public void OneLookUpOfANameIsSharedAndNoneIsRemembered()
    {
        int calls = 0;
        var answer = new TaskCompletionSource<IPAddress[]>();
        Task<IPAddress[]> Ask() => HostNames.LookUpAsync($"{loopType.Name}.test", _ =>
        {
            Interlocked.Increment(ref calls);
            return answer.Task;
        });
        Task<IPAddress[]>[] asked = [Ask(), Ask(), Ask()];
        answer.SetResult([IPAddress.Loopback]);
        foreach (Task<IPAddress[]> one in asked) Assert.That(Wait.For(one), Is.EqualTo(new[] { IPAddress.Loopback }));
        Assert.That(calls, Is.EqualTo(1));
        Wait.For(Ask());
        Assert.That(calls, Is.EqualTo(2));
    }

    /// <summary>RFC 6724: the system has sorted them, whatever their family. An IPv4-mapped one comes as what it is.</summary>
    [Test]
    public void AddressesOfANameKeepTheOrderOfTheSystem()
    {
        IPAddress[] system =
            [IPAddress.IPv6Loopback, IPAddress.Loopback, IPAddress.Parse("::ffff:1.2.3.4"), IPAddress.Parse("2001:db8::1")];
        IPAddress[] addresses = Wait.For(HostNames.LookUpAsync($"order.{loopType.Name}.test", _ => Task.FromResult(system)));
        Assert.That(string.Join<IPAddress>(' ', addresses), Is.EqualTo("::1 127.0.0.1 1.2.3.4 2001:db8::1"));
    }

    private static string Order(string[] addresses) =>
        string.Join(' ', ConnectRace.Interleave([.. addresses.Select(address => new IPEndPoint(IPAddress.Parse(address), 1))])
            .Cast<IPEndPoint>().Select(endPoint => endPoint.Address));

    private AsyncTcpConnection<ReadOnlyMemory<byte>> Make(IPAddress[] addresses, int? port = null)
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Raw($"tcp://many.test:{port ?? _peer.Port}", _events);
        connection.LookUp = _ => Task.FromResult(addresses);
        connection.AttemptDelay = ShortDelay;
        return connection;
    }

    private AsyncTcpConnection<ReadOnlyMemory<byte>> Connect(IPAddress[] addresses,
        Action<AsyncTcpConnection<ReadOnlyMemory<byte>>>? setUp = null) => _loop.Ask(() =>
        {
            AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Make(addresses);
            setUp?.Invoke(connection);
            connection.Connect();
            connection.Send("early");
            return connection;
        });
}
