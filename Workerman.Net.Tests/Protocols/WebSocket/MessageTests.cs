using System.Text;
using Workerman.Connection;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>Messages both ways: of any length, in fragments, with control frames between them.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class MessageTests(Type loopType)
{
    [Test]
    public async Task TextOfAnyLengthComesBack([Values(0, 1, 125, 126, 127, 512, 513, 65535, 65536, 200_000)] int length)
    {
        await using TestServer server = Echo();
        using var client = new FrameClient(server.EndPoint);
        string text = new('x', length);
        client.Send(FrameClient.TextFrame(text));
        Assert.That(client.ReadText(), Is.EqualTo(text));
    }

    [Test]
    public async Task BytesStayBytesAndTextStaysText(
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        await using TestServer server = Echo();
        using var client = new FrameClient(server.EndPoint);
        byte[] bytes = new byte[1000];
        new Random(7).NextBytes(bytes);
        client.Send([.. FrameClient.Frame(0x80 | FrameClient.Binary, bytes), .. FrameClient.TextFrame("größer 😀")],
            fragmentation);
        (int first, byte[] payload) = client.ReadFrame();
        Assert.That((first, payload), Is.EqualTo((0x80 | FrameClient.Binary, bytes)));
        Assert.That(client.ReadText(), Is.EqualTo("größer 😀"));
    }

    /// <summary>
    /// Section 5.4: fragments may be cut within a character, may be empty, and control frames come between them.
    /// </summary>
    [Test]
    public async Task FragmentsWithPingsBetweenThemAreOneMessage(
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        await using TestServer server = Echo();
        using var client = new FrameClient(server.EndPoint);
        byte[] text = Encoding.UTF8.GetBytes("κόσμε 😀 done");
        client.Send(
            [
                .. FrameClient.Frame(FrameClient.Text, text.AsSpan(0, 3)), .. FrameClient.Frame(0x80 | FrameClient.Ping, "one"u8),
                .. FrameClient.Frame(0, text.AsSpan(3, 9)), .. FrameClient.Frame(0x80 | FrameClient.Pong, "unasked"u8),
                .. FrameClient.Frame(0, []),
                .. FrameClient.Frame(0x80 | FrameClient.Ping, []), .. FrameClient.Frame(0x80, text.AsSpan(12)),
                .. FrameClient.TextFrame("next"),
            ],
            fragmentation);
        Assert.That(client.ReadFrame(), Is.EqualTo((0x80 | FrameClient.Pong, "one"u8.ToArray())),
            "section 5.5.3: the same payload");
        Assert.That(client.ReadFrame(), Is.EqualTo((0x80 | FrameClient.Pong, Array.Empty<byte>())));
        Assert.That(client.ReadText(), Is.EqualTo("κόσμε 😀 done"));
        Assert.That(client.ReadText(), Is.EqualTo("next"));
    }

    /// <summary>Random messages in random frames, cut at random places.</summary>
    [Test]
    public async Task RandomFramesCutAtRandomAreTheMessagesThatTheyWere()
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        await using TestServer server = Echo();
        using var client = new FrameClient(server.EndPoint);
        List<(int First, byte[] Payload)> expected = [];
        List<byte> wire = [];
        for (int i = 0; i < 200; i++)
        {
            bool isText = random.Next(2) == 0;
            byte[] payload = isText
                ? Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(300)).Select(_ => new Rune(
                    random.Next(2) == 0 ? random.Next(32, 127) : random.Next(0x400, 0xD000))))) : new byte[random.Next(70_000)];
            if (!isText) random.NextBytes(payload);
            int opcode = isText ? FrameClient.Text : FrameClient.Binary;
            expected.Add((0x80 | opcode, payload));
            int fragments = random.Next(1, 4);
            for (int fragment = 0, start = 0; fragment < fragments; fragment++)
            {
                int end = fragment == fragments - 1 ? payload.Length : random.Next(start, payload.Length + 1);
                wire.AddRange(FrameClient.Frame((fragment == fragments - 1 ? 0x80 : 0) | (fragment == 0 ? opcode : 0),
                    payload.AsSpan(start..end)));
                start = end;
            }
        }
        byte[] bytes = [.. wire];
        Task sending = Task.Run(() =>
        {
            for (int start = 0; start < bytes.Length;)
            {
                int end = Math.Min(bytes.Length, start + random.Next(1, 20_000));
                client.Client.Send(bytes[start..end]);
                start = end;
            }
        });
        foreach ((int first, byte[] payload) in expected)
            Assert.That(client.ReadFrame(), Is.EqualTo((first, payload)), $"seed {seed}");
        Wait.For(sending);
    }

    [Test]
    public async Task HandlerThatThrowsIsReportedAndTheConnectionGoesOn()
    {
        await using TestServer server = TestServer.Start(loopType, new Worker<string>("ws://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, text) =>
                connection.Send(text == "throw" ? throw new InvalidOperationException("on purpose") : text),
        });
        using var client = new FrameClient(server.EndPoint);
        client.Send([.. FrameClient.TextFrame("throw"), .. FrameClient.TextFrame("alive")]);
        Assert.That(client.ReadText(), Is.EqualTo("alive"));
        Assert.That(server.Log.Text, Does.Contain("on purpose"));
    }

    [Test]
    public async Task WhatWasSentBehindTheHandshakeIsRead()
    {
        await using TestServer server = Echo();
        using var client = new FrameClient(server.EndPoint, open: false);
        client.Send(FrameClient.TextFrame("early"));
        client.Client.ReadUntil("\r\n\r\n");
        Assert.That(client.ReadText(), Is.EqualTo("early"));
    }

    [Test]
    public async Task MessagesOfAPausedConnectionWait()
    {
        TestServer? server = null;
        server = TestServer.Start(loopType, new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, text) =>
            {
                connection.Send(text);
                if (text != "pause") return;
                connection.PauseRecv();
                Timer.Delay(0.05, connection.ResumeRecv);
            },
        });
        await using TestServer running = server;
        using var client = new FrameClient(server.EndPoint);
        client.Send([.. FrameClient.TextFrame("pause"), .. FrameClient.TextFrame("1"), .. FrameClient.TextFrame("2")]);
        Assert.That((client.ReadText(), client.ReadText(), client.ReadText()), Is.EqualTo(("pause", "1", "2")));
    }

    [Test]
    public async Task ServerSendsWithoutBeingAsked()
    {
        await using TestServer server = TestServer.Start(loopType, new Worker<WebSocketMessage>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnWebSocketConnected = (connection, request) =>
            {
                connection.Send($"hello {request.Get("name")}");
                connection.Send("bytes"u8);
                connection.Send(new WebSocketMessage("either"));
                connection.Ping("are you there"u8);
            },
            OnMessage = (_, _) => { },
        });
        using var client = new FrameClient(server.EndPoint, path: "/?name=joe");
        Assert.That(client.ReadText(), Is.EqualTo("hello joe"));
        Assert.That(client.ReadFrame(), Is.EqualTo((0x80 | FrameClient.Binary, "bytes"u8.ToArray())));
        Assert.That(client.ReadText(), Is.EqualTo("either"));
        Assert.That(client.ReadFrame(), Is.EqualTo((0x80 | FrameClient.Ping, "are you there"u8.ToArray())));
    }

    [Test]
    public void WorkerOfAnotherTypeIsRefusedWithTheTypesThatItCanHave() =>
        Assert.That(() => new Worker<int>("websocket://127.0.0.1:0"),
            Throws.ArgumentException.With.Message.Contain("System.String").And.Message.Contain("WebSocketMessage"));

    private TestServer Echo() => TestServer.Start(loopType, new Worker<WebSocketMessage>("websocket://127.0.0.1:0")
    {
        Name = "test",
        OnMessage = (connection, message) => connection.Send(message),
    });
}
