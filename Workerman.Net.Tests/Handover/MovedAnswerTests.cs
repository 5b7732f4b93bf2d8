using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Handover;
using Workerman.Protocols.Http;
using Workerman.Protocols.Http.Sessions;
using Workerman.Tests.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.Handover;

/// <summary>
/// What an application may do with a request whose event stream has moved here: its client is in the middle of an answer, so it
/// is sent the stream, or when to come back, and nothing else.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class MovedAnswerTests(Type loopType)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);

    /// <summary>Everything but a subscription.</summary>
    private static readonly Dictionary<string, Action<TcpConnection, Request>> Answers = new()
    {
        ["text"] = (connection, _) => connection.Send("secret"),
        ["bytes"] = (connection, _) => connection.Send("secret"u8),
        ["much"] = (connection, _) => connection.Send(new byte[200_000]),
        ["404"] = (connection, _) => connection.Send(new Response(404, null, "secret")),
        ["interim and 200"] = (connection, _) =>
        {
            connection.Send(new Response(103));
            connection.Send(new Response(200, null, "secret"));
        },
        ["file"] = (connection, _) => connection.Send(new Response().WithFile(Repository.PathOf("README.md"))),
        ["chunked"] = (connection, _) =>
        {
            connection.Send(new Response(200, new() { ["Transfer-Encoding"] = "chunked" }, "secret"));
            connection.Send(new Chunk("secret"));
            connection.Send(new Chunk(""));
        },
        ["stream of its own"] = (connection, _) =>
        {
            connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }, ""));
            connection.Send(new ServerSentEvents { Data = "secret" });
        },
        ["event"] = (connection, _) => connection.Send(new ServerSentEvents { Data = "secret" }),
        ["close"] = (connection, _) => connection.Close(),
        ["close with text"] = (connection, _) => connection.Close("secret"),
        ["end with a response"] = (connection, _) => connection.End(new Response(503, null, "secret")),
        ["exception"] = (_, _) => throw new InvalidOperationException("secret"),
        ["bad request"] = (_, _) => throw new BadRequestException("secret"),
        ["websocket"] = (connection, request) => connection.UpgradeToWebSocket(request, (_, _) => { }),
        ["late"] = (connection, _) => Timer.Delay(0.01, () => connection.Send("secret")),
        ["session"] = (connection, request) =>
        {
            request.Session.Set("a", "secret");
            connection.Send("secret");
        },
    };

    [SetUp]
    public void OnlyOnLinux()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("descriptors are given away on Linux");
    }

    [TestCaseSource(nameof(Names))]
    public async Task AnythingElseEndsTheStream(string name)
    {
        (List<Block> seen, string log) = await Move((connection, request) =>
        {
            Assert.That(request.IsMoved);
            Answers[name](connection, request);
        });
        Assert.That(seen, Has.Count.EqualTo(1), $"nothing but when to come back: {log}");
        Assert.That(seen[0].Retry, Is.InRange(0, 3000));
        if (!name.StartsWith("exc", StringComparison.Ordinal) && !name.StartsWith("bad", StringComparison.Ordinal))
            Assert.That(log, Does.Contain("ends an event stream that has moved here").And.Contain("Cure: subscribe it"));
    }

    [TestCase("before")]
    [TestCase("instead")]
    public async Task BytesPastTheProtocolAreNotSent(string when)
    {
        (List<Block> seen, _) = await Move((connection, _) =>
        {
            if (when == "instead") Assert.That(connection.SendRaw("secret"), Is.EqualTo(SendResult.Dropped));
            connection.Close();
        }, onConnect: connection =>
        {
            if (when == "before") Assert.That(connection.SendRaw("secret"), Is.EqualTo(SendResult.Dropped));
        });
        Assert.That(seen.Single().Retry, Is.Not.Null);
    }

    [Test]
    public async Task OnConnectMayRefuseItToo()
    {
        int messages = 0;
        (List<Block> seen, _) = await Move((_, _) => messages++, onConnect: connection => connection.Close());
        Assert.That((seen.Single().Retry is not null, messages), Is.EqualTo((true, 0)));
    }

    [Test]
    public async Task AnApplicationThatDoesNothingHasItsTime()
    {
        (List<Block> seen, string log) = await Move((_, _) => { },
            setUp: worker => worker.Options.Http.MovedTimeout = TimeSpan.FromMilliseconds(50));
        Assert.That(seen.Single().Retry, Is.InRange(0, 3000));
        Assert.That(log, Does.Contain("was not subscribed within").And.Contain("Cure: subscribe it"));
    }

    /// <summary>A new version of the application may not read what the old one did.</summary>
    [Test]
    public async Task AHeadThatIsRefusedHereEndsTheStream()
    {
        (List<Block> seen, _) = await Move((_, _) => { }, setUp: worker => worker.Options.Http.MaxHeaderCount = 1);
        Assert.That(seen.Single().Retry, Is.InRange(0, 3000));
    }

    /// <summary>What was not sent before comes first, whatever follows.</summary>
    [Test]
    public async Task WhatIsUnsentComesBeforeTheEnd()
    {
        var group = new StreamGroup();
        await using var old = new StreamServer(loopType, name: "news", group: group);
        await using TestServer next = TestServer.Http(loopType, (connection, _) => connection.Send("secret"));
        using EventClient client = await old.Subscribe(receiveBufferSize: 4096);
        Subscription subscription = old.Subscriptions[0];
        int published = 0;
        string filler = new('x', 20_000);
        while (subscription.Connection.SendBufferQueueSize == 0)
        {
            old.Stream.Publish($"{published++} {filler}");
            await Wait.Until(() => subscription.Delivered == published, "the delivery");
            await LoopTurns.Pass(subscription.Connection.Loop);
        }
        Assert.That(await Handovers.Go(old.Server, group, next, new StreamGroup(), Window), Is.EqualTo(1));
        List<Block> blocks = client.ToEnd();
        Assert.That(blocks.Where(block => block.IsEvent).Select(block => block.Data![..block.Data!.IndexOf(' ')]),
            Is.EqualTo(Enumerable.Range(0, published).Select(i => $"{i}")));
        Assert.That(blocks[^1].Retry, Is.InRange(0, 3000));
    }

    /// <summary>An application that looks something up first; the stream may even move on meanwhile.</summary>
    [Test]
    public async Task SubscribingLaterGoesOnToo([Values] bool movesOn)
    {
        StreamGroup[] groups = [new(), new(), new()];
        EventStream[] streams = [.. groups.Select(group => new EventStream("news", null, group))];
        var arrived = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();
        await using TestServer old = Server(streams[0]);
        await using TestServer next = TestServer.Start(loopType, new Worker("http://127.0.0.1:0")
        {
            OnMessageAsync = async (connection, request) =>
            {
                arrived.SetResult();
                await goOn.Task;
                if (!movesOn) streams[1].Subscribe(connection, request);
            },
        });
        await using TestServer third = Server(streams[2]);
        using var client = new EventClient(old.EndPoint);
        client.ReadHead();
        client.Next();
        Assert.That(await Handovers.Go(old, groups[0], next, groups[1]), Is.EqualTo(1));
        await arrived.Task.WaitAsync(Wait.Limit);
        streams[0].Publish("meanwhile");
        if (movesOn) Assert.That(await Handovers.Go(next, groups[1], third, groups[2]), Is.EqualTo(1));
        goOn.SetResult();
        streams[0].Publish("later");
        Assert.That(client.Data(2), Is.EqualTo(new[] { "meanwhile", "later" }));
    }

    [Test]
    public async Task SessionsAreSavedAndTheirCookieIsNotSent()
    {
        var groups = (Old: new StreamGroup(), New: new StreamGroup());
        var before = new EventStream("news", null, groups.Old);
        var after = new EventStream("news", null, groups.New);
        var sessions = new MemorySessionHandler();
        TestServer Make(EventStream stream, string value) => TestServer.Http(loopType, (connection, request) =>
        {
            if (request.Path == "/read")
            {
                connection.Send($"{request.Session.Get("where")}");
                return;
            }
            request.Session.Set("where", value);
            stream.Subscribe(connection, request);
        }, worker => worker.Options.Http.Session.Handler = sessions);
        await using TestServer old = Make(before, "old");
        await using TestServer next = Make(after, "new");
        using RawClient first = old.Connect();
        string head = first.Send("GET /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").ReadUntil("\r\n\r\n");
        using RawClient stream = old.Connect();
        head = stream.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadUntil("\r\n\r\n");
        string cookie = head.Split("\r\n").First(line => line.StartsWith("Set-Cookie: ", StringComparison.Ordinal))[12..]
            .Split(';')[0];
        using RawClient known = old.Connect();
        known.Send($"GET / HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n").ReadUntil("\n\n");
        Assert.That(await Handovers.Go(old, groups.Old, next, groups.New), Is.EqualTo(2));
        await Wait.Until(() => after.Subscribers == 2, "the subscriptions");
        using RawClient reader = next.Connect();
        reader.Send($"GET /read HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n");
        Assert.That(reader.ReadResponse().Body, Is.EqualTo("new"));
        before.Publish("x");
        Assert.That(known.ReadUntil("\n\n"), Does.Contain("data: x\n").And.Not.Contain("Cookie"));
    }

    private static IEnumerable<string> Names => Answers.Keys;

    private TestServer Server(EventStream stream) =>
        TestServer.Http(loopType, (connection, request) => stream.Subscribe(connection, request));

    /// <summary>Moves a stream to an application; what its client sees, and what the log says.</summary>
    private async Task<(List<Block> Seen, string Log)> Move(Action<TcpConnection, Request> onMessage,
        Action<TcpConnection>? onConnect = null, Action<Worker>? setUp = null)
    {
        var group = new StreamGroup();
        await using var old = new StreamServer(loopType, name: "news", group: group);
        await using TestServer next = TestServer.Http(loopType, onMessage, worker =>
        {
            worker.OnConnect = onConnect;
            worker.Options.Http.Session.Handler = new MemorySessionHandler();
            setUp?.Invoke(worker);
        });
        List<Block> seen;
        using (EventClient client = await old.Subscribe())
        {
            client.Next();
            Assert.That(await Handovers.Go(old.Server, group, next, new StreamGroup(), Window), Is.EqualTo(1));
            seen = client.ToEnd();
        }
        await Wait.Until(() => next.Main.Connections.Count == 0, "the end");
        return (seen, next.Log.Text);
    }
}
