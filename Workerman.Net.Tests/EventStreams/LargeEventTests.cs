using System.Reflection;
using System.Runtime.InteropServices;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>
/// Large events and clients who do not read them: in memory once, bounded in bytes, and whole when they are read after all; and
/// what a client may ask for at most.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class LargeEventTests(Type loopType)
{
    /// <summary>The array that waits for the socket of a connection; null for none.</summary>
    private static byte[]? Waiting(TcpConnection connection)
    {
        var found = new TaskCompletionSource<byte[]?>();
        connection.Loop.Post(() =>
        {
            var queue = (SendQueue?)typeof(TcpConnection).GetField("_queue", BindingFlags.NonPublic | BindingFlags.Instance)!
                .GetValue(connection);
            found.SetResult(queue is { Length: > 0 } && MemoryMarshal.TryGetArray(queue.First(), out ArraySegment<byte> bytes)
                ? bytes.Array : null);
        });
        Wait.For(found.Task);
        return found.Task.Result;
    }

    [Test]
    public async Task LargeEventIsInMemoryOnceForAllWhoDoNotRead([Values("live", "topic", "filter", "replay")] string kind)
    {
        await using var server = new StreamServer(loopType, new(), choose: request => kind switch
        {
            "topic" => new SubscribeOptions { Topics = ["a", "b"] },
            "filter" => new SubscribeOptions { Filter = _ => true },
            _ => new SubscribeOptions { FromOldest = true },
        });
        string data = new('x', 1_000_000);
        if (kind == "replay") server.Stream.Publish(data);
        var clients = new List<EventClient>();
        for (int i = 0; i < 3; i++) clients.Add(await server.Subscribe(receiveBufferSize: 4096));
        if (kind != "replay") server.Stream.Publish(new ServerSentEvents { Data = data }, kind == "topic" ? "b" : null);
        await Wait.Until(() => server.Subscriptions.All(one => one.Connection.SendBufferQueueSize > 100_000),
            "the event to wait");
        var kept = new PublishedEvent?[1];
        server.Stream.Log.Copy(0, 1, int.MaxValue, kept);
        foreach (Subscription one in server.Subscriptions)
            Assert.That(Waiting(one.Connection), Is.SameAs(kept[0]!.Bytes));
        server.Stream.Publish("behind it");
        foreach (EventClient client in clients)
        {
            Assert.That(client.NextEvent().Data, Has.Length.EqualTo(data.Length));
            Assert.That(client.NextEvent().Data, Is.EqualTo("behind it"));
            client.Dispose();
        }
    }

    /// <summary>Stalls the first subscriber by one event that does not fit into its socket.</summary>
    private static async Task Stall(StreamServer server, string? topic = null)
    {
        server.Stream.Publish(new ServerSentEvents { Data = new string('x', 1_000_000) }, topic);
        await Wait.Until(() => server.Subscriptions[0].Connection.SendBufferQueueSize > 0, "the stall");
    }

    private static StreamServer ServerOf(Type loopType, SlowSubscribers policy) => new(loopType, new()
    {
        SlowSubscribers = policy,
        MaxEventSize = 4_000_000,
        MaxBacklogSize = 64 * 1024,
    });

    /// <summary>Data of an event that has an eighth of what may wait, as it is sent.</summary>
    private static ServerSentEvents Eighth(int number)
    {
        var message = new ServerSentEvents { Id = $"id{number}", Data = "" };
        message.Data = $"{number} ".PadRight(8 * 1024 - message.ToString().Length, 'x');
        return message;
    }

    [Test]
    public async Task BacklogIsBoundedInBytes([Values] bool hasTopic)
    {
        await using StreamServer server = ServerOf(loopType, SlowSubscribers.Disconnect);
        string? topic = hasTopic ? "t" : null;
        using EventClient stalled = new(server.Server.EndPoint, query: hasTopic ? "?topic=t" : "", receiveBufferSize: 4096);
        stalled.ReadHead();
        await Wait.Until(() => server.Subscriptions.Length == 1, "the subscription");
        await Stall(server, topic);
        using EventClient live = await server.Subscribe();
        for (int i = 0; i < 8; i++) server.Stream.Publish(Eighth(i), topic);
        for (int i = 0; i < 8; i++) live.NextEvent();
        Assert.That(server.Stream.Subscribers, Is.EqualTo(2), "so many bytes may wait");
        server.Stream.Publish(Eighth(8), topic);
        await Wait.Until(() => server.Stream.Subscribers == 1, "the disconnection");
        Assert.That(live.NextEvent().Data, Does.StartWith("8 "), "one that reads is not concerned");
    }

    [Test]
    public async Task OldestAreSkippedBeyondTheBoundInBytes([Values] bool hasTopic)
    {
        await using StreamServer server = ServerOf(loopType, SlowSubscribers.DropOldest);
        using EventClient stalled = new(server.Server.EndPoint, query: hasTopic ? "?topic=t" : "", receiveBufferSize: 4096);
        stalled.ReadHead();
        await Wait.Until(() => server.Subscriptions.Length == 1, "the subscription");
        await Stall(server, "t");
        for (int i = 0; i < 20; i++)
        {
            server.Stream.Publish(Eighth(i), "t");
            if (hasTopic) server.Stream.Publish(new ServerSentEvents { Data = new string('x', 20_000) }, "another topic");
        }
        await Wait.Until(() => server.Subscriptions[0].Lag >= 20, "its lag");
        Assert.That(stalled.NextEvent().Data, Has.Length.EqualTo(1_000_000));
        for (int i = 12; i < 20; i++) Assert.That(stalled.NextEvent().Data, Does.StartWith($"{i} "));
        await Wait.Until(() => server.Stream.Dropped == 12, "the count");
    }

    /// <summary>It would never get it otherwise.</summary>
    [Test]
    public async Task OneEventMayBeLargerThanTheBacklog([Values] SlowSubscribers policy)
    {
        await using StreamServer server = ServerOf(loopType, policy);
        using EventClient stalled = await server.Subscribe(receiveBufferSize: 4096);
        await Stall(server);
        server.Stream.Publish(new string('y', 100_000));
        await Wait.Until(() => server.Subscriptions[0].Lag == 1, "its lag");
        Assert.That(stalled.NextEvent().Data, Has.Length.EqualTo(1_000_000));
        Assert.That(stalled.NextEvent().Data, Has.Length.EqualTo(100_000));
        Assert.That(server.Stream.Dropped, Is.Zero);
    }

    [Test]
    public async Task ClientAsksForNoMoreThanItMay()
    {
        await using var server =
            new StreamServer(loopType, new() { MaxTopics = 3, MaxTopicLength = 4, MaxIdLength = 64, GapEvent = "missing" });
        int StatusOf(string query, string? id = null)
        {
            using var client = new EventClient(server.Server.EndPoint, id, query);
            string head = client.ReadHead();
            return int.Parse(head.AsSpan(9, 3), null);
        }
        Assert.That(StatusOf("?topic=a&topic=b&topic=four"), Is.EqualTo(200));
        Assert.That(StatusOf("?topic=a&topic=b&topic=c&topic=d"), Is.EqualTo(400));
        Assert.That(StatusOf("?topic=fives"), Is.EqualTo(400));
        Assert.That(StatusOf("?pattern=a/**&topic=a&topic=b"), Is.EqualTo(200));
        Assert.That(StatusOf("?pattern=a/*&topic=b&topic=c&pattern=d"), Is.EqualTo(400));
        Assert.That(StatusOf("?pattern=ab/**"), Is.EqualTo(400));
        foreach (string pattern in (string[])["", "a*", "*b", "**/a", "***", "a/*b"])
            Assert.That(StatusOf($"?pattern={pattern}"), Is.EqualTo(400), pattern);
        Assert.That(StatusOf("", new string('x', 64)), Is.EqualTo(200));
        Assert.That(StatusOf("", new string('x', 65)), Is.EqualTo(400));
        using var told = new RawClient(server.Server.EndPoint);
        told.Send($"GET / HTTP/1.1\r\nHost: a\r\nLast-Event-ID: {new string('x', 65)}\r\n\r\n");
        Assert.That(told.ReadResponse().Body, Does.Contain("Last-Event-ID of more than 64 characters"));
        told.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(told.ReadUntil("\r\n\r\n"), Does.StartWith("HTTP/1.1 200"), "the connection goes on");
    }
}
