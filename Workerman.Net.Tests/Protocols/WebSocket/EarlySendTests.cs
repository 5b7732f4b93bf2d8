using System.Net.WebSockets;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>
/// What is sent to a <c>websocket://</c> connection before it is a WebSocket: it waits, within a limit, and is gone if it never
/// becomes one.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class EarlySendTests(Type loopType)
{
    private const string Ask = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    [Test]
    public async Task SomebodyWhoOnlyConnectsStopsNoBroadcast([Values] bool byBroadcast)
    {
        using var output = new EventQueue();
        await using TestServer server = Start(worker => worker.OnMessage = (_, text) =>
        {
            foreach (TcpConnection connection in worker.Connections)
            {
                if (!byBroadcast) output.Add($"{connection.Send(text)}");
                connection.Ping();
            }
            if (byBroadcast) worker.Broadcast(text);
        });
        using RawClient idle = server.Connect();
        using RawClient halfway = server.Connect();
        halfway.Send(Ask[..^2]);
        await Wait.Until(() => server.Main.Connections.Count == 2, "the connections");
        using var open = new FrameClient(server.EndPoint);
        open.Send(FrameClient.TextFrame("tick"));
        if (!byBroadcast)
            Assert.That(new[] { output.Next(), output.Next(), output.Next() }.Order(),
                Is.EqualTo(new[] { "Queued", "Queued", "Sent" }));
        List<string> got = [];
        for (int i = 0; i < 2; i++)
        {
            (int first, byte[] payload) = open.ReadFrame();
            got.Add($"{first:x} {Encoding.UTF8.GetString(payload)}");
        }
        Assert.That(got, Is.EquivalentTo(new[] { "81 tick", "89 " }));
        halfway.Send("\r\n").ReadUntil("\r\n\r\n");
        Assert.That(halfway.ReadExactly(6), Is.EqualTo("\u0081\u0004tick"), "what was sent meanwhile, and no ping");
    }

    /// <summary>In their order: before the handshake, during it, after it.</summary>
    [Test]
    public async Task WhatIsSentBeforeIsFirstOfEveryKind(
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation, [Values] bool deflate,
        [Values] bool encrypted)
    {
        var worker = new Worker<WebSocketMessage>($"{(encrypted ? "wss" : "websocket")}://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (_, _) => { }
        };
        worker.Options.Tls.Certificate = Certificates.Default.Server;
        if (deflate) worker.Options.WebSocket.Deflate = new DeflateOptions { MinSize = 0 };
        worker.OnConnect = connection =>
        {
            Assert.That(connection.Send("welcome"), Is.EqualTo(SendResult.Queued));
            connection.Send("bytes"u8);
            connection.Send(new WebSocketMessage("message"));
            connection.SendRaw([0x89, 0]);
            worker.Broadcast("to all");
        };
        worker.OnWebSocketConnect = (connection, _) => connection.Send("in the handshake");
        worker.OnWebSocketConnected = (connection, _) => connection.SendRaw([0x81, 5, .. "after"u8]);
        await using TestServer server = TestServer.Start(loopType, worker);
        string wire;
        string ask = Ask.Replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
        const string Frames = "\u0081\u0007welcome\u0082\u0005bytes\u0081\u0007message\u0089\0\u0081\u0006to all\u0081\u0010in "
            + "the handshake\u0081\u0005after";
        if (encrypted)
        {
            using TlsClient client = TlsClient.Connect(server.EndPoint);
            foreach (Range piece in fragmentation.Cut(ask.Length)) client.Send(ask[piece]);
            client.ReadUntil("\r\n\r\n");
            wire = client.ReadExactly(Frames.Length);
        }
        else
        {
            using RawClient client = server.Connect();
            client.Send(ask, fragmentation);
            Assert.That(client.ReadUntil("\r\n\r\n").Contains("permessage-deflate", StringComparison.Ordinal),
                Is.EqualTo(deflate));
            wire = client.ReadExactly(Frames.Length);
        }
        Assert.That(wire, Is.EqualTo(Frames));
    }

    [Test]
    public async Task DotNetsClientHasTheWelcomeFirst()
    {
        await using TestServer server = Start(worker => worker.OnConnect = connection => connection.Send("welcome"));
        using var client = new ClientWebSocket();
        await client.ConnectAsync(new Uri($"ws://{server.EndPoint}/"), CancellationToken.None).WaitAsync(Wait.Limit);
        byte[] buffer = new byte[100];
        WebSocketReceiveResult result = await client.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Wait.Limit);
        Assert.That((result.MessageType, result.EndOfMessage, Encoding.UTF8.GetString(buffer, 0, result.Count)),
            Is.EqualTo((WebSocketMessageType.Text, true, "welcome")));
    }

    [Test]
    public async Task WhatWaitsIsBoundedAsAllThatWaits()
    {
        using var output = new EventQueue();
        await using TestServer server = Start(worker =>
        {
            worker.OnConnect = connection =>
            {
                connection.MaxSendBufferSize = 1000;
                for (int i = 0; i < 4; i++) output.Add($"{connection.Send(new string((char)('a' + i), 400))}");
                output.Add($"{connection.SendBufferQueueSize} {connection.BufferIsEmpty}");
            };
            worker.OnError = (_, error, reason) => output.Add($"{error} {reason}");
            worker.OnBufferFull = _ => output.Add("full");
            worker.OnBufferDrain = _ => output.Add("drained");
            worker.OnWebSocketConnected = (_, _) => output.Add("connected");
        });
        using var client = new FrameClient(server.EndPoint);
        string[] expected = ["Queued", "Queued", "full", "Queued", "SendFail send buffer full and drop package", "Dropped",
            "1212 False", "drained", "connected"];
        foreach (string line in expected) Assert.That(output.Next(), Is.EqualTo(line));
        foreach (char letter in "abc") Assert.That(client.ReadText(), Is.EqualTo(new string(letter, 400)));
        Assert.That(client.Send(FrameClient.TextFrame("echo")).ReadText(), Is.EqualTo("echo"));
    }

    /// <summary>Nobody who has yet to shake hands is a reader that stalls.</summary>
    [Test]
    public async Task WhatWaitsIsNoStalledReader()
    {
        var late = new TaskCompletionSource();
        await using TestServer server = Start(worker => worker.OnConnect = connection =>
        {
            connection.SendTimeout = TimeSpan.FromMilliseconds(1);
            connection.Send("welcome");
            // Three looks at the time limits.
            Timer.Delay(0.7, late.SetResult);
        });
        using RawClient client = server.Connect();
        Wait.For(late.Task);
        client.Send(Ask).ReadUntil("\r\n\r\n");
        Assert.That(client.ReadExactly(9), Is.EqualTo("\u0081\u0007welcome"));
    }

    [TestCase("a page", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 ")]
    [TestCase("a bad handshake", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", "HTTP/1.1 400 ")]
    [TestCase("no HTTP", "hello\r\n\r\n", "HTTP/1.1 400 ")]
    [TestCase("half a head for too long", "GET / HTTP/1.1\r\n", "HTTP/1.1 408 ")]
    [TestCase("nothing for too long", "", "")]
    [TestCase("an end", null, "")]
    public async Task WithoutAHandshakeItIsDropped(string name, string? sent, string answer)
    {
        Assert.That(name, Is.Not.Empty);
        var closed = new TaskCompletionSource<(SendResult, long)>();
        await using TestServer server = Start(worker =>
        {
            worker.Options.Http.HeadTimeout = TimeSpan.FromMilliseconds(500);
            worker.OnConnect = connection => connection.Send("welcome");
            worker.OnClose = connection => closed.SetResult((connection.Send("late"), connection.SendBufferQueueSize));
        });
        using RawClient client = server.Connect();
        if (sent is null) client.HalfClose();
        else client.Send(sent);
        Assert.That(client.ReadToEnd(), answer.Length == 0 ? Is.Empty : Does.StartWith(answer).And.Not.Contain("welcome"));
        Assert.That(Wait.For(closed.Task), Is.EqualTo((SendResult.Dropped, 0L)));
    }

    /// <summary>
    /// A text is no answer of HTTP: it is sent, and the handshake goes on. An answer refuses, whatever was sent before.
    /// </summary>
    [TestCase("response", "403")]
    [TestCase("derived response", "403")]
    [TestCase("close", "no answer")]
    [TestCase("close with text", "no answer")]
    [TestCase("close with response", "403")]
    [TestCase("raw", "0")]
    public async Task RefusalDropsWhatWasSentAndIsLogged(string how, string status)
    {
        long left = -1;
        await using TestServer server = Start(worker =>
        {
            worker.OnConnect = connection =>
            {
                connection.MaxSendBufferSize = 100;
                connection.OnClose = connection => left = connection.SendBufferQueueSize;
            };
            worker.OnWebSocketConnect = (connection, request) =>
            {
                if (request.Path != "/no") return;
                connection.Send("first");
                while (connection.Send("more") != SendResult.Dropped)
                {
                }
                switch (how)
                {
                    case "response": connection.Send(new Response(403)); break;
                    case "derived response": connection.Send(new OwnResponse()); break;
                    case "close": connection.Close(); break;
                    case "close with text": connection.Close("no"); break;
                    case "close with response": connection.Close(new Response(403)); break;
                    default: connection.Close("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", raw: true); break;
                }
            };
        });
        using RawClient client = server.Connect();
        client.Send(Ask.Replace("GET / ", "GET /no "));
        if (how.EndsWith("response", StringComparison.Ordinal) || how == "raw")
            Assert.That(client.ReadResponse().Status, Is.EqualTo(403));
        if (how is "response" or "derived response")
        {
            // HTTP goes on: who was refused may ask again, and hears nothing of what was meant for the first time.
            client.Send(Ask).ReadUntil("\r\n\r\n");
            client.Send(FrameClient.TextFrame("echo"));
            Assert.That(client.ReadExactly(6), Is.EqualTo("\u0081\u0004echo"));
        }
        else
        {
            Assert.That(client.ReadToEnd(), Is.Empty);
            await Wait.Until(() => left == 0, "what waited to be dropped");
        }
        Assert.That(server.Log.Text, Does.Contain($"[Debug] Worker test: OnWebSocketConnect refused connection ")
            .And.Contain(" for /no with " + (status == "0" ? "no answer" : status)));
    }

    [Test]
    public async Task CloseWebSocketEndsOneThatIsNoneYet()
    {
        await using TestServer server = Start(worker => worker.OnConnect = connection => connection.CloseWebSocket(4000, "full"));
        using RawClient client = server.Connect();
        Assert.That(client.ReadToEnd(), Is.Empty);
    }

    [Test]
    public async Task AnyThreadSendsBefore()
    {
        var connected = new TaskCompletionSource<TcpConnection>();
        await using TestServer server = Start(worker => worker.OnConnect = connected.SetResult);
        using RawClient client = server.Connect();
        TcpConnection connection = Wait.For(connected.Task);
        Assert.That((connection.Send("a"), connection.Send("b"u8), connection.Send(new WebSocketMessage("c"))),
            Is.EqualTo((SendResult.Queued, SendResult.Queued, SendResult.Queued)));
        await Wait.Until(() => connection.SendBufferQueueSize == 9, "the loop");
        client.Send(Ask).ReadUntil("\r\n\r\n");
        Assert.That(client.ReadExactly(9), Is.EqualTo("\u0081\u0001a\u0082\u0001b\u0081\u0001c"));
    }

    private TestServer Start(Action<Worker<string>> setUp)
    {
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, text) => connection.Send(text)
        };
        setUp(worker);
        return TestServer.Start(loopType, worker);
    }

    private sealed class OwnResponse() : Response(403);
}
