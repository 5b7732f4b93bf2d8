using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Subscribers that begin with the newest event of each key, and go on with what is published then.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class LatestPerKeyTests(Type loopType)
{
    [Test]
    public async Task BeginsWithTheNewestOfEachKeyInTheirOrder()
    {
        await using StreamServer server = Make();
        foreach (string price in (string[])["a1", "b1", "a2", "c1", "b2"]) Publish(server, price);
        server.Stream.Publish("without a key");
        using EventClient client = await server.Subscribe();
        Assert.That(client.Data(3), Is.EqualTo(new[] { "a2", "c1", "b2" }));
        Publish(server, "a3");
        server.Stream.Publish("also without");
        Assert.That(client.Data(2), Is.EqualTo(new[] { "a3", "also without" }));
    }

    [Test]
    public async Task KeysOutliveTheLogAndTopicsAndFiltersApply()
    {
        await using StreamServer server = Make(new() { LatestPerKey = true, ReplayCount = 0, MaxBacklog = 1 },
            options: new() { FromLatestPerKey = true, Topics = ["mine"], Filter = published => published.Data != "c1" });
        foreach (string topic in (string[])["mine", "others"])
        {
            for (int i = 0; i < 100; i++) Publish(server, $"a{i}", topic);
        }
        foreach (string price in (string[])["b1", "c1"]) Publish(server, price, "mine");
        Publish(server, "end", "others");
        using EventClient client = await server.Subscribe();
        Assert.That(client.Data(2), Is.EqualTo(new[] { "a99", "b1" }));
        Publish(server, "b2", "mine");
        Assert.That(client.NextEvent().Data, Is.EqualTo("b2"));
    }

    /// <summary>A key in several topics is a key in each of them.</summary>
    [Test]
    public async Task NewestOfAKeyIsThatOfTheTopicsThatAreWanted()
    {
        await using StreamServer server = new(loopType, new() { LatestPerKey = true },
            request => new()
            {
                FromLatestPerKey = true,
                Topics = [.. request.GetValues("topic")],
                TopicPatterns = [.. request.GetValues("pattern")],
            });
        foreach ((string data, string topics) in new[] { ("1", "a b"), ("2", "a"), ("3", "c b"), ("4", "d e"), ("5", "e d") })
            server.Stream.Publish(new ServerSentEvents { Data = data }, topics.Split(' '), "key");
        foreach ((string query, string data) in new[]
            { ("a", "2"), ("b", "3"), ("c", "3"), ("d", "5"), ("a&topic=b", "2 3"), ("none", ""), ("b&topic=c&topic=e", "3 5") })
        {
            foreach (string name in (string[])["topic", "pattern"])
            {
                string wanted = "topic=" + query;
                using EventClient client =
                    await server.Subscribe(query: "?" + wanted.Replace("topic", name, StringComparison.Ordinal));
                server.Stream.Publish("end");
                string[] expected = [.. data.Split(' ', StringSplitOptions.RemoveEmptyEntries), "end"];
                Assert.That(client.Data(expected.Length), Is.EqualTo(expected), $"{name} {query}");
            }
        }
    }

    [Test]
    public async Task WhoIsCutInTheMiddleMissesNothing([Values(0, 1, 300, 599)] int seen)
    {
        await using StreamServer server = Make();
        for (int i = 0; i < 600; i++) server.Stream.Publish(new ServerSentEvents { Data = $"{i}" }, null, $"key {i}");
        string? last = null;
        using (EventClient client = await server.Subscribe())
        {
            for (int i = 0; i < seen; i++) client.NextEvent();
            last = client.LastEventId;
        }
        if (seen == 0) Assert.That(last, Is.Null, "it is given no id that stands behind what it has not had");
        using EventClient back = await server.Subscribe(last);
        Assert.That(back.Data(600 - seen), Is.EqualTo(Enumerable.Range(seen, 600 - seen).Select(i => $"{i}")));
    }

    [Test]
    public async Task WhoResumesGetsWhatItMissedAndWhoIsTooLateTheNewestAgain()
    {
        await using StreamServer server = Make(new() { LatestPerKey = true, ReplayCount = 2, MaxBacklog = 1 });
        string first = Publish(server, "a1");
        Publish(server, "b1");
        string third = Publish(server, "a2");
        Publish(server, "a3");
        using (EventClient resumes = await server.Subscribe(third)) Assert.That(resumes.NextEvent().Data, Is.EqualTo("a3"));
        using EventClient late = await server.Subscribe(first);
        Assert.That(late.NextEvent(), Is.EqualTo(new Block("gap", first, null, null, null)));
        Assert.That(late.Data(2), Is.EqualTo(new[] { "b1", "a3" }));
    }

    [Test]
    public async Task WithoutAnyKeyItBeginsNow()
    {
        await using StreamServer server = Make();
        server.Stream.Publish("before");
        using EventClient client = await server.Subscribe();
        Assert.That(client.Next().Id, Is.EqualTo(server.Stream.LastId));
        server.Stream.Publish("after");
        Assert.That(client.NextEvent().Data, Is.EqualTo("after"));
    }

    /// <summary>What it has not read is in the table of keys, and in no queue of its own.</summary>
    [Test]
    public async Task WhoDoesNotReadGetsTheNewestOfEachKeyWhenItReads([Values] SlowSubscribers policy)
    {
        await using StreamServer server = Make(new()
        {
            LatestPerKey = true,
            SlowSubscribers = policy,
            MaxBacklog = 1_000_000,
            MaxLogSize = 64 * 1024 * 1024,
        });
        string large = new('x', 2000);
        for (int i = 0; i < 2000; i++) server.Stream.Publish(new ServerSentEvents { Data = large }, null, $"{i}");
        using EventClient client = await server.Subscribe(receiveBufferSize: 4096);
        await Wait.Until(() => server.Subscriptions[0].State == SubscriberState.BackPressured, "a client that does not read");
        for (int i = 0; i < 2000; i++) server.Stream.Publish(new ServerSentEvents { Data = $"new {i}" }, null, $"{i}");
        Dictionary<string, int> newest = [];
        for (int i = 0; newest.Count < 2000;)
        {
            string data = client.NextEvent().Data!;
            if (data != large) newest.Add(data, i++);
        }
        Assert.That(newest.Keys, Is.EqualTo(Enumerable.Range(0, 2000).Select(i => $"new {i}")));
        Assert.That(server.Subscriptions[0].Dropped, Is.Zero);
    }

    [Test]
    public async Task StreamWithoutKeysRefusesIt()
    {
        await using StreamServer server = Make(new());
        using RawClient client = server.Server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Status, Is.EqualTo(500));
        Assert.That(server.Server.Log.Text, Does.Contain("Cure: set EventStreamOptions.LatestPerKey"));
    }

    private static string Publish(StreamServer server, string price, string? topic = null) =>
        server.Stream.Publish(new ServerSentEvents { Data = price }, topic, price[..1]);

    private StreamServer Make(EventStreamOptions? stream = null, SubscribeOptions? options = null) =>
        new(loopType, stream ?? new() { LatestPerKey = true }, _ => options ?? new() { FromLatestPerKey = true });
}
