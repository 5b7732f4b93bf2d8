using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>
/// Streamed bodies that together have as many bytes in memory as they may: each waits for its own handler, and goes on when that
/// has read; one that finds no room at its beginning, or whose handler keeps all, is refused.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class StreamedMemoryTests(Type loopType)
{
    private const int Length = 20_000_000, Most = 100_000;

    [Test]
    public async Task UploadsWaitForTheirHandlersAndComeWhole([Values] bool isChunked)
    {
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = Serve(async (connection, request) =>
        {
            await read.Task;
            connection.Send(await HashOf(request));
        });
        byte[][] bodies = [.. Enumerable.Range(0, 3).Select(static seed => Bytes(seed))];
        RawClient[] clients = [.. bodies.Select(_ => server.Connect())];
        foreach (RawClient client in clients) client.Socket.SendBufferSize = 64 * 1024;
        // Their heads first: one that begins when memory is full is refused.
        foreach (RawClient client in clients) client.Send(Head(isChunked));
        await Wait.Until(() => server.Main.Connections.Count == clients.Length, "all are connected");
        int head = Head(isChunked).Length;
        await Wait.Until(() => server.Main.Connections.All(one => one.BytesRead == head), "and have sent their heads");
        await Rest(server);
        Task sending = Task.WhenAll(clients.Select((client, at) => Task.Run(() => client.Send(Body(bodies[at], isChunked)))));
        BodyTotals totals = server.Main.Options.Http.Bodies;
        // When memory is full, the first bytes of a body are still read, however few come at once, and then nothing of it.
        await Wait.Until(() => totals.Memory >= Most && server.Main.Connections.All(one => one.BytesRead > head),
            "memory is full, and each has been heard of");
        await LoopTurns.PassUntilStill(server.Main.Connections.First().Loop,
            () => clients.All(static client => client.IsHeldUp), () => totals.Memory);
        Assert.That(totals.Memory, Is.LessThan(Most + clients.Length * 2 * 64 * 1024));
        Assert.That(sending.IsCompleted, Is.False);
        using (RawClient late = server.Connect())
            Assert.That(late.Send(Head(isChunked: true)).ReadResponse().Status, Is.EqualTo(503), "there is no room to begin");
        read.SetResult();
        for (int i = 0; i < clients.Length; i++)
            Assert.That(clients[i].ReadResponse().Body, Is.EqualTo(Convert.ToHexString(SHA256.HashData(bodies[i]))));
        await sending;
        Assert.That(totals.Memory, Is.Zero);
        foreach (RawClient client in clients) client.Dispose();
    }

    [Test]
    public async Task HandlerThatSearchesGoesOnAsFarAsItConsumes()
    {
        // Lines of 40,000 bytes, of which each is looked at several times before it is whole.
        await using TestServer server = Serve(static async (connection, request) =>
        {
            int lines = 0;
            while (true)
            {
                ReadResult read = await request.BodyReader.ReadAsync();
                SequencePosition from = read.Buffer.Start;
                while (read.Buffer.Slice(from).PositionOf((byte)'\n') is { } end)
                    (from, lines) = (read.Buffer.GetPosition(1, end), lines + 1);
                request.BodyReader.AdvanceTo(from, read.Buffer.End);
                if (read.IsCompleted) break;
            }
            connection.Send($"{lines}");
        });
        byte[] line = [.. Enumerable.Repeat((byte)'x', 39_999), (byte)'\n'];
        byte[] body = new byte[Length];
        for (int at = 0; at < Length; at += line.Length) line.CopyTo(body, at);
        using RawClient client = server.Connect();
        client.Send([.. Head(false), .. body], Fragmentation.AtRandom(7));
        Assert.That(client.ReadResponse().Body, Is.EqualTo($"{Length / line.Length}"));
        Assert.That(server.Main.Options.Http.Bodies.Memory, Is.Zero);
    }

    [Test]
    public async Task HandlerThatKeepsAllIsRefused()
    {
        var failure = new TaskCompletionSource<Exception>();
        await using TestServer server = Serve(async (_, request) =>
        {
            try
            {
                while (true)
                {
                    ReadResult read = await request.BodyReader.ReadAsync();
                    request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                }
            }
            catch (Exception e)
            {
                failure.TrySetResult(e);
                throw;
            }
        });
        using RawClient client = server.Connect();
        Task sending = Task.Run(() => SendAll(client, [.. Head(false), .. Bytes(1)]));
        (int Status, string Head, string Body) answer = client.ReadResponse();
        Assert.That((answer.Status, answer.Body.Trim()), Is.EqualTo(
            (503, "503 Service Unavailable: too many request bodies at once (HttpOptions.MaxBodyMemory)")));
        Assert.That(await failure.Task.WaitAsync(Wait.Limit), Is.InstanceOf<IOException>());
        await sending;
        await Wait.Until(() => server.Main.Options.Http.Bodies.Memory == 0, "all comes back");
    }

    [Test]
    public async Task BodyThatIsGatheredBeyondMemoryIsRefused()
    {
        await using TestServer server = Serve(static async (connection, request) =>
        {
            await request.ReadBodyAsync();
            connection.Send($"{request.RawBody.Length}");
        }, static options => options.BodyMemoryThreshold = Length);
        using RawClient client = server.Connect();
        Task sending = Task.Run(() => SendAll(client, [.. Head(false), .. Bytes(1)]));
        Assert.That(client.ReadResponse().Status, Is.EqualTo(503));
        await sending;
        await Wait.Until(() => server.Main.Options.Http.Bodies.Memory == 0, "all comes back");
    }

    /// <summary>The client is told though the handler keeps silent, and nothing stays counted.</summary>
    [Test]
    public async Task HandlerThatTakesItForTheClientsEndLeavesNobodyWaiting()
    {
        await using TestServer server = Serve(static async (connection, request) =>
        {
            try
            {
                await request.ReadBodyAsync();
                connection.Send("taken");
            }
            catch (IOException)
            {
                // As for a client that is gone.
            }
        }, static options => options.BodyMemoryThreshold = Length);
        using RawClient client = server.Connect();
        Task sending = Task.Run(() => SendAll(client, [.. Head(false), .. Bytes(1)]));
        Assert.That(client.ReadResponse().Status, Is.EqualTo(503));
        await sending;
        await Wait.Until(() => server.Main.Options.Http.Bodies.Memory == 0, "all comes back");
        Assert.That(server.Log.Text, Does.Contain("A request body is refused with 503: too many request bodies at once"));
    }

    private static async Task<string> HashOf(Request request)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        while (true)
        {
            ReadResult read = await request.BodyReader.ReadAsync();
            foreach (ReadOnlyMemory<byte> piece in read.Buffer) hash.AppendData(piece.Span);
            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) return Convert.ToHexString(hash.GetCurrentHash());
        }
    }

    /// <summary>Sends, to a server that may end the connection meanwhile.</summary>
    private static void SendAll(RawClient client, byte[] bytes)
    {
        try
        {
            client.Send(bytes);
        }
        catch (SocketException)
        {
        }
    }

    /// <summary>What has arrived is taken in, as far as it is.</summary>
    private static Task Rest(TestServer server) => LoopTurns.Pass(server.Main.Connections.First().Loop, 20);

    private static byte[] Head(bool isChunked) => Encoding.ASCII.GetBytes("POST / HTTP/1.1\r\nHost: a\r\n"
        + (isChunked ? "Transfer-Encoding: chunked\r\n\r\n" : $"Content-Length: {Length}\r\n\r\n"));

    private static byte[] Body(byte[] bytes, bool isChunked)
    {
        if (!isChunked) return bytes;
        var body = new MemoryStream(bytes.Length + 100_000);
        for (int at = 0; at < bytes.Length; at += 50_000)
        {
            int length = Math.Min(50_000, bytes.Length - at);
            body.Write(Encoding.ASCII.GetBytes($"{length:x}\r\n"));
            body.Write(bytes, at, length);
            body.Write("\r\n"u8);
        }
        body.Write("0\r\n\r\n"u8);
        return body.ToArray();
    }

    private static byte[] Bytes(int seed)
    {
        byte[] bytes = new byte[Length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private TestServer Serve(Func<TcpConnection, Request, Task> handle, Action<HttpOptions>? setUp = null)
    {
        var worker = new Worker("http://127.0.0.1:0") { Name = "test", OnMessageAsync = handle };
        worker.Options.Http.StreamBodies = true;
        worker.Options.Http.MaxRequestSize = 2 * Length;
        worker.Options.Http.MaxBodyMemory = Most;
        setUp?.Invoke(worker.Options.Http);
        return TestServer.Start(loopType, worker);
    }
}
