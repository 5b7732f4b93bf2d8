using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>The client's side: against our own server, and against one that is told each byte.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class WebSocketClientTests(Type loopType)
{
    [Test]
    public async Task TalksToAServerOfOurOwn([Values] bool deflate, [Values] bool encrypted)
    {
        var received = new TaskCompletionSource<string[]>();
        var ended = new TaskCompletionSource<int>();
        var worker = new Worker<WebSocketMessage>($"{(encrypted ? "wss" : "websocket")}://127.0.0.1:0")
        {
            Name = "test",
            OnWebSocketConnect = (_, request) =>
            {
                if (request.Header("x-token") == "secret") request.UpgradeHeaders["Sec-WebSocket-Protocol"] = "two";
            },
            OnMessage = (connection, message) =>
            {
                if (message.IsText) connection.Send(message);
                else connection.CloseWebSocket(4000, "enough");
            },
        };
        if (deflate) worker.Options.WebSocket.Deflate = new DeflateOptions();
        worker.Options.Tls.Certificate = Certificates.Default.Server;
        worker.OnWorkerStart = _ => Timer.Delay(0.01, () =>
        {
            List<string> texts = [];
            var client = new AsyncTcpConnection<string>($"{(encrypted ? "wss" : "ws")}://{worker.LocalEndPoint}/path?x=1")
            {
                OnConnect = connection => connection.Send($"on connect {connection.Subprotocol}"),
                OnMessage = (connection, text) =>
                {
                    texts.Add(text.Length > 100 ? $"{text.Length}" : text);
                    if (texts.Count == 3) connection.Send("bytes"u8);
                },
                OnClose = _ => received.SetResult([.. texts]),
            };
            client.OnWebSocketClose = (_, code, _) => ended.SetResult(code);
            if (encrypted) client.Tls.Authorities = [Certificates.Default.Root];
            client.WebSocket.Headers["X-Token"] = "secret";
            client.WebSocket.Subprotocols.Add("one");
            client.WebSocket.Subprotocols.Add("two");
            if (deflate) client.WebSocket.Options.Deflate = new DeflateOptions();
            client.Connect();
            client.Send("early");
            client.Send(new string('x', 100_000));
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(Wait.For(received.Task), Is.EqualTo(new[] { "early", "100000", "on connect two" }));
        Assert.That(Wait.For(ended.Task), Is.EqualTo(4000));
    }

    /// <summary>Section 4.1: the connection fails unless the answer is right in every part.</summary>
    [TestCase("HTTP/1.1 200 OK|", "200 OK")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Sec-WebSocket-Accept: {accept}|", "did not upgrade")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Connection: Upgrade|Sec-WebSocket-Accept: {accept}|", "did not upgrade")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=|", "Sec-WebSocket-Accept")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Accept: {accept}|Sec-WebSocket-Protocol: chat|", "subprotocol")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Accept: {accept}|Sec-WebSocket-Extensions: permessage-deflate|", "extension")]
    [TestCase("SSH-2.0-OpenSSH||", "HTTP/1.1")]
    [TestCase("", "ended the connection")]
    public async Task WrongAnswerIsAFailureToConnect(string answer, string reason)
    {
        string error = await ConnectTo((socket, accept) =>
        {
            if (answer.Length > 0) socket.Send(System.Text.Encoding.ASCII.GetBytes(answer.Replace("{accept}", accept, StringComparison.Ordinal).Replace("|", "\r\n", StringComparison.Ordinal) + "\r\n"));
        });
        Assert.That(error, Does.StartWith("ConnectFail ").And.Contain(reason));
    }

    /// <summary>Section 5.1: a client closes on a masked frame. The answer may come byte by byte, and a frame together with it.</summary>
    [Test]
    public async Task MaskedFrameFromAServerEndsIt([ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        string error = await ConnectTo((socket, accept) =>
        {
            byte[] bytes = [.. System.Text.Encoding.ASCII.GetBytes($"HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: x, upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"), .. FrameClient.Frame(0x81, "fine"u8, masked: false), .. FrameClient.Frame(0x81, "no"u8)];
            foreach (Range piece in fragmentation.Cut(bytes.Length)) socket.Send(bytes[piece]);
            byte[] buffer = new byte[1000];
            int read = socket.Receive(buffer);
            Assert.That(buffer[0], Is.EqualTo(0x88), "a close frame");
            Assert.That(buffer[1] & 0x80, Is.EqualTo(0x80), "and masked");
            Assert.That((buffer[6] ^ buffer[2], buffer[7] ^ buffer[3], read), Is.GreaterThan((0, 0, 0)));
            Assert.That(((buffer[6] ^ buffer[2]) << 8) | (buffer[7] ^ buffer[3]), Is.EqualTo(1002));
        });
        Assert.That(error, Is.EqualTo("message fine, closed"));
    }

    [Test]
    public async Task ServerThatDoesNotAnswerIsATimeout()
    {
        string error = await ConnectTo((socket, _) => Assert.That(socket.Receive(new byte[10]), Is.Zero), timeout: TimeSpan.FromMilliseconds(200));
        Assert.That(error, Does.StartWith("ConnectFail ").And.Contain("took too long"));
    }

    [Test]
    public async Task WhatIsSentBeforeClosingInOnConnectComesBeforeTheEnd()
    {
        var received = new TaskCompletionSource<string>();
        string texts = "";
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Name = "test", OnMessage = (_, text) => texts += text };
        worker.OnWebSocketClose = (_, code, _) => received.SetResult($"{texts} {code}");
        worker.OnWorkerStart = _ => Timer.Delay(0.01, () =>
        {
            var client = new AsyncTcpConnection<string>($"ws://{worker.LocalEndPoint}") { OnConnect = connection => connection.Close("b") };
            client.Connect();
            client.Send("a");
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(Wait.For(received.Task), Is.EqualTo("ab 1000"));
    }

    [Test]
    public async Task WhatIsSentWhileItWaitsToReconnectGoesToTheNextConnection()
    {
        var received = new TaskCompletionSource<string>();
        int lives = 0;
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, text) =>
            {
                if (text == "end") connection.Close();
                else received.SetResult(text);
            },
        };
        worker.OnWorkerStart = _ => Timer.Delay(0.01, () =>
        {
            var client = new AsyncTcpConnection<string>($"ws://{worker.LocalEndPoint}")
            {
                OnConnect = connection =>
                {
                    if (lives++ == 0) connection.Send("end");
                },
                OnClose = connection =>
                {
                    if (lives > 1) return;
                    connection.Reconnect(0.05);
                    connection.Send("kept");
                },
            };
            client.Connect();
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(Wait.For(received.Task), Is.EqualTo("kept"));
    }

    [Test]
    public async Task ClientThatIsClosedWhileItWaitsToReconnectCanConnectAgain()
    {
        var done = new TaskCompletionSource<string>();
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Name = "test", OnMessage = (_, _) => { } };
        worker.OnWorkerStart = _ =>
        {
            var client = new AsyncTcpConnection<string>("ws://127.0.0.1:1");
            client.OnError = (connection, _, _) =>
            {
                connection.Reconnect(60);
                Timer.DelayAsync(0.01, async () =>
                {
                    connection.Close();
                    try
                    {
                        client.OnError = null;
                        await client.ConnectAsync();
                    }
                    catch (SocketException e)
                    {
                        done.SetResult(e.Message);
                    }
                });
            };
            client.Connect();
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(Wait.For(done.Task), Does.Contain("connect ws://127.0.0.1:1 failed"));
    }

    [Test]
    public void HeadersOfTheHandshakeAreRefused() =>
        Assert.That(() =>
        {
            var options = new WebSocketClientOptions();
            options.Headers["sec-websocket-key"] = "x";
            ClientHandshake.Check(options);
        }, Throws.InvalidOperationException.With.Message.Contain("remove it"));

    /// <summary>One client against one socket that answers as told once it has read the request; what became of it.</summary>
    private async Task<string> ConnectTo(Action<Socket, string> answer, TimeSpan? timeout = null)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var outcome = new TaskCompletionSource<string>();
        var worker = new Worker<string>("text://127.0.0.1:0") { Name = "test", OnMessage = (_, _) => { } };
        worker.OnWorkerStart = _ =>
        {
            string told = "";
            var client = new AsyncTcpConnection<string>($"ws://{listener.LocalEndPoint}")
            {
                OnMessage = (_, text) => told += $"message {text}, ",
                OnError = (_, error, reason) => told += $"{error} {reason}",
                OnClose = _ => outcome.SetResult(told.StartsWith("Connect", StringComparison.Ordinal) ? told : told + "closed"),
            };
            if (timeout is { } limit) client.ConnectTimeout = limit;
            client.Connect();
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using Socket socket = await listener.AcceptAsync().WaitAsync(Wait.Limit);
        socket.ReceiveTimeout = (int)Wait.Limit.TotalMilliseconds;
        string head = "";
        byte[] buffer = new byte[4096];
        while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal)) head += System.Text.Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
        string key = head.Split("\r\n").Single(line => line.StartsWith("Sec-WebSocket-Key: ", StringComparison.Ordinal))[19..];
        answer(socket, Handshake.AcceptOf(key));
        socket.Shutdown(SocketShutdown.Send);
        return await outcome.Task.WaitAsync(Wait.Limit);
    }
}
