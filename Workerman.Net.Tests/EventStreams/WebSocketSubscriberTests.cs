using System.Text;
using System.Text.Json;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Handover;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>WebSockets that are subscribed to a stream: what they get, how they resume, and how they end.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class WebSocketSubscriberTests(Type loopType)
{
    private readonly List<Subscription> _subscriptions = [];

    [SetUp]
    public void NobodyIsSubscribed() => _subscriptions.Clear();

    [Test]
    public async Task OpeningThenEventsWithTheMembersThatThereAre()
    {
        var stream = new EventStream("test", new() { Retry = TimeSpan.FromSeconds(2) });
        await using TestServer server = Start(stream);
        using FrameClient client = await Subscribe(server);
        Assert.That(client.ReadText(), Is.EqualTo("""{"retry":2000}"""));
        Assert.That(client.ReadText(), Is.EqualTo($$"""{"id":"{{stream.Log.IdFor(0)}}"}"""));
        string id = stream.Publish("one");
        stream.Publish(
            new ServerSentEvents { Id = "own", Event = "named", Data = "a \"quote\"\r\n\u00e9\u0001", Comment = "c" }, "t");
        stream.Publish(new ServerSentEvents { Id = "several", Data = "" }, ["t", "u"]);
        stream.Publish(new ServerSentEvents { Id = "none" });
        Assert.That(client.ReadText(), Is.EqualTo($$"""{"id":"{{id}}","data":"one"}"""));
        Assert.That(client.ReadText(),
            Is.EqualTo("""{"id":"own","event":"named","data":"a \"quote\"\r\né\u0001","topic":"t"}"""));
        Assert.That(client.ReadText(), Is.EqualTo("""{"id":"several","data":"","topic":"t","topics":["t","u"]}"""));
        Assert.That(client.ReadText(), Is.EqualTo("""{"id":"none"}"""));
        stream.Publish(new ServerSentEvents { Id = "retry", Data = "retry: 9\nb", Retry = 5 });
        Assert.That(client.ReadText(), Is.EqualTo("""{"id":"retry","data":"retry: 9\nb","retry":5}"""));
        stream.Publish(new ServerSentEvents { Id = "no retry", Data = "retry: 9" });
        Assert.That(client.ReadText(), Is.EqualTo("""{"id":"no retry","data":"retry: 9"}"""));
        stream.Publish("half \ud800 a pair");
        Assert.That(Parse(client.ReadText()).Data, Is.EqualTo("half \ufffd a pair"));
    }

    /// <summary>Of each length of a frame's head (RFC 6455 section 5.2), and around what is sent by reference.</summary>
    [Test]
    public async Task EventsOfAnySizeAreOneFrameEach()
    {
        var stream = new EventStream();
        await using TestServer server = Start(stream);
        FrameClient[] clients = [await Subscribe(server), await Subscribe(server, "?topic=a"), await Subscribe(server)];
        int[] sizes = [0, 1, 90, 100, 125, 126, 4000, 16_383, 16_384, 65_400, 65_535, 65_536, 200_000, 1_000_000];
        foreach (int size in sizes) stream.Publish(new ServerSentEvents { Data = new string('x', size) }, "a");
        foreach (FrameClient client in clients)
        {
            client.ReadText();
            Assert.That(sizes.Select(_ => Parse(client.ReadText()).Data!.Length), Is.EqualTo(sizes));
            client.Dispose();
        }
    }

    [Test]
    public async Task WebSocketsAndEventStreamsGetTheSameInOneOrder()
    {
        var stream = new EventStream();
        await using TestServer server = Start(stream, worker => worker.Count = 2);
        var sockets = new List<FrameClient>();
        var streams = new List<EventClient>();
        for (int i = 0; i < 6; i++)
        {
            sockets.Add(await Subscribe(server, i % 2 == 0 ? "" : "?pattern=even/*"));
            var client = new EventClient(server.EndPoint, query: i % 2 == 0 ? "" : "?pattern=even/*");
            client.ReadHead();
            streams.Add(client);
        }
        await Wait.Until(() => stream.Subscribers == 12, "all");
        for (int i = 0; i < 1000; i++)
            stream.Publish(new ServerSentEvents { Data = $"{i}" }, i % 2 == 0 ? "even/1" : "odd/1");
        for (int i = 0; i < 6; i++)
        {
            string[] expected = [.. Enumerable.Range(0, 1000).Where(n => n % 2 == 0 || i % 2 == 0).Select(n => $"{n}")];
            Assert.That(Data(sockets[i], expected.Length), Is.EqualTo(expected));
            Assert.That(streams[i].Data(expected.Length), Is.EqualTo(expected));
        }
        Assert.That(stream.Delivered, Is.EqualTo(6 * 1000 + 6 * 500));
        sockets.ForEach(client => client.Dispose());
        streams.ForEach(client => client.Dispose());
        await Wait.Until(() => stream.Subscribers == 0, "their ends");
    }

    [Test]
    public async Task ResumesByTheLastIdOrIsToldOfTheGap()
    {
        var stream = new EventStream("test", new() { ReplayCount = 3, MaxBacklog = 1 });
        await using TestServer server = Start(stream);
        string[] ids = [.. Enumerable.Range(0, 6).Select(i => stream.Publish($"{i}"))];
        using FrameClient resumes = await Subscribe(server, $"?last={ids[3]}");
        using FrameClient late = await Subscribe(server, $"?last={ids[1]}");
        Assert.That(Parse(resumes.ReadText()), Is.EqualTo(new Message(ids[4], null, "4", null)));
        Assert.That(Parse(resumes.ReadText()), Is.EqualTo(new Message(ids[5], null, "5", null)));
        Assert.That(Parse(late.ReadText()), Is.EqualTo(new Message(null, "gap", ids[1], null)));
        Assert.That(Parse(late.ReadText()), Is.EqualTo(new Message(ids[2], null, null, null)));
        Assert.That(Data(late, 3), Is.EqualTo(new[] { "3", "4", "5" }));
        stream.Publish("live");
        foreach (FrameClient client in new[] { resumes, late }) Assert.That(Data(client, 1), Is.EqualTo(new[] { "live" }));
        Assert.That((stream.Resumed, stream.Gaps), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task MessagesPingsAndCompressionGoOnBesides()
    {
        var stream = new EventStream();
        await using TestServer server =
            Start(stream, worker => worker.Options.WebSocket.Deflate = new DeflateOptions { MinSize = 1 });
        using var client = new FrameClient(server.EndPoint, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        Assert.That(client.Head, Does.Contain("permessage-deflate"));
        await Wait.Until(() => stream.Subscribers == 1, "the subscription");
        client.ReadText();
        client.Send(FrameClient.Frame(0x80 | FrameClient.Ping, "p"u8));
        Assert.That(client.ReadFrame().First, Is.EqualTo(0x80 | FrameClient.Pong));
        client.Send(FrameClient.TextFrame("hello"));
        Assert.That(client.ReadFrame().First, Is.EqualTo(0x80 | 0x40 | FrameClient.Text), "compressed");
        stream.Publish("plain");
        Assert.That(Data(client, 1), Is.EqualTo(new[] { "plain" }), "and not compressed");
    }

    [Test]
    public async Task NothingFollowsACloseFrame()
    {
        var stream = new EventStream();
        await using TestServer server = Start(stream);
        using FrameClient client = await Subscribe(server);
        client.ReadText();
        client.Send(FrameClient.CloseFrame(1000));
        stream.Publish("maybe");
        (int first, _) = client.ReadFrame();
        if (first == (0x80 | FrameClient.Text)) (first, _) = client.ReadFrame();
        Assert.That(first, Is.EqualTo(0x80 | FrameClient.Close));
        stream.Publish("too late");
        Assert.That(client.Client.IsAtEnd());
        await Wait.Until(() => stream.Subscribers == 0, "its end");
        Assert.That(_subscriptions[0].IsActive, Is.False);
    }

    /// <summary>Its close frame waits behind what the peer has not read, and events that come then are none of its.</summary>
    [Test]
    public async Task NothingFollowsACloseFrameThatWaits()
    {
        var stream = new EventStream();
        await using TestServer server = Start(stream);
        using FrameClient client = await Subscribe(server);
        client.ReadText();
        for (int i = 0; i < 20; i++) stream.Publish(new string('x', 1_000_000));
        await Wait.Until(() => _subscriptions[0].State == SubscriberState.BackPressured, "a client that does not read");
        client.Send(FrameClient.CloseFrame(1000));
        await LoopTurns.Pass(_subscriptions[0].Connection.Loop);
        stream.Publish("late");
        int events = 0;
        (int first, byte[] payload) = client.ReadFrame();
        for (; first == (0x80 | FrameClient.Text); events++)
        {
            Assert.That(Parse(Encoding.UTF8.GetString(payload)).Data, Has.Length.EqualTo(1_000_000));
            (first, payload) = client.ReadFrame();
        }
        Assert.That(first, Is.EqualTo(0x80 | FrameClient.Close));
        Assert.That(events, Is.InRange(1, 20));
        Assert.That(client.Client.IsAtEnd());
    }

    [Test]
    public async Task WhoIsTooSlowIsTreatedAsTheStreamSays([Values] SlowSubscribers policy)
    {
        var stream = new EventStream("test", new() { SlowSubscribers = policy, MaxBacklog = 5 });
        await using TestServer server = Start(stream);
        using var client = new FrameClient(server.EndPoint, "X-Tight: yes\r\n", receiveBufferSize: 4096);
        client.ReadText();
        stream.Publish(new string('x', 1_000_000));
        await Wait.Until(() => _subscriptions[0].State == SubscriberState.BackPressured, "a client that does not read");
        for (int i = 0; i < 20; i++) stream.Publish(new ServerSentEvents { Data = $"{i}" }, null, $"{i % 10}");
        if (policy == SlowSubscribers.Disconnect)
        {
            await Wait.Until(() => stream.Subscribers == 0, "its end");
            return;
        }
        await Wait.Until(() => _subscriptions[0].Lag == 20, "its lag");
        Assert.That(Parse(client.ReadText()).Data, Has.Length.EqualTo(1_000_000));
        int first = policy == SlowSubscribers.DropOldest ? 15 : 10;
        Assert.That(Data(client, 20 - first), Is.EqualTo(Enumerable.Range(first, 20 - first).Select(i => $"{i}")));
        Assert.That(stream.Dropped, Is.EqualTo(first));
    }

    [Test]
    public async Task CompletionTellsWhenToComeBackAndCloses([Values(0, 1500)] int retry, [Values] bool turnAway)
    {
        var stream = new EventStream();
        await using TestServer server = Start(stream);
        using FrameClient client = await Subscribe(server);
        client.ReadText();
        string last = stream.Publish("last");
        stream.Complete(retry == 0 ? null : TimeSpan.FromMilliseconds(retry), turnAway);
        Assert.That(Data(client, 1), Is.EqualTo(new[] { "last" }));
        if (retry > 0) Assert.That(client.ReadText(), Is.EqualTo("""{"retry":1500}"""));
        Assert.That(client.ReadClose().Code, Is.EqualTo(CloseCode.Normal));
        using var back = new FrameClient(server.EndPoint, path: $"/?last={last}");
        if (retry > 0 && !turnAway) Assert.That(back.ReadText(), Is.EqualTo("""{"retry":1500}"""));
        Assert.That(back.ReadClose().Code, Is.EqualTo(CloseCode.Normal));
    }

    [Test]
    public async Task UnsubscribeLeavesTheWebSocketAndItMaySubscribeAgain()
    {
        var stream = new EventStream();
        await using TestServer server = Start(stream);
        using FrameClient client = await Subscribe(server);
        client.ReadText();
        _subscriptions[0].Unsubscribe();
        await Wait.Until(() => stream.Subscribers == 0, "its end");
        string missed = stream.Publish("missed");
        client.Send(FrameClient.TextFrame("hello"));
        Assert.That(client.ReadText(), Is.EqualTo("app: hello"));
        // On another thread than the loop's.
        Note(stream.Subscribe(_subscriptions[0].Connection, new SubscribeOptions { LastEventId = missed }));
        await Wait.Until(() => stream.Subscribers == 1, "the subscription");
        stream.Publish("live");
        Assert.That(Data(client, 1), Is.EqualTo(new[] { "live" }));
    }

    [Test]
    public async Task HeartbeatIsThePingsUnlessThePageIsToSeeIt([Values] bool isEvent)
    {
        var stream = new EventStream("test", new()
        {
            Heartbeat = TimeSpan.FromMilliseconds(20),
            HeartbeatEvent = isEvent ? "alive" : null,
        });
        await using TestServer server = Start(stream);
        using FrameClient client = await Subscribe(server, "?topic=quiet");
        client.ReadText();
        string other = stream.Publish(new ServerSentEvents { Data = "x" }, "loud");
        Message told = Parse(client.ReadText());
        while (isEvent && told.Id != other) told = Parse(client.ReadText());
        Message expected = isEvent ? new Message(other, "alive", "", null) : new Message(other, null, null, null);
        Assert.That(told, Is.EqualTo(expected), "the id is kept up");
        stream.Publish(new ServerSentEvents { Data = "y" }, "quiet");
        while (Parse(client.ReadText()) is { Event: "alive" }) continue;
    }

    [Test]
    public async Task WhatIsNoOpenWebSocketIsRefused()
    {
        var stream = new EventStream();
        var refused = new List<string>();
        void Try(TcpConnection connection, SubscribeOptions? options = null) => refused.Add(
            Assert.Catch<Exception>(() => stream.Subscribe(connection, options ?? new SubscribeOptions()))!.Message);
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnWebSocketConnect = (connection, _) => Try(connection);
        worker.OnWebSocketConnected = (connection, _) =>
        {
            Try(connection, new SubscribeOptions { Headers = new() { ["X-A"] = "1" } });
            stream.Subscribe(connection, new SubscribeOptions());
            Try(connection);
            connection.Send("done");
        };
        var web = new Worker("http://127.0.0.1:0");
        web.OnMessage = (connection, _) =>
        {
            Try(connection);
            connection.Send("done");
        };
        await using TestServer server = TestServer.Start(loopType, worker, web);
        using var client = new FrameClient(worker.LocalEndPoint!);
        client.ReadText();
        Assert.That(client.ReadText(), Is.EqualTo("done"));
        using var http = new RawClient(web.LocalEndPoint!);
        http.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        Assert.That(refused, Has.Count.EqualTo(4).And.All.Contain("Cure:"));
        Assert.That(refused[0], Does.Contain("no open WebSocket"));
        Assert.That(refused[1], Does.Contain("Headers"));
        Assert.That(refused[2], Does.Contain("already"));
        Assert.That(refused[3], Does.Contain("no open WebSocket"));
    }

    [Test]
    public async Task MoreThanMayBeAskedForIsABadRequest()
    {
        var stream = new EventStream("test", new() { MaxTopics = 2, MaxTopicLength = 4, MaxIdLength = 64 });
        var worker = new Worker<string>("websocket://127.0.0.1:0");
        worker.OnMessage = (connection, text) =>
        {
            string[] parts = text.Split('|');
            try
            {
                stream.Subscribe(connection, new SubscribeOptions
                {
                    Topics = parts[0].Split(' '),
                    TopicPatterns = [parts[1]],
                    LastEventId = parts[2],
                });
            }
            catch (BadRequestException e)
            {
                connection.CloseWebSocket(CloseCode.PolicyViolation, e.Message);
            }
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        foreach (string asked in (string[])["a b|c|", "fives|c|", "a|fives|", "a|b*|", $"a|b|{new string('x', 65)}"])
        {
            using var client = new FrameClient(worker.LocalEndPoint!);
            client.Send(FrameClient.TextFrame(asked));
            Assert.That(client.ReadClose().Code, Is.EqualTo(CloseCode.PolicyViolation), asked);
        }
        using var fits = new FrameClient(worker.LocalEndPoint!);
        fits.Send(FrameClient.TextFrame("four|b/**|"));
        Assert.That(Parse(fits.ReadText()).Id, Is.Not.Null);
    }

    /// <summary>It does not move: it is closed, and its client comes back by id and finds all.</summary>
    [Test]
    public async Task WhenTheProcessIsReplacedItComesBackById()
    {
        var (group, other) = (new StreamGroup(), new StreamGroup());
        var before = new EventStream("news", null, group);
        var after = new EventStream("news", null, other);
        await using TestServer old = Start(before);
        await using TestServer next = Start(after);
        using FrameClient client = await Subscribe(old);
        client.ReadText();
        string id = before.Publish("1");
        Assert.That(Parse(client.ReadText()).Id, Is.EqualTo(id));
        Assert.That(await Handovers.Go(old, group, next, other), Is.Zero);
        before.Publish("2");
        Assert.That(client.ReadClose().Code, Is.EqualTo(CloseCode.ServiceRestart));
        using var back = new FrameClient(next.EndPoint, path: $"/?last={id}");
        Assert.That(Data(back, 1), Is.EqualTo(new[] { "2" }));
    }

    [Test]
    public async Task EndsAtItsTimeAndOnceItsStreamHasBecomeAnother([Values] bool expires)
    {
        var (group, other) = (new StreamGroup(), new StreamGroup());
        var stream = new EventStream("news", null, group);
        DateTimeOffset? end = expires ? DateTimeOffset.UtcNow.AddSeconds(-1) : null;
        await using TestServer server = Start(stream, expiresAt: end);
        using var client = new FrameClient(server.EndPoint);
        client.ReadText();
        if (!expires)
        {
            await Wait.Until(() => stream.Subscribers == 1, "the subscription");
            var before = new EventStream("news", null, other);
            Handovers.MoveLogs(other, group);
            // A group holds its streams weakly.
            GC.KeepAlive(before);
        }
        Assert.That(client.ReadText(), Is.EqualTo(expires ? """{"retry":1000}""" : """{"retry":0}"""));
        Assert.That(client.ReadClose().Code, Is.EqualTo(CloseCode.Normal));
    }

    private static Message Parse(string text)
    {
        using var document = JsonDocument.Parse(text);
        string? Of(string name) =>
            document.RootElement.TryGetProperty(name, out JsonElement element) ? element.GetString() : null;
        return new Message(Of("id"), Of("event"), Of("data"), Of("topic"));
    }

    /// <summary>The data of the next messages that have any.</summary>
    private static string[] Data(FrameClient client, int count)
    {
        var all = new List<string>();
        while (all.Count < count)
        {
            if (Parse(client.ReadText()).Data is { } data) all.Add(data);
        }
        return [.. all];
    }

    private async Task<FrameClient> Subscribe(TestServer server, string query = "")
    {
        int before = _subscriptions.Count;
        var client = new FrameClient(server.EndPoint, path: "/" + query);
        await Wait.Until(() =>
        {
            lock (_subscriptions) return _subscriptions.Count > before && _subscriptions[^1].IsActive;
        }, "the subscription");
        return client;
    }

    private TestServer Start(EventStream stream, Action<Worker>? setUp = null, DateTimeOffset? expiresAt = null) =>
        TestServer.Http(loopType, (connection, request) =>
        {
            var options = new SubscribeOptions
            {
                Topics = [.. request.GetValues("topic")],
                TopicPatterns = [.. request.GetValues("pattern")],
                LastEventId = request.Get("last"),
                ExpiresAt = expiresAt,
            };
            if (request.Header("x-tight") is not null) StreamServer.SocketOf(connection).SendBufferSize = 16 * 1024;
            if (!request.IsWebSocketUpgrade) stream.Subscribe(connection, request, options);
            else if (connection.UpgradeToWebSocket(request, static (own, message) => own.Send("app: " + message.Text)))
                Note(stream.Subscribe(connection, options));
        }, setUp);

    private void Note(Subscription subscription)
    {
        lock (_subscriptions) _subscriptions.Add(subscription);
    }

    private sealed record Message(string? Id, string? Event, string? Data, string? Topic);
}
