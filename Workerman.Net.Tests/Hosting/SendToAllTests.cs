using System.Buffers;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Hosting;

/// <summary>
/// A message in a loop over all connections of a worker, whatever state each is in: none of them throws, and none gets what it
/// has no place for.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class SendToAllTests(Type loopType)
{
    private static IEnumerable<TestCaseData> Messages
    {
        get
        {
            yield return Case("text", connection => connection.Send("tick"), "socket");
            yield return Case("bytes", connection => connection.Send("tick"u8), "socket");
            yield return Case("response", connection => connection.Send(new Response(200)), "");
            yield return Case("chunk", connection => connection.Send(new Chunk("tick")), "chunked");
            yield return Case("event", connection => connection.Send(new ServerSentEvents { Data = "tick" }), "stream");
            yield return Case("message", connection => connection.Send(new WebSocketMessage("tick")), "socket");
        }
    }

    /// <summary>
    /// The connections of an HTTP worker: before a request, within one, after one, and in each kind of answer that lasts.
    /// </summary>
    [TestCaseSource(nameof(Messages))]
    public async Task OverTheConnectionsOfAnHttpWorker(Func<TcpConnection, SendResult> send, string takers)
    {
        using var folder = new TemporaryFolder();
        string file = folder.Write("file", new string('f', 30_000_000));
        var results = new Dictionary<string, SendResult>();
        var reasons = new List<string>();
        var done = new TaskCompletionSource();
        int ready = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            switch (request.Path)
            {
                case "/chunked": connection.Send(new Response().WithHeader("Transfer-Encoding", "chunked")); break;
                case "/stream": connection.Send(new Response().WithHeader("Content-Type", "text/event-stream")); break;
                case "/file": connection.Send(new Response().WithFile(file)); break;
                case "/socket": connection.UpgradeToWebSocket(request, (_, _) => { }); break;
                case "/go": Go(connection); return;
                default: connection.Send("page"); break;
            }
            connection.Context = request.Path[1..];
            ready++;
        }, worker => worker.OnError = (_, _, reason) => reasons.Add(reason));

        void Go(TcpConnection own)
        {
            own.Send("went");
            foreach (TcpConnection connection in own.Worker!.Connections)
                results[connection.Context as string ?? (connection == own ? "own" : $"idle {connection.Id}")] = send(connection);
            done.SetResult();
        }

        using RawClient silent = server.Connect();
        using RawClient halfway = server.Connect();
        halfway.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx");
        using RawClient page = server.Connect();
        page.Send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        using RawClient chunked = server.Connect();
        chunked.Send("GET /chunked HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        using RawClient stream = server.Connect();
        stream.Send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        using var socket = new FrameClient(server.EndPoint, path: "/socket");
        using var large = new RawClient(server.EndPoint, receiveBufferSize: 4096);
        large.Send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
        await Wait.Until(() => ready == 5, "all states");
        using RawClient goer = server.Connect();
        Assert.That(goer.Send("GET /go HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("went"));
        Wait.For(done.Task);

        string[] taken = [.. results.Where(pair => pair.Value == SendResult.Sent).Select(pair => pair.Key)];
        Assert.That(results, Has.Count.EqualTo(8));
        Assert.That(taken, Is.EqualTo(takers.Length == 0 ? [] : new[] { takers }));
        Assert.That(results.Values.Where(result => result != SendResult.Sent), Is.All.EqualTo(SendResult.Dropped));
        Assert.That(reasons, Has.Count.EqualTo(8 - taken.Length));
        // What has no place is not on the wire: each goes on as if nothing had been.
        foreach (RawClient idle in new[] { silent, page, goer })
            Assert.That(idle.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("page"));
        Assert.That(halfway.Send("y").ReadResponse().Body, Is.EqualTo("page"));
        server.Main.Broadcast(new ServerSentEvents { Data = "last" });
        Assert.That(stream.ReadUntil("last\n\n"), Is.EqualTo((takers == "stream" ? "data: tick\n\n" : "") + "data: last\n\n"));
    }

    [Test]
    public async Task PipedConnectionDropsMessagesOfTheProtocolThatItHasLost()
    {
        using var output = new EventQueue();
        var worker =
            new Worker<int>("tcp://127.0.0.1:0") { Name = "test", Protocol = () => new Numbers(), OnMessage = (_, _) => { } };
        worker.OnError = (_, _, reason) => output.Add(reason);
        worker.OnConnect = connection =>
        {
            connection.Pipe(connection);
            output.Add($"{connection.Send(7)}");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That((output.Next(), output.Next()), Is.EqualTo(("A tcp connection cannot send System.Int32; "
            + "it sends text and bytes. SendRaw sends bytes past the protocol.", "Dropped")));
        Assert.That(client.Send("back").ReadExactly(4), Is.EqualTo("back"));
    }

    private static TestCaseData Case(string name, Func<TcpConnection, SendResult> send, string takers) =>
        new TestCaseData(send, takers).SetArgDisplayNames(name);

    private sealed class Numbers : IProtocol<int>
    {
        public Verdict TryDecode(ref ReadOnlySequence<byte> input, long maxPackageSize, out int message)
        {
            message = 0;
            input = input.Slice(input.End);
            return Verdict.Message;
        }

        public void Encode(int message, IBufferWriter<byte> output) => output.Write([(byte)message]);
    }
}
