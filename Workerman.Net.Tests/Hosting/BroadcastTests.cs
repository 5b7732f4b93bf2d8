using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>One message to the connections of all loops.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class BroadcastTests(Type loopType)
{
    [Test]
    public async Task ReachesTheWebSocketsOfAllLoopsFromAnyThread([Values(false, true)] bool deflate)
    {
        int connected = 0;
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            Count = 2,
            OnWebSocketConnected = (_, _) => Interlocked.Increment(ref connected),
            OnMessage = (_, _) => { },
        };
        if (deflate) worker.Options.WebSocket.Deflate = new DeflateOptions();
        await using TestServer server = TestServer.Start(loopType, worker);
        List<FrameClient> clients = [.. Enumerable.Range(0, 40).Select(_ => new FrameClient(server.EndPoint))];
        using var notYet = new RawClient(server.EndPoint);
        await Wait.Until(() => Volatile.Read(ref connected) == 40, "the clients");
        worker.Broadcast("one");
        worker.Broadcast("two"u8.ToArray());
        worker.Broadcast(new string('x', 70_000));
        foreach (FrameClient client in clients)
        {
            Assert.That(client.ReadText(), Is.EqualTo("one"));
            Assert.That(client.ReadFrame().Payload, Is.EqualTo("two"u8.ToArray()));
            Assert.That(client.ReadText(), Has.Length.EqualTo(70_000));
            client.Dispose();
        }
    }

    /// <summary>A connection whose handshake has not come is asked first how the message is encoded.</summary>
    [Test]
    public async Task ReachesOthersAndLaterTheOneWhoseHandshakeIsStillToCome()
    {
        await using TestServer server = TestServer.Start(loopType,
            new Worker<WebSocketMessage>("websocket://127.0.0.1:0") { Name = "test", OnMessage = (_, _) => { } });
        var worker = (Worker<WebSocketMessage>)server.Main;
        using var late = new RawClient(server.EndPoint);
        await Wait.Until(() => worker.Connections.Count == 1, "the one without a handshake");
        using var client = new FrameClient(server.EndPoint);
        using var never = new RawClient(server.EndPoint);
        await Wait.Until(() => worker.Connections.Count == 3, "another one");
        worker.Broadcast("text");
        worker.Broadcast("bytes"u8.ToArray());
        worker.Broadcast((ReadOnlyMemory<byte>)"memory"u8.ToArray());
        worker.Broadcast(new WebSocketMessage("message"));
        late.Send("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").ReadUntil("\r\n\r\n");
        const string Frames = "\u0081\u0004text\u0082\u0005bytes\u0082\u0006memory\u0081\u0007message";
        Assert.That(client.Client.ReadExactly(Frames.Length), Is.EqualTo(Frames));
        Assert.That(late.ReadExactly(Frames.Length), Is.EqualTo(Frames));
    }

    /// <summary>
    /// Some compress with a smaller window, some not at all, and between two broadcasts each gets a message of its own.
    /// </summary>
    [Test]
    public async Task CompressedOnceItIsReadByAllClients([Values(false, true)] bool noContextTakeover)
    {
        string text = string.Concat(Enumerable.Range(0, 2000).Select(i => $"line {i % 97} of all, "));
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, message) => connection.Send(message + text),
        };
        worker.Options.WebSocket.Deflate = new DeflateOptions { NoContextTakeover = noContextTakeover };
        await using TestServer server = TestServer.Start(loopType, worker);
        WebSocketDeflateOptions?[] kinds =
        [
            new(), new(), new() { ServerContextTakeover = false }, new() { ServerMaxWindowBits = 10 },
            new() { ServerMaxWindowBits = 13, ServerContextTakeover = false }, null,
        ];
        var clients = new List<ClientWebSocket>();
        foreach (WebSocketDeflateOptions? kind in kinds)
        {
            var client = new ClientWebSocket();
            client.Options.DangerousDeflateOptions = kind;
            await client.ConnectAsync(new Uri($"ws://{server.EndPoint}/"), CancellationToken.None).WaitAsync(Wait.Limit);
            clients.Add(client);
        }
        foreach (ClientWebSocket client in clients) await Ask(client, "own", "own" + text);
        for (int round = 0; round < 3; round++)
        {
            worker.Broadcast($"{round}{text}");
            foreach (ClientWebSocket client in clients) Assert.That(await Read(client), Is.EqualTo($"{round}{text}"));
            foreach (ClientWebSocket client in clients) await Ask(client, "own", "own" + text);
        }
        clients.ForEach(client => client.Dispose());

        static async Task Ask(ClientWebSocket client, string question, string answer)
        {
            await client.SendAsync(Encoding.UTF8.GetBytes(question), WebSocketMessageType.Text, true, CancellationToken.None);
            Assert.That(await Read(client), Is.EqualTo(answer));
        }

        static async Task<string> Read(ClientWebSocket client)
        {
            var bytes = new MemoryStream();
            byte[] buffer = new byte[16 * 1024];
            while (true)
            {
                WebSocketReceiveResult part = await client.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Wait.Limit);
                bytes.Write(buffer, 0, part.Count);
                if (part.EndOfMessage) return Encoding.UTF8.GetString(bytes.ToArray());
            }
        }
    }

    [Test]
    public async Task FromACallbackItsOwnLoopsConnectionsAreReachedInOrder()
    {
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, text) =>
            {
                connection.Send("before");
                connection.Worker!.Broadcast(text);
                connection.Send("after");
            },
        });
        using RawClient listener = server.Connect();
        listener.Send("a\n").ReadUntil("after\n");
        using RawClient speaker = server.Connect();
        Assert.That(speaker.Send("hello\n").ReadUntil("after\n"), Is.EqualTo("before\nhello\nafter\n"));
        Assert.That(listener.ReadUntil("\n"), Is.EqualTo("hello\n"));
    }

    [Test]
    public async Task EncodesForEachConnectionWhereTheProtocolIsTheApplicationsOwn()
    {
        int encoded = 0;
        int connected = 0;
        var worker = new Worker<string>("tcp://127.0.0.1:0")
        {
            Name = "test",
            Protocol = () => new Counting(() => Interlocked.Increment(ref encoded)),
            OnConnect = _ => Interlocked.Increment(ref connected),
            OnMessage = (_, _) => { },
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient one = server.Connect();
        using RawClient two = server.Connect();
        await Wait.Until(() => Volatile.Read(ref connected) == 2, "the clients");
        worker.Broadcast("x");
        Assert.That((one.ReadExactly(1), two.ReadExactly(1)), Is.EqualTo(("x", "x")));
        Assert.That(encoded, Is.EqualTo(2));
    }

    [Test]
    public async Task EventsReachTheOpenStreamsOfAnHttpWorkerAndNobodyElse()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/stream") connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }));
            else connection.Send("page");
        });
        using RawClient page = server.Connect();
        page.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        using RawClient stream = server.Connect();
        stream.Send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        server.Main.Broadcast(new ServerSentEvents { Data = "news" });
        Assert.That(stream.ReadUntil("\n\n"), Is.EqualTo("data: news\n\n"));
        Assert.That(page.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("page"));
    }

    private sealed class Counting(Action count) : IProtocol<string>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out string message)
        {
            input = input.Slice(input.End);
            message = "";
            return Verdict.Message;
        }

        public void Encode(string message, IBufferWriter<byte> output)
        {
            count();
            output.Write(System.Text.Encoding.ASCII.GetBytes(message));
        }
    }
}
