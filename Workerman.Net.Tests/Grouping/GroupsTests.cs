using System.Buffers;
using System.Collections.Concurrent;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Grouping;

/// <summary>What the members of a group are sent: all of them, whatever they speak, each once, and nobody else.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class GroupsTests(Type loopType)
{
    [Test]
    public async Task ReachesTheMembersOnAllLoopsFromAnyThreadAndNobodyElse([Values(1, 2, 4)] int count)
    {
        var rooms = new Groups();
        int joined = 0;
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            Count = count,
            OnMessage = (connection, room) =>
            {
                rooms.Join(connection, room);
                Interlocked.Increment(ref joined);
            },
        });
        var clients = new List<FrameClient>();
        for (int i = 0; i < 24; i++)
        {
            clients.Add(new FrameClient(server.EndPoint));
            clients[i].Send(FrameClient.TextFrame(i % 2 == 0 ? "even" : "odd"));
        }
        await Wait.Until(() => Volatile.Read(ref joined) == 24, "the members");
        rooms.Send("even", "2");
        rooms.Send("odd", "1"u8.ToArray());
        rooms.Send("nobody", "0");
        rooms.SendToAll("all");
        Assert.That((rooms.Count("even"), rooms.Count("odd"), rooms.Count("nobody")), Is.EqualTo((12, 12, 0)));
        Assert.That(rooms.GetGroups(), Is.EquivalentTo(new[] { "even", "odd" }));
        Assert.That((rooms.GroupCount, rooms.ConnectionCount, rooms.GetConnections().Count), Is.EqualTo((2, 24, 24)));
        Assert.That(rooms.GetConnections("even").Distinct().Count(), Is.EqualTo(12));
        for (int i = 0; i < 24; i++)
        {
            if (i % 2 == 0) Assert.That(clients[i].ReadText(), Is.EqualTo("2"));
            else Assert.That(clients[i].ReadFrame(), Is.EqualTo((0x80 | FrameClient.Binary, "1"u8.ToArray())));
            Assert.That(clients[i].ReadText(), Is.EqualTo("all"));
            clients[i].Dispose();
        }
        await Wait.Until(() => rooms.ConnectionCount == 0 && rooms.GroupCount == 0, "the end of all groups");
    }

    [Test]
    public async Task MembersOfAllProtocolsGetTextAndBytesAsTheySpeak()
    {
        var rooms = new Groups();
        var errors = new ConcurrentQueue<string>();
        void Join(TcpConnection connection) => rooms.Join(connection, "room");
        var lines = new Worker<string>("text://127.0.0.1:0") { Name = "lines", OnConnect = Join };
        var frames = new Worker<byte[]>("frame://127.0.0.1:0") { Name = "frames", OnConnect = Join };
        var raw = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0") { Name = "raw", OnConnect = Join };
        var rawText = new Worker<string>("tcp://127.0.0.1:0") { Name = "rawText", OnConnect = Join };
        var own = new Worker<string>("tcp://127.0.0.1:0") { Name = "own", Protocol = () => new Shouting(), OnConnect = Join };
        var web = new Worker("http://127.0.0.1:0") { Name = "web", OnError = (_, _, reason) => errors.Enqueue(reason) };
        web.OnMessage = (connection, request) =>
        {
            if (request.IsWebSocketUpgrade) connection.UpgradeToWebSocket(request, (_, _) => { });
            else connection.Send(new Response().WithHeader("Content-Type", "text/event-stream"));
            Join(connection);
        };
        await using TestServer server = TestServer.Start(loopType, lines, frames, raw, rawText, own, web);
        using var line = new RawClient(lines.LocalEndPoint!);
        using var frame = new RawClient(frames.LocalEndPoint!);
        using var plain = new RawClient(raw.LocalEndPoint!);
        using var plainText = new RawClient(rawText.LocalEndPoint!);
        using var shouted = new RawClient(own.LocalEndPoint!);
        using var socket = new FrameClient(web.LocalEndPoint!);
        using var stream = new RawClient(web.LocalEndPoint!);
        stream.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        await Wait.Until(() => rooms.Count("room") == 7, "the members");

        rooms.Send("room", "h\u00e9\nllo");
        Assert.That(line.ReadUntil("llo\n"), Is.EqualTo("h\u00c3\u00a9\nllo\n"));
        Assert.That(frame.ReadExactly(11), Is.EqualTo("\0\0\0\u000bh\u00c3\u00a9\nllo"));
        Assert.That(plain.ReadExactly(7), Is.EqualTo("h\u00c3\u00a9\nllo"));
        Assert.That(plainText.ReadExactly(7), Is.EqualTo("h\u00c3\u00a9\nllo"));
        Assert.That(shouted.ReadUntil("!"), Is.EqualTo("H?\nLLO!"));
        Assert.That(socket.ReadText(), Is.EqualTo("h\u00e9\nllo"));
        Assert.That(stream.ReadUntil("\n\n"), Is.EqualTo("data: h\u00c3\u00a9\ndata: llo\n\n"));

        rooms.Send("room", new byte[] { 1, 2 });
        Assert.That(line.ReadExactly(3), Is.EqualTo("\u0001\u0002\n"));
        Assert.That(frame.ReadExactly(6), Is.EqualTo("\0\0\0\u0006\u0001\u0002"));
        Assert.That(plain.ReadExactly(2), Is.EqualTo("\u0001\u0002"));
        Assert.That(socket.ReadFrame(), Is.EqualTo((0x80 | FrameClient.Binary, new byte[] { 1, 2 })));
        await Wait.Until(() => !errors.IsEmpty, "the stream's error");
        Assert.That(errors, Has.Exactly(1).Items.And.All.StartsWith("A http connection has no form for bytes"));

        rooms.Send("room", new WebSocketMessage("text"));
        rooms.Send("room", new ServerSentEvents { Event = "e", Data = "event" });
        rooms.Send("room", new WebSocketMessage("end"));
        Assert.That(line.ReadUntil("end\n"), Is.EqualTo("text\nend\n"));
        Assert.That(shouted.ReadUntil("END!"), Is.EqualTo("TEXT!END!"));
        Assert.That((socket.ReadText(), socket.ReadText()), Is.EqualTo(("text", "end")));
        Assert.That(stream.ReadUntil("data: end\n\n"), Is.EqualTo("data: text\n\nevent: e\ndata: event\n\ndata: end\n\n"));
        Assert.That(errors, Has.Exactly(1).Items);
    }

    [Test]
    public async Task CompressedAndOtherWebSocketsAreSentTheSameMessage()
    {
        var rooms = new Groups();
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnWebSocketConnected = (connection, _) => rooms.Join(connection, "room"),
            OnMessage = (_, _) => { },
        };
        worker.Options.WebSocket.Deflate = new DeflateOptions { MinSize = 16 };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var plain = new FrameClient(server.EndPoint);
        using var small = new FrameClient(server.EndPoint, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        await Wait.Until(() => rooms.Count("room") == 2, "the members");
        string text = new('x', 1000);
        rooms.Send("room", text);
        Assert.That(plain.ReadText(), Is.EqualTo(text));
        (int first, byte[] payload) = small.ReadFrame();
        Assert.That((first, payload.Length), Is.EqualTo((0xc0 | FrameClient.Text, payload.Length)));
        Assert.That(payload, Has.Length.LessThan(100));
    }

    [TestCase(true, 1)]
    [TestCase(false, 5)]
    public async Task AProtocolThatKeepsNothingBetweenMessagesEncodesOnce(bool isStateless, int expected)
    {
        var rooms = new Groups();
        int encoded = 0;
        void Count() => Interlocked.Increment(ref encoded);
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("tcp://127.0.0.1:0")
        {
            Name = "test",
            Protocol = () => isStateless ? new CountingOnce(Count) : new Counting(Count),
            OnConnect = connection => rooms.Join(connection, "room"),
        });
        List<RawClient> clients = [.. Enumerable.Range(0, 5).Select(_ => server.Connect())];
        await Wait.Until(() => rooms.Count("room") == 5, "the members");
        rooms.Send("room", "text");
        foreach (RawClient client in clients)
        {
            Assert.That(client.ReadExactly(4), Is.EqualTo("text"));
            client.Dispose();
        }
        Assert.That(encoded, Is.EqualTo(expected));
    }

    [Test]
    public async Task MessagesOfAProtocolOfItsOwnReachThoseWhoSpeakIt()
    {
        var rooms = new Groups();
        var errors = new ConcurrentQueue<string>();
        var orders = new Worker<Order>("tcp://127.0.0.1:0")
        {
            Name = "orders",
            Protocol = () => new OrderProtocol(),
            OnConnect = connection => rooms.Join(connection, "room"),
            OnError = (_, _, reason) => errors.Enqueue(reason),
        };
        var lines = new Worker<string>("text://127.0.0.1:0")
        {
            Name = "lines",
            OnConnect = connection => rooms.Join(connection, "room"),
            OnError = (_, _, reason) => errors.Enqueue(reason),
        };
        await using TestServer server = TestServer.Start(loopType, orders, lines);
        using var order = new RawClient(orders.LocalEndPoint!);
        using var line = new RawClient(lines.LocalEndPoint!);
        await Wait.Until(() => rooms.Count("room") == 2, "the members");
        rooms.SendMessage("room", new Order(7));
        Assert.That(order.ReadExactly(2), Is.EqualTo("#7"));
        rooms.Send("room", "text");
        Assert.That(line.ReadUntil("\n"), Is.EqualTo("text\n"));
        // An encoder that fails is a fault of that connection, and the others get the message.
        rooms.SendMessage("room", new Order(-1));
        rooms.SendMessage("room", new Order(8));
        Assert.That(order.ReadExactly(2), Is.EqualTo("#8"));
        await Wait.Until(() => errors.Count == 4, () => string.Join('\n', errors));
        Assert.That(errors.Count(reason => reason.StartsWith($"A text connection has no form for {typeof(Order)},",
            StringComparison.Ordinal)), Is.EqualTo(3));
        Assert.That(errors.Count(reason => reason.StartsWith("A tcp connection has no form for text,",
            StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(server.Log.Text, Does.Contain("A callback of worker orders failed").And.Contain("no such order"));
    }

    [Test]
    public async Task SomeConnectionsAndGroupsAreExcepted()
    {
        var rooms = new Groups();
        var connections = new ConcurrentDictionary<string, TcpConnection>();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            Count = 2,
            OnMessage = (connection, user) =>
            {
                rooms.Join(connection, "room");
                rooms.Join(connection, $"user:{user[0]}");
                connections[user] = connection;
            },
        });
        string[] users = ["a1", "a2", "b1", "b2", "c1"];
        Dictionary<string, RawClient> clients = users.ToDictionary(user => user, _ => server.Connect());
        foreach (string user in users) clients[user].Send($"{user}\n");
        await Wait.Until(() => connections.Count == 5, "the members");
        rooms.Except(connections["a1"]).Send("room", "not a1");
        rooms.ExceptGroups("user:a", "user:none").Send("room", "not a");
        rooms.Except(connections["c1"]).ExceptGroups("user:b").SendToAll("not b, not c1"u8.ToArray());
        rooms.Except().Send("room", "end");
        Assert.That(users.Select(user => clients[user].ReadUntil("end\n")), Is.EqualTo(new[]
        {
            "not b, not c1\nend\n",
            "not a1\nnot b, not c1\nend\n",
            "not a1\nnot a\nend\n",
            "not a1\nnot a\nend\n",
            "not a1\nnot a\nend\n",
        }));
        rooms.Except(connections["a1"]).Close("user:a", "bye");
        Assert.That(clients["a2"].ReadToEnd(), Is.EqualTo("bye\n"));
        rooms.Close("room");
        foreach (RawClient client in clients.Values)
        {
            Assert.That(client.IsAtEnd());
            client.Dispose();
        }
    }

    [Test]
    public async Task WhatWasSentBeforeAGroupIsDissolvedStillArrives()
    {
        var rooms = new Groups();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            Count = 2,
            OnConnect = connection => rooms.Join(connection, "room"),
            OnMessage = (connection, _) => rooms.Join(connection, "room"),
        });
        List<RawClient> clients = [.. Enumerable.Range(0, 6).Select(_ => server.Connect())];
        await Wait.Until(() => rooms.Count("room") == 6, "the members");
        rooms.Send("room", "last");
        rooms.Dissolve("room");
        rooms.Send("room", "too late");
        Assert.That((rooms.Count("room"), rooms.GroupCount, rooms.ConnectionCount), Is.EqualTo((0, 0, 0)));
        foreach (RawClient client in clients) client.Send("again\n");
        await Wait.Until(() => rooms.Count("room") == 6, "the members, again");
        rooms.Send("room", "end");
        foreach (RawClient client in clients)
        {
            Assert.That(client.ReadUntil("end\n"), Is.EqualTo("last\nend\n"));
            client.Dispose();
        }
    }

    [Test]
    public async Task AWebSocketThatIsClosedWithAGroupIsToldSo()
    {
        var rooms = new Groups();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnWebSocketConnected = (connection, _) => rooms.Join(connection, "user"),
            OnMessage = (_, _) => { },
        });
        using var client = new FrameClient(server.EndPoint);
        await Wait.Until(() => rooms.Count("user") == 1, "the member");
        rooms.Close("user", "elsewhere");
        Assert.That(client.ReadText(), Is.EqualTo("elsewhere"));
        (int first, byte[] payload) = client.ReadFrame();
        Assert.That((first, payload), Is.EqualTo((0x80 | FrameClient.Close, new byte[] { 0x03, 0xe8 })));
    }

    [Test]
    public async Task SeveralGroupsObjectsKnowNothingOfEachOther()
    {
        Groups rooms = new();
        Groups users = new();
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("text://127.0.0.1:0")
        {
            Name = "test",
            OnConnect = connection =>
            {
                rooms.Join(connection, "a");
                users.Join(connection, "b");
            },
        });
        using RawClient client = server.Connect();
        await Wait.Until(() => users.Count("b") == 1, "the member");
        rooms.Send("b", "no");
        users.Send("a", "no");
        rooms.Send("a", "room");
        users.Send("b", "user");
        Assert.That(client.ReadUntil("user\n"), Is.EqualTo("room\nuser\n"));
        Assert.That((rooms.GetGroups(), users.GetGroups()), Is.EqualTo((new[] { "a" }, new[] { "b" })));
        client.Dispose();
        await Wait.Until(() => rooms.ConnectionCount + users.ConnectionCount == 0, "the end");
    }

    private sealed record Order(int Number);

    /// <summary>In capitals, ASCII, with an exclamation mark.</summary>
    private sealed class Shouting : Silent<string>
    {
        public override void Encode(string message, IBufferWriter<byte> output) =>
            output.Write(System.Text.Encoding.ASCII.GetBytes(message.ToUpperInvariant().Replace('\u00c9', '?') + "!"));
    }

    private class Counting(Action count) : Silent<string>
    {
        public override void Encode(string message, IBufferWriter<byte> output)
        {
            count();
            output.Write(System.Text.Encoding.ASCII.GetBytes(message));
        }
    }

    private sealed class CountingOnce(Action count) : Counting(count), IStatelessEncoder;

    private sealed class OrderProtocol : Silent<Order>
    {
        public override void Encode(Order message, IBufferWriter<byte> output)
        {
            if (message.Number < 0) throw new InvalidOperationException("no such order");
            output.Write([(byte)'#', (byte)('0' + message.Number)]);
        }
    }

    /// <summary>Reads nothing.</summary>
    private abstract class Silent<T> : IProtocol<T>
    {
        public abstract void Encode(T message, IBufferWriter<byte> output);

        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out T message)
        {
            input = input.Slice(input.End);
            message = default!;
            return Verdict.NeedMore;
        }
    }
}
