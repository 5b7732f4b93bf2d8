using System.Net;
using System.Net.Sockets;
using Workerman.Connection;
using Workerman.Protocols.Http;
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

    /// <summary>
    /// PHP's onWebSocketConnect of a client: with the answer, which is kept, and before OnConnect. Each life has its own.
    /// </summary>
    [Test]
    public async Task ServersAnswerIsHandedOverAndKept([Values] bool fromAnotherLife)
    {
        using var output = new EventQueue();
        int asked = 0;
        var worker =
            new Worker<string>("websocket://127.0.0.1:0") { Name = "test", OnMessage = (_, text) => output.Add($"got {text}") };
        worker.OnWebSocketConnect = (connection, request) =>
        {
            output.Add($"asked {request.Uri}");
            request.UpgradeHeaders["X-Answer"] = $"größe {++asked}";
            request.UpgradeHeaders.Add("X-Answer", "again");
            if (asked == 1 && fromAnotherLife) connection.Send(new Response(401, new() { ["X-Answer"] = "no" }, "body"));
        };
        worker.OnWorkerStart = _ => Timer.Delay(0.01, () =>
        {
            var client = new AsyncTcpConnection<string>($"ws://{worker.LocalEndPoint}/größe?maß=1#größe");
            client.OnWebSocketConnect = (connection, response) =>
            {
                output.Add(
                    $"{response.StatusCode} {response.ReasonPhrase} {string.Join(", ", response.Headers.GetValues("x-answer"))} "
                        + $"{ReferenceEquals(response, connection.WebSocket.Response)}");
                connection.Send("second");
            };
            client.OnConnect = connection => connection.Send("third");
            client.OnError = (connection, error, reason) =>
            {
                output.Add($"{error} {client.WebSocket.Response!.StatusCode} {client.WebSocket.Response.GetHeader("X-Answer")} "
                    + $"{reason[^16..]}");
                client.OnClose = connection =>
                {
                    connection.Reconnect(0.01);
                    connection.Send("first");
                };
            };
            Assert.That(client.WebSocket.Response, Is.Null);
            client.Connect();
            client.Send("first");
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(output.Next(), Is.EqualTo("asked /gr%C3%B6%C3%9Fe?ma%C3%9F=1"));
        if (fromAnotherLife)
        {
            Assert.That(output.Next(), Is.EqualTo("ConnectFail 401 no 401 Unauthorized"));
            Assert.That(output.Next(), Does.StartWith("asked "));
        }
        Assert.That(output.Next(), Is.EqualTo($"101 Switching Protocols größe {asked}, again True"));
        foreach (string text in new[] { "first", "second", "third" }) Assert.That(output.Next(), Is.EqualTo($"got {text}"));
    }

    /// <summary>Before there is a socket and after, the same limit as for all that waits.</summary>
    [Test]
    public async Task WhatWaitsForTheServersAnswerIsBounded()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var output = new EventQueue();
        var worker = new Worker<string>("text://127.0.0.1:0") { Name = "test", OnMessage = (_, _) => { } };
        AsyncTcpConnection<string>? client = null;
        worker.OnWorkerStart = _ =>
        {
            client = new AsyncTcpConnection<string>($"ws://{listener.LocalEndPoint}") { MaxSendBufferSize = 1000 };
            client.OnError = (_, error, reason) => output.Add($"{error} {reason}");
            client.OnBufferFull = _ => output.Add("full");
            client.OnBufferDrain = _ => output.Add("drained");
            client.OnConnect = _ => output.Add("connected");
            client.Connect();
            output.Add($"{client.Send(new string('a', 400))}");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using Socket socket = await listener.AcceptAsync().WaitAsync(Wait.Limit);
        using var peer = new RawClient(socket);
        string head = peer.ReadUntil("\r\n\r\n");
        client!.Loop.Post(() =>
        {
            for (int i = 0; i < 3; i++) output.Add($"{client.Send(new string('b', 400))}");
        });
        string[] expected = ["Queued", "Queued", "full", "Queued", "SendFail send buffer full and drop package", "Dropped"];
        foreach (string line in expected) Assert.That(output.Next(), Is.EqualTo(line));
        string key = head.Split("\r\n").Single(line => line.StartsWith("Sec-WebSocket-Key: ", StringComparison.Ordinal))[19..];
        peer.Send("HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            + $"Sec-WebSocket-Accept: {ServerHandshake.AcceptOf(key)}\r\n\r\n");
        Assert.That(peer.ReadExactly(3 * 408), Has.Length.EqualTo(1224));
        Assert.That((output.Next(), output.Next()), Is.EqualTo(("connected", "drained")));
    }

    [Test]
    public async Task ClosingOnTheServersAnswerIsARefusalOfIt()
    {
        var done = new TaskCompletionSource<string>();
        var worker = new Worker<string>("websocket://127.0.0.1:0") { Name = "test", OnMessage = (_, _) => { } };
        worker.OnWorkerStart = _ => Timer.DelayAsync(0.01, async () =>
        {
            string told = "";
            var client = new AsyncTcpConnection<string>($"ws://{worker.LocalEndPoint}") { OnConnect = _ => told += "connected " };
            client.OnWebSocketConnect = (connection, _) => connection.CloseWebSocket(4000, "no");
            client.OnClose = _ => told += "closed ";
            try
            {
                await client.ConnectAsync();
            }
            catch (SocketException e)
            {
                done.SetResult(told + e.Message);
            }
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        Assert.That(Wait.For(done.Task), Does.Not.Contain("connected ").And.Contain("closed on the way"));
    }

    /// <summary>
    /// Whoever is told of a ping does not answer it: the pong is the library's (section 5.5.2). A pong is told with what it
    /// answers. Reading goes on behind both.
    /// </summary>
    [Test]
    public async Task PingsAndPongsAreToldOnBothSides([Values] bool ofTheConnection)
    {
        using var output = new EventQueue();
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "server",
            OnMessage = (_, text) => output.Add($"server {text}")
        };
        Action<TcpConnection, byte[]> ping = (connection, bytes) =>
        {
            output.Add($"server ping {System.Text.Encoding.UTF8.GetString(bytes)}");
            // It pays what is owed, the pong first.
            connection.Ping("back"u8);
            connection.Send("between");
        };
        Action<TcpConnection, byte[]> pong = (_, bytes) =>
            output.Add($"server pong {System.Text.Encoding.UTF8.GetString(bytes)}");
        if (ofTheConnection)
        {
            worker.OnWebSocketPing = worker.OnWebSocketPong = (_, _) => output.Add("the worker's");
            worker.OnConnect = connection => (connection.OnWebSocketPing, connection.OnWebSocketPong) = (ping, pong);
        }
        else
        {
            (worker.OnWebSocketPing, worker.OnWebSocketPong) = (ping, pong);
        }
        worker.OnWorkerStart = _ => Timer.Delay(0.01, () =>
        {
            var client = new AsyncTcpConnection<string>($"ws://{worker.LocalEndPoint}")
            {
                OnConnect = connection =>
                {
                    connection.Ping("there"u8);
                    connection.Send("text");
                },
                OnMessage = (_, text) => output.Add($"client {text}"),
                OnWebSocketPing = (_, bytes) => output.Add($"client ping {System.Text.Encoding.UTF8.GetString(bytes)}"),
                OnWebSocketPong = (_, bytes) => output.Add($"client pong {System.Text.Encoding.UTF8.GetString(bytes)}"),
            };
            client.Connect();
        });
        await using TestServer server = TestServer.Start(loopType, worker);
        string[] told = [.. Enumerable.Range(0, 6).Select(_ => output.Next())];
        Assert.That(told.Where(line => line.StartsWith("server", StringComparison.Ordinal)),
            Is.EqualTo(new[] { "server ping there", "server text", "server pong back" }));
        Assert.That(told.Where(line => line.StartsWith("client", StringComparison.Ordinal)),
            Is.EqualTo(new[] { "client pong there", "client ping back", "client between" }));
    }

    /// <summary>
    /// Pongs that nobody listens to, or whose callback pauses, closes or throws, cost nothing of what follows them.
    /// </summary>
    [Test]
    public async Task WhatFollowsAPongIsRead(
        [Values("nobody", "pause", "throw", "ping", "close")] string how,
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        int pongs = 0;
        var worker = new Worker<string>("websocket://127.0.0.1:0")
        {
            Name = "test",
            OnMessage = (connection, text) => connection.Send(text)
        };
        if (how != "nobody")
        {
            worker.OnWebSocketPong = (connection, _) =>
            {
                pongs++;
                switch (how)
                {
                    case "pause":
                        connection.PauseRecv();
                        Timer.Delay(0.001, connection.ResumeRecv);
                        break;
                    case "throw": throw new InvalidOperationException("in the callback");
                    case "ping": connection.Ping("again"u8); break;
                    case "close": connection.CloseWebSocket(4001); break;
                }
            };
        }
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new FrameClient(server.EndPoint);
        byte[] pong = FrameClient.Frame(0x80 | FrameClient.Pong, "x"u8);
        client.Send([.. pong, .. pong, .. FrameClient.Frame(FrameClient.Text, "a"u8), .. pong, .. FrameClient.Frame(0x80, "b"u8)],
            fragmentation);
        if (how == "close")
        {
            Assert.That(client.ReadClose().Code, Is.EqualTo(4001));
            Assert.That(pongs, Is.EqualTo(1));
            return;
        }
        if (how == "ping")
        {
            for (int i = 0; i < 3; i++)
                Assert.That(client.ReadFrame(), Is.EqualTo((0x80 | FrameClient.Ping, "again"u8.ToArray())));
        }
        Assert.That(client.ReadText(), Is.EqualTo("ab"));
        if (how != "nobody") Assert.That(pongs, Is.EqualTo(3));
        if (how == "throw") Assert.That(server.Log.Text, Does.Contain("in the callback"));
    }

    /// <summary>Section 4.1: the connection fails unless the answer is right in every part.</summary>
    [TestCase("HTTP/1.1 200 OK|", "200 OK")]
    [TestCase("HTTP/1.1 1010 Odd|", "HTTP/1.1")]
    [TestCase("HTTP/1.1 101Switching|", "HTTP/1.1")]
    [TestCase("HTTP/1.1 10|", "HTTP/1.1")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Sec-WebSocket-Accept: {accept}|", "did not upgrade")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Connection: Upgrade|Sec-WebSocket-Accept: {accept}|", "did not upgrade")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Accept: "
        + "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=|", "Sec-WebSocket-Accept")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Accept: {accept}|"
        + "Sec-WebSocket-Protocol: chat|", "subprotocol")]
    [TestCase("HTTP/1.1 101 Switching Protocols|Upgrade: websocket|Connection: Upgrade|Sec-WebSocket-Accept: {accept}|"
        + "Sec-WebSocket-Extensions: permessage-deflate|", "extension")]
    [TestCase("SSH-2.0-OpenSSH||", "HTTP/1.1")]
    [TestCase("", "ended the connection")]
    public async Task WrongAnswerIsAFailureToConnect(string answer, string reason)
    {
        string error = await ConnectTo((socket, accept) =>
        {
            if (answer.Length > 0)
                socket.Send(System.Text.Encoding.ASCII.GetBytes(answer.Replace("{accept}", accept, StringComparison.Ordinal)
                    .Replace("|", "\r\n", StringComparison.Ordinal) + "\r\n"));
        });
        Assert.That(error, Does.StartWith("ConnectFail ").And.Contain(reason));
    }

    /// <summary>
    /// Section 5.1: a client closes on a masked frame. The answer may come byte by byte, and a frame together with it.
    /// </summary>
    [Test]
    public async Task MaskedFrameFromAServerEndsIt(
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        string error = await ConnectTo((socket, accept) =>
        {
            byte[] bytes = [.. System.Text.Encoding.ASCII.GetBytes(
                $"HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: x, upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"),
                .. FrameClient.Frame(0x81, "fine"u8, masked: false), .. FrameClient.Frame(0x81, "no"u8)];
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
        string error = await ConnectTo((socket, _) => Assert.That(socket.Receive(new byte[10]), Is.Zero),
            timeout: TimeSpan.FromMilliseconds(200));
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
            var client = new AsyncTcpConnection<string>($"ws://{worker.LocalEndPoint}")
            {
                OnConnect = connection => connection.Close("b")
            };
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
        while (!head.EndsWith("\r\n\r\n", StringComparison.Ordinal))
            head += System.Text.Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
        string key = head.Split("\r\n").Single(line => line.StartsWith("Sec-WebSocket-Key: ", StringComparison.Ordinal))[19..];
        answer(socket, ServerHandshake.AcceptOf(key));
        socket.Shutdown(SocketShutdown.Send);
        return await outcome.Task.WaitAsync(Wait.Limit);
    }
}
