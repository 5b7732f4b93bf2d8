using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Subscribers by patterns of topics: who gets what, alone and where many want the same.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class PatternDeliveryTests(Type loopType)
{
    private static readonly string[][] Published =
        [["a/1"], ["a"], ["b/1"], [], ["a/1/x"], ["b/1", "c", "a/2"], ["c"], ["*"], ["a/*"], ["d.1"], ["d.1", "d.2"]];

    [TestCase("pattern=a/*", "0 3 5 8")]
    [TestCase("pattern=a/**", "0 3 4 5 8")]
    [TestCase("topic=c&pattern=b/*", "2 3 5 6")]
    [TestCase("pattern=b/*&pattern=a/*", "0 2 3 5 8")]
    [TestCase("pattern=*", "1 3 5 6 7")]
    [TestCase("topic=*", "3 7")]
    [TestCase("topic=a/*", "3 8")]
    [TestCase("pattern=d.*", "3 9 10")]
    [TestCase("pattern=none", "3")]
    [TestCase("pattern=**", "0 1 2 3 4 5 6 7 8 9 10")]
    public async Task PatternsDecideWhoGetsIt(string query, string expected)
    {
        await using var server = new StreamServer(loopType);
        // Those who want the same share the decision; the third wants something else.
        EventClient[] clients =
        [
            await server.Subscribe(query: "?" + query), await server.Subscribe(query: "?" + query),
            await server.Subscribe(query: "?pattern=no/*"),
        ];
        string oldest = server.Stream.LastId;
        for (int i = 0; i < Published.Length; i++) server.Stream.Publish(new ServerSentEvents { Data = $"{i}" }, Published[i]);
        server.Stream.Publish("end");
        string[] all = [.. expected.Split(' '), "end"];
        foreach (EventClient client in clients[..2]) Assert.That(client.Data(all.Length), Is.EqualTo(all));
        Assert.That(clients[2].Data(2), Is.EqualTo(new[] { "3", "end" }));
        using EventClient resumes = await server.Subscribe(oldest, "?" + query);
        Assert.That(resumes.Data(all.Length), Is.EqualTo(all));
        foreach (EventClient client in clients) client.Dispose();
    }

    /// <summary>More events than a round has, which come while some leave and others join.</summary>
    [TestCase(1)]
    [TestCase(SharedSelections.MostEvents)]
    [TestCase(SharedSelections.MostEvents + 1)]
    [TestCase(1000)]
    public async Task ManyWhoWantTheSameGetTheSameInEachRound(int count)
    {
        await using var server = new StreamServer(loopType, new() { MaxBacklog = 100_000 });
        List<(EventClient Client, int Parity)> clients = [];
        foreach (int parity in (int[])[0, 0, 0, 0, 1, 1])
            clients.Add((await server.Subscribe(query: parity == 0 ? "?pattern=even/*" : "?pattern=odd/*"), parity));
        for (int round = 0; round < 3; round++)
        {
            // Published on the loop, so that a round has as many as there is room for.
            await Publish(server, count);
            foreach ((EventClient client, int parity) in clients)
            {
                int[] numbers = [.. Enumerable.Range(0, count).Where(n => n % 2 == parity)];
                Assert.That(client.Data(numbers.Length + 1), Is.EqualTo(numbers.Select(n => $"{n}").Append("end")));
            }
            clients[0].Client.Dispose();
            clients.RemoveAt(0);
            await Wait.Until(() => server.Stream.Subscribers == clients.Count, "its end");
        }
        clients.ForEach(one => one.Client.Dispose());
    }

    /// <summary>Those that are too slow are counted by what they want, and lose nothing else.</summary>
    [Test]
    public async Task WhoDoesNotReadLosesTheOldestOfWhatItWants()
    {
        await using var server =
            new StreamServer(loopType, new() { SlowSubscribers = SlowSubscribers.DropOldest, MaxBacklog = 5 });
        using EventClient client = await server.Subscribe(query: "?pattern=mine/*", receiveBufferSize: 4096);
        server.Stream.Publish(new ServerSentEvents { Data = new string('x', 1_000_000) }, "mine/0");
        await Wait.Until(() => server.Subscriptions[0].State == SubscriberState.BackPressured, "a client that does not read");
        for (int i = 0; i < 20; i++)
        {
            server.Stream.Publish(new ServerSentEvents { Data = $"{i}" }, $"mine/{i}");
            server.Stream.Publish(new ServerSentEvents { Data = "no" }, $"others/{i}");
        }
        await Wait.Until(() => server.Subscriptions[0].Lag == 40, "its lag");
        Assert.That(client.NextEvent().Data, Has.Length.EqualTo(1_000_000));
        Assert.That(client.Data(5), Is.EqualTo(new[] { "15", "16", "17", "18", "19" }));
        Assert.That(server.Stream.Dropped, Is.EqualTo(15));
    }

    [Test]
    public async Task SubscriptionSaysWhatItWants()
    {
        await using var server = new StreamServer(loopType);
        using EventClient first = await server.Subscribe(query: "?topic=a&pattern=b/*&pattern=c.**&pattern=b/*");
        using EventClient second = await server.Subscribe(query: "?topic=a");
        Assert.That(server.Subscriptions[0].Topics, Is.EqualTo(new[] { "a" }));
        Assert.That(server.Subscriptions[0].TopicPatterns, Is.EqualTo(new[] { "b/*", "c.**" }));
        Assert.That(server.Subscriptions[1].TopicPatterns, Is.Empty);
    }

    [Test]
    public void ThoseThatWantTheSameShareIt()
    {
        var shared = new SharedSelections(new PublishedEvent?[SharedSelections.MostEvents]);
        TopicSelection first = shared.Enter(Select(["a"], ["b/*"]));
        Assert.That(shared.Enter(Select(["a"], ["b/*"])), Is.SameAs(first));
        TopicSelection[] others =
        [
            shared.Enter(Select([], ["a", "b/*"])), shared.Enter(Select(["a", "b"], ["b/*"])),
            shared.Enter(Select(["a"], ["b/**"])),
        ];
        Assert.That((shared.Count, first.Sharers), Is.EqualTo((4, 2)));
        shared.Leave(first);
        Assert.That((shared.Count, first.Sharers), Is.EqualTo((4, 1)));
        shared.Leave(first);
        foreach (TopicSelection other in others) shared.Leave(other);
        Assert.That(shared.Count, Is.Zero);
        Assert.That(shared.Enter(Select(["a"], ["b/*"])), Is.Not.SameAs(first));
    }

    /// <summary>What was decided about an event counts for no other that later has its place.</summary>
    [Test]
    public void DecisionsAreOfOneRound()
    {
        var window = new PublishedEvent?[SharedSelections.MostEvents];
        var shared = new SharedSelections(window);
        TopicSelection selection = shared.Enter(Select([], ["a/*"]));
        shared.Enter(Select([], ["a/*"]));
        for (int round = 0; round < 4; round++)
        {
            // The same sequences again, as after a log has begun anew.
            for (int i = 0; i < window.Length; i++)
                window[i] = new PublishedEvent(i + 1, "", (i + round) % 2 == 0 ? "a/1" : "b/1", null, null, null, [], 0);
            shared.Begin(1);
            for (int twice = 0; twice < 2; twice++)
                Assert.That(window.Select((one, i) => selection.Wants(one!) == ((i + round) % 2 == 0)), Is.All.True);
            foreach ((long sequence, bool isWanted) in new[] { (0L, true), (1, true), (1, false), (257, false), (257, true) })
            {
                var other = new PublishedEvent(sequence, "", isWanted ? "a/2" : "b/2", null, null, null, [], 0);
                Assert.That(selection.Wants(other), Is.EqualTo(isWanted), "not of the round");
            }
            window.AsSpan().Clear();
        }
    }

    private static TopicSelection Select(string[] topics, string[] patterns) =>
        WantedTopics.Of(new SubscribeOptions { Topics = topics, TopicPatterns = patterns }).Selection!;

    private static async Task Publish(StreamServer server, int count)
    {
        var published = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Subscriptions[^1].Connection.Loop.Post(() =>
        {
            for (int i = 0; i < count; i++)
                server.Stream.Publish(new ServerSentEvents { Data = $"{i}" }, ["x", i % 2 == 0 ? "even/1" : "odd/1"]);
            server.Stream.Publish("end");
            published.SetResult();
        });
        await published.Task.WaitAsync(Wait.Limit);
    }
}
