using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>
/// Two connections piped into each other, as a TCP proxy does it: early bytes, back-pressure, half-closes and resets.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class PipingTests(Type loopType)
{
    private Peer _upstream = null!;
    private string _address = "";
    private TestServer _proxy = null!;
    private TcpConnection _near = null!;
    private AsyncTcpConnection<ReadOnlyMemory<byte>> _far = null!;
    private Action<AsyncTcpConnection<ReadOnlyMemory<byte>>>? _connect;

    [SetUp]
    public void SetUp()
    {
        _connect = connection => connection.Connect();
        _upstream = new Peer();
        _address = _upstream.Address;
        _proxy = TestServer.Raw(loopType, (_, _) => { }, worker => worker.OnConnect = connection =>
        {
            _near = connection;
            _far = new AsyncTcpConnection<ReadOnlyMemory<byte>>(_address);
            connection.Pipe(_far);
            _far.Pipe(connection);
            _connect?.Invoke(_far);
        });
    }

    [TearDown]
    public async Task TearDown()
    {
        await _proxy.DisposeAsync();
        _upstream.Dispose();
    }

    [Test]
    public void BytesGoBothWays()
    {
        using RawClient client = _proxy.Connect();
        using RawClient server = _upstream.Accept();
        for (int i = 0; i < 3; i++)
        {
            server.Send("question");
            Assert.That(client.ReadExactly(8), Is.EqualTo("question"));
            client.Send("answer");
            Assert.That(server.ReadExactly(6), Is.EqualTo("answer"));
        }
    }

    [Test]
    public async Task BytesThatComeBeforeTheOtherSideIsConnectedAreKept()
    {
        _connect = null;
        using RawClient client = _proxy.Connect();
        client.Send("early ");
        await Wait.Until(() => _far?.SendBufferQueueSize == 6, "the bytes to be kept");
        _near.Loop.Post(_far.Connect);
        using RawClient server = _upstream.Accept();
        client.Send("late");
        Assert.That(server.ReadExactly(10), Is.EqualTo("early late"));
    }

    [Test]
    public async Task ClientThatSendsAllAtOnceAndEndsIsAnswered()
    {
        _connect = null;
        using RawClient client = _proxy.Connect();
        client.Send("request").HalfClose();
        await Wait.Until(() => _near?.Peer == PeerSide.Ended, "the end to arrive");
        _near.Loop.Post(_far.Connect);
        using RawClient server = _upstream.Accept();
        Assert.That(server.ReadToEnd(), Is.EqualTo("request"), "and the end of the request");
        server.Send("response").Dispose();
        Assert.That(client.ReadToEnd(), Is.EqualTo("response"));
        await Wait.Until(() => _proxy.Main.Connections.Count == 0, "both to be closed");
    }

    [Test]
    public async Task HalfCloseGoesThroughInBothDirections([Values] bool fromUpstream)
    {
        using RawClient client = _proxy.Connect();
        using RawClient server = _upstream.Accept();
        (RawClient first, RawClient second) = fromUpstream ? (server, client) : (client, server);
        first.Send("all").HalfClose();
        Assert.That(second.ReadToEnd(), Is.EqualTo("all"));
        for (int i = 0; i < 3; i++)
        {
            second.Send("more");
            Assert.That(first.ReadExactly(4), Is.EqualTo("more"));
        }
        second.HalfClose();
        Assert.That(first.ReadToEnd(), Is.Empty);
        await Wait.Until(() => _proxy.Main.Connections.Count == 0, "both to be closed");
        Assert.That(_far.Status, Is.EqualTo(ConnectionStatus.Closed));
    }

    [Test]
    public void ResetGoesThroughAsAReset([Values] bool fromUpstream)
    {
        for (int i = 0; i < 20; i++)
        {
            using RawClient client = _proxy.Connect();
            using RawClient server = _upstream.Accept();
            (RawClient first, RawClient second) = fromUpstream ? (server, client) : (client, server);
            first.Send("x");
            second.ReadExactly(1);
            first.Reset();
            Assert.That(Assert.Throws<SocketException>(() => second.ReadToEnd())!.SocketErrorCode,
                Is.EqualTo(SocketError.ConnectionReset), $"{i}");
        }
    }

    [Test]
    public async Task SlowReceiverPausesTheSenderWithBoundedMemory([Values] bool fromUpstream)
    {
        const int Total = 24 * 1024 * 1024;
        using RawClient client = _proxy.Connect();
        using RawClient server = _upstream.Accept();
        (RawClient sender, RawClient receiver) = fromUpstream ? (server, client) : (client, server);
        (TcpConnection source, TcpConnection sink) = fromUpstream ? ((TcpConnection)_far, _near) : (_near, _far);
        long most = 0;
        var sending = Task.Run(() =>
        {
            byte[] piece = new byte[64 * 1024];
            for (int sent = 0; sent < Total; sent += piece.Length)
            {
                for (int i = 0; i < piece.Length; i += 4) BitConverter.TryWriteBytes(piece.AsSpan(i), sent + i);
                sender.Send(piece);
            }
            sender.HalfClose();
        });
        await Wait.Until(() => sink.SendBufferQueueSize >= sink.MaxSendBufferSize, "the sender to be paused");
        // The turn in which the bound was reached ends.
        await LoopTurns.Pass(source.Loop);
        long read = source.BytesRead;
        await LoopTurns.Pass(source.Loop);
        Assert.That(source.BytesRead, Is.EqualTo(read), "nothing is read while it is paused");
        byte[] buffer = new byte[Total];
        int received = 0;
        while (received < Total)
        {
            received += receiver.Socket.Receive(buffer.AsSpan(received, Math.Min(256 * 1024, Total - received)));
            most = Math.Max(most, sink.SendBufferQueueSize);
        }
        Assert.That(receiver.Receive(), Is.Zero, "the end goes through behind it all");
        Assert.That(most, Is.LessThan(sink.MaxSendBufferSize + 128 * 1024));
        for (int i = 0; i < Total; i += 4) if (BitConverter.ToInt32(buffer, i) != i) Assert.Fail($"the bytes differ at {i}");
        await sending.WaitAsync(Wait.Limit);
    }

    /// <summary>What is still received of a peer that was told the end is decrypted, and handed on.</summary>
    [Test]
    public async Task HalfCloseGoesThroughToAnEncryptedUpstreamWhichStillAnswers()
    {
        var upstream = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0") { Name = "test", Transport = "ssl" };
        upstream.Options.Tls.Certificate = Certificates.Default.Server;
        TcpConnection? accepted = null;
        upstream.OnMessage = (connection, _) =>
        {
            // It is not to hear of the end before it has answered.
            connection.PauseRecv();
            accepted = connection;
        };
        await using TestServer server = TestServer.Start(loopType, upstream);
        _address = $"ssl://127.0.0.1:{server.EndPoint.Port}";
        _connect = connection =>
        {
            connection.Tls.ServerName = "localhost";
            connection.Tls.Authorities = [Certificates.Default.Root];
            connection.Connect();
        };
        using RawClient client = _proxy.Connect();
        client.Send("request").HalfClose();
        await Wait.Until(() => accepted is not null && _far.Phase == ConnectionPhase.HalfClosed, "the end to be handed on");
        accepted!.Send("response");
        Assert.That(client.ReadExactly(8), Is.EqualTo("response"));
    }

    /// <summary>
    /// The system reports a connection that has ended in both directions even while reading is paused; what it still holds must
    /// not be lost.
    /// </summary>
    [Test]
    public async Task SlowClientGetsAllThoughBothEndsHaveBeenSaid()
    {
        byte[] much = new byte[12 * 1024 * 1024];
        Random.Shared.NextBytes(much);
        using RawClient client = new(_proxy.EndPoint, receiveBufferSize: 8 * 1024);
        using RawClient server = _upstream.Accept();
        client.HalfClose();
        Assert.That(server.ReadToEnd(), Is.Empty);
        var sending = Task.Run(() => server.Send(much).Dispose());
        await Wait.Until(() => _near.SendBufferQueueSize >= _near.MaxSendBufferSize || sending.IsCompleted,
            "the sender to be paused");
        await LoopTurns.Pass(_near.Loop);
        Assert.That(client.ReadToEnd(), Has.Length.EqualTo(much.Length));
        await sending.WaitAsync(Wait.Limit);
    }

    /// <summary>
    /// Both peers have ended, and what the second one has sent last still waits for room: the first one is not closed before it
    /// has that too, whatever it is looked at for.
    /// </summary>
    [Test]
    public async Task WhatWaitsForRoomIsSentThoughBothEndsHaveBeenSaid()
    {
        using RawClient client = new(_proxy.EndPoint, receiveBufferSize: 8 * 1024);
        using RawClient server = _upstream.Accept();
        client.HalfClose();
        Assert.That(server.ReadToEnd(), Is.Empty);
        int sent = 0;
        while (_near.SendBufferQueueSize < _near.MaxSendBufferSize)
        {
            server.Send(new byte[64 * 1024]);
            sent += 64 * 1024;
            await Wait.Until(() => _far.BytesRead == sent || _near.SendBufferQueueSize >= _near.MaxSendBufferSize, "the bytes");
        }
        server.Send(new byte[8 * 1024]).Dispose();
        sent += 8 * 1024;
        // Only loops that the system tells of the end while reading is paused have taken it in.
        if (loopType != typeof(SocketLoop)) await Wait.Until(() => _far.Peer == PeerSide.Ended, "the end");
        _near.PauseRecv();
        _near.ResumeRecv();
        await LoopTurns.Pass(_near.Loop);
        Assert.That(client.ReadToEnd(), Has.Length.EqualTo(sent));
    }

    [Test]
    public void EarlyBytesPauseTheSenderToo()
    {
        _connect = null;
        using RawClient client = _proxy.Connect();
        byte[] much = new byte[8 * 1024 * 1024];
        var sending = Task.Run(() => client.Send(much).HalfClose());
        Wait.For(Wait.Until(() => _far?.SendBufferQueueSize >= _far?.MaxSendBufferSize, "the sender to be paused"));
        Assert.That(_far.SendBufferQueueSize, Is.LessThan(_far.MaxSendBufferSize + 128 * 1024));
        _near.Loop.Post(_far.Connect);
        using RawClient server = _upstream.Accept();
        Assert.That(server.ReadToEnd(), Has.Length.EqualTo(much.Length));
        Wait.For(sending);
    }

    [Test]
    public void UpstreamThatCannotBeReachedClosesTheClient()
    {
        _upstream.Dispose();
        using RawClient client = _proxy.Connect();
        Assert.That(client.ReadToEnd(), Is.Empty);
    }

    [Test]
    public async Task ClientThatGoesGivesTheWayToTheUpstreamUp()
    {
        _connect = connection =>
        {
            connection.Connect();
            _near.Destroy();
        };
        using RawClient client = _proxy.Connect();
        Assert.That(client.ReadToEnd(), Is.Empty);
        await Wait.Until(() => _far.Status == ConnectionStatus.Closed, "the other side's end");
    }
}
