using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Tls;

/// <summary>
/// Handshakes that fail or stall: they end that connection with a line in the log, and cost nobody else anything.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HandshakeTests(Type loopType)
{
    private int _connects;
    private int _closes;
    private int _errors;

    [SetUp]
    public void Forget() => _connects = _closes = _errors = 0;

    [TestCase("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "does not speak TLS")]
    [TestCase("\r", "does not speak TLS")]
    [TestCase("\x16\x03\x01\x00\x05hello", "")]
    [TestCase("\x17\x03\x03\x00\x05hello", "")]
    [TestCase("\x15\x03\x03\x00\x02\x02\x28", "")]
    [TestCase("\x16\x03\x01\x00\x00", "")]
    public async Task WhatIsNoHandshakeEndsTheConnection(string bytes, string reason)
    {
        // Some of it could still become one, so that only the time limit ends it: all at once.
        await using TestServer server = Start(worker => worker.Options.Tls.HandshakeTimeout = TimeSpan.FromSeconds(2));
        List<RawClient> clients = [.. Fragmentation.All.Select(fragmentation => server.Connect().Send(bytes, fragmentation))];
        foreach (RawClient client in clients)
        {
            // An alert at most.
            Assert.That(client.ReadToEnd(), Has.Length.LessThanOrEqualTo(7));
            client.Dispose();
        }
        await AssertFailed(server, Fragmentation.All.Length, reason);
    }

    [Test]
    public async Task ClientThatGoesAwayDuringTheHandshakeLeavesALine([Values] bool resets)
    {
        EventLoop? loop = null;
        await using TestServer server = Start(worker => worker.OnWorkerStart = _ => loop = EventLoop.Current);
        RawClient client = server.Connect();
        client.Send("\x16\x03\x01");
        await Wait.Until(() => loop is not null, "the loop");
        await LoopTurns.Pass(loop!);
        if (resets) client.Reset();
        else client.Dispose();
        await AssertFailed(server, 1, "ended during the handshake");
    }

    [Test]
    public async Task ClientWithoutACommonVersionIsToldSo()
    {
        await using TestServer server = Start(worker => worker.Options.Tls.Protocols = SslProtocols.Tls13);
        using var client = new TlsClient(server.EndPoint);
        Assert.That(() => client.Authenticate(TlsClient.Options(SslProtocols.Tls12)),
            Throws.InstanceOf<AuthenticationException>().With.InnerException.InnerException.Message.Contains("protocol version"));
        await AssertFailed(server, 1, "unsupported protocol");
        Assert.That(() => new TlsClient(server.EndPoint).Authenticate(TlsClient.Options(SslProtocols.Tls13)), Throws.Nothing);
    }

    [Test]
    public async Task ClientThatDoesNotTrustTheCertificateLeavesALine(
        [Values(SslProtocols.Tls12, SslProtocols.Tls13)] SslProtocols version)
    {
        await using TestServer server = Start();
        using var client = new TlsClient(server.EndPoint);
        Assert.That(() => client.Authenticate(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = version
        }), Throws.InstanceOf<AuthenticationException>());
        client.Dispose();
        await Wait.Until(() => server.Main.Connections.Count == 0, "the connection to be gone");
        await Serves(server);
    }

    [Test]
    public async Task StalledHandshakesKeepNobodyWaiting()
    {
        // They last for longer than anybody here waits.
        await using TestServer server = Start(worker => worker.Options.Tls.HandshakeTimeout = 3 * Wait.Limit);
        RawClient[] stalled = Stall(server);
        for (int i = 0; i < 20; i++) await Serves(server);
        Assert.That(_connects, Is.EqualTo(20));
        foreach (RawClient client in stalled) client.Dispose();
    }

    [Test]
    public async Task StalledHandshakesEndInTime()
    {
        await using TestServer server = Start(worker => worker.Options.Tls.HandshakeTimeout = TimeSpan.FromMilliseconds(300));
        foreach (RawClient client in Stall(server))
        {
            Assert.That(client.IsAtEnd());
            client.Dispose();
        }
        Assert.That(server.Log.Lines.Count(line => line.Contains("it took too long", StringComparison.Ordinal)), Is.EqualTo(50));
        Assert.That(_connects, Is.Zero);
    }

    [Test]
    public async Task ConnectionsInTheHandshakeAreNotListedAndDoNotHoldUpTheStop()
    {
        TestServer server = Start();
        using RawClient stalled = server.Connect();
        stalled.Send("\x16\x03\x01");
        await Serves(server);
        await Wait.Until(() => server.Main.Connections.Count == 0, "no connection");
        var clock = Stopwatch.StartNew();
        await server.DisposeAsync();
        Assert.That(clock.Elapsed, Is.LessThan(Worker.StopTimeout));
        Assert.That(stalled.IsAtEnd());
        Assert.That(server.Log.Text, Does.Not.Contain("handshake"));
    }

    [Test]
    public async Task ConnectionsInTheHandshakeCountForTheLimit()
    {
        await using TestServer server =
            Start(worker => worker.Options.Tls.HandshakeTimeout = TimeSpan.FromSeconds(1), maxConnections: 2);
        using RawClient first = server.Connect();
        using RawClient second = server.Connect();
        var clock = Stopwatch.StartNew();
        await Serves(server);
        Assert.That(clock.ElapsedMilliseconds, Is.GreaterThan(200), "it waits for a place");
        Assert.That(first.IsAtEnd() || second.IsAtEnd());
    }

    [Test]
    public async Task CallbacksComeOnceTheHandshakeHasEnded()
    {
        await using TestServer server = Start(worker => worker.OnConnect = connection =>
        {
            Interlocked.Increment(ref _connects);
            connection.Send("welcome ");
        });
        using (TlsClient client = TlsClient.Connect(server.EndPoint))
            Assert.That(client.Send("me").ReadExactly(10), Is.EqualTo("welcome me"));
        await Wait.Until(() => _closes == 1, "OnClose");
        Assert.That((_connects, _errors), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task ConnectionMayBeClosedInOnConnect([Values] bool destroys)
    {
        await using TestServer server = Start(worker => worker.OnConnect = connection =>
        {
            if (destroys) connection.Destroy();
            else connection.Close("no");
        });
        // TLS 1.2, where the client has the last word of the handshake.
        using TlsClient client = TlsClient.Connect(server.EndPoint, SslProtocols.Tls12);
        Assert.That(client.ReadToEnd(), Is.EqualTo(destroys ? "" : "no"));
        await Wait.Until(() => _closes == 1, "OnClose");
    }

    /// <summary>What a runtime may do one day: the handshake goes on on another thread, and comes back.</summary>
    [Test]
    public async Task HandshakeThatGoesElsewhereComesBackToTheLoop(
        [Values(SslProtocols.Tls12, SslProtocols.Tls13)] SslProtocols version, [Values] bool late)
    {
        int wrongThread = 0;
        await using TestServer server = Start(worker => worker.OnConnect = connection =>
        {
            if (EventLoop.Current is null) wrongThread++;
            _connects++;
        });
        server.Main.Tls!.Delay = async () =>
        {
            await Task.Yield();
            if (late) await Task.Delay(50).ConfigureAwait(false);
        };
        for (int i = 0; i < 5; i++) await Serves(server, version);
        using RawClient other = server.Connect();
        other.Send("x").ReadToEnd();
        Assert.That((wrongThread, _connects), Is.EqualTo((0, 5)));
    }

    private TestServer Start(Action<Worker<ReadOnlyMemory<byte>>>? setUp = null, int maxConnections = 1000)
    {
        var worker = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0", new WorkerOptions { MaxConnections = maxConnections })
        {
            Name = "test",
            Transport = "ssl",
            OnMessage = (connection, bytes) => connection.Send(bytes),
            OnConnect = _ => Interlocked.Increment(ref _connects),
            OnClose = _ => Interlocked.Increment(ref _closes),
            OnError = (_, _, _) => Interlocked.Increment(ref _errors),
        };
        worker.Options.Tls.Certificate = Certificates.Default.Server;
        setUp?.Invoke(worker);
        return TestServer.Start(loopType, worker);
    }

    /// <summary>Some send nothing, some not enough.</summary>
    private static RawClient[] Stall(TestServer server)
    {
        RawClient[] stalled = [.. Enumerable.Range(0, 50).Select(_ => server.Connect())];
        for (int i = 0; i < 25; i++) stalled[i].Send("\x16\x03\x01\x02\x00\x01");
        return stalled;
    }

    private static async Task Serves(TestServer server, SslProtocols version = SslProtocols.None)
    {
        using TlsClient client = await Task.Run(() => TlsClient.Connect(server.EndPoint, version));
        Assert.That(client.Send("echo").ReadExactly(4), Is.EqualTo("echo"));
    }

    /// <summary>So many lines, no callback, and the server serves.</summary>
    private async Task AssertFailed(TestServer server, int count, string reason)
    {
        await Wait.Until(() => server.Log.Lines.Count(line => line.Contains("handshake", StringComparison.Ordinal)) == count,
            $"{count} lines in: {server.Log.Text}");
        Assert.That(server.Log.Lines.Where(line => line.Contains("handshake", StringComparison.Ordinal)),
            Has.All.Contains(reason));
        Assert.That((_connects, _closes, _errors), Is.EqualTo((0, 0, 0)));
        await Serves(server);
        Assert.That(_connects, Is.EqualTo(1));
    }
}
