using Workerman.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>The end: of a stream for all, and of the worker under open streams.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class CompletionTests(Type loopType)
{
    [Test]
    public async Task EveryStreamEndsWithWhatWasPublishedAndARetry()
    {
        await using var server = new StreamServer(loopType, count: 2);
        List<EventClient> clients = [];
        for (int i = 0; i < 20; i++) clients.Add(await server.Subscribe());
        for (int i = 0; i < 50; i++) server.Stream.Publish($"{i}");
        server.Stream.Complete(TimeSpan.FromSeconds(30));
        foreach (EventClient client in clients)
        {
            List<Block> blocks = client.ToEnd();
            Assert.That(blocks.Where(block => block.IsEvent).Select(block => block.Data),
                Is.EqualTo(Enumerable.Range(0, 50).Select(i => $"{i}")));
            Assert.That(blocks[^1], Is.EqualTo(new Block(null, null, null, 30_000, null)));
        }
        await Wait.Until(() => server.Stream.Subscribers == 0, "the ends");
        Assert.That(server.Stream.IsCompleted);
        Assert.That(Assert.Throws<InvalidOperationException>(() => server.Stream.Publish("late"))!.Message,
            Does.Contain("before Complete"));
        server.Stream.Complete(turnAway: true);
        using var back = new EventClient(server.Server.EndPoint);
        Assert.That(back.ReadHead(), Does.StartWith("HTTP/1.1 200"), "the first completion counts");
    }

    [Test]
    public async Task ClientsAreToldToComeBackAtDifferentTimes()
    {
        await using var server = new StreamServer(loopType, count: 2);
        List<EventClient> clients = [];
        for (int i = 0; i < 20; i++) clients.Add(await server.Subscribe());
        server.Stream.Complete(TimeSpan.FromSeconds(5), window: TimeSpan.FromSeconds(1000));
        int[] retries = [.. clients.Select(client => client.ToEnd()[^1].Retry!.Value)];
        Assert.That(retries, Is.All.InRange(5000, 1_005_000));
        Assert.That(retries.Distinct().Count(), Is.GreaterThan(10));
        Assert.That(retries.Max() - retries.Min(), Is.GreaterThan(1000));
        clients.ForEach(client => client.Dispose());
    }

    [TestCase(-1, 0)]
    [TestCase(0, -1)]
    [TestCase(int.MaxValue, 1)]
    [TestCase(0, 2_147_483_648)]
    public void TimesThatNoRetryFieldHasAreRefused(long retry, long window)
    {
        var stream = new EventStream("test", null, new StreamGroup());
        Assert.Throws<ArgumentOutOfRangeException>(() =>
            stream.Complete(TimeSpan.FromMilliseconds(retry), window: TimeSpan.FromMilliseconds(window)));
        Assert.That(stream.IsCompleted, Is.False);
        stream.Complete(window: TimeSpan.FromSeconds(1));
        Assert.That(stream.IsCompleted);
    }

    [Test]
    public async Task WhoComesBackIsGivenWhatItMissedAndThenTurnedAway()
    {
        await using var server =
            new StreamServer(loopType, null, _ => new() { Headers = new() { ["Access-Control-Allow-Origin"] = "*" } });
        string seen = server.Stream.Publish("seen");
        string missed = server.Stream.Publish("missed");
        server.Stream.Complete(TimeSpan.FromSeconds(1), turnAway: true);
        using var behind = new EventClient(server.Server.EndPoint, seen);
        Assert.That(behind.ReadHead(), Does.StartWith("HTTP/1.1 200"));
        Assert.That(behind.ToEnd(),
            Is.EqualTo(new[] { new Block(null, "missed", missed, null, null), new Block(null, null, null, 1000, null) }));
        foreach (string? id in new[] { missed, null })
        {
            using var client = new EventClient(server.Server.EndPoint, id);
            Assert.That(client.ReadHead(), Does.StartWith("HTTP/1.1 204").And.Contain("Access-Control-Allow-Origin: *"));
        }
        using var lost = new EventClient(server.Server.EndPoint, "unknown");
        lost.ReadHead();
        Assert.That(lost.ToEnd().Where(block => block.IsEvent).Select(block => block.Event ?? block.Data),
            Is.EqualTo(new[] { "gap", "seen", "missed" }));
    }

    [Test]
    public async Task WhoAsksForTheOldestOfACompletedStreamIsGivenItAndThenTurnedAway()
    {
        await using var server = new StreamServer(loopType, null, _ => new() { FromOldest = true });
        string id = server.Stream.Publish("all there was");
        server.Stream.Complete(turnAway: true);
        using var client = new EventClient(server.Server.EndPoint);
        client.ReadHead();
        Assert.That(client.ToEnd().Last(), Is.EqualTo(new Block(null, "all there was", id, null, null)));
        using var back = new EventClient(server.Server.EndPoint, id);
        Assert.That(back.ReadHead(), Does.StartWith("HTTP/1.1 204"));
    }

    [Test]
    public async Task WhoComesBackOtherwiseGetsAStreamThatEnds()
    {
        await using var server = new StreamServer(loopType);
        string id = server.Stream.Publish("last");
        server.Stream.Complete(TimeSpan.FromSeconds(60));
        using var client = new EventClient(server.Server.EndPoint, id);
        Assert.That(client.ReadHead(), Does.StartWith("HTTP/1.1 200").And.Contain("text/event-stream"));
        Assert.That(client.ToEnd(), Is.EqualTo(new[] { new Block(null, null, null, 60_000, null) }));
        await Wait.Until(() => server.Stream.Subscribers == 0, "its end");
    }

    [Test]
    public async Task StalledSubscriberIsEndedToo()
    {
        await using var server = new StreamServer(loopType);
        using EventClient stalled = await server.Subscribe(receiveBufferSize: 4096);
        string filler = new('x', 20_000);
        int published = 0;
        Subscription subscription = server.Subscriptions[0];
        // Asked on the loop, and so after the round that counts the delivery before it sends.
        while (await QueuedOnceDelivered() == 0) server.Stream.Publish($"{published++} {filler}");
        server.Stream.Publish($"{published} {filler}");
        server.Stream.Complete(TimeSpan.FromSeconds(9), turnAway: true);
        await Wait.Until(() => server.Stream.Subscribers == 0, "its end");
        List<Block> blocks = stalled.ToEnd();
        Assert.That(blocks[^1].Retry, Is.EqualTo(9000));
        Assert.That(blocks.Count(block => block.IsEvent), Is.EqualTo(published), "what was on its way arrives whole");
        using var back = new EventClient(server.Server.EndPoint, blocks.Last(block => block.Id is not null).Id);
        back.ReadHead();
        Assert.That(back.ToEnd()[0].Data, Does.StartWith($"{published} "), "and the rest when it comes back");

        async Task<long> QueuedOnceDelivered()
        {
            await Wait.Until(() => subscription.Delivered == published, "the delivery");
            var size = new TaskCompletionSource<long>();
            subscription.Connection.Loop.Post(() => size.SetResult(subscription.Connection.SendBufferQueueSize));
            return await size.Task;
        }
    }

    [Test]
    public async Task StoppingTheWorkerEndsOpenStreams()
    {
        List<EventClient> clients = [];
        var server = new StreamServer(loopType, count: 2);
        for (int i = 0; i < 200; i++) clients.Add(new EventClient(server.Server.EndPoint));
        foreach (EventClient client in clients) client.ReadHead();
        await Wait.Until(() => server.Stream.Subscribers == 200, "the subscribers");
        server.Stream.Publish("last words");
        foreach (EventClient client in clients) Assert.That(client.NextEvent().Data, Is.EqualTo("last words"));
        await server.DisposeAsync();
        foreach (EventClient client in clients) Assert.That(client.ToEnd(), Is.Empty);
        Assert.That(server.Stream.Subscribers, Is.Zero);
        Assert.That(server.Server.Log.Text, Does.Not.Contain("failed"));
        server.Stream.Publish("nobody is there, and nothing breaks");
        foreach (EventClient client in clients) client.Dispose();
    }
}
