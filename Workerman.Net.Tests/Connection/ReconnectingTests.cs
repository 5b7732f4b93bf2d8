using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// A client connection's further lives: Reconnect from each callback, later and at once, and what takes it back.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ReconnectingTests(Type loopType)
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
    public void OnCloseCanConnectItAgainAndAgain([Values(0, 0.02)] double after)
    {
        using var peer = new Peer();
        int lives = 0;
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Connect(_loop, peer.Address, _events, connection =>
        {
            connection.OnConnect = self => self.Send($"life {++lives}.");
            connection.OnClose = self =>
            {
                self.Reconnect(after);
                _events.Add($"{self.Status}");
            };
        });
        for (int life = 1; life <= 5; life++)
        {
            using RawClient server = peer.Accept();
            Assert.That(server.ReadUntil("."), Is.EqualTo($"life {life}."));
            Assert.That(connection.RemoteAddress, Is.EqualTo(peer.EndPoint));
            Assert.That(connection.LocalAddress, Is.EqualTo(server.Socket.RemoteEndPoint), "the new socket's");
            server.Send("half a mess");
            Assert.That(_events.Next(), Is.EqualTo("half a mess"));
            if (life % 2 == 0) server.Reset();
            else server.Dispose();
            Assert.That(_events.Next(), Is.EqualTo(after == 0 ? "Connecting" : "Initial"));
        }
    }

    [Test]
    public void FailureCanBeTriedAgainFromBothCallbacks([Values] bool fromOnError)
    {
        int port = Peer.UnusedPort();
        int tries = 0;
        Clients.Connect(_loop, $"tcp://127.0.0.1:{port}", _events, connection =>
        {
            connection.Send("kept?");
            connection.OnError = (self, error, _) =>
            {
                _events.Add($"{error} {++tries}");
                if (fromOnError) self.Reconnect(0.02);
            };
            connection.OnClose = self =>
            {
                _events.Add("closed");
                if (tries < 100) self.Reconnect(0.02);
            };
        });
        Assert.That(_events.Next(), Is.EqualTo("ConnectFail 1"));
        Assert.That(_events.Next(), Is.EqualTo(fromOnError ? "ConnectFail 2" : "closed"));
        using var peer = new Peer(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, port));
        using RawClient server = peer.Accept();
        string said;
        do said = _events.Next();
        while (!said.StartsWith("connect ", StringComparison.Ordinal));
        _loop.Do(() => { });
        // As in PHP, what was sent waits for the connection that is tried for in OnError; an end takes it along.
        if (fromOnError) Assert.That(server.ReadExactly(5), Is.EqualTo("kept?"));
        else Assert.That(server.Socket.Available, Is.Zero);
    }

    [Test]
    public void OpenConnectionIsClosedFirst()
    {
        using var peer = new Peer();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Connect(_loop, peer.Address, _events);
        using RawClient first = peer.Accept();
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        connection.Reconnect();
        using RawClient second = peer.Accept();
        Assert.That((_events.Next(), _events.Next()), Is.EqualTo(("close Closed", "connect Established")));
        Assert.That(first.ReadToEnd(), Is.Empty);
        connection.Send("new");
        Assert.That(second.ReadExactly(3), Is.EqualTo("new"));
    }

    [Test]
    public void DestroyedAndReconnectedInOneCallbackItIsClosedOnceAndConnected()
    {
        using var peer = new Peer();
        Clients.Connect(_loop, peer.Address, _events, connection => connection.OnMessage = (self, _) =>
        {
            self.Send("never");
            self.PauseRecv();
            self.Destroy();
            self.Connect();
            self.Reconnect(0.01);
            _events.Add($"{self.Status}");
        });
        using RawClient first = peer.Accept();
        first.Send("x");
        Assert.That((_events.Next(), _events.Next(), _events.Next()),
            Is.EqualTo(("connect Established", "Closed", "close Closed")));
        using RawClient second = peer.Accept();
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        second.Send("y");
        Assert.That(_events.Next(), Is.EqualTo("Closed"), "it reads again, though the last one was paused");
    }

    [Test]
    public void WhatWasNotSentDoesNotReachTheNextConnection()
    {
        using var peer = new Peer();
        int lives = 0;
        Clients.Connect(_loop, peer.Address, _events, connection =>
        {
            connection.OnConnect = self =>
            {
                if (++lives == 1) self.Send(new byte[8 * 1024 * 1024]);
                else self.Send("fresh");
            };
            connection.OnClose = self =>
            {
                self.Reconnect();
                self.Send("early ");
            };
        });
        using (RawClient first = peer.Accept()) first.ReadExactly(1);
        using RawClient second = peer.Accept();
        Assert.That(second.ReadExactly(11), Is.EqualTo("early fresh"));
    }

    [Test]
    public void WaitingCanBeTakenBack([Values("cancel", "close", "destroy")] string how)
    {
        using var peer = new Peer();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            Clients.Connect(_loop, peer.Address, _events, connection => connection.OnClose = self =>
            {
                self.Reconnect(1);
                _events.Add("closed");
            });
        peer.Accept().Dispose();
        Assert.That((_events.Next(), _events.Next()), Is.EqualTo(("connect Established", "closed")));
        if (how == "cancel") connection.CancelReconnect();
        else if (how == "close") connection.Close();
        else connection.Destroy();
        // A timer of the loop's that is due after it would have been.
        var later = new TaskCompletionSource();
        _loop.Do(() => Timer.Delay(1.1, later.SetResult));
        Wait.For(later.Task);
        Assert.That((peer.HasVisitor, _events.Count), Is.EqualTo((false, 0)));
    }

    [Test]
    public void LaterReconnectTakesThePlaceOfAnEarlierOne()
    {
        using var peer = new Peer();
        _loop.Do(() =>
        {
            AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Clients.Raw(peer.Address, _events);
            connection.Reconnect(0.01);
            connection.Reconnect(0.03);
            connection.Connect();
            connection.Reconnect(0.02);
        });
        using RawClient server = peer.Accept();
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        var later = new TaskCompletionSource();
        _loop.Do(() => Timer.Delay(0.1, later.SetResult));
        Wait.For(later.Task);
        Assert.That(_events.Count, Is.Zero);
    }

    [Test]
    public void ConnectDoesNothingWhileItIsOpen()
    {
        using var peer = new Peer();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            Clients.Connect(_loop, peer.Address, _events, connection => connection.Connect());
        using RawClient server = peer.Accept();
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        connection.Connect();
        _loop.Do(() => { });
        Assert.That((peer.HasVisitor, _events.Count, connection.Status), Is.EqualTo((false, 0, ConnectionStatus.Established)));
    }
}
