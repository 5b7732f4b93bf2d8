using Workerman.EventStreams;
using Workerman.Protocols.Http;

namespace Workerman.Tests.EventStreams;

/// <summary>Events that are read without a subscription, and the id from which a page goes on.</summary>
internal sealed class ReadingTests
{
    private long _now;

    [SetUp]
    public void StartClock() => _now = 0;

    [Test]
    public void PagesFollowEachOther()
    {
        EventStream stream = Make();
        for (int i = 0; i < 10; i++) stream.Publish($"{i}");
        List<string?> read = [];
        EventPage page = stream.Read(limit: 4);
        for (; ; page = stream.Read(page.LastId, 4))
        {
            Assert.That(page.IsGap, Is.False);
            read.AddRange(page.Events.Select(published => published.Data));
            if (page.IsLast) break;
        }
        Assert.That(read, Is.EqualTo(Enumerable.Range(0, 10).Select(i => $"{i}")));
        Assert.That(page.LastId, Is.EqualTo(stream.LastId));
        EventPage next = stream.Read(page.LastId);
        Assert.That((next.Events.Count, next.LastId, next.IsLast), Is.EqualTo((0, page.LastId, true)));
    }

    [Test]
    public void LastIdIsThatOfTheNewestEventAndBeforeTheFirstOneToo()
    {
        EventStream stream = Make();
        string before = stream.LastId;
        Assert.That(stream.Read(before), Has.Property(nameof(EventPage.IsGap)).False.And.Property(nameof(EventPage.IsLast)).True);
        string first = stream.Publish("1");
        Assert.That(stream.LastId, Is.EqualTo(first));
        Assert.That(stream.Read(before).Events.Single().Id, Is.EqualTo(first));
        string own = stream.Publish(new ServerSentEvents { Id = "own", Data = "2" });
        Assert.That((stream.LastId, own), Is.EqualTo(("own", "own")));
        Assert.That(stream.Read(first, 1), Has.Property(nameof(EventPage.LastId)).EqualTo("own"));
    }

    [TestCase("unknown")]
    [TestCase(null)]
    [TestCase("")]
    public void WhatCannotBeReplayedIsNotRead(string? after)
    {
        EventStream stream =
            Make(new() { ReplayCount = 3, MaxBacklog = 100, Clock = () => _now, ReplayAge = TimeSpan.FromSeconds(1) });
        string[] ids = [.. Enumerable.Range(0, 5).Select(i => stream.Publish($"{i}"))];
        EventPage page = stream.Read(after);
        Assert.That(page.Events.Select(published => published.Id), Is.EqualTo(ids[2..]));
        Assert.That(page.IsGap, Is.EqualTo(after == "unknown"));
        Assert.That(stream.Read(ids[0]).IsGap);
        _now = 2000;
        stream.Publish("young");
        Assert.That(stream.Read(after).Events.Single().Data, Is.EqualTo("young"));
    }

    [TestCase(0)]
    [TestCase(-1)]
    [TestCase(1_000_001)]
    public void LimitsAreChecked(int limit) => Assert.Throws<ArgumentOutOfRangeException>(() => Make().Read(null, limit));

    private static EventStream Make(EventStreamOptions? options = null) => new("read", options, new StreamGroup());
}
