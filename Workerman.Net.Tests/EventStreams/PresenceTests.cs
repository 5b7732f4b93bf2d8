using System.Collections.Concurrent;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>Who is subscribed, who comes and goes, and who has to go at a time.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class PresenceTests(Type loopType)
{
    private readonly ConcurrentQueue<string> _told = [];

    [SetUp]
    public void NobodyHasTold() => _told.Clear();

    [Test]
    public async Task ComingAndGoingIsToldOnTheLoop()
    {
        await using StreamServer server = Make();
        using EventClient a = await server.Subscribe(query: "?topic=a");
        await Wait.Until(() => _told.Count == 1, "the coming");
        EventClient b = await server.Subscribe(query: "?topic=b&topic=c");
        await Wait.Until(() => _told.Count == 2, "the coming of the other");
        b.Dispose();
        await Wait.Until(() => _told.Count == 3, "the going");
        server.Subscriptions[0].Unsubscribe();
        await Wait.Until(() => _told.Count == 4, "the going of one whose connection stays");
        Assert.That(_told, Is.EqualTo(new[] { "+a", "+b c", "-b c", "-a" }));
    }

    [Test]
    public async Task ThoseOfATopicAreKnownOnAnyThread()
    {
        await using StreamServer server = Make(count: 2);
        List<EventClient> clients = [];
        foreach (string query in (string[])["?topic=a", "?topic=a&topic=b", "", "?topic=b"])
            clients.Add(await server.Subscribe(query: query));
        await Wait.Until(() => server.Stream.CountSubscriptions() == 4, "all");
        Assert.That((server.Stream.CountSubscriptions("a"), server.Stream.CountSubscriptions("b"),
            server.Stream.CountSubscriptions("c")), Is.EqualTo((2, 2, 0)));
        Assert.That(server.Stream.GetSubscriptions("a").Select(one => string.Join(' ', one.Topics)),
            Is.EquivalentTo(new[] { "a", "a b" }));
        Assert.That(server.Stream.GetSubscriptions(), Is.EquivalentTo(server.Subscriptions));
        clients[1].Dispose();
        await Wait.Until(() => server.Stream.CountSubscriptions() == 3, "the end of one");
        Assert.That((server.Stream.CountSubscriptions("a"), server.Stream.CountSubscriptions("b")), Is.EqualTo((1, 1)));
        server.Stream.Complete();
        await Wait.Until(() => server.Stream.CountSubscriptions() == 0, "the end of all");
        clients.ForEach(client => client.Dispose());
    }

    /// <summary>Whoever gets what is published on it, each once; but not those that get everything.</summary>
    [Test]
    public async Task ThoseWhosePatternHasATopicAreThereToo()
    {
        await using StreamServer server = Make(choose: request =>
            new() { Topics = [.. request.GetValues("topic")], TopicPatterns = [.. request.GetValues("pattern")] });
        List<EventClient> clients = [];
        string several = "?pattern=a/*&pattern=a/**&topic=a/b";
        foreach (string query in (string[])["?pattern=a/*", several, "?topic=a/b", "", "?pattern=**"])
            clients.Add(await server.Subscribe(query: query));
        await Wait.Until(() => server.Stream.CountSubscriptions() == 5, "all");
        foreach ((string topic, string there) in new[] { ("a/b", "0124"), ("a/c", "014"), ("a/b/c", "14"), ("a", "4") })
        {
            Assert.That(server.Stream.GetSubscriptions(topic),
                Is.EquivalentTo(there.Select(digit => server.Subscriptions[digit - '0'])), topic);
            Assert.That(server.Stream.CountSubscriptions(topic), Is.EqualTo(there.Length), topic);
        }
        clients[1].Dispose();
        await Wait.Until(() => server.Stream.CountSubscriptions() == 4, "the end of one");
        Assert.That((server.Stream.CountSubscriptions("a/b"), server.Stream.CountSubscriptions("a/b/c")), Is.EqualTo((3, 1)));
        clients.ForEach(client => client.Dispose());
        await Wait.Until(() => server.Stream.CountSubscriptions() == 0, "the end of all");
        Assert.That(server.Stream.CountSubscriptions("a/b"), Is.Zero);
    }

    [Test]
    public void StreamThatDoesNotKeepThemSaysSo()
    {
        var stream = new EventStream("quiet", null, new StreamGroup());
        Assert.That(() => stream.GetSubscriptions("a"),
            Throws.InvalidOperationException.With.Message.Contains("Cure: set EventStreamOptions.Presence"));
        Assert.That(() => stream.CountSubscriptions(), Throws.InvalidOperationException);
    }

    [Test]
    public async Task SubscriptionEndsAtItsTimeWithARetry([Values("past", "soon")] string when, [Values] bool deletesTimers)
    {
        DateTimeOffset end = DateTimeOffset.UtcNow.AddSeconds(when == "past" ? -1 : 0.2);
        await using StreamServer server = Make(options: new() { ExpiresAt = end });
        using EventClient client = await server.Subscribe();
        if (deletesTimers) server.Subscriptions[0].Connection.Loop.Post(Timer.DelAll);
        Assert.That(client.ToEnd()[^1], Is.EqualTo(new Block(null, null, null, 1000, null)));
        Assert.That(DateTimeOffset.UtcNow, Is.GreaterThanOrEqualTo(end));
        await Wait.Until(() => _told.Count == 2, "its end");
    }

    /// <summary>The one that ends before its time leaves nothing behind that the time of the other could find.</summary>
    [Test]
    public async Task EachEndsAtItsOwnTime()
    {
        DateTimeOffset end = DateTimeOffset.UtcNow.AddSeconds(0.3);
        int number = 0;
        await using StreamServer server = Make(choose: _ =>
            new() { ExpiresAt = (++number) switch { 1 => end, 2 => end, 3 => null, _ => end.AddHours(1) } });
        EventClient first = await server.Subscribe();
        using EventClient second = await server.Subscribe();
        using EventClient third = await server.Subscribe();
        using EventClient fourth = await server.Subscribe();
        first.Dispose();
        second.ToEnd();
        await Wait.Until(() => server.Stream.Subscribers == 2, "the ends");
        server.Stream.Publish("later");
        foreach (EventClient client in new[] { third, fourth }) Assert.That(client.NextEvent().Data, Is.EqualTo("later"));
    }

    private StreamServer Make(SubscribeOptions? options = null, Func<Request, SubscribeOptions>? choose = null, int count = 1)
    {
        var server = new StreamServer(loopType, new() { Presence = true }, request => choose?.Invoke(request) ?? options
            ?? new() { Topics = [.. request.GetValues("topic")] }, count);
        server.Stream.OnSubscribed = subscription => Tell('+', subscription);
        server.Stream.OnUnsubscribed = subscription => Tell('-', subscription);
        return server;
    }

    private void Tell(char sign, Subscription subscription)
    {
        if (!subscription.Connection.Loop.IsCurrent) _told.Enqueue("not on its loop");
        _told.Enqueue(sign + string.Join(' ', subscription.Topics));
    }
}
