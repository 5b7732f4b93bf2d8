using System.Text;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.ClientConnections;

/// <summary>
/// Client connections among workers: whose loop they live on, what ends them, what limits them, what they speak.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Parallelizable]
internal sealed class ClientLifeTests(Type loopType)
{
    [Test]
    public async Task ThousandConnectionsTalkToAWorkerAndAreGivenBack()
    {
        const int Count = 1000;
        int answers = 0;
        int closed = 0;
        var all = new TaskCompletionSource();
        await using (TestServer server = TestServer.Raw(loopType, (connection, bytes) => connection.Send(bytes)))
        {
            using var loop = new LoopRunner(loopType);
            loop.Do(() =>
            {
                for (int i = 0; i < Count; i++)
                {
                    string text = $"{i};";
                    string got = "";
                    var connection = new AsyncTcpConnection<ReadOnlyMemory<byte>>($"tcp://{server.EndPoint}")
                    {
                        OnConnect = self => self.Send(text)
                    };
                    connection.OnMessage = (self, bytes) =>
                    {
                        got += Encoding.ASCII.GetString(bytes.Span);
                        if (got != text) return;
                        answers++;
                        self.Close();
                    };
                    connection.OnClose = _ =>
                    {
                        if (++closed == Count) all.SetResult();
                    };
                    connection.Connect();
                }
            });
            await all.Task.WaitAsync(Wait.Limit);
            Assert.That((answers, closed), Is.EqualTo((Count, Count)));
            await Wait.Until(() => server.Main.Connections.Count == 0, "the worker's side");
        }
    }

    [Test]
    public async Task OwnProtocolReadsAndWritesMessages(
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        using var peer = new Peer();
        using var events = new EventQueue();
        using var loop = new LoopRunner(loopType);
        loop.Do(() =>
        {
            var connection = new AsyncTcpConnection<string>(peer.Address)
            {
                Protocol = () => new LineProtocol(),
                OnMessage = (self, line) =>
                {
                    events.Add(line);
                    self.Send($"got {line}");
                },
            };
            connection.Send("early");
            connection.Connect();
        });
        using RawClient server = peer.Accept();
        server.Send("one\ntwo\n", fragmentation);
        Assert.That((events.Next(), events.Next()), Is.EqualTo(("one", "two")));
        Assert.That(server.ReadExactly(22), Is.EqualTo("early\ngot one\ngot two\n"));
        await Task.CompletedTask;
    }

    [Test]
    public void MessageTooLargeClosesItWithALine()
    {
        using var peer = new Peer();
        using var events = new EventQueue();
        using var loop = new LoopRunner(loopType);
        loop.Do(() => new AsyncTcpConnection<string>(peer.Address)
        {
            Protocol = () => new LineProtocol(),
            MaxPackageSize = 100,
            OnClose = _ => events.Add("closed")
        }.Connect());
        using RawClient server = peer.Accept();
        server.Send(new string('x', 500));
        Assert.That(server.ReadToEnd(), Is.Empty);
        server.Dispose();
        Assert.That(events.Next(), Is.EqualTo("closed"));
        Assert.That(loop.Log.Text, Does.Contain(peer.Address).And.Contain("MaxPackageSize"));
    }

    [Test]
    public async Task OnMessageAsyncGoesOnOnTheLoop()
    {
        using var peer = new Peer();
        using var loop = new LoopRunner(loopType);
        var after = new TaskCompletionSource<bool>();
        loop.Do(() => new AsyncTcpConnection<ReadOnlyMemory<byte>>(peer.Address)
        {
            OnMessageAsync = async (_, _) =>
            {
                await Task.Run(() => { });
                after.SetResult(loop.Loop.IsCurrent);
            },
        }.Connect());
        using RawClient server = peer.Accept();
        server.Send("x");
        Assert.That(await after.Task.WaitAsync(Wait.Limit));
    }

    [Test]
    public async Task TheyKeepNoWorkerFromStoppingAndAreClosedWithIt()
    {
        using var peer = new Peer();
        using var events = new EventQueue();
        TestServer server = TestServer.Raw(loopType, (_, _) => { }, worker => worker.OnWorkerStart = _ =>
        {
            AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Raw(peer.Address, events);
            connection.OnClose = self =>
            {
                events.Add("close");
                // As programs do that are to stay connected; the loop is at its end.
                self.Reconnect();
                self.Reconnect(1);
                new AsyncTcpConnection<ReadOnlyMemory<byte>>(peer.Address).Connect();
            };
            connection.Connect();
        });
        using RawClient upstream = peer.Accept();
        Assert.That(events.Next(), Is.EqualTo("connect Established"));
        long started = Environment.TickCount64;
        await server.DisposeAsync();
        Assert.That(Environment.TickCount64 - started, Is.LessThan(1500), "not the stop timeout");
        Assert.That(events.Next(), Is.EqualTo("close"));
        Assert.That(upstream.ReadToEnd(), Is.Empty);
        Assert.That((events.Count, peer.HasVisitor), Is.EqualTo((0, false)));
        upstream.Dispose();
        Assert.That(server.Log.Text, Does.Not.Contain("failed"));
    }

    [Test]
    public void PeerThatStopsReadingIsGivenUpAfterSendTimeout()
    {
        using var peer = new Peer();
        using var events = new EventQueue();
        using var loop = new LoopRunner(loopType);
        Clients.Connect(loop, peer.Address, events, connection =>
        {
            connection.SendTimeout = TimeSpan.FromMilliseconds(100);
            connection.OnConnect = self => self.Send(new byte[16 * 1024 * 1024]);
        });
        using RawClient server = peer.Accept();
        Assert.That((events.Next(), events.Next()),
            Is.EqualTo(("error SendFail Established the peer stopped reading", "close Closed")));
    }

    [Test]
    public void MadeOutsideALoopItBelongsToTheLoopThatConnectsIt()
    {
        using var peer = new Peer();
        using var events = new EventQueue();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Raw(peer.Address, events);
        Assert.That(Assert.Throws<InvalidOperationException>(connection.Connect)!.Message,
            Does.Contain("No event loop runs on this thread").And.Contain("OnWorkerStart"));
        Assert.Throws<InvalidOperationException>(() => connection.Reconnect(1));
        Assert.Throws<InvalidOperationException>(() => _ = connection.ConnectAsync());
        foreach (Action use in new Action[] { () => connection.Send("x"), connection.Close, connection.Destroy,
            connection.PauseRecv, connection.CancelReconnect, () => connection.Pipe(connection) })
            Assert.That(Assert.Throws<InvalidOperationException>(use)!.Message, Does.Contain("made outside of an event loop"));
        using var loop = new LoopRunner(loopType);
        loop.Do(connection.Connect);
        using RawClient server = peer.Accept();
        Assert.That(events.Next(), Is.EqualTo("connect Established"));
        using var other = new LoopRunner(loopType);
        other.Do(() => connection.Reconnect());
        Assert.That((events.Next(), events.Next()), Is.EqualTo(("close Closed", "connect Established")));
        Assert.That(loop.Ask(() => connection.Loop.IsCurrent));
        Assert.That(Assert.Throws<InvalidOperationException>(() => other.Do(() => _ = connection.ConnectAsync()))!.Message,
            Does.Contain("connection's event loop"));
    }

    [Test]
    public void WrongUseThrowsWithReasonAndCure()
    {
        Assert.That(Assert.Throws<ArgumentException>(() => _ = new AsyncTcpConnection<string>("http://127.0.0.1:80"))!.Message,
            Does.Contain("HttpClient"));
        Assert.That(Assert.Throws<ArgumentException>(() => _ = new AsyncTcpConnection<string>("gopher://127.0.0.1:70"))!.Message,
            Does.Contain("gopher is not known").And.Contain("tcp://"));
        Assert.Throws<ArgumentNullException>(() => _ = new AsyncTcpConnection<string>(null!));
        var connection = new AsyncTcpConnection<string>("tcp://127.0.0.1:80");
        Assert.Throws<ArgumentOutOfRangeException>(() => connection.ConnectTimeout = TimeSpan.Zero);
        Assert.Throws<ArgumentOutOfRangeException>(() => connection.Reconnect(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => connection.Reconnect(double.NaN));
        using var loop = new LoopRunner(loopType);
        loop.Do(() =>
        {
            var number = new AsyncTcpConnection<int>("tcp://127.0.0.1:80");
            Assert.That(Assert.Throws<InvalidOperationException>(number.Connect)!.Message, Does.Contain("set Protocol"));
            Assert.That(Assert.Throws<InvalidOperationException>(() => number.Send("x"))!.Message,
                Does.Contain("set its Protocol"));
            var string1 = new AsyncTcpConnection<string>("tcp://127.0.0.1:80");
            string1.Protocol = () => new LineProtocol();
            string1.ProxyHttp = string1.ProxySocks5 = "127.0.0.1:1";
            Assert.That(Assert.Throws<InvalidOperationException>(string1.Connect)!.Message,
                Does.Contain("set one of them to null"));
            string1.OnMessage = (_, _) => { };
            string1.OnMessageAsync = (_, _) => Task.CompletedTask;
            string1.ProxyHttp = null;
            Assert.That(Assert.Throws<InvalidOperationException>(string1.Connect)!.Message,
                Does.Contain("both OnMessage and OnMessageAsync"));
            string1.Send("x");
            Assert.Throws<InvalidOperationException>(() => string1.Protocol = () => new LineProtocol());
            var unix = new AsyncTcpConnection<ReadOnlyMemory<byte>>("unix:///tmp/a") { ProxySocks5 = "127.0.0.1:1" };
            Assert.That(Assert.Throws<InvalidOperationException>(unix.Connect)!.Message, Does.Contain("no proxy leads there"));
        });
    }
}
