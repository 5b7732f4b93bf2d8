using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Answers in chunks: their form, their end, and what must not look like an end.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ChunkTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private const string Whole = "5\r\nhello\r\n6\r\n w\u00c3\u00b6rl\r\n1\r\nd\r\n0\r\n\r\n";

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [Test]
    public async Task AnswerThatLostAChunkNeverLooksWhole()
    {
        var dropped = new TaskCompletionSource();
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }));
            while (connection.Send(new Chunk(new byte[100_000])) != SendResult.Dropped)
            {
            }
            Assert.That(connection.Send(new Chunk("")), Is.EqualTo(SendResult.Dropped));
            dropped.SetResult();
        });
        using var client = new RawClient(server.EndPoint, receiveBufferSize: 4096);
        client.Send(Get);
        Wait.For(dropped.Task);
        string read = "";
        try
        {
            read = client.ReadToEnd();
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // What the client sees of it.
        }
        Assert.That(read, Does.Not.EndWith("\r\n0\r\n\r\n"));
    }

    [Test]
    public async Task OldClientsSeeAResetWhereTheServerStopsWithinAnAnswer()
    {
        var begun = new TaskCompletionSource();
        TestServer server = TestServer.Http(TestServer.Settings(loopType, TimeSpan.FromMilliseconds(50)), (connection, _) =>
        {
            connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, "begun"));
            begun.SetResult();
        });
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.0\r\n\r\n");
        client.ReadUntil("begun");
        Wait.For(begun.Task);
        await server.DisposeAsync();
        Assert.That(() => client.ReadToEnd(),
            Throws.InstanceOf<SocketException>().With.Property("SocketErrorCode").EqualTo(SocketError.ConnectionReset));
    }

    [Test]
    public async Task ChunksFollowTheResponseUntilAnEmptyOne([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/") SayHello(connection);
            else connection.Send(request.Path);
        });
        using RawClient client = server.Connect();
        client.Send(Get + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n" + Get, fragmentation);
        for (int i = 0; i < 2; i++)
        {
            string head = client.ReadUntil("\r\n\r\n");
            Assert.That(head, Does.StartWith("HTTP/1.1 200 OK\r\n").And.Contain("\r\nTransfer-Encoding: chunked\r\n")
                .And.Contain("\r\nConnection: keep-alive\r\n")
                .And.Contain("\r\nContent-Type: text/html;charset=utf-8\r\n").And.Not.Contain("Content-Length"));
            Assert.That(client.ReadExactly(Whole.Length), Is.EqualTo(Whole));
            if (i == 0) Assert.That(client.ReadResponse().Body, Is.EqualTo("/next"));
        }
    }

    [Test]
    public async Task ChunksMayComeLaterAndTheNextRequestWaits()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/next")
            {
                connection.Send("next");
                return;
            }
            connection.Send(Begin());
            Timer.Delay(0.01, () => connection.Send(new Chunk(new byte[] { 0x41, 0x42 })));
            Timer.Delay(0.02, () => Task.Run(() => connection.Send(new Chunk(""))));
        });
        using RawClient client = server.Connect();
        client.Send(Get + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
        client.ReadUntil("\r\n\r\n");
        Assert.That(client.ReadUntil("0\r\n\r\n"), Is.EqualTo("2\r\nAB\r\n0\r\n\r\n"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("next"));
    }

    [Test]
    public async Task OldClientGetsBareBytesUntilTheEnd()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => SayHello(connection));
        using RawClient client = server.Connect();
        string answer = client.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").ReadToEnd();
        Assert.That(answer, Does.EndWith("\r\n\r\nhello w\u00c3\u00b6rld").And.Contain("\r\nConnection: close\r\n")
            .And.Not.Contain("Transfer-Encoding"));
    }

    [Test]
    public async Task HeadHasNoChunksAndTheConnectionGoesOn()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => SayHello(connection));
        using RawClient client = server.Connect();
        client.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + Get);
        Assert.That(client.ReadUntil("\r\n\r\n"), Does.Contain("\r\nTransfer-Encoding: chunked\r\n"));
        Assert.That(client.ReadUntil("\r\n\r\n"), Does.StartWith("HTTP/1.1 200 OK\r\n"));
        Assert.That(client.ReadExactly(Whole.Length), Is.EqualTo(Whole));
    }

    [TestCase(204)]
    [TestCase(304)]
    [TestCase(205)]
    public async Task AnswerWithoutABodyHasNoChunks(int status)
    {
        string error = "";
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.OnError = (_, _, reason) => error = reason;
            connection.Send(Begin("never").WithStatus(status));
            Assert.That(connection.Send(new Chunk("x")), Is.EqualTo(SendResult.Dropped));
        });
        using RawClient client = server.Connect();
        client.Send(Get + Get);
        for (int i = 0; i < 2; i++)
        {
            string head = client.ReadUntil("\r\n\r\n");
            Assert.That(head, Does.StartWith($"HTTP/1.1 {status}").And.Not.Contain("Transfer-Encoding"));
            Assert.That(head.Contains("\r\nContent-Length: 0\r\n"), Is.EqualTo(status == 205));
        }
        Assert.That(error, Does.Contain("No chunked answer is open"));
    }

    [Test]
    public async Task WrongUseIsDroppedAndTheAnswerIsStillWhole()
    {
        var told = new List<string>();
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.OnError = (_, _, reason) => told.Add(reason);
            Note(connection.Send(new Chunk("too early")));
            connection.Send(Begin("a"));
            Note(connection.Send("text"));
            Note(connection.Send(new Response()));
            Note(connection.Send(new ServerSentEvents { Data = "x" }));
            connection.Send(new Chunk(""));
            Note(connection.Send(new Chunk("too late")));
            Note(connection.Send(new Chunk("")));
        });
        using RawClient client = server.Connect();
        client.Send(Get).ReadUntil("\r\n\r\n");
        Assert.That(client.ReadUntil("0\r\n\r\n"), Is.EqualTo("1\r\na\r\n0\r\n\r\n"));
        Assert.That(told, Has.Count.EqualTo(6));
        Assert.That(told, Has.Exactly(3).Contains("No chunked answer is open").And.Exactly(2).Contains("A chunked answer is open")
            .And.Exactly(1).Contains("No event stream"));

        static void Note(SendResult result) => Assert.That(result, Is.EqualTo(SendResult.Dropped));
    }

    [TestCase("throw")]
    [TestCase("throw later")]
    [TestCase("close")]
    [TestCase("close with text")]
    public async Task AnswerThatBreaksOffHasNoLastChunk(string how)
    {
        await using TestServer server = BreaksOff(how);
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get + Get).ReadToEnd(), Does.EndWith("\r\n\r\n5\r\nhello\r\n"));
    }

    [TestCase("throw")]
    [TestCase("throw later")]
    public async Task OldClientSeesABrokenAnswerByAReset(string how)
    {
        await using TestServer server = BreaksOff(how);
        using RawClient client = server.Connect();
        client.Send("GET / HTTP/1.0\r\n\r\n");
        Assert.That(Assert.Throws<SocketException>(() => client.ReadToEnd())!.SocketErrorCode,
            Is.EqualTo(SocketError.ConnectionReset));
    }

    [Test]
    public async Task HttpClientSeesABrokenAnswerAsAnError()
    {
        await using TestServer server = BreaksOff("throw later");
        using var client = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync(server.Uri));
        Assert.That(server.Log.Text, Does.Contain("broken off"));
    }

    [Test]
    public async Task StopWaitsForTheLastChunk()
    {
        var begun = new TaskCompletionSource<TcpConnection>();
        TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(Begin("a"));
            begun.SetResult(connection);
        });
        using RawClient client = server.Connect();
        client.Send(Get).ReadUntil("a\r\n");
        Task stopped = server.DisposeAsync().AsTask();
        Wait.For(begun.Task).Send(new Chunk(""));
        Assert.That(client.ReadToEnd(), Is.EqualTo("0\r\n\r\n"));
        client.Dispose();
        await stopped;
    }

    [Test]
    public async Task CloseMayCarryTheLastChunk()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(Begin("a"));
            connection.Close(new Chunk(""));
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send(Get).ReadToEnd(), Does.EndWith("1\r\na\r\n0\r\n\r\n"));
    }

    [Test]
    public async Task HttpClientReadsALongAnswer()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.MaxSendBufferSize = int.MaxValue;
            connection.Send(Begin());
            for (int i = 0; i < 1000; i++) connection.Send(new Chunk(new string((char)('a' + i % 26), i + 1)));
            connection.Send(new Chunk(""));
        });
        using var client = new HttpClient { BaseAddress = server.Uri };
        for (int i = 0; i < 3; i++)
            Assert.That(await client.GetStringAsync("/"),
                Is.EqualTo(string.Concat(Enumerable.Range(0, 1000).Select(i => new string((char)('a' + i % 26), i + 1)))));
        Assert.That(server.Main.Connections, Has.Count.EqualTo(1), "one connection serves them all");
    }

    [Test]
    public void ChunkAsText()
    {
        Assert.That(new Chunk("0123456789abcdef\u00e9").ToString(), Is.EqualTo("12\r\n0123456789abcdef\u00e9\r\n"));
        Assert.That(new Chunk("").ToString(), Is.EqualTo("0\r\n\r\n"));
    }

    private static Response Begin(string body = "") => new(200, new() { ["Transfer-Encoding"] = "chunked" }, body);

    private static void SayHello(TcpConnection connection)
    {
        connection.Send(Begin("hello"));
        connection.Send(new Chunk(" w\u00f6rl"));
        connection.Send(new Chunk("d"));
        connection.Send(new Chunk(""));
    }

    private TestServer BreaksOff(string how) => TestServer.Start(loopType, new Worker("http://127.0.0.1:0")
    {
        OnMessageAsync = async (connection, _) =>
        {
            connection.Send(Begin("hello"));
            if (how == "throw later") await Timer.Sleep(0.01);
            if (how == "close") connection.Close();
            else if (how == "close with text") connection.Close("wrong");
            else throw new InvalidOperationException("broken off");
        },
    });
}
