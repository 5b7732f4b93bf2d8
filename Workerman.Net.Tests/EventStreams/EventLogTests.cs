using System.Text;
using Workerman.EventStreams;
using Workerman.Protocols.Http;

namespace Workerman.Tests.EventStreams;

/// <summary>
/// The log of a stream alone, without a subscriber: what it keeps, what it lets go of, and where one who comes back begins.
/// </summary>
internal sealed class EventLogTests
{
    private long _now;

    [SetUp]
    public void StartClock() => _now = 0;

    [Test]
    public void EmptyLogHasAPlaceBeforeTheFirstEvent()
    {
        EventLog log = Make();
        log.Trim(floor: 0);
        Assert.That((log.Head, log.First, log.Count, log.Size), Is.EqualTo((0L, 1L, 0, 0L)));
        foreach (bool fromOldest in new[] { false, true })
        {
            StartingPoint start = log.Locate(null, fromOldest);
            Assert.That((start.After, start.Head, start.IsGap), Is.EqualTo((0L, 0L, false)));
            Assert.That(log.Locate(start.Id, fromOldest: false).IsGap, Is.False, "its id is one to come back with");
        }
        Assert.That(log.Locate("unknown", fromOldest: false).IsGap);
        Assert.That(log.Copy(0, 0, int.MaxValue, new PublishedEvent?[1]), Is.Zero);
        Assert.That(log.NewestPerKey(0, long.MaxValue), Is.Empty);
    }

    [Test]
    public void AppendedEventIsWhatGoesOverTheWire()
    {
        EventLog log = Make();
        _now = 7;
        var message = new ServerSentEvents { Event = "n", Data = "d", Comment = "c", Retry = 5 };
        PublishedEvent first = log.Append(message, "topic", "key");
        Assert.That((first.Sequence, first.Topic, first.Key, first.Event, first.Data),
            Is.EqualTo((1L, "topic", "key", "n", "d")));
        Assert.That(first.Time, Is.EqualTo(7));
        Assert.That(Encoding.UTF8.GetString(first.Bytes),
            Does.Contain($"id: {first.Id}\n").And.Contain("event: n\n").And.Contain("data: d\n")
            .And.Contain("retry: 5\n").And.EndWith("\n\n"));
        Assert.That(message.Id, Is.Null, "the application's object stays as it was");
        Assert.That((log.Head, log.First, log.Count, log.Size), Is.EqualTo((1L, 1L, 1, (long)first.Bytes.Length)));
        PublishedEvent second = log.Append(new ServerSentEvents { Data = "e" }, null, null);
        Assert.That((log.Head, log.First, log.Count, log.Size),
            Is.EqualTo((2L, 1L, 2, (long)first.Bytes.Length + second.Bytes.Length)));
        Assert.That(second.Id, Is.Not.EqualTo(first.Id));
    }

    /// <summary>The ring has 16 places to begin with, doubles when it is full, and is made smaller after a burst.</summary>
    [TestCase(15)]
    [TestCase(16)]
    [TestCase(17)]
    [TestCase(64)]
    [TestCase(65)]
    [TestCase(1000)]
    public void RingOfAnySizeKeepsTheOrder(int count)
    {
        EventLog log = Make(replay: 3, backlog: 1);
        Fill(log, count);
        Assert.That(All(log), Is.EqualTo(Sequences(1, count)));
        log.Trim(floor: count);
        Assert.That(All(log), Is.EqualTo(Sequences(count - 3, count)));
        // Once more round what is now small.
        Fill(log, count);
        Assert.That(All(log), Is.EqualTo(Sequences(count - 3, 2 * count)));
    }

    [Test]
    public void TrimKeepsReplayAndBacklogAndNoMore()
    {
        EventLog log = Make(replay: 3, backlog: 4);
        Fill(log, 7);
        log.Trim(floor: 7);
        Assert.That(log.Count, Is.EqualTo(7), "exactly the limit");
        Fill(log, 1);
        log.Trim(floor: 8);
        Assert.That((log.Count, log.First), Is.EqualTo((7, 2L)), "one beyond");
    }

    [Test]
    public void WhatIsOnItsWayIsKeptBeyondTheLimit()
    {
        EventLog log = Make(replay: 0, backlog: 1);
        Fill(log, 10);
        log.Trim(floor: 4);
        Assert.That(log.First, Is.EqualTo(5));
        log.Trim(floor: 9);
        Assert.That(log.First, Is.EqualTo(10));
        log.Trim(floor: 10);
        Assert.That(log.First, Is.EqualTo(10), "the newest is kept in any case");
    }

    [Test]
    public void SizeIsALimitEvenForWhatIsOnItsWay()
    {
        const int Limit = 64 * 1024;
        EventLog log = Make(size: Limit);
        string data = new('x', 1000);
        while (log.Size <= Limit) log.Append(new ServerSentEvents { Data = data }, null, null);
        int count = log.Count;
        log.Trim(floor: 0);
        Assert.That((log.Count, log.First), Is.EqualTo((count - 1, 2L)), "one was too many");
        log.Trim(floor: 0);
        Assert.That(log.Count, Is.EqualTo(count - 1));
        log.Append(new ServerSentEvents { Data = new string('x', Limit) }, null, null);
        log.Trim(floor: 0);
        Assert.That(log.Count, Is.EqualTo(1), "alone larger than the limit, and kept");
        Assert.That(log.Size, Is.GreaterThan(Limit));
    }

    [Test]
    public void AgeLetsGoOfWhatNoBacklogNeeds()
    {
        EventLog log = Make(replay: 100, backlog: 2, age: 1000);
        for (int i = 0; i < 5; i++)
        {
            _now = 100 * i;
            Fill(log, 1);
        }
        _now = 1200;
        log.Trim(floor: 5);
        Assert.That(log.First, Is.EqualTo(3), "as old as is allowed stays");
        _now = 1201;
        log.Trim(floor: 5);
        Assert.That(log.First, Is.EqualTo(4));
        _now = 100_000;
        log.Trim(floor: 5);
        Assert.That(log.Count, Is.EqualTo(2), "the backlog may still be needed");
    }

    [Test]
    public void AReplayBeginsWhereEventsAreYoungEnough([Range(0, 9)] int old)
    {
        EventLog log = Make(replay: 100, age: 1000);
        string[] ids = new string[9];
        for (int i = 0; i < 9; i++)
        {
            _now = i;
            ids[i] = log.Append(new ServerSentEvents { Data = "x" }, null, null).Id;
        }
        _now = old + 1000;
        StartingPoint start = log.Locate(null, fromOldest: true);
        Assert.That((start.After, start.IsGap), Is.EqualTo(((long)old, false)));
        for (int i = 0; i < 9; i++)
            Assert.That(log.Locate(ids[i], fromOldest: false).IsGap, Is.EqualTo(i + 1 < old), $"event {i + 1}");
    }

    [Test]
    public void IdIsKnownFromOneBeforeTheReplayUpToTheNewest()
    {
        EventLog log = Make(replay: 3, backlog: 1);
        string[] ids = Fill(log, 10);
        log.Trim(floor: 10);
        Assert.That(log.Locate(ids[6], fromOldest: false), Is.EqualTo(new StartingPoint(7, 10, ids[6], IsGap: false)));
        Assert.That(log.Locate(ids[5], fromOldest: false), Is.EqualTo(new StartingPoint(7, 10, ids[6], IsGap: true)));
        Assert.That(log.Locate(ids[9], fromOldest: true), Is.EqualTo(new StartingPoint(10, 10, ids[9], IsGap: false)));
        Assert.That(log.Locate(log.IdFor(11), fromOldest: false).IsGap, "of an event that is still to come");
        foreach (string? none in new[] { null, "" })
        {
            Assert.That(log.Locate(none, fromOldest: false), Is.EqualTo(new StartingPoint(10, 10, ids[9], IsGap: false)));
            Assert.That(log.Locate(none, fromOldest: true), Is.EqualTo(new StartingPoint(7, 10, ids[6], IsGap: false)));
        }
    }

    [Test]
    public void IdsOfTheApplicationAreUniqueWhileTheyAreKept()
    {
        EventLog log = Make(replay: 0, backlog: 1);
        PublishedEvent own = log.Append(new ServerSentEvents { Id = "own", Data = "1" }, null, null);
        Assert.That((own.Id, log.IdFor(1)), Is.EqualTo(("own", "own")));
        Assert.That(log.Locate("own", fromOldest: false), Is.EqualTo(new StartingPoint(1, 1, "own", IsGap: false)));
        foreach (string taken in new[] { "own", log.IdFor(0), log.IdFor(5) })
            Assert.Throws<ArgumentException>(() => log.Append(new ServerSentEvents { Id = taken, Data = "2" }, null, null),
                taken);
        Assert.That((log.Head, log.Count), Is.EqualTo((1L, 1)), "what was refused has taken no place");
        Fill(log, 1);
        log.Trim(floor: 2);
        Assert.That(log.Locate("own", fromOldest: false).IsGap);
        Assert.That(log.Append(new ServerSentEvents { Id = "own", Data = "3" }, null, null).Sequence, Is.EqualTo(3),
            "free again");
    }

    [Test]
    public void CopyTakesWhatFitsAndAtLeastOne()
    {
        EventLog log = Make();
        Fill(log, 5);
        int size = (int)log.Size / 5;
        var into = new PublishedEvent?[10];
        int CopyOf(int limit, long after = 0, long upTo = 5, int room = 10) => log.Copy(after, upTo, limit, into.AsSpan(0, room));
        Assert.That(CopyOf(3 * size), Is.EqualTo(3));
        Assert.That(into[..3].Select(one => one!.Sequence), Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(CopyOf(3 * size - 1), Is.EqualTo(2));
        Assert.That(CopyOf(0), Is.EqualTo(1), "else one that is larger would never come");
        Assert.That(CopyOf(int.MaxValue, room: 2), Is.EqualTo(2));
        Assert.That(CopyOf(int.MaxValue, upTo: 4), Is.EqualTo(4));
        Assert.That(CopyOf(int.MaxValue, after: 3), Is.EqualTo(2));
        Assert.That(into[0]!.Sequence, Is.EqualTo(4));
        Assert.That(CopyOf(int.MaxValue, after: 5), Is.Zero);
        Assert.That(CopyOf(int.MaxValue, room: 0), Is.Zero);
    }

    [Test]
    public void CopyTellsOfEventsThatAreGone()
    {
        EventLog log = Make(replay: 0, backlog: 2);
        Fill(log, 5);
        log.Trim(floor: 5);
        var into = new PublishedEvent?[10];
        Assert.That(log.First, Is.EqualTo(4));
        Assert.That(log.Copy(3, 5, int.MaxValue, into), Is.EqualTo(2));
        Assert.That(log.Copy(2, 5, int.MaxValue, into), Is.EqualTo(-1));
    }

    [Test]
    public void NewestOfAKeyOutlivesTheLog([Values] bool perKey)
    {
        EventLog log = Make(replay: 0, backlog: 1, policy: perKey ? SlowSubscribers.NewestPerKey : SlowSubscribers.DropOldest);
        PublishedEvent newest = log.Append(new ServerSentEvents { Data = "1" }, null, "key");
        Fill(log, 5);
        log.Trim(floor: 6);
        Assert.That(log.First, Is.EqualTo(6));
        Assert.That(log.NewestPerKey(0, 6), Is.EqualTo(perKey ? [newest] : Array.Empty<PublishedEvent>()));
    }

    private EventLog Make(
        int replay = 1000, int backlog = 1000, int age = 0, int size = 64 * 1024 * 1024,
        SlowSubscribers policy = SlowSubscribers.Disconnect) => new(new()
        {
            ReplayCount = replay,
            MaxBacklog = backlog,
            ReplayAge = age == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(age),
            MaxLogSize = size,
            SlowSubscribers = policy,
            Clock = () => _now,
        });

    /// <summary>Appends events of one size; their ids.</summary>
    private static string[] Fill(EventLog log, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => log.Append(new ServerSentEvents { Data = "x" }, null, null).Id)];

    /// <summary>The sequences that can be copied, from the oldest on.</summary>
    private static long[] All(EventLog log)
    {
        var into = new PublishedEvent?[log.Count];
        Assert.That(log.Copy(log.First - 1, log.Head, int.MaxValue, into), Is.EqualTo(log.Count));
        return [.. into.Select(one => one!.Sequence)];
    }

    private static IEnumerable<long> Sequences(long from, long upTo)
    {
        for (long sequence = from; sequence <= upTo; sequence++) yield return sequence;
    }
}
