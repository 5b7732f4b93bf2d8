using System.Diagnostics;
using System.Net.Security;
using System.Security.Authentication;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Tls;

/// <summary>A connection over TLS behaves like any other: ends, half-closes, slow readers, pauses, pipes and the stop.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class TlsConnectionTests(Type loopType)
{
    private const int Megabyte = 1024 * 1024;

    private static readonly SslProtocols[] Versions = [SslProtocols.Tls12, SslProtocols.Tls13];

    [Test]
    public async Task BytesComeInOrderHoweverTheirCiphertextIsCut([ValueSource(nameof(Versions))] SslProtocols version,
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        byte[] sent = new byte[40_000];
        new Random(7).NextBytes(sent);
        await using TestServer server = TlsServers.Raw(loopType, (connection, bytes) => connection.Send(bytes));
        using TlsClient client = TlsClient.Connect(server.EndPoint, version, fragmentation);
        client.Send(sent);
        Assert.That(client.ReadExactly(sent.Length), Is.EqualTo(System.Text.Encoding.Latin1.GetString(sent)));
    }

    /// <summary>Of any size: around the 16 KiB of a record, and the 64 KiB of the loop's buffer.</summary>
    [Test]
    public async Task MessagesOfAnySizeComeBack()
    {
        await using TestServer server = TlsServers.Raw(loopType, (connection, bytes) => connection.Send(bytes));
        using TlsClient client = TlsClient.Connect(server.EndPoint);
        foreach (int size in (int[])[1, 16383, 16384, 16385, 32768, 65535, 65536, 65537, 200_001])
        {
            var writing = Task.Run(() => client.Send(new string('x', size)));
            Assert.That(client.ReadExactly(size), Has.Length.EqualTo(size));
            Wait.For(writing);
        }
    }

    [Test]
    public async Task CloseSendsWhatWaitsAndThenCloseNotify([ValueSource(nameof(Versions))] SslProtocols version,
        [Values] bool ends)
    {
        await using TestServer server = TlsServers.Raw(loopType, (connection, _) =>
        {
            connection.MaxSendBufferSize = 64 * Megabyte;
            connection.Send(new byte[8 * Megabyte]);
            if (ends) connection.End("bye");
            else connection.Close("bye");
        });
        using TlsClient client = TlsClient.Connect(server.EndPoint, version);
        client.Send("x");
        string received = client.ReadToEnd();
        Assert.That(received.Length, Is.EqualTo(8 * Megabyte + 3));
        Assert.That(received, Does.EndWith("bye"));
        // The end of the stream was said in TLS: what came before the socket's own end was a record more.
        Assert.That(client.ReadRawToEnd(), Is.Zero);
    }

    /// <summary>An end without close_notify is how a cut connection looks: that one is for those who are gone.</summary>
    [TestCase("close", true)]
    [TestCase("end", true)]
    [TestCase("destroy", false)]
    public async Task OnlyAnEndInOrderIsSaidInTls(string how, bool expected)
    {
        await using TestServer server = TlsServers.Raw(loopType, (connection, _) =>
        {
            if (how == "close") connection.Close();
            else if (how == "end") connection.End();
            else connection.Destroy();
        });
        string output = await OpenSsl.ClientAsync(server, "x", "-tls1_2", "-msg");
        Assert.That(output.Contains("<<< TLS 1.2, Alert [length 0002], warning close_notify", StringComparison.Ordinal),
            Is.EqualTo(expected), output);
    }

    [Test]
    public async Task PeerThatHalfClosesGetsTheAnswerThatIsOwed([ValueSource(nameof(Versions))] SslProtocols version,
        [Values] bool tcp)
    {
        var closed = new TaskCompletionSource();
        await using TestServer server = TlsServers.Https(loopType, onMessage: null, worker =>
        {
            worker.OnMessageAsync = async (connection, _) =>
            {
                await Timer.Sleep(0.05);
                connection.Send(new string('x', 100_000));
            };
            worker.OnClose = _ => closed.SetResult();
        });
        using TlsClient client = TlsClient.Connect(server.EndPoint, version);
        client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").HalfClose(tcp);
        Assert.That(client.ReadToEnd(), Does.EndWith(new string('x', 100_000)));
        Wait.For(closed.Task);
    }

    [Test]
    public async Task PeerThatEndsIsClosed([ValueSource(nameof(Versions))] SslProtocols version,
        [Values("notify", "fin", "reset")] string how)
    {
        var closed = new TaskCompletionSource();
        await using TestServer server = TlsServers.Raw(loopType, (connection, bytes) => connection.Send(bytes),
            worker => worker.OnClose = _ => closed.SetResult());
        using TlsClient client = TlsClient.Connect(server.EndPoint, version);
        client.Send("x").ReadExactly(1);
        if (how == "notify") client.HalfClose(tcp: false);
        else if (how == "fin") client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        else client.Socket.Close(0);
        Wait.For(closed.Task);
    }

    [Test]
    public async Task RecordThatWasChangedEndsTheConnectionWithALine()
    {
        int closed = 0;
        int messages = 0;
        await using TestServer server = TlsServers.Raw(loopType, (_, _) => messages++, worker => worker.OnClose = _ => closed++);
        foreach (string bytes in (string[])["\x17\x03\x03\x00\x20" + "aaaaaaaabbbbbbbbccccccccdddddddd",
            "GET / HTTP/1.1\r\n\r\n"])
        {
            using TlsClient client = TlsClient.Connect(server.EndPoint);
            client.Socket.Send(System.Text.Encoding.Latin1.GetBytes(bytes));
            client.ReadRawToEnd();
        }
        await Wait.Until(() => closed == 2, "OnClose, twice");
        await Wait.Until(() => server.Log.Lines.Count(line => line.Contains("is closed", StringComparison.Ordinal)) == 2,
            $"two lines: {server.Log.Text}");
        Assert.That(messages, Is.Zero);
    }

    [Test]
    public async Task SlowReaderFillsTheBufferAndDrainsIt()
    {
        int full = 0;
        int drained = 0;
        var results = new List<SendResult>();
        await using TestServer server = TlsServers.Raw(loopType, (connection, _) =>
        {
            connection.OnBufferFull = _ => full++;
            connection.OnBufferDrain = c =>
            {
                drained++;
                c.Close("end");
            };
            for (int i = 0; i < 40; i++) results.Add(connection.Send(new byte[Megabyte / 2]));
        });
        using TlsClient client = TlsClient.Connect(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send("x");
        string received = client.ReadToEnd();
        Assert.That(results[0], Is.EqualTo(SendResult.Sent));
        Assert.That(results[^1], Is.EqualTo(SendResult.Dropped));
        Assert.That((full, drained), Is.EqualTo((1, 1)));
        Assert.That(received.Length, Is.EqualTo(results.Count(result => result != SendResult.Dropped) * (Megabyte / 2) + 3));
    }

    [Test]
    public async Task PausedConnectionReadsNothingAndGoesOn()
    {
        TcpConnection? paused = null;
        long received = 0;
        await using TestServer server = TlsServers.Raw(loopType, (connection, bytes) =>
        {
            if (paused is null)
            {
                paused = connection;
                connection.PauseRecv();
                connection.Send("paused");
                return;
            }
            received += bytes.Length;
            if (received == 4 * Megabyte) connection.Send("all");
        });
        using TlsClient client = TlsClient.Connect(server.EndPoint);
        client.Send("x").ReadExactly(6);
        client.Send(new byte[1000]);
        var writing = Task.Run(() => client.Send(new byte[4 * Megabyte - 1000]));
        await LoopTurns.Pass(server);
        Assert.That(received, Is.Zero);
        paused!.ResumeRecv();
        Assert.That(client.ReadExactly(3), Is.EqualTo("all"));
        Wait.For(writing);
    }

    [Test]
    public async Task PipeJoinsAnEncryptedConnectionToAnother()
    {
        await using TestServer backend = TestServer.Raw(loopType, (connection, bytes) => connection.Send(bytes));
        TcpConnection? first = null;
        var joined = new TaskCompletionSource();
        await using TestServer server = TlsServers.Raw(loopType, (_, _) => { }, worker => worker.OnConnect = connection =>
        {
            if (first is null)
            {
                first = connection;
                return;
            }
            first.Pipe(connection);
            connection.Pipe(first);
            joined.SetResult();
        });
        using TlsClient left = TlsClient.Connect(server.EndPoint);
        await Wait.Until(() => first is not null, "the first");
        using TlsClient right = TlsClient.Connect(server.EndPoint);
        // The client's side of a handshake ends before the server's (RFC 8446 section 2).
        await joined.Task.WaitAsync(Wait.Limit);
        var writing = Task.Run(() => left.Send(new byte[2 * Megabyte]));
        Assert.That(right.ReadExactly(2 * Megabyte), Has.Length.EqualTo(2 * Megabyte));
        Wait.For(writing);
        right.Send("back");
        Assert.That(left.ReadExactly(4), Is.EqualTo("back"));
        left.Dispose();
        Assert.That(right.ReadToEnd(), Is.Empty);
    }

    [Test]
    public async Task BytesAreCountedAsTheyGoOverTheWire()
    {
        (long Read, long Written) counted = default;
        var closed = new TaskCompletionSource();
        await using TestServer server =
            TlsServers.Raw(loopType, (connection, bytes) => connection.Send(bytes), worker => worker.OnClose = connection =>
            {
                counted = (connection.BytesRead, connection.BytesWritten);
                closed.SetResult();
            });
        using (TlsClient client = TlsClient.Connect(server.EndPoint)) client.Send(new byte[1000]).ReadExactly(1000);
        Wait.For(closed.Task);
        Assert.That(counted.Read, Is.InRange(1200, 3000));
        Assert.That(counted.Written, Is.InRange(1500, 4000));
    }

    [Test]
    public async Task GracefulStopEndsOpenConnectionsInOrder()
    {
        var begun = new TaskCompletionSource();
        TestServer server =
            TlsServers.Https(loopType, onMessage: null, worker => worker.OnMessageAsync = async (connection, request) =>
            {
                if (request.Path == "/slow")
                {
                    begun.SetResult();
                    await Timer.Sleep(0.2);
                }
                connection.Send("done");
            });
        using TlsClient idle = TlsClient.Connect(server.EndPoint);
        using TlsClient busy = TlsClient.Connect(server.EndPoint);
        Assert.That(idle.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").ReadResponse(), Is.EqualTo("done"));
        busy.Send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Wait.For(begun.Task);
        var clock = Stopwatch.StartNew();
        ValueTask stop = server.DisposeAsync();
        Assert.That(busy.ReadResponse(), Is.EqualTo("done"));
        Assert.That(busy.ReadToEnd() + idle.ReadToEnd(), Is.Empty);
        busy.Dispose();
        await stop;
        Assert.That(clock.Elapsed, Is.LessThan(Worker.StopTimeout));
    }

    [Test]
    public async Task IdleConnectionIsClosedInTimeLikeAnyOther()
    {
        await using TestServer server = TlsServers.Https(loopType, (connection, _) => connection.Send("ok"),
            worker => worker.Options.Http.KeepAliveTimeout = TimeSpan.FromMilliseconds(200));
        using TlsClient client = TlsClient.Connect(server.EndPoint);
        client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").ReadResponse();
        Assert.That(client.ReadToEnd(), Is.Empty);
    }

    [Test]
    public async Task StalledReaderIsGivenUp()
    {
        var reason = new TaskCompletionSource<string>();
        await using TestServer server = TlsServers.Raw(loopType, (connection, _) =>
        {
            connection.SendTimeout = TimeSpan.FromMilliseconds(300);
            for (int i = 0; i < 40; i++) connection.Send(new byte[Megabyte / 2]);
        }, worker => worker.OnError = (_, _, text) =>
        {
            if (!text.Contains("drop package", StringComparison.Ordinal)) reason.TrySetResult(text);
        });
        using TlsClient client = TlsClient.Connect(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send("x");
        Assert.That(Wait.For(reason.Task), Is.EqualTo("the peer stopped reading"));
    }
}
