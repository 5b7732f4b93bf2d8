using System.Buffers;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Hosting;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>Workers that receive datagrams.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class UdpWorkerTests(Type loopType)
{
    [Test]
    public async Task DatagramIsAMessageAndSendAnswersItsSender()
    {
        await using TestServer server = Start<string>(worker => worker.OnMessage = (connection, text) =>
        {
            Assert.That((connection.RemoteIp, connection.LocalIp, connection.LocalPort, connection.IsIpV4, connection.IsIpV6),
                Is.EqualTo(("127.0.0.1", "127.0.0.1", worker.LocalEndPoint!.Port, true, false)));
            connection.Send($"{text} from {connection.RemotePort}");
        });
        using var one = new UdpClientSocket(server.EndPoint);
        using var two = new UdpClientSocket(server.EndPoint);
        one.Send("é");
        two.Send("2");
        Assert.That(one.Receive(), Is.EqualTo($"é from {one.EndPoint.Port}"));
        Assert.That(two.Receive(), Is.EqualTo($"2 from {two.EndPoint.Port}"));
        Assert.That(server.Log.Text, Does.Not.Contain("[Error]"));
    }

    [Test]
    public async Task DatagramsOfEverySizeArriveWholeTheEmptyOneToo()
    {
        await using TestServer server =
            Start<ReadOnlyMemory<byte>>(worker => worker.OnMessage = (connection, bytes) => connection.Send(bytes));
        using var client = new UdpClientSocket(server.EndPoint);
        foreach (int size in new[] { 0, 1, 1500, 65_000, 65_506, 65_507 })
        {
            byte[] datagram = new byte[size];
            new Random(size).NextBytes(datagram);
            Assert.That(client.Send(datagram).ReceiveBytes(), Is.EqualTo(datagram), $"{size} bytes");
        }
        await using TestServer text =
            Start<string>(worker => worker.OnMessage = (connection, line) => connection.Send($"[{line}]"));
        using var other = new UdpClientSocket(text.EndPoint);
        Assert.That(other.Send("").Receive(), Is.EqualTo("[]"));
        Assert.That(other.Send([(byte)'a', 0xE2, 0x82]).Receive(), Is.EqualTo("[a\uFFFD]"), "a datagram has no more to come");
    }

    [Test]
    public async Task WhatDoesNotFitIntoADatagramIsDroppedAndTold()
    {
        var results = new ConcurrentQueue<string>();
        await using TestServer server = Start<string>(worker =>
        {
            worker.OnError = (connection, error, reason) => results.Enqueue($"{error} {reason} {connection.RemoteIp}");
            worker.OnMessage = (connection, text) =>
            {
                results.Enqueue($"{connection.Send(new byte[65_508])}");
                results.Enqueue($"{connection.Send("fits")}");
            };
        });
        using var client = new UdpClientSocket(server.EndPoint);
        Assert.That(client.Send("go").Receive(), Is.EqualTo("fits"));
        await Wait.Until(() => results.Count == 3, "all results");
        Assert.That(results, Is.EqualTo(new[] { "SendFail 65508 bytes do not fit into one datagram; "
            + "over IPv4 it has at most 65507 127.0.0.1", "Dropped", "Sent" }));
    }

    [Test]
    public async Task SpeaksIPv6AndBothOnTheUnspecifiedAddress()
    {
        if (!Socket.OSSupportsIPv6) Assert.Ignore("this machine has no IPv6");
        await using (TestServer server = Start<string>(worker => worker.OnMessage = (connection, _) => connection.Send(
            $"{connection.RemoteIp} {connection.IsIpV6}"), "udp://[::1]:0"))
        {
            using var client = new UdpClientSocket(server.EndPoint);
            Assert.That(client.Send("a").Receive(), Is.EqualTo("::1 True"));
        }
        await using (TestServer server = Start<string>(worker => worker.OnMessage = (connection, text) => connection.Send(text),
            "udp://[::]:0"))
        {
            foreach (IPAddress address in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
            {
                using var client = new UdpClientSocket(new IPEndPoint(address, server.EndPoint.Port));
                Assert.That(client.Send("a").Receive(), Is.EqualTo("a"), $"{address}");
            }
        }
    }

    [Test]
    public async Task FloodIsTakenInPiecesSoThatTheRestOfTheLoopGetsItsTurn()
    {
        const int Count = 200;
        int received = 0;
        int inTheFirstTurn = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = Start<string>(worker =>
        {
            worker.OnWorkerStart = _ => worker.PauseAccept();
            worker.OnMessage = (_, _) =>
            {
                if (received++ == 0) EventLoop.Current!.Post(() => inTheFirstTurn = received);
                if (received == Count) all.SetResult();
            };
        });
        using var client = new UdpClientSocket(server.EndPoint);
        for (int i = 0; i < Count; i++) client.Send("x");
        server.First.ResumeAccept();
        Wait.For(all.Task);
        // One at least: the share of a turn is a time, too.
        Assert.That(inTheFirstTurn, Is.InRange(1, 64));
    }

    [Test]
    public async Task ProtocolIsAppliedToEachDatagram()
    {
        await using TestServer server = Start<string>(worker =>
        {
            worker.Protocol = () => new TextProtocol();
            worker.OnMessage = (connection, line) =>
            {
                if (line == "throw") throw new InvalidOperationException("thrown on purpose");
                connection.Send($"[{line}]");
            };
        });
        using var client = new UdpClientSocket(server.EndPoint);
        client.Send("one\r\ntwo\nhalf");
        Assert.That((client.Receive(), client.Receive()), Is.EqualTo(("[one]\n", "[two]\n")));
        client.Send("other half\n");
        Assert.That(client.Receive(), Is.EqualTo("[other half]\n"), "datagrams are not joined");
        client.Send("");
        client.Send("throw\nafter\n");
        Assert.That(client.Receive(), Is.EqualTo("[after]\n"));
        Assert.That(server.Log.Text,
            Does.Contain("no whole message is in it").And.Contain("thrown on purpose").And.Contain($"{client.EndPoint}"));
    }

    /// <summary>PHP: <c>new Worker('text://…')</c> with <c>$worker->transport = 'udp'</c>.</summary>
    [Test]
    public async Task SchemesOfTheLibrarysProtocolsAreSpokenOverUdp()
    {
        await using TestServer text =
            Start<string>(worker => worker.OnMessage = (connection, line) => connection.Send($"[{line}]"), "text://127.0.0.1:0");
        await using TestServer frames = Start<ReadOnlyMemory<byte>>(
            worker => worker.OnMessage = (connection, frame) => connection.Send(frame), "frame://127.0.0.1:0");
        using var client = new UdpClientSocket(text.EndPoint);
        Assert.That(client.Send("a\n").Receive(), Is.EqualTo("[a]\n"));
        using var other = new UdpClientSocket(frames.EndPoint);
        other.Send([0, 0, 0, 2, 1]);
        Assert.That(other.Send([0, 0, 0, 5, 7]).ReceiveBytes(), Is.EqualTo(new byte[] { 0, 0, 0, 5, 7 }));
        await Wait.Until(() => frames.Log.Text.Contains("a frame of length 2", StringComparison.Ordinal),
            "the refusal is logged");
    }

    [Test]
    public async Task DecoderAndEncoderOfTheApplicationMayFailWithoutHarm()
    {
        await using TestServer server = Start<int>(worker =>
        {
            worker.Protocol = () => new Numbers();
            worker.OnMessage = (connection, number) => connection.Send<int>(number + 1);
        });
        using var client = new UdpClientSocket(server.EndPoint);
        foreach (string evil in new[] { "x", "stuck", "98" }) client.Send(evil);
        Assert.That(client.Send("41").Receive(), Is.EqualTo("42"));
        Assert.That(server.Log.Text, Does.Contain("FormatException").And.Contain("without consuming").And.Contain("unlucky"));
    }

    [Test]
    public async Task SenderThatIsGoneCostsNothing()
    {
        await using TestServer server = Start<string>(worker => worker.OnMessage = (connection, text) =>
        {
            for (int i = 0; i < 20; i++) connection.Send(text);
        });
        for (int i = 0; i < 10; i++)
        {
            using var gone = new UdpClientSocket(server.EndPoint);
            gone.Send("a");
        }
        using var client = new UdpClientSocket(server.EndPoint);
        Assert.That(client.Send("still there").Receive(), Is.EqualTo("still there"));
        Assert.That(server.Log.Text, Does.Not.Contain("[Error]"));
    }

    [Test]
    public async Task AnswerMayComeLaterAndFromAnotherThread()
    {
        var late = new TaskCompletionSource<UdpConnection>();
        await using TestServer server = Start<string>(worker => worker.OnMessageAsync = async (connection, text) =>
        {
            await Timer.Sleep(0.01);
            connection.Send($"later {text}");
            connection.Close();
            late.TrySetResult(connection);
        });
        using var client = new UdpClientSocket(server.EndPoint);
        Assert.That(client.Send("a").Receive(), Is.EqualTo("later a"));
        UdpConnection connection = Wait.For(late.Task);
        Assert.That(connection.Send("from outside"), Is.EqualTo(SendResult.Queued), "closed it was, which means nothing");
        connection.Send("bytes"u8);
        connection.SendRaw("raw"u8);
        Assert.That((client.Receive(), client.Receive(), client.Receive()), Is.EqualTo(("from outside", "bytes", "raw")));
        server.First.Stop();
        await Wait.Until(() => connection.Send("too late") == SendResult.Dropped, "the loop has ended");
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task SeveralLoopsShareThePort(bool reusePort)
    {
        if (reusePort && OperatingSystem.IsWindows()) Assert.Ignore("Windows has no SO_REUSEPORT");
        var ids = new ConcurrentDictionary<int, bool>();
        await using TestServer server = Start<string>(worker =>
        {
            worker.Count = 2;
            worker.ReusePort = reusePort;
            worker.OnMessage = (connection, text) =>
            {
                ids[worker.Id] = true;
                connection.Send(text);
            };
        });
        await Wait.Until(() =>
        {
            using var client = new UdpClientSocket(server.EndPoint);
            for (int i = 0; i < 20; i++) client.Send($"{i}");
            string[] answers = [.. Enumerable.Range(0, 20).Select(_ => client.Receive())];
            Assert.That(answers, Is.EquivalentTo(Enumerable.Range(0, 20).Select(i => $"{i}")));
            return ids.Count == 2;
        }, "both loops have had a datagram");
    }

    [Test]
    public async Task PausedAcceptLeavesDatagramsWaiting()
    {
        EventLoop? loop = null;
        await using TestServer server = Start<string>(worker => worker.OnMessage = (connection, text) =>
        {
            loop = EventLoop.Current;
            if (text == "pause") worker.PauseAccept();
            connection.Send(text);
        });
        using var client = new UdpClientSocket(server.EndPoint);
        Assert.That(client.Send("pause").Receive(), Is.EqualTo("pause"));
        client.Send("b");
        await LoopTurns.Pass(loop!);
        Assert.That(client.Socket.Available, Is.Zero);
        // Also in a socket that is opened meanwhile.
        server.First.Unlisten();
        await Wait.Until(() => server.First.LocalEndPoint is null, "the socket is closed");
        server.First.Listen();
        client.Send("c");
        await LoopTurns.Pass(loop!);
        Assert.That(client.Socket.Available, Is.Zero);
        server.First.ResumeAccept();
        Assert.That(client.Receive(), Is.EqualTo("b").Or.EqualTo("c"));
    }

    [Test]
    public async Task StoppingFreesThePortAtOnce()
    {
        IPEndPoint endPoint;
        int stopped = 0;
        await using (TestServer server = Start<string>(worker =>
        {
            worker.Count = 2;
            worker.OnWorkerStop = _ => Interlocked.Increment(ref stopped);
            worker.OnMessage = (connection, text) => connection.Send(text);
        }))
        {
            endPoint = server.EndPoint;
            using var client = new UdpClientSocket(endPoint);
            client.Send("a").Receive();
        }
        Assert.That(stopped, Is.EqualTo(2));
        using var again = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        Assert.That(() => again.Bind(endPoint), Throws.Nothing);
    }

    [Test]
    public void PortThatIsTakenIsToldWithItsCure()
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var worker = new UdpWorker<string>($"udp://{taken.LocalEndPoint}") { OnMessage = (_, _) => { } };
        Assert.That(TestServer.Refusal(loopType, worker), Does.Contain("in use").And.Contain("Cure: "));
    }

    [Test]
    public void WrongUseIsTold()
    {
        Assert.That(() => new Worker<string>("udp://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contains("new UdpWorker<string>"));
        Assert.That(() => new UdpWorker<string>("http://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contains("not spoken over UDP"));
        var numbers = new UdpWorker<int>("udp://127.0.0.1:0") { OnMessage = (_, _) => { } };
        Assert.That(TestServer.Refusal(loopType, numbers), Does.Contain("IProtocol<Int32>"));
        var nowhere = new UdpWorker<string>("127.0.0.1:0") { OnMessage = (_, _) => { } };
        Assert.That(TestServer.Refusal(loopType, nowhere), Does.Contain("no scheme"));
    }

    private TestServer Start<T>(Action<UdpWorker<T>> setUp, string address = "udp://127.0.0.1:0")
    {
        var worker = new UdpWorker<T>(address) { Name = "test" };
        setUp(worker);
        return TestServer.Start(loopType, worker);
    }

    private sealed class Numbers : IProtocol<int>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out int message)
        {
            message = 0;
            if (Encoding.ASCII.GetString(input) == "stuck") return Verdict.Message;
            message = int.Parse(Encoding.ASCII.GetString(input), null);
            input = input.Slice(input.End);
            return Verdict.Message;
        }

        public void Encode(int message, IBufferWriter<byte> output)
        {
            output.Write(Encoding.ASCII.GetBytes($"{message}"));
            if (message == 99) throw new FormatException("unlucky");
        }
    }
}
