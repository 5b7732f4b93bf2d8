using System.Net.WebSockets;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>.NET's own client against the server, with and without compression.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ClientWebSocketTests(Type loopType)
{
    private static IEnumerable<TestCaseData> Negotiations
    {
        get
        {
            yield return new TestCaseData(null, null).SetArgDisplayNames("nobody compresses");
            yield return new TestCaseData(new WebSocketDeflateOptions(), null).SetArgDisplayNames("the client alone would");
            yield return new TestCaseData(null, new DeflateOptions()).SetArgDisplayNames("the server alone would");
            yield return new TestCaseData(new WebSocketDeflateOptions(), new DeflateOptions())
                .SetArgDisplayNames("both take context over");
            yield return new TestCaseData(new WebSocketDeflateOptions
            {
                ClientContextTakeover = false,
                ServerContextTakeover = false
            }, new DeflateOptions()).SetArgDisplayNames("the client wants no takeover");
            yield return new TestCaseData(new WebSocketDeflateOptions(), new DeflateOptions
            {
                NoContextTakeover = true,
                PeerNoContextTakeover = true
            }).SetArgDisplayNames("the server wants no takeover");
            yield return new TestCaseData(new WebSocketDeflateOptions { ClientMaxWindowBits = 9, ServerMaxWindowBits = 9 },
                new DeflateOptions { MinSize = 0 }).SetArgDisplayNames("windows of 512 bytes");
        }
    }

    [TestCaseSource(nameof(Negotiations))]
    public async Task MessagesOfAllKindsComeBackAndTheEndIsInOrder(WebSocketDeflateOptions? clients, DeflateOptions? servers)
    {
        await using TestServer server = Echo(servers);
        using var client = new ClientWebSocket();
        client.Options.DangerousDeflateOptions = clients;
        await client.ConnectAsync(new Uri($"ws://{server.EndPoint}/"), CancellationToken.None);
        var random = new Random(11);
        byte[] noise = new byte[50_000];
        random.NextBytes(noise);
        byte[][] messages =
            [[], "short"u8.ToArray(), Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("much the same 😀 ", 9000))), noise,
                Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("much the same 😀 ", 9000)))];
        foreach (byte[] message in messages)
        {
            foreach (WebSocketMessageType type in message
                == noise ? [WebSocketMessageType.Binary] : new[] { WebSocketMessageType.Text, WebSocketMessageType.Binary })
            {
                await client.SendAsync(message, type, endOfMessage: true, CancellationToken.None);
                (WebSocketMessageType received, byte[] echo) = await Receive(client);
                Assert.That((received, echo), Is.EqualTo((type, message)));
            }
        }
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", CancellationToken.None).WaitAsync(Wait.Limit);
        Assert.That((client.State, client.CloseStatus), Is.EqualTo((WebSocketState.Closed, WebSocketCloseStatus.NormalClosure)));
    }

    [Test]
    public async Task SpeaksOverTls()
    {
        var worker = new Worker<string>("wss://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, text) => connection.Send($"{text} {connection.IsEncrypted}")
        };
        worker.Options.Tls.Certificate = Certificates.Default.Server;
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new ClientWebSocket();
        client.Options.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
            certificate?.GetCertHashString() == Certificates.Default.Server.Thumbprint;
        await client.ConnectAsync(new Uri($"wss://{server.EndPoint}/"), CancellationToken.None).WaitAsync(Wait.Limit);
        await client.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        Assert.That(Encoding.UTF8.GetString((await Receive(client)).Data), Is.EqualTo("hello True"));
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", CancellationToken.None).WaitAsync(Wait.Limit);
        Assert.That(client.CloseStatus, Is.EqualTo(WebSocketCloseStatus.NormalClosure));
    }

    [Test]
    public async Task CompressedMessageInFragmentsIsOne()
    {
        await using TestServer server = Echo(new DeflateOptions());
        using var client = new ClientWebSocket();
        client.Options.DangerousDeflateOptions = new WebSocketDeflateOptions();
        await client.ConnectAsync(new Uri($"ws://{server.EndPoint}/"), CancellationToken.None);
        byte[] piece = Encoding.UTF8.GetBytes(new string('x', 1000));
        for (int i = 0; i < 5; i++)
            await client.SendAsync(piece, WebSocketMessageType.Text, endOfMessage: i == 4, CancellationToken.None);
        Assert.That((await Receive(client)).Data, Has.Length.EqualTo(5000));
    }

    /// <summary>Ten bytes a thousand: what a small frame inflates to is bounded.</summary>
    [Test]
    public async Task MessageThatInflatesBeyondTheLimitEndsWith1009()
    {
        await using TestServer server =
            Echo(new DeflateOptions(), worker => worker.OnConnect = connection => connection.MaxPackageSize = 100_000);
        using var client = new ClientWebSocket();
        client.Options.DangerousDeflateOptions = new WebSocketDeflateOptions();
        await client.ConnectAsync(new Uri($"ws://{server.EndPoint}/"), CancellationToken.None);
        await client.SendAsync(new byte[5_000_000], WebSocketMessageType.Binary, endOfMessage: true, CancellationToken.None);
        WebSocketReceiveResult result = await client.ReceiveAsync(new byte[100], CancellationToken.None).WaitAsync(Wait.Limit);
        Assert.That(result.CloseStatus, Is.EqualTo(WebSocketCloseStatus.MessageTooBig));
    }

    [Test]
    public async Task WhatCannotBeInflatedEndsWith1007(
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        await using TestServer server = Echo(new DeflateOptions());
        using var client = new FrameClient(server.EndPoint, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        Assert.That(client.Head, Does.Contain("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
        client.Send(FrameClient.Frame(0x80 | 0x40 | FrameClient.Text, [0xFF, 0xFF, 0xFF]), fragmentation);
        Assert.That(client.ReadClose().Code, Is.EqualTo(1007));
    }

    /// <summary>RFC 7692 section 7.2.3.2: two "Hello", the second of which refers to the first.</summary>
    [Test]
    public async Task ExampleOfTheRfcIsRead()
    {
        await using TestServer server = Echo(new DeflateOptions { MinSize = 1000 });
        using var client = new FrameClient(server.EndPoint, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        client.Send([.. FrameClient.Frame(0xC1, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
            .. FrameClient.Frame(0xC1, [0xF2, 0x00, 0x11, 0x00, 0x00])]);
        Assert.That((client.ReadText(), client.ReadText()), Is.EqualTo(("Hello", "Hello")));
    }

    /// <summary>Section 7.2.3.4: a last block that says that it is the last, between others.</summary>
    [Test]
    public async Task LastBlockMaySaySo()
    {
        await using TestServer server = Echo(new DeflateOptions { MinSize = 1000 });
        using var client = new FrameClient(server.EndPoint, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        byte[] final = FrameClient.Frame(0xC1, [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]);
        client.Send([.. final, .. final, .. FrameClient.Frame(0xC1, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])]);
        Assert.That((client.ReadText(), client.ReadText(), client.ReadText()), Is.EqualTo(("Hello", "Hello", "Hello")));
    }

    private TestServer Echo(DeflateOptions? deflate, Action<Worker<WebSocketMessage>>? setUp = null)
    {
        var worker = new Worker<WebSocketMessage>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, message) => connection.Send(message)
        };
        worker.Options.WebSocket.Deflate = deflate;
        setUp?.Invoke(worker);
        return TestServer.Start(loopType, worker);
    }

    private static async Task<(WebSocketMessageType Type, byte[] Data)> Receive(ClientWebSocket client)
    {
        var data = new List<byte>();
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            WebSocketReceiveResult result = await client.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Wait.Limit);
            data.AddRange(buffer.AsSpan(0, result.Count));
            if (result.EndOfMessage) return (result.MessageType, [.. data]);
        }
    }
}
