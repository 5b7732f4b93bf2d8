using System.Collections.Concurrent;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// <c>StreamBodies</c>: the handler is called with the head and reads the body as it comes. What it gets, what the client gets,
/// and what becomes of both when one of them does not go on.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class StreamedBodyTests(Type loopType)
{
    private const string Next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

    private static Fragmentation[] AllFragmentations => Fragmentation.All;

    [Test]
    public async Task BodiesAndWhatFollowsThemAreWhatWasSent([ValueSource(nameof(AllFragmentations))] Fragmentation fragmentation)
    {
        await using TestServer server = Serve(Digest, worker => worker.Options.Http.DecompressRequests = true);
        using RawClient client = server.Connect();
        byte[] body = Bytes(3000);
        byte[] zipped = Zip(body);
        string hash = Convert.ToHexString(SHA256.HashData(body));
        client.Send([
            .. Ascii($"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {body.Length}\r\n\r\n"), .. body,
            .. Ascii("POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), .. Chunks(body, 700),
            .. Ascii("0\r\nT: trailer\r\n\r\n"),
            .. Ascii($"POST /c HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: {zipped.Length}\r\n\r\n"),
            .. zipped, .. Ascii(Next)], fragmentation);
        string[] answers = [.. Enumerable.Range(0, 4).Select(_ => client.ReadResponse().Body)];
        Assert.That(answers, Is.EqualTo(new[]
        {
            $"/a 3000 {hash} -", $"/b 3000 {hash} trailer", $"/c 3000 {hash} -",
            $"/next 0 {Convert.ToHexString(SHA256.HashData([]))} -",
        }));
    }

    [Test]
    public async Task LargeBodiesComeWhole([Values(200_000, 1_000_001, 6_000_000)] int length, [Values] bool isChunked)
    {
        await using TestServer server = Serve(Digest);
        using RawClient client = server.Connect();
        byte[] body = Bytes(length);
        byte[] head = Ascii("POST /a HTTP/1.1\r\nHost: a\r\n"
            + (isChunked ? "Transfer-Encoding: chunked\r\n\r\n" : $"Content-Length: {length}\r\n\r\n"));
        byte[] request = isChunked ? [.. head, .. Chunks(body, 50_000), .. Ascii("0\r\n\r\n")] : [.. head, .. body];
        client.Send(request, Fragmentation.AtRandom(Random.Shared.Next())).Send(Next);
        Assert.That(client.ReadResponse().Body, Is.EqualTo($"/a {length} {Convert.ToHexString(SHA256.HashData(body))} -"));
        Assert.That(client.ReadResponse().Body, Does.StartWith("/next 0"));
        Assert.That(server.Main.Options.Http.Bodies.Memory, Is.Zero);
    }

    [Test]
    public async Task HandlerIsCalledBeforeTheBodyAndGoesOnOnTheLoop()
    {
        var begun = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = Serve(async (connection, request) =>
        {
            int thread = Environment.CurrentManagedThreadId;
            begun.SetResult(thread);
            string text = await new StreamReader(request.OpenBody()).ReadToEndAsync();
            connection.Send($"{text} {thread == Environment.CurrentManagedThreadId}");
        });
        using RawClient client = server.Connect();
        client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
        Wait.For(begun.Task);
        Assert.That(client.Send("hello").ReadResponse().Body, Is.EqualTo("hello True"));
    }

    /// <summary>What is not read waits with the client: counted in bytes, not in time.</summary>
    [Test]
    public async Task ClientWaitsWhileTheHandlerDoesNotRead([Values] bool isChunked)
    {
        const int Length = 40_000_000;
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        TcpConnection? connection = null;
        await using TestServer server = Serve(async (peer, request) =>
        {
            connection = peer;
            await read.Task;
            await Digest(peer, request);
        }, worker => worker.Options.Http.MaxRequestSize = 2 * Length);
        using RawClient client = server.Connect();
        client.Socket.SendBufferSize = 64 * 1024;
        byte[] body = Bytes(Length);
        byte[] request = [.. Ascii("POST /a HTTP/1.1\r\nHost: a\r\n"
            + (isChunked ? "Transfer-Encoding: chunked\r\n\r\n" : $"Content-Length: {Length}\r\n\r\n")),
            .. isChunked ? [.. Chunks(body, 50_000), .. Ascii("0\r\n\r\n")] : body];
        Task sending = Task.Run(() => client.Send(request));
        await Wait.Until(() => connection is { BytesRead: > StreamedBody.MostUnread }, "the bound is reached");
        await LoopTurns.PassUntilStill(connection!.Loop, () => client.IsHeldUp, () => connection.BytesRead);
        Assert.That(connection.BytesRead, Is.LessThan(StreamedBody.MostUnread + 256 * 1024));
        Assert.That(sending.IsCompleted, Is.False, "the client's system has no room for the rest");
        Assert.That(server.Main.Options.Http.Bodies.Memory, Is.InRange(StreamedBody.MostUnread / 2, StreamedBody.MostUnread * 2));
        read.SetResult();
        Assert.That(client.ReadResponse().Body, Is.EqualTo($"/a {Length} {Convert.ToHexString(SHA256.HashData(body))} -"));
        await sending;
    }

    [Test]
    public async Task ContinueIsSentWhenTheHandlerReads([Values] bool asks)
    {
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        TcpConnection? connection = null;
        await using TestServer server = Serve(async (peer, request) =>
        {
            connection = peer;
            await read.Task;
            await Digest(peer, request);
        }, worker => worker.OnHeaders = asks ? (_, _) => { } : null);
        using RawClient client = server.Connect();
        client.Send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
        await Wait.Until(() => connection is not null, "the handler has the request");
        await LoopTurns.Pass(connection!.Loop);
        Assert.That(client.Socket.Available, Is.Zero, "nobody has read yet");
        read.SetResult();
        Assert.That(client.ReadUntil("\r\n\r\n"), Is.EqualTo("HTTP/1.1 100 Continue\r\n\r\n"));
        Assert.That(client.Send("abc" + Next).ReadResponse().Body, Does.StartWith("/a 3 "));
        Assert.That(client.ReadResponse().Body, Does.StartWith("/next 0 "));
    }

    [Test]
    public async Task AnswerInPlaceOfContinueEndsTheConnection()
    {
        await using TestServer server = Serve((connection, _) =>
        {
            connection.Send(new Response(403, null, "no"));
            return Task.CompletedTask;
        });
        using RawClient client = server.Connect();
        client.Send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
        (int status, string head, string _) = client.ReadResponse();
        Assert.That(status, Is.EqualTo(403));
        Assert.That(head, Does.Contain("Connection: close"));
        Assert.That(client.IsAtEnd());
    }

    /// <summary>RFC 9112 section 9.3: the rest is read to its end, or the connection is closed.</summary>
    [Test]
    public async Task SmallRestIsSkippedAfterAnEarlyAnswer([Values(1, 1000, 256 * 1024)] int length, [Values] bool begins)
    {
        await using TestServer server = Serve(async (connection, request) =>
        {
            if (begins && request.Path == "/early") (await request.BodyReader.ReadAsync()).ToString();
            connection.Send($"{request.Path}");
        });
        using RawClient client = server.Connect();
        client.Send(Ascii($"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nx"));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/early"));
        client.Send(new byte[length - 1]).Send(Next);
        Assert.That(client.ReadResponse().Body, Is.EqualTo("/next"));
    }

    [Test]
    public async Task LargeRestEndsTheConnectionAndTheAnswerArrives([Values] bool isChunked)
    {
        await using TestServer server = Serve((connection, _) =>
        {
            connection.Send(new Response(413, null, new string('n', 100_000)));
            return Task.CompletedTask;
        });
        using RawClient client = server.Connect();
        client.Send("POST /a HTTP/1.1\r\nHost: a\r\n"
            + (isChunked ? "Transfer-Encoding: chunked\r\n\r\nfffff\r\n" : "Content-Length: 9000000\r\n\r\n"));
        // It goes on sending, and reads only then.
        client.Send(new byte[900_000]);
        (int status, string head, string body) = client.ReadResponse();
        Assert.That((status, body.Length), Is.EqualTo((413, 100_000)));
        Assert.That(head, Does.Contain("Connection: close"));
        Assert.That(client.IsAtEnd());
    }

    [Test]
    public async Task AnswerInChunksMayBeginWhileTheBodyComes()
    {
        await using TestServer server = Serve(async (connection, request) =>
        {
            if (request.Path == "/next")
            {
                connection.Send("next");
                return;
            }
            connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }));
            while (true)
            {
                ReadResult read = await request.BodyReader.ReadAsync();
                foreach (ReadOnlyMemory<byte> piece in read.Buffer) connection.Send(new Chunk(piece.ToArray()));
                request.BodyReader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted) break;
            }
            connection.Send(new Chunk(""));
        });
        using RawClient client = server.Connect();
        client.Send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nab");
        Assert.That(client.ReadUntil("2\r\nab\r\n"), Does.Contain("Connection: keep-alive"));
        byte[] rest = new byte[999_998];
        Task sending = Task.Run(() => client.Send(rest).Send(Next));
        Assert.That(client.ReadUntil("0\r\n\r\n"), Has.Length.GreaterThan(999_998));
        Assert.That(client.ReadResponse().Body, Is.EqualTo("next"));
        await sending;
    }

    [Test]
    public async Task FaultOfTheBodyIsAnsweredAndTold([Values("chunk", "large", "inflated", "begun")] string fault)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var told = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = Serve(async (connection, request) =>
        {
            begun.SetResult();
            if (fault == "begun") connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, "x"));
            try
            {
                await request.ReadBodyAsync();
            }
            catch (Exception e)
            {
                told.SetResult(e);
                throw;
            }
        }, worker =>
        {
            worker.Options.Http.MaxRequestSize = 2000;
            worker.Options.Http.DecompressRequests = true;
        });
        using RawClient client = server.Connect();
        string coding = fault == "inflated" ? "Content-Encoding: gzip\r\n" : "";
        client.Send($"POST /a HTTP/1.1\r\nHost: a\r\n{coding}Transfer-Encoding: chunked\r\n\r\n");
        Wait.For(begun.Task);
        if (fault is "chunk" or "begun") client.Send("3\r\nabc\r\nno size\r\n");
        else if (fault == "large") client.Send("3\r\nabc\r\n1000\r\n");
        else client.Send(Chunks(Zip(new byte[100_000]), 50));
        int status = fault is "large" or "inflated" ? 413 : 400;
        string all = client.ReadToEnd();
        if (fault == "begun") Assert.That(all, Does.EndWith("1\r\nx\r\n"), "it breaks off");
        else Assert.That(all, Does.StartWith($"HTTP/1.1 {status} "));
        Assert.That(Wait.For(told.Task), Is.InstanceOf<BadRequestException>());
        Assert.That(((BadRequestException)await told.Task).StatusCode, Is.EqualTo(status));
        await Wait.Until(() => server.Main.Options.Http.Bodies.Memory == 0, "all memory comes back");
        Assert.That(server.Log.Text, Does.Not.Contain("[Error]"), "no fault of the application");
    }

    [Test]
    public async Task ClientThatIsGoneFailsTheReader([Values("reset", "end")] string end)
    {
        var told = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = Serve(async (_, request) =>
        {
            try
            {
                await request.ReadBodyAsync();
            }
            catch (Exception e)
            {
                told.SetResult(e);
                throw;
            }
        });
        using RawClient client = server.Connect();
        client.Send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nabc");
        await Wait.Until(() => server.Main.Options.Http.Bodies.Memory > 0, "some of it has come");
        if (end == "reset") client.Reset();
        else client.HalfClose();
        Assert.That(Wait.For(told.Task), Is.InstanceOf<IOException>().With.Message.Contains("before the body"));
        await Wait.Until(() => server.Main.Options.Http.Bodies.Memory == 0, "all memory comes back");
        Assert.That(server.Log.Text, Does.Not.Contain("[Error]"));
    }

    [Test]
    public async Task HandlerThatThrowsIsAnsweredWith500()
    {
        await using TestServer server = Serve(async (connection, request) =>
        {
            if (request.Path == "/next") connection.Send("next");
            else if ((await request.BodyReader.ReadAsync()).Buffer.Length > 0) throw new InvalidOperationException("on purpose");
        });
        using RawClient client = server.Connect();
        client.Send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
        Assert.That(client.ReadResponse().Status, Is.EqualTo(500));
        Assert.That(client.Send("bc" + Next).ReadResponse().Body, Is.EqualTo("next"));
    }

    [Test]
    public async Task BodyIsReadToItsEndWhileTheWorkerStops()
    {
        var handled = new TaskCompletionSource();
        TestServer server = TestServer.Start(TestServer.Settings(loopType, Wait.Limit), Make((peer, request) =>
        {
            if (request.Path == "/a") handled.SetResult();
            return Digest(peer, request);
        }));
        using RawClient idle = server.Connect();
        idle.Send("POST /idle HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").ReadResponse();
        using RawClient client = server.Connect();
        client.Send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
        await handled.Task.WaitAsync(Wait.Limit);
        Task stopping = server.DisposeAsync().AsTask();
        // It has come to the loop when this one is closed.
        idle.ReadToEnd();
        (int _, string head, string body) = client.Send("def").ReadResponse();
        Assert.That(body, Does.StartWith("/a 6 "));
        Assert.That(head, Does.Contain("Connection: close"));
        await stopping;
    }

    [Test]
    public async Task BodyMayBeReadOnAnotherThread()
    {
        await using TestServer server = Serve(async (connection, request) =>
        {
            byte[] hash = await Task.Run(async () => await SHA256.HashDataAsync(request.OpenBody()));
            connection.Send(Convert.ToHexString(hash));
        });
        using var client = new HttpClient();
        byte[] body = Bytes(3_000_000);
        for (int i = 0; i < 5; i++)
        {
            using var content = new StreamContent(new MemoryStream(body));
            using HttpResponseMessage answer = await client.PostAsync(server.Uri, content);
            Assert.That(await answer.Content.ReadAsStringAsync(), Is.EqualTo(Convert.ToHexString(SHA256.HashData(body))));
        }
        Assert.That(server.Main.Options.Http.Bodies.Memory, Is.Zero);
    }

    [Test]
    public async Task EncryptedBodiesComeWholeWhileTheHandlerIsSlow([Values] bool streams)
    {
        await using TestServer server = TlsServers.Https(loopType, null, worker =>
        {
            worker.Options.Http.StreamBodies = streams;
            worker.OnMessageAsync = async (connection, request) =>
            {
                for (int i = 0; i < 20; i++) await Task.Yield();
                await Digest(connection, request);
            };
        });
        using HttpClient client = TlsServers.Http();
        byte[] body = Bytes(4_000_000);
        for (int i = 0; i < 3; i++)
        {
            using var content = new ByteArrayContent(body);
            using HttpResponseMessage answer = await client.PostAsync(new Uri(TlsServers.UriOf(server), "/a"), content);
            Assert.That(await answer.Content.ReadAsStringAsync(),
                Is.EqualTo($"/a {body.Length} {Convert.ToHexString(SHA256.HashData(body))} -"));
        }
        Assert.That(server.Main.Options.Http.Bodies.Memory, Is.Zero);
    }

    [Test]
    public async Task BodyReaderIsThereWithoutStreamBodiesToo()
    {
        await using TestServer server = TestServer.Http(loopType, (_, _) => { }, worker =>
        {
            worker.OnMessage = null;
            worker.OnMessageAsync = Digest;
        });
        using RawClient client = server.Connect();
        client.Send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + Next);
        Assert.That(client.ReadResponse().Body, Does.StartWith("/a 3 "));
        Assert.That(client.ReadResponse().Body, Does.StartWith("/next 0 "));
    }

    [Test]
    public async Task ReadingAfterTheAnswerSaysWhatIsWrong()
    {
        var told = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = Serve(async (connection, request) =>
        {
            connection.Send("early");
            try
            {
                await request.BodyReader.ReadAsync();
            }
            catch (Exception e)
            {
                told.SetResult(e);
            }
        });
        using RawClient client = server.Connect();
        client.Send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
        Assert.That(client.ReadResponse().Body, Is.EqualTo("early"));
        Assert.That(Wait.For(told.Task), Is.InstanceOf<InvalidOperationException>().With.Message.Contains("Cure:"));
    }

    [Test]
    public async Task CurlUploads([Values] bool waits)
    {
        await using TestServer server = Serve(Digest);
        using var folder = new TemporaryFolder();
        byte[] body = Bytes(3_000_000);
        string path = folder.PathOf("body");
        File.WriteAllBytes(path, body);
        string answer = await Curl.RunAsync("-s", "-H", waits ? "Expect: 100-continue" : "Expect:", "-T", path, $"{server.Uri}a");
        Assert.That(answer, Is.EqualTo($"/a 3000000 {Convert.ToHexString(SHA256.HashData(body))} -"));
    }

    /// <summary>Who is slow while nobody listens is not slow; who is slow while the handler waits is.</summary>
    [Test]
    public void TimeCountsOnlyWhileTheClientIsWaitedFor()
    {
        Request? request = null;
        MemoryConnection peer = MemoryConnection.Http((_, message) => request = message, new HttpOptions { StreamBodies = true });
        peer.Socket.Arrive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n");
        peer.Loop.Turn();
        for (int i = 0; i < 10; i++) peer.Socket.Arrive(new string('x', 60_000));
        peer.Loop.TurnUntilNothingHappens();
        Assert.That(peer.Socket.HasUnread, "it is not read from");
        for (int i = 0; i < 100; i++) peer.Loop.Advance(TimeSpan.FromSeconds(1));
        Assert.That(peer.Events, Is.Empty);
        while (request!.BodyReader.TryRead(out ReadResult read))
        {
            request.BodyReader.AdvanceTo(read.Buffer.End);
            peer.Loop.TurnUntilNothingHappens();
        }
        Assert.That(peer.Socket.HasUnread, Is.False);
        for (int i = 0; i < 31; i++) peer.Loop.Advance(TimeSpan.FromSeconds(1));
        Assert.That(peer.Events, Does.Contain("rejected 408"));
        Assert.That(peer.Socket.Sent, Does.StartWith("HTTP/1.1 408 "));
        BadRequestException fault = Assert.Throws<BadRequestException>(() => request!.BodyReader.TryRead(out _))!;
        Assert.That(fault.StatusCode, Is.EqualTo(408));
        peer.AssertKeepsToTheContract();
    }

    private static async Task Digest(TcpConnection connection, Request request)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long length = 0;
        while (true)
        {
            ReadResult read = await request.BodyReader.ReadAsync();
            foreach (ReadOnlyMemory<byte> piece in read.Buffer) hash.AppendData(piece.Span);
            length += read.Buffer.Length;
            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) break;
        }
        string trailer = request.Trailers.TryGetValue("t", out string? value) ? value : "-";
        connection.Send($"{request.Path} {length} {Convert.ToHexString(hash.GetCurrentHash())} {trailer}");
    }

    private TestServer Serve(Func<TcpConnection, Request, Task> handle, Action<Worker>? setUp = null)
    {
        Worker worker = Make(handle);
        setUp?.Invoke(worker);
        return TestServer.Start(loopType, worker);
    }

    private static Worker Make(Func<TcpConnection, Request, Task> handle)
    {
        var worker = new Worker("http://127.0.0.1:0") { Name = "test", OnMessageAsync = handle };
        worker.Options.Http.StreamBodies = true;
        return worker;
    }

    private static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);

    private static byte[] Chunks(byte[] body, int size)
    {
        var chunks = new MemoryStream();
        foreach (byte[] chunk in body.Chunk(size))
        {
            chunks.Write(Ascii($"{chunk.Length:x}\r\n"));
            chunks.Write(chunk);
            chunks.Write("\r\n"u8);
        }
        return chunks.ToArray();
    }

    private static byte[] Zip(byte[] bytes)
    {
        var zipped = new MemoryStream();
        using (var zip = new GZipStream(zipped, CompressionLevel.Fastest, leaveOpen: true)) zip.Write(bytes);
        return zipped.ToArray();
    }

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }
}
