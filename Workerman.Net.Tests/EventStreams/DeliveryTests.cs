using System.Net;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Who gets what, in which form and order, on every loop.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class DeliveryTests(Type loopType)
{
    [Test]
    public async Task HeadThenBookmarkThenEventsWithIds()
    {
        await using var server = new StreamServer(loopType, new() { Retry = TimeSpan.FromSeconds(2) },
            _ => new() { Headers = new() { ["Access-Control-Allow-Origin"] = "*" } });
        using var client = new EventClient(server.Server.EndPoint);
        Assert.That(client.ReadHead(),
            Does.StartWith("HTTP/1.1 200 OK\r\n").And.Contain("\r\nContent-Type: text/event-stream\r\n")
            .And.Contain("\r\nCache-Control: no-cache\r\n").And.Contain("\r\nX-Accel-Buffering: no\r\n")
            .And.Contain("\r\nAccess-Control-Allow-Origin: *\r\n"));
        Assert.That(client.Next(), Is.EqualTo(new Block(null, null, null, 2000, null)));
        Block bookmark = client.Next();
        Assert.That(bookmark, Is.EqualTo(new Block(null, null, bookmark.Id, null, null)));
        Assert.That(bookmark.Id, Does.EndWith("-0"));
        string first = server.Stream.Publish("one\ntwo");
        string second = server.Stream.Publish(new ServerSentEvents { Event = "named", Data = "three", Id = "my own" });
        Assert.That(first, Is.EqualTo(bookmark.Id![..^1] + "1"));
        Assert.That(second, Is.EqualTo("my own"));
        Assert.That(client.Next(), Is.EqualTo(new Block(null, "one\ntwo", first, null, null)));
        Assert.That(client.Next(), Is.EqualTo(new Block("named", "three", "my own", null, null)));
    }

    [Test]
    public async Task ApplicationReplacesFieldsOfTheHead()
    {
        await using var server =
            new StreamServer(loopType, null, _ => new() { Headers = new() { ["cache-control"] = "no-store" } });
        using EventClient client = new(server.Server.EndPoint);
        Assert.That(client.ReadHead(),
            Does.Contain("cache-control: no-store").And.Not.Contain("no-cache").And.Contain("Content-Type: text/event-stream"));
    }

    [Test]
    public async Task FieldsThatAreTheStreamsOwnAreRefused(
        [Values("Content-Type", "content-length", "Transfer-Encoding", "Connection", "Content-Encoding")] string name)
    {
        var stream = new EventStream();
        ArgumentException? refused = null;
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            refused = Assert.Throws<ArgumentException>(
                () => stream.Subscribe(connection, request, new SubscribeOptions { Headers = new() { [name] = "1" } }));
            connection.Send("answered");
        });
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("answered"));
        Assert.That(refused!.Message, Does.Contain(name).And.Contain("remove it"));
    }

    [Test]
    public async Task TopicsDecideWhoGetsIt()
    {
        await using var server = new StreamServer(loopType);
        using EventClient all = await server.Subscribe();
        using EventClient red = await server.Subscribe(query: "?topic=red");
        using EventClient both = await server.Subscribe(query: "?topic=red&topic=blue");
        foreach ((string data, string? topic) in new[] { ("1", null), ("2", "red"), ("3", "blue"), ("4", "green"), ("5", "Red"),
            ("6", (string?)null) })
            server.Stream.Publish(new ServerSentEvents { Data = data }, topic);
        Assert.That(all.Data(6), Is.EqualTo(new[] { "1", "2", "3", "4", "5", "6" }));
        Assert.That(red.Data(3), Is.EqualTo(new[] { "1", "2", "6" }));
        Assert.That(both.Data(4), Is.EqualTo(new[] { "1", "2", "3", "6" }));
        Assert.That(server.Stream.Delivered, Is.EqualTo(13));
    }

    /// <summary>Once, however many of its topics are wanted, and whichever they are.</summary>
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(EventTopics.Few)]
    [TestCase(EventTopics.Few + 1)]
    [TestCase(100)]
    public async Task AnyOfSeveralTopicsIsEnough(int count)
    {
        string[] more = [.. Enumerable.Range(0, 50).Select(i => $"m{i}")];
        await using var server = new StreamServer(loopType, null,
            request => new() { Topics = [.. request.GetValues("topic"), .. request.Get("more") is null ? [] : more] });
        using EventClient all = await server.Subscribe();
        using EventClient first = await server.Subscribe(query: "?topic=t0");
        using EventClient last = await server.Subscribe(query: $"?topic=none&topic=t{count - 1}&topic=t0");
        using EventClient many = await server.Subscribe(query: $"?more=1&topic=t{count - 1}");
        using EventClient none = await server.Subscribe(query: $"?topic=t{count}&topic=T0");
        string[] topics = [.. Enumerable.Range(0, count).Select(i => $"t{i}")];
        server.Stream.Publish(new ServerSentEvents { Data = "1" }, topics);
        server.Stream.Publish(new ServerSentEvents { Data = "2" }, [.. topics.Select(topic => $"other {topic}")]);
        server.Stream.Publish(new ServerSentEvents { Data = "3" }, (string[])[]);
        Assert.That(all.Data(3), Is.EqualTo(new[] { "1", "2", "3" }));
        foreach (EventClient client in new[] { first, last, many }) Assert.That(client.Data(2), Is.EqualTo(new[] { "1", "3" }));
        Assert.That(none.NextEvent().Data, Is.EqualTo("3"));
        Assert.That(server.Stream.Delivered, Is.EqualTo(10));
    }

    [Test]
    public async Task TopicsOfAQueryAreHandedOnAsTheyAre()
    {
        var stream = new EventStream();
        await using TestServer server =
            TestServer.Http(loopType, (connection, request) => stream.Subscribe(connection, request, request.GetValues("topic")));
        using var red = new EventClient(server.EndPoint, query: "?topic=red");
        using var all = new EventClient(server.EndPoint);
        red.ReadHead();
        all.ReadHead();
        await Wait.Until(() => stream.Subscribers == 2, "the subscriptions");
        stream.Publish(new ServerSentEvents { Data = "1" }, "blue");
        stream.Publish(new ServerSentEvents { Data = "2" }, "red");
        Assert.That(red.NextEvent().Data, Is.EqualTo("2"));
        Assert.That(all.Data(2), Is.EqualTo(new[] { "1", "2" }));
    }

    [Test]
    public async Task ManyTopicsAreMatchedToo()
    {
        await using var server =
            new StreamServer(loopType, null, _ => new() { Topics = [.. Enumerable.Range(0, 50).Select(i => $"t{i}")] });
        using EventClient client = await server.Subscribe();
        server.Stream.Publish(new ServerSentEvents { Data = "no" }, "t50");
        server.Stream.Publish(new ServerSentEvents { Data = "yes" }, "t49");
        server.Stream.Publish(new ServerSentEvents { Data = "all" });
        Assert.That(client.Data(2), Is.EqualTo(new[] { "yes", "all" }));
    }

    [Test]
    public async Task FilterSeesTheEventAndOneThatThrowsIsLogged()
    {
        var seen = new List<string>();
        await using var server = new StreamServer(loopType, null, _ => new()
        {
            Filter = published =>
            {
                seen.Add($"{published.Sequence} {published.Event} {published.Data} {published.Topic} {published.Key}");
                return published.Data == "throw"
                    ? throw new InvalidTimeZoneException("the filter's own")
                    : published.Data != "no";
            },
        });
        using EventClient client = await server.Subscribe();
        server.Stream.Publish(new ServerSentEvents { Data = "no", Event = "name" }, "topic", "key");
        server.Stream.Publish("throw");
        server.Stream.Publish("yes");
        Assert.That(client.NextEvent().Data, Is.EqualTo("yes"));
        Assert.That(seen[0], Is.EqualTo("1 name no topic key"));
        await Wait.Until(() => server.Server.Log.Text.Contains("the filter's own", StringComparison.Ordinal), "the log");
    }

    [Test]
    public async Task FilterMayEndItsOwnSubscription()
    {
        StreamServer? server = null;
        await using StreamServer made = server = new StreamServer(loopType, null, _ => new()
        {
            Filter = published =>
            {
                if (published.Data == "end") server!.Subscriptions[0].End();
                return true;
            },
        });
        using EventClient client = await server.Subscribe();
        server.Stream.Publish("first");
        Assert.That(client.NextEvent().Data, Is.EqualTo("first"));
        server.Stream.Publish("end");
        Assert.That(client.ToEnd().Where(block => block.IsEvent), Is.Empty);
        await Wait.Until(() => server.Stream.Subscribers == 0, "its end");
    }

    [Test]
    public async Task HeadRequestGetsTheHeadAndIsNoSubscriber()
    {
        await using var server = new StreamServer(loopType);
        using RawClient client = server.Server.Connect();
        client.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(client.ReadToEnd(), Does.Contain("text/event-stream").And.EndWith("\r\n\r\n"));
        Assert.That(server.Stream.Subscribers, Is.Zero);
        Assert.That(server.Subscriptions[0].IsActive, Is.False);
    }

    [Test]
    public async Task WrongUseThrowsWithTheCure()
    {
        var messages = new List<string>();
        var stream = new EventStream();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/answered") connection.Send("answer");
            else stream.Subscribe(connection, request);
            messages.Add(Assert.Throws<InvalidOperationException>(() => stream.Subscribe(connection, request))!.Message);
        });
        using RawClient answered = server.Connect();
        Assert.That(answered.Send("GET /answered HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body, Is.EqualTo("answer"));
        using var open = new EventClient(server.EndPoint);
        open.ReadHead();
        stream.Publish("still open");
        Assert.That(open.NextEvent().Data, Is.EqualTo("still open"));
        Assert.That(messages,
            Has.Count.EqualTo(2).And.All.Contains("answered already").And.All.Contains("in place of an answer"));
    }

    [Test]
    public async Task SubscribesAndEndsFromAnotherThread()
    {
        var stream = new EventStream();
        var made = new TaskCompletionSource<Subscription>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestServer server = TestServer.Http(loopType,
            (connection, request) => Task.Run(() => made.SetResult(stream.Subscribe(connection, request, "t"))));
        using var client = new EventClient(server.EndPoint);
        client.ReadHead();
        client.Next();
        stream.Publish("hello");
        Assert.That(client.NextEvent().Data, Is.EqualTo("hello"));
        Subscription subscription = Wait.For(made.Task);
        Assert.That((subscription.IsActive, subscription.Delivered, subscription.Lag, subscription.Stream),
            Is.EqualTo((true, 1L, 0L, stream)));
        subscription.End(TimeSpan.FromMilliseconds(1500));
        Assert.That(client.ToEnd(), Is.EqualTo(new[] { new Block(null, null, null, 1500, null) }));
        Assert.That(subscription.IsActive, Is.False);
    }

    [Test]
    public async Task UnsubscribeLeavesTheConnectionToTheApplication()
    {
        await using var server = new StreamServer(loopType);
        using EventClient client = await server.Subscribe();
        server.Subscriptions[0].Unsubscribe();
        await Wait.Until(() => server.Stream.Subscribers == 0, "the end of the subscription");
        server.Stream.Publish("not for it");
        server.Subscriptions[0].Connection.Send(new ServerSentEvents { Data = "the application's own" });
        Assert.That(client.NextEvent().Data, Is.EqualTo("the application's own"));
    }

    [Test]
    public async Task SubscriptionEndsWithItsConnection()
    {
        await using var server = new StreamServer(loopType);
        using EventClient stays = await server.Subscribe();
        EventClient closes = await server.Subscribe();
        EventClient resets = await server.Subscribe();
        await Wait.Until(() => server.Stream.Subscribers == 3, "three subscribers");
        closes.Dispose();
        resets.Raw.Reset();
        await Wait.Until(() => server.Stream.Subscribers == 1, "the ends");
        Assert.That(server.Subscriptions.Select(subscription => subscription.IsActive), Is.EqualTo(new[] { true, false, false }));
        server.Stream.Publish("on");
        Assert.That(stays.NextEvent().Data, Is.EqualTo("on"));
    }

    [Test]
    public async Task PublishesFromCallbacks()
    {
        var stream = new EventStream();
        await using TestServer server = TestServer.Http(loopType, (connection, request) =>
        {
            stream.Publish("before");
            stream.Subscribe(connection, request, new SubscribeOptions
            {
                LastEventId = "",
                Filter = published => published.Data != "filtered" || stream.Publish("from the filter") is null
            });
            stream.Publish("after");
        }, worker => worker.OnClose = _ => stream.Publish("closed"));
        using var client = new EventClient(server.EndPoint);
        client.ReadHead();
        Assert.That(client.NextEvent().Data, Is.EqualTo("after"));
        stream.Publish("filtered");
        Assert.That(client.NextEvent().Data, Is.EqualTo("from the filter"));
        using var second = new EventClient(server.EndPoint);
        second.ReadHead();
        Assert.That(second.NextEvent().Data, Is.EqualTo("after"));
        client.Dispose();
        Assert.That(second.NextEvent().Data, Is.EqualTo("closed"));
    }

    /// <summary>A round over many subscribers does not keep the loop from its other work.</summary>
    [Test]
    public async Task LongRoundGivesWay()
    {
        const int Subscribers = 40;
        int asked = 0;
        int askedBeforeTheOther = 0;
        await using var server = new StreamServer(loopType, null, _ => new()
        {
            Filter = _ =>
            {
                // Each takes a tenth of what a round has.
                Thread.Sleep(1);
                if (++asked == 1) Workerman.Events.EventLoop.Current!.Post(() => askedBeforeTheOther = asked);
                return true;
            },
        });
        List<EventClient> clients = [];
        for (int i = 0; i < Subscribers; i++) clients.Add(await server.Subscribe());
        await Wait.Until(() => server.Stream.Subscribers == Subscribers, "the subscribers");
        server.Stream.Publish("event");
        foreach (EventClient client in clients) Assert.That(client.NextEvent().Data, Is.EqualTo("event"));
        Assert.That(askedBeforeTheOther, Is.InRange(1, Subscribers - 1));
        Assert.That(asked, Is.EqualTo(Subscribers));
    }

    /// <summary>A round that has given way goes on with what it began with: what came meanwhile wants another.</summary>
    [Test]
    public async Task WhatIsPublishedDuringALongRoundFollowsIt([Values] bool completes)
    {
        const int Subscribers = 40;
        bool published = false;
        StreamServer? started = null;
        await using StreamServer server = started = new StreamServer(loopType, null, _ => new()
        {
            Filter = _ =>
            {
                Thread.Sleep(1);
                if (published) return true;
                published = true;
                started!.Stream.Publish("meanwhile");
                if (completes) started.Stream.Complete();
                return true;
            },
        });
        List<EventClient> clients = [];
        for (int i = 0; i < Subscribers; i++) clients.Add(await server.Subscribe());
        await Wait.Until(() => server.Stream.Subscribers == Subscribers, "the subscribers");
        server.Stream.Publish("event");
        foreach (EventClient client in clients)
        {
            Assert.That((client.NextEvent().Data, client.NextEvent().Data), Is.EqualTo(("event", "meanwhile")));
            if (completes) Assert.That(client.ToEnd(), Is.Empty);
            client.Dispose();
        }
    }

    [Test]
    public async Task OneStreamServesSeveralWorkersAndLoops()
    {
        var stream = new EventStream();
        var loops = new HashSet<string>();
        void Serve(TcpConnection connection, Request request)
        {
            lock (loops) loops.Add(Thread.CurrentThread.Name!);
            stream.Subscribe(connection, request);
        }
        stream.Publish("before anybody is there");
        var second = new Worker("http://127.0.0.1:0") { Name = "second", OnMessage = Serve };
        var first = new Worker("http://127.0.0.1:0") { Name = "first", Count = 2, OnMessage = Serve };
        await using TestServer server = TestServer.Start(loopType, first, second);
        var clients = new List<EventClient>();
        IPEndPoint[] endPoints = [server.EndPoint, second.LocalEndPoint!];
        // Which of its loops accepts is the worker's business: until both have.
        for (int i = 0; i < 200 && loops.Count < 3; i++)
        {
            var client = new EventClient(endPoints[i % 2]);
            client.ReadHead();
            clients.Add(client);
        }
        Assert.That(loops, Has.Count.EqualTo(3));
        foreach (EventClient client in clients) client.Next();
        Parallel.For(0, 100, i => stream.Publish($"{i}"));
        string[][] seen = [.. clients.Select(client => client.Data(100))];
        Assert.That(seen, Is.All.EqualTo(seen[0]), "the order is the same for all");
        Assert.That(seen[0], Is.EquivalentTo(Enumerable.Range(0, 100).Select(i => $"{i}")));
        Assert.That(stream.Delivered, Is.EqualTo(100 * clients.Count));
        foreach (EventClient client in clients) client.Dispose();
        await Wait.Until(() => stream.Subscribers == 0, "their ends");
        Assert.That(stream.Delivered, Is.EqualTo(100 * clients.Count), "figures outlive the subscribers");
    }
}
