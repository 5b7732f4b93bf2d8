using System.Diagnostics.Metrics;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Handover;

/// <summary>
/// The logs of streams on their way to another process, without subscribers: what goes over, what comes after it, and which
/// stream it comes to.
/// </summary>
internal sealed class LogHandoverTests
{
    private StreamGroup _old = null!;
    private StreamGroup _new = null!;

    /// <summary>A group holds its streams weakly: one that a test no longer names is still to be moved.</summary>
    private List<EventStream> _streams = [];

    [SetUp]
    public void MakeGroups() => (_old, _new, _streams) = (new StreamGroup(), new StreamGroup(), []);

    [Test]
    public void IdsGoOnAsIfNothingHadHappened()
    {
        EventStream before = Make(_old);
        string[] ids = Fill(before, 3);
        EventStream after = Make(_new);
        Handovers.MoveLogs(_old, _new);
        Assert.That(All(after), Is.EqualTo(ids));
        string next = after.Publish("3");
        Assert.That(next, Is.EqualTo(before.Log.IdFor(4)), "the same epoch, the next number");
        Assert.That(before.Publish("4"), Is.EqualTo(before.Log.IdFor(5)), "published in the old process, placed in the new one");
        Assert.That(DataOf(after), Is.EqualTo(new[] { "0", "1", "2", "3", "4" }));
        Assert.That((before.Published, after.Published), Is.EqualTo((3L, 5L)));
        Assert.That(after.Log.Locate(ids[1], fromOldest: false), Is.EqualTo(new StartingPoint(2, 5, ids[1], IsGap: false)));
    }

    [Test]
    public void AllThatAnEventIsGoesOver()
    {
        long now = 1000;
        var options = new EventStreamOptions { Clock = () => now, ReplayAge = TimeSpan.FromSeconds(1) };
        EventStream before = Make(_old, options: options);
        before.Publish(new ServerSentEvents { Id = "own \u00e9", Event = "n", Data = "a\r\nb \ud800", Comment = "c", Retry = 5 },
            "topic \ud800", "key");
        now = 1400;
        before.Publish(new ServerSentEvents { Comment = "no data" });
        PublishedEvent[] were = Events(before);
        EventStream after = Make(_new, options: new() { Clock = () => now + 5_000_000, ReplayAge = TimeSpan.FromSeconds(1) });
        Handovers.MoveLogs(_old, _new);
        PublishedEvent[] are = Events(after);
        for (int i = 0; i < 2; i++)
        {
            Assert.That((are[i].Sequence, are[i].Id, are[i].Topic, are[i].Key, are[i].Event, are[i].Data, are[i].End),
                Is.EqualTo((were[i].Sequence, were[i].Id, were[i].Topic, were[i].Key, were[i].Event, were[i].Data, were[i].End)));
            Assert.That(are[i].Bytes, Is.EqualTo(were[i].Bytes));
            Assert.That(are[i].Time, Is.EqualTo(were[i].Time + 5_000_000), "its age, on the clock there");
        }
        Assert.That(after.Log.Locate("own \u00e9", fromOldest: false).After, Is.EqualTo(1));
        Assert.Throws<ArgumentException>(() => after.Publish(new ServerSentEvents { Id = "own \u00e9", Data = "again" }));
        now = 2001;
        Assert.That(after.Log.Locate("own \u00e9", fromOldest: false).IsGap, Is.False, "the second is young enough");
        Assert.That(after.Log.Locate(null, fromOldest: true).After, Is.EqualTo(1), "the first has grown too old meanwhile");
    }

    /// <summary>In the log, and where the old process publishes them afterwards.</summary>
    [TestCase("")]
    [TestCase("a")]
    [TestCase("b a")]
    [TestCase("0 1 2 3 4 5 6 7 8 9 \ud800")]
    public void TopicsGoOver(string text)
    {
        string[] topics = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var options = new EventStreamOptions { LatestPerKey = true, ReplayCount = 0, MaxBacklog = 1 };
        EventStream before = Make(_old, options: options);
        before.Publish(new ServerSentEvents { Data = "1" }, topics, "key");
        Fill(before, 3);
        EventStream after = Make(_new, options: options);
        Handovers.MoveLogs(_old, _new);
        Assert.That(after.Log.NewestPerKey(0, 4).Single().Topics, Is.EqualTo(topics));
        before.Publish(new ServerSentEvents { Data = "2" }, topics, "key");
        PublishedEvent newest = after.Log.NewestPerKey(0, 5).Single();
        Assert.That((newest.Sequence, newest.Data, newest.Topic), Is.EqualTo((5L, "2", topics.FirstOrDefault())));
        Assert.That(newest.Topics, Is.EqualTo(topics));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(5000)]
    public void AStreamOfAnyLengthGoesOver(int count)
    {
        EventStream before = Make(_old, options: new() { ReplayCount = 3000, MaxBacklog = 1 });
        Fill(before, count);
        EventStream after = Make(_new, options: new() { ReplayCount = 3000, MaxBacklog = 1 });
        Handovers.MoveLogs(_old, _new);
        Assert.That(All(after), Is.EqualTo(All(before)));
        Assert.That((after.Log.Head, after.Log.First, after.Log.Size),
            Is.EqualTo((before.Log.Head, before.Log.First, before.Log.Size)));
        Assert.That(after.Publish("next"), Is.EqualTo(before.Log.IdFor(count + 1)));
    }

    /// <summary>Events below a piece, of exactly about one, and of several: each piece is one that a channel carries.</summary>
    [TestCase(10)]
    [TestCase(1024 * 1024)]
    [TestCase(5_000_000)]
    public void PiecesHaveAboutAMegabyte(int size)
    {
        EventStream before = Make(_old, options: new() { MaxEventSize = 64 * 1024 * 1024 });
        for (int i = 0; i < 3; i++) before.Publish(new string((char)('a' + i), size));
        EventStream after = Make(_new);
        _old.Freeze((_, _, _, _, _) => "");
        byte[][] pieces = [.. _old.Export()];
        Assert.That(pieces.Select(piece => piece.Length), Is.All.LessThan(1024 * 1024 + 1000));
        Assert.That(pieces, Has.Length.GreaterThanOrEqualTo(2 * 3 * size / (1024 * 1024)));
        foreach (byte[] piece in pieces)
        {
            Assert.That(after.Published, Is.Zero, "only with the last piece");
            _new.Import(piece);
        }
        Assert.That(DataOf(after), Is.EqualTo(DataOf(before)));
    }

    [Test]
    public void WhatTheNewStreamHasPublishedComesAfterWithNewIds()
    {
        EventStream before = Make(_old);
        before.Publish(new ServerSentEvents { Id = "start-7", Data = "old start" });
        string[] ids = Fill(before, 2);
        EventStream after = Make(_new);
        string early = after.Publish(new ServerSentEvents { Data = "id: no field\nnew", Comment = "id: nor this" });
        after.Publish(new ServerSentEvents { Id = "start-7", Data = "new start" });
        after.Publish(new ServerSentEvents { Id = "start-8", Data = "another" }, key: "k");
        Handovers.MoveLogs(_old, _new);
        PublishedEvent[] all = Events(after);
        Assert.That(all.Select(one => one.Data),
            Is.EqualTo(new[] { "old start", "0", "1", "id: no field\nnew", "new start", "another" }));
        Assert.That(all.Select(one => one.Id), Is.EqualTo(new[]
            { "start-7", ids[0], ids[1], before.Log.IdFor(4), before.Log.IdFor(5), "start-8" }), "ids are unique");
        Assert.That(all.Select(one => System.Text.Encoding.UTF8.GetString(one.Bytes)),
            Is.All.Matches<string>(text => all.Count(one => HasId(text, one)) == 1), "and so they are sent");
        Assert.That(System.Text.Encoding.UTF8.GetString(all[3].Bytes), Does.Contain(": id: nor this\n")
            .And.Contain("data: id: no field\ndata: new\n").And.Not.Contain(early));
        Assert.That(all.Select(one => one.End),
            Is.EqualTo(all.Select((_, i) => all[..(i + 1)].Sum(one => (long)one.Bytes.Length))));
        Assert.That(after.Log.Locate("start-8", fromOldest: false).After, Is.EqualTo(6));
        Assert.That(after.Log.Locate(early, fromOldest: false).IsGap, "nobody has been sent it");
    }

    [Test]
    public void NewestOfKeysGoOverAlsoIfTheLogHasThemNoMore()
    {
        var options = new EventStreamOptions
        { ReplayCount = 0, MaxBacklog = 1, SlowSubscribers = SlowSubscribers.NewestPerKey };
        EventStream before = Make(_old, options: options);
        foreach (string key in new[] { "a", "b", "a" }) before.Publish(new ServerSentEvents { Data = $"of {key}" }, key: key);
        Fill(before, 3);
        EventStream after = Make(_new, options: options);
        Handovers.MoveLogs(_old, _new);
        Assert.That(after.Log.NewestPerKey(0, 6).Select(one => (one.Sequence, one.Data)),
            Is.EqualTo(new[] { (2L, (string?)"of b"), (3L, "of a") }));
        after.Publish(new ServerSentEvents { Data = "b again" }, key: "b");
        Assert.That(after.Log.NewestPerKey(0, 7).Select(one => one.Sequence), Is.EqualTo(new[] { 3L, 7L }));
    }

    [Test]
    public void StreamsOfOneNameAreToldApartByTheirOrder()
    {
        EventStream[] before = [Make(_old, "a"), Make(_old, "b"), Make(_old, "a"), Make(_old, "a")];
        // One that is completed is no longer one of them.
        before[2].Complete();
        for (int i = 0; i < before.Length; i++)
        {
            if (i != 2) before[i].Publish($"{i}");
        }
        EventStream[] after = [Make(_new, "a"), Make(_new, "a"), Make(_new, "b")];
        Handovers.MoveLogs(_old, _new);
        before[3].Publish("later");
        Assert.That(after.Select(stream => string.Join(' ', DataOf(stream))), Is.EqualTo(new[] { "0", "3 later", "1" }));
    }

    [Test]
    public void AStreamThatIsMadeLaterFindsItsLog()
    {
        EventStream before = Make(_old);
        string[] ids = Fill(before, 2);
        Handovers.MoveLogs(_old, _new);
        string forwarded = before.Publish("2");
        Assert.That(_new.Waiting, Is.EqualTo(1));
        EventStream after = Make(_new);
        Assert.That((_new.Waiting, string.Join(' ', All(after))), Is.EqualTo((0, string.Join(' ', [.. ids, forwarded]))));
        Assert.That(Make(_new).Published, Is.Zero, "only the first of the name");
    }

    /// <summary>A program may make a stream only when it is asked for, and be replaced again before.</summary>
    [Test]
    public void LogGoesOnThroughAProcessThatDoesNotMakeItsStream()
    {
        EventStream before = Make(_old);
        string[] ids = Fill(before, 2);
        Handovers.MoveLogs(_old, _new);
        string second = before.Publish("2");
        var last = new StreamGroup();
        Handovers.MoveLogs(_new, last);
        string third = before.Publish("3");
        Assert.That((_new.Waiting, last.Waiting), Is.EqualTo((1, 1)));
        Assert.That(All(Make(last)), Is.EqualTo(new[] { ids[0], ids[1], second, third }));
    }

    [Test]
    public void AStreamThatTheOldProcessMakesLateIsFrozenToo()
    {
        Handovers.MoveLogs(_old, _new);
        EventStream late = Make(_old);
        string id = late.Publish("late");
        Assert.That((late.Published, late.IsFrozen), Is.EqualTo((0L, true)));
        EventStream after = Make(_new);
        Assert.That(All(after), Is.EqualTo(new[] { id }));
    }

    [Test]
    public async Task MemoryOfStreamsThatNobodyMakesIsFreed()
    {
        var group = new StreamGroup(waitTime: TimeSpan.FromMilliseconds(1));
        Fill(Make(_old), 1);
        Handovers.MoveLogs(_old, group);
        await Wait.Until(() => group.Waiting == 0, "the end of its time");
        Assert.That(Make(group).Published, Is.Zero);
    }

    [Test]
    public void CompletionIsTheNewProcesssOnceTheLogHasMoved()
    {
        EventStream before = Make(_old);
        EventStream after = Make(_new);
        Handovers.MoveLogs(_old, _new);
        before.Complete();
        Assert.That((before.IsCompleted, after.IsCompleted), Is.EqualTo((false, false)));
        after.Complete();
        // Who measures leaves completed streams out; they are still known.
        using (var listener = new MeterListener())
        {
            listener.InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == StreamMeter.Name) self.EnableMeasurementEvents(instrument);
            };
            listener.Start();
            listener.RecordObservableInstruments();
        }
        Assert.That(Assert.Throws<InvalidOperationException>(() => before.Publish("x"))!.Message, Does.Contain("completed"));
    }

    [Test]
    public void WhatIsNotValidIsRefusedBeforeItIsForwarded()
    {
        EventStream before = Make(_old, options: new() { MaxEventSize = 1024 });
        _old.Freeze((_, _, _, _, _) => throw new InvalidOperationException("the new process is gone"));
        Assert.Throws<ArgumentException>(() => before.Publish(new ServerSentEvents { Data = "x" }, new string('x', 1025)));
        Assert.Throws<ArgumentException>(() => before.Publish(new string('x', 1024)));
        Assert.Throws<ArgumentException>(() => before.Publish(new ServerSentEvents { Id = " x" }));
        Assert.That(Assert.Throws<InvalidOperationException>(() => before.Publish("x"))!.Message,
            Is.EqualTo("the new process is gone"));
    }

    [Test]
    public void PiecesOutOfOrderAreRefused()
    {
        Make(_old, options: new() { MaxEventSize = 8_000_000 }).Publish(new string('x', 3_000_000));
        _old.Freeze((_, _, _, _, _) => "");
        byte[][] pieces = [.. _old.Export()];
        Assert.Throws<InvalidDataException>(() => _new.Import(pieces[1]));
        _new.Import(pieces[0]);
        Assert.Throws<InvalidDataException>(() => _new.Import(pieces[2]));
        Assert.Throws<InvalidDataException>(() => _new.Import(pieces[1][..20]));
        byte[] other = [.. pieces[1]];
        other[0]++;
        Assert.That(Assert.Throws<InvalidDataException>(() => _new.Import(other))!.Message, Does.Contain("Cure: restart"));
    }

    /// <summary>Publishers never wait for anything but the place of their event, and each has its own exactly once.</summary>
    [Test]
    public async Task NothingIsLostOrDoubledWhileManyPublish([Values(1, 2, 3, 4, 5)] int seed)
    {
        const int Threads = 4;
        const int Count = 3000;
        var options = new EventStreamOptions { ReplayCount = Threads * Count };
        EventStream before = Make(_old, options: options);
        EventStream after = Make(_new, options: options);
        int frozenAt = new Random(seed).Next(Threads * Count / 2);
        Task<string[]>[] publishers = [.. Enumerable.Range(0, Threads).Select(thread => Task.Run(() =>
            Enumerable.Range(0, Count).Select(i => before.Publish($"{thread} {i}")).ToArray()))];
        await Wait.Until(() => before.Published >= frozenAt, "some events");
        Handovers.MoveLogs(_old, _new);
        string[][] ids = await Task.WhenAll(publishers).WaitAsync(Wait.Limit);
        PublishedEvent[] all = Events(after);
        Assert.That(all, Has.Length.EqualTo(Threads * Count));
        Assert.That(all.Select(one => one.Id), Is.EquivalentTo(ids.SelectMany(own => own)));
        for (int thread = 0; thread < Threads; thread++)
        {
            string mark = $"{thread} ";
            PublishedEvent[] own = [.. all.Where(one => one.Data!.StartsWith(mark, StringComparison.Ordinal))];
            Assert.That(own.Select(one => one.Data), Is.EqualTo(Enumerable.Range(0, Count).Select(i => mark + i)));
            Assert.That(own.Select(one => one.Id), Is.EqualTo(ids[thread]), "the id that it was told");
        }
    }

    private static bool HasId(string? text, PublishedEvent one) =>
        $"\n{text}".Contains($"\nid: {one.Id}\n", StringComparison.Ordinal);

    private EventStream Make(StreamGroup group, string name = "news", EventStreamOptions? options = null)
    {
        var stream = new EventStream(name, options, group);
        _streams.Add(stream);
        return stream;
    }

    private static string[] Fill(EventStream stream, int count) =>
        [.. Enumerable.Range(0, count).Select(i => stream.Publish($"{i}"))];

    private static PublishedEvent[] Events(EventStream stream)
    {
        var into = new PublishedEvent?[stream.Log.Count];
        stream.Log.Copy(stream.Log.First - 1, stream.Log.Head, int.MaxValue, into);
        return into!;
    }

    private static string[] All(EventStream stream) => [.. Events(stream).Select(one => one.Id)];

    private static string[] DataOf(EventStream stream) => [.. Events(stream).Select(one => one.Data ?? "")];
}
