using Workerman.Connection;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.WebSocket;

/// <summary>
/// npm's ws, which Node programs speak WebSocket with, as client and as server: a peer that shares no code with .NET. It needs
/// <c>npm ci</c> in the folder Peers, and says so where it is not there.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class NodePeerTests(Type loopType)
{
    [OneTimeSetUp]
    public void NeedsNode()
    {
        if (!NodePeer.IsInstalled)
            Assert.Ignore("npm's ws is not installed (npm ci --prefix Workerman.Net.Tests/Peers), "
                + "so no peer of Node's has been talked to in this run.");
    }

    [Test]
    public async Task ItsClientTalksToOurServer([Values] bool deflate, [Values] bool encrypted)
    {
        var worker = new Worker<WebSocketMessage>($"{(encrypted ? "wss" : "websocket")}://127.0.0.1:0") { Name = "test" };
        worker.Options.Tls.Certificate = Certificates.Default.Server;
        if (deflate) worker.Options.WebSocket.Deflate = new DeflateOptions();
        worker.OnMessage = (connection, message) =>
        {
            if (message is { IsText: true, Text: "end" }) connection.CloseWebSocket(4000, "größer");
            else connection.Send(message);
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using var node = new NodePeer("ws-client.mjs", $"{(encrypted ? "wss" : "ws")}://{server.EndPoint}/", Word(deflate));
        Assert.That(node.ReadToEnd(), Is.EqualTo($"open {Word(deflate)}\ntexts\nbytes\nfragments\npong\nclosed 4000 größer\n"),
            server.Log.Text);
    }

    [Test]
    public void OurClientTalksToItsServer([Values] bool deflate)
    {
        using var node = new NodePeer("ws-server.mjs", Word(deflate));
        int port = int.Parse(node.ReadLine(), null);
        using var events = new EventQueue();
        using var loop = new LoopRunner(loopType);
        AsyncTcpConnection<WebSocketMessage> connection = loop.Ask(() =>
        {
            var connection = new AsyncTcpConnection<WebSocketMessage>($"ws://127.0.0.1:{port}/größe?maß=1#größe")
            {
                OnWebSocketConnect = (_, response) => events.Add($"{response.StatusCode} {response.GetHeader("Upgrade")}"),
                OnMessage = (_, message) =>
                    events.Add(message.IsText ? message.Text : $"{message.Data.Length} bytes, {message.Data.Span[^1]}"),
                OnClose = _ => events.Add("closed"),
                OnError = (_, _, reason) => events.Add(reason),
            };
            connection.OnWebSocketPing = (_, payload) =>
                events.Add($"told of ping {System.Text.Encoding.UTF8.GetString(payload)}");
            connection.OnWebSocketPong = (_, payload) =>
                events.Add($"told of pong {System.Text.Encoding.UTF8.GetString(payload)}");
            connection.OnWebSocketClose = (_, code, reason) => events.Add($"{code} {reason}");
            connection.WebSocket.Headers["X-Token"] = "secret";
            if (deflate) connection.WebSocket.Options.Deflate = new DeflateOptions { MinSize = 0 };
            connection.Connect();
            return connection;
        });
        Assert.That(events.Next(), Is.EqualTo("101 websocket"));
        Assert.That(events.Next(), Is.EqualTo($"/gr%C3%B6%C3%9Fe?ma%C3%9F=1 secret {Word(deflate)}"));
        foreach (string text in new[] { "hello", "größer 😀", "", new string('x', 125), new string('y', 126),
            new string('z', 70_000) })
        {
            connection.Send(text);
            Assert.That(events.Next(), Is.EqualTo(text));
        }
        byte[] bytes = new byte[300_000];
        new Random(5).NextBytes(bytes);
        connection.Send(new WebSocketMessage(bytes));
        Assert.That(events.Next(), Is.EqualTo($"300000 bytes, {bytes[^1]}"));
        connection.Send("pieces");
        Assert.That(new[] { events.Next(), events.Next(), events.Next() },
            Is.EquivalentTo(new[] { "told of ping between", "one two 😀", "pong between" }));
        connection.Send("ping");
        Assert.That((events.Next(), events.Next()), Is.EqualTo(("told of ping hey", "pong hey")));
        connection.Ping("ours"u8);
        Assert.That(events.Next(), Is.EqualTo("told of pong ours"));
        connection.Send("end");
        Assert.That((events.Next(), events.Next()), Is.EqualTo(("4321 größer", "closed")));
        Assert.That(node.ReadLine(), Is.EqualTo("closed 4321 "));
    }

    private static string Word(bool flag) => flag ? "true" : "false";
}
