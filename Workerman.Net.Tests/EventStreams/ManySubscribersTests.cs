using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>
/// More subscribers than are served at once, of every kind: those who want everything share their sends, and nobody notices.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ManySubscribersTests(Type loopType)
{
    private const int Subscribers = 300;
    private const int Events = 60;

    /// <summary>
    /// Every tenth has a topic, every eleventh stalls in the middle, every thirteenth leaves: all others see each event once and
    /// in order.
    /// </summary>
    [Test]
    public async Task EachGetsEveryEventInOrder()
    {
        await using var server = new StreamServer(loopType,
            new() { SlowSubscribers = SlowSubscribers.DropOldest, MaxBacklog = 10 * Events, ReplayCount = 10 * Events });
        var clients = new List<EventClient>();
        for (int i = 0; i < Subscribers; i++)
            clients.Add(await server.Subscribe(query: HasTopic(i) ? "?topic=even" : "", receiveBufferSize: Stalls(i) ? 4096 : 0));
        string filler = new('x', 3000);
        for (int number = 0; number < Events; number++)
        {
            server.Stream.Publish(new ServerSentEvents { Data = $"{number} {filler}" }, number % 2 == 0 ? "even" : "odd");
            if (number == Events / 2)
            {
                await Wait.Until(() => server.Subscriptions.Any(subscription => subscription.Connection.SendBufferQueueSize > 0),
                    "one that stalls");
                for (int i = 0; i < Subscribers; i++)
                {
                    if (Leaves(i)) clients[i].Raw.Reset();
                }
            }
        }
        for (int i = 0; i < Subscribers; i++)
        {
            if (Leaves(i)) continue;
            int[] wanted = [.. Enumerable.Range(0, Events).Where(number => !HasTopic(i) || number % 2 == 0)];
            Assert.That(clients[i].Data(wanted.Length).Select(NumberOf), Is.EqualTo(wanted), $"subscriber {i}");
        }
        await Wait.Until(() => server.Stream.Subscribers == Enumerable.Range(0, Subscribers).Count(i => !Leaves(i)),
            "the ends of those who left");
        await Wait.Until(() => server.Stream.Lag == 0, "no lag");
        Assert.That(server.Stream.Dropped, Is.Zero);
        clients.ForEach(client => client.Dispose());
    }

    /// <summary>
    /// What an application sends from a filter, and has to wait, does not get mixed up with what the subscriber is about to be
    /// given.
    /// </summary>
    [Test]
    public async Task FilterThatSendsToOtherSubscribersMixesNothingUp([Values] bool filterFirst)
    {
        const int Length = 8_000_000;
        Subscription[]? others = null;
        string big = new('b', Length);
        await using var server = new StreamServer(loopType, new() { Heartbeat = Timeout.InfiniteTimeSpan },
            request => request.Get("filter") is null ? new() : new()
            {
                Filter = _ =>
                {
                    foreach (Subscription other in Interlocked.Exchange(ref others, null) ?? [])
                        other.Connection.Send(new ServerSentEvents { Data = big });
                    return true;
                },
            });
        var clients = new List<EventClient>();
        if (filterFirst) clients.Add(await server.Subscribe(query: "?filter=1"));
        for (int i = 0; i < 3; i++) clients.Add(await server.Subscribe());
        if (!filterFirst) clients.Add(await server.Subscribe(query: "?filter=1"));
        others = [.. server.Subscriptions.Where((_, i) => i != (filterFirst ? 0 : 3))];
        for (int i = 0; i < 3; i++) server.Stream.Publish($"event {i}");
        for (int i = 0; i < 4; i++)
        {
            bool isFilter = i == (filterFirst ? 0 : 3);
            string[] data = clients[i].Data(isFilter ? 3 : 4);
            Assert.That(data.Where(text => text.Length < Length), Is.EqualTo(new[] { "event 0", "event 1", "event 2" }),
                $"subscriber {i}");
            if (!isFilter) Assert.That(data.Count(text => text == big), Is.EqualTo(1), $"subscriber {i}");
        }
        clients.ForEach(client => client.Dispose());
    }

    private static bool HasTopic(int i) => i % 10 == 3;

    private static bool Stalls(int i) => i % 11 == 5;

    private static bool Leaves(int i) => i % 13 == 7;

    private static int NumberOf(string data) => int.Parse(data.AsSpan(0, data.IndexOf(' ')), null);
}
