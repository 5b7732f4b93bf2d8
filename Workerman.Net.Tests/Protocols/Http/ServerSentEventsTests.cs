using System.Net.ServerSentEvents;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Protocols.Http;

/// <summary>Server-sent events: the grammar, and streams read by .NET's own parser over HttpClient.</summary>
internal sealed class ServerSentEventsTests
{
    [Test]
    public void WritesItsFields() => Assert.That(
        $"{new ServerSentEvents { Event = "message", Data = "hello", Id = "1", Retry = 5000, Comment = "ping" }}",
        Is.EqualTo(": ping\nevent: message\nid: 1\nretry: 5000\ndata: hello\n\n"));

    [TestCase("a\nb", "data: a\ndata: b\n\n")]
    [TestCase("a\r\nb", "data: a\ndata: b\n\n")]
    [TestCase("a\rb", "data: a\ndata: b\n\n")]
    [TestCase("a\n\rb", "data: a\ndata: \ndata: b\n\n")]
    [TestCase("", "data: \n\n")]
    [TestCase("a\n", "data: a\ndata: \n\n")]
    [TestCase(" a", "data:  a\n\n")]
    [TestCase("data: x\n\nevent: y", "data: data: x\ndata: \ndata: event: y\n\n")]
    public void DataIsSplitAtEveryLineEnd(string data, string wire) =>
        Assert.That($"{new ServerSentEvents { Data = data }}", Is.EqualTo(wire));

    [Test]
    public void CommentOfSeveralLinesStaysAComment() =>
        Assert.That($"{new ServerSentEvents { Comment = "a\r\ndata: b" }}", Is.EqualTo(": a\n: data: b\n\n"));

    [TestCase("a\nb")]
    [TestCase("a\rb")]
    [TestCase("a\r\n")]
    public void LineBreakInNameOrIdThrows(string text)
    {
        Assert.Throws<ArgumentException>(() => _ = new ServerSentEvents { Event = text });
        Assert.Throws<ArgumentException>(() => _ = new ServerSentEvents { Id = text });
    }

    [Test]
    public void NulInIdAndNegativeRetryThrow()
    {
        Assert.Throws<ArgumentException>(() => _ = new ServerSentEvents { Id = "a\0b" });
        Assert.Throws<ArgumentOutOfRangeException>(() => _ = new ServerSentEvents { Retry = -1 });
    }
}

/// <summary>Event streams over the wire, on every loop.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class EventStreamWireTests(Type loopType)
{
    private const string Subscribe = "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n";

    private static readonly Dictionary<string, string> StreamType = new() { ["Content-Type"] = "text/event-stream" };

    [Test]
    public async Task RoundTripThroughTheParserOfDotNet()
    {
        ServerSentEvents[] events =
        [
            new() { Data = "plain" },
            new() { Event = "named", Data = "two\nlines", Id = "7" },
            new() { Data = "crlf\r\nand\rcr", Id = "" },
            new() { Comment = "only a comment" },
            new() { Data = "\u043f\u0440\u0438\u0432\u0435\u0442 \ud83d\ude00", Retry = 1500 },
            new() { Event = "end", Data = "" },
        ];
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(new Response(200, StreamType, "\r\n"));
            foreach (ServerSentEvents e in events) connection.Send(e);
            connection.End();
        });
        using var client = new HttpClient();
        await using Stream stream = await client.GetStreamAsync(server.Uri);
        var parser = SseParser.Create(stream);
        var read = new List<(string, string, string?)>();
        await foreach (SseItem<string> item in parser.EnumerateAsync()) read.Add((item.EventType, item.Data, item.EventId));
        Assert.That(read, Is.EqualTo(new (string, string, string?)[]
        {
            ("message", "plain", null),
            ("named", "two\nlines", "7"),
            ("message", "crlf\nand\ncr", ""),
            ("message", "\u043f\u0440\u0438\u0432\u0435\u0442 \ud83d\ude00", null),
            ("end", "", null),
        }));
        Assert.That(parser.ReconnectionInterval, Is.EqualTo(TimeSpan.FromMilliseconds(1500)));
    }

    [Test]
    public async Task HeadHasNoLengthAndNoBodyAndEventsLeaveAtOnce()
    {
        var wrote = new TaskCompletionSource<long[]>();
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(new Response(200, StreamType, "\r\n"));
            Timer.Delay(0.01, () =>
            {
                connection.Send(new ServerSentEvents { Data = "1" });
                Timer.Delay(0, () =>
                {
                    long first = connection.BytesWritten;
                    connection.Send(new ServerSentEvents { Data = "2" });
                    Timer.Delay(0, () => wrote.SetResult([first, connection.BytesWritten]));
                });
            });
        });
        using RawClient client = server.Connect();
        client.Send(Subscribe);
        string head = client.ReadUntil("\r\n\r\n");
        Assert.That(head, Does.Contain("\r\nContent-Type: text/event-stream\r\n").And.Not.Contain("Content-Length")
            .And.Not.Contain("Transfer-Encoding"));
        Assert.That(client.ReadExactly(18), Is.EqualTo("data: 1\n\ndata: 2\n\n"));
        Assert.That(Wait.For(wrote.Task), Is.EqualTo(new long[] { head.Length + 9, head.Length + 18 }),
            "each event is written in the turn in which it is sent");
    }

    [Test]
    public async Task NothingAfterTheRequestOfAStreamIsParsed()
    {
        int requests = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            requests++;
            connection.Send(new Response(200, StreamType));
        });
        using RawClient client = server.Connect();
        client.Send(Subscribe + "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.ReadUntil("\r\n\r\n");
        client.Send("\0garbage\n").Send(new string('x', 200_000));
        server.Main.Connections.Single().Send(new ServerSentEvents { Data = "still here" });
        Assert.That(client.ReadUntil("\n\n"), Is.EqualTo("data: still here\n\n"));
        Assert.That(requests, Is.EqualTo(1));
    }

    [Test]
    public async Task HeadRequestForAStreamGetsTheHeadAlone()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(new Response(200, StreamType));
            connection.Send(new ServerSentEvents { Data = "not for HEAD" });
        });
        using RawClient client = server.Connect();
        client.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.ReadToEnd(), Does.Contain("text/event-stream").And.EndWith("\r\n\r\n"));
        Assert.That(server.Log.Text, Does.Not.Contain("failed"));
    }

    [Test]
    public async Task WrongUseIsDroppedAndToldWithTheCure()
    {
        var messages = new List<string>();
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.OnError = (_, _, reason) => messages.Add(reason);
            Assert.That(connection.Send(new ServerSentEvents { Data = "too early" }), Is.EqualTo(SendResult.Dropped));
            connection.Send(new Response(200, new() { ["Content-Type"] = "Text/Event-Stream; charset=utf-8" }));
            Assert.That(connection.Send("text"), Is.EqualTo(SendResult.Dropped));
            connection.Close(new ServerSentEvents { Data = "end" });
        });
        using RawClient client = server.Connect();
        client.Send(Subscribe);
        Assert.That(client.ReadToEnd(), Does.EndWith("\r\n\r\ndata: end\n\n"));
        Assert.That(messages[0], Does.Contain("text/event-stream"));
        Assert.That(messages[1], Does.Contain("send ServerSentEvents"));
    }

    [Test]
    public async Task StreamWhosePeerLeavesIsClosed()
    {
        var closed = new TaskCompletionSource();
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(new Response(200, StreamType)),
            worker => worker.OnClose = _ => closed.SetResult());
        using (RawClient client = server.Connect())
        {
            client.Send(Subscribe).ReadUntil("\r\n\r\n");
        }
        Wait.For(closed.Task);
    }

    /// <summary>The example of the manual: a timer per stream, which must not outlive it.</summary>
    [Test]
    public async Task StreamsThatComeAndGoLeaveNothingBehind()
    {
        var loop = new TaskCompletionSource<Workerman.Events.EventLoop>();
        int closed = 0;
        await using TestServer server = TestServer.Http(loopType, (connection, _) =>
        {
            connection.Send(new Response(200, StreamType, "\r\n"));
            long timer = 0;
            timer = Timer.Add(0.01, () =>
            {
                if (connection.Status != Workerman.Connection.ConnectionStatus.Established)
                {
                    Timer.Del(timer);
                    return;
                }
                connection.Send(new ServerSentEvents { Event = "message", Data = "hello", Id = "1" });
            });
        }, worker =>
        {
            worker.OnWorkerStart = _ => loop.SetResult(Workerman.Events.EventLoop.Current!);
            worker.OnClose = _ => closed++;
        });
        const int Streams = 300;
        int descriptors = OpenDescriptors();
        for (int round = 0; round < Streams / 50; round++)
        {
            RawClient[] clients = [.. Enumerable.Range(0, 50).Select(_ => server.Connect())];
            foreach (RawClient client in clients) client.Send(Subscribe);
            foreach (RawClient client in clients) client.ReadUntil("data: hello\n\n");
            for (int i = 0; i < clients.Length; i++)
            {
                if (i % 2 == 0) clients[i].Reset();
                else clients[i].Dispose();
            }
        }
        Workerman.Events.EventLoop events = Wait.For(loop.Task);
        await Wait.Until(() => closed == Streams, "the closes");
        await Wait.Until(() => events.TimerCount == 0, "the timers' end");
        Assert.That(server.Main.Connections, Is.Empty);
        if (OperatingSystem.IsLinux()) await Wait.Until(() => OpenDescriptors() <= descriptors + 2, "the descriptors' end");
    }

    private static int OpenDescriptors() =>
        OperatingSystem.IsLinux() ? Directory.GetFileSystemEntries("/proc/self/fd").Length : 0;
}
