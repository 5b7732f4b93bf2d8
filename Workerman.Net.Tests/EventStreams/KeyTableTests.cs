using Workerman.EventStreams;

namespace Workerman.Tests.EventStreams;

/// <summary>
/// The newest event of each key: one of each, in the order of publication, and no more keys than there is room for.
/// </summary>
internal sealed class KeyTableTests
{
    private long _sequence;

    [SetUp]
    public void StartCounting() => _sequence = 0;

    [Test]
    public void EmptyTableHasNothingInAnyRange()
    {
        var table = new KeyTable(1);
        Assert.That(table.Count, Is.Zero);
        Assert.That(table.Between(0, long.MaxValue), Is.Empty);
    }

    [Test]
    public void NewerEventTakesThePlaceOfTheOlderOneAndIsTheLast()
    {
        var table = new KeyTable(10);
        PublishedEvent a = Set(table, "a");
        PublishedEvent b = Set(table, "b");
        PublishedEvent newer = Set(table, "a");
        Assert.That((a.IsSuperseded, b.IsSuperseded, newer.IsSuperseded), Is.EqualTo((true, false, false)));
        Assert.That(table.Between(0, 3), Is.EqualTo(new[] { b, newer }));
        Assert.That(table.Count, Is.EqualTo(2));
    }

    [Test]
    public void RangeIsAfterOneAndUpToAnother()
    {
        var table = new KeyTable(10);
        PublishedEvent[] events = [.. "abcd".Select(key => Set(table, $"{key}"))];
        Assert.That(table.Between(0, 4), Is.EqualTo(events));
        Assert.That(table.Between(1, 3), Is.EqualTo(events[1..3]));
        Assert.That(table.Between(3, 3), Is.Empty);
        Assert.That(table.Between(4, 100), Is.Empty);
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(100)]
    public void OneKeyTooManyForgetsTheOneThatWasSilentForLongest(int capacity)
    {
        var table = new KeyTable(capacity);
        List<PublishedEvent> events = [.. Enumerable.Range(0, capacity).Select(i => Set(table, $"{i}"))];
        Assert.That(table.Between(0, _sequence), Is.EqualTo(events), "exactly as many as there is room for");
        // The oldest key has spoken again: now the second is the silent one, if there is a second.
        events.RemoveAt(0);
        events.Add(Set(table, "0"));
        PublishedEvent forgotten = events[0];
        events.RemoveAt(0);
        events.Add(Set(table, "new"));
        Assert.That(table.Between(0, _sequence), Is.EqualTo(events));
        Assert.That((table.Count, forgotten.IsSuperseded), Is.EqualTo((capacity, false)), "forgotten, but there is none newer");
        events.RemoveAt(0);
        events.Add(Set(table, forgotten.Key!));
        Assert.That(table.Between(0, _sequence), Is.EqualTo(events), "it comes back as a new one");
    }

    [Test]
    public void SameKeyOfAnotherTopicIsAnotherKey()
    {
        var table = new KeyTable(10);
        PublishedEvent[] events =
            [Set(table, "k", "t"), Set(table, "k", "u"), Set(table, "k"), Set(table, "k", ""), Set(table, "K", "t")];
        Assert.That(table.Between(0, 5), Is.EqualTo(events));
        PublishedEvent newer = Set(table, "k", "u");
        Assert.That(table.Between(0, 6), Is.EqualTo(new[] { events[0], events[2], events[3], events[4], newer }));
    }

    /// <summary>It is the newest of its key as long as one of its topics has no newer one.</summary>
    [Test]
    public void EventOfSeveralTopicsStaysWhileItIsTheNewestInOne()
    {
        var table = new KeyTable(10);
        PublishedEvent both = Set(table, "k", EventTopics.Of(["a", "b"]));
        PublishedEvent ofA = Set(table, "k", "a");
        Assert.That(table.Between(0, 2), Is.EqualTo(new[] { both, ofA }));
        Assert.That((table.Count, both.IsSuperseded), Is.EqualTo((2, false)));
        foreach ((string topics, bool isNewest) in new[] { ("a", false), ("b", true), ("", true), ("a b", true), ("a c", false) })
        {
            var options = new SubscribeOptions { Topics = topics.Split(' ', StringSplitOptions.RemoveEmptyEntries) };
            Assert.That(table.IsNewest(both, WantedTopics.Of(options)), Is.EqualTo(isNewest), topics);
        }
        PublishedEvent ofB = Set(table, "k", "b");
        Assert.That(table.Between(0, 3), Is.EqualTo(new[] { ofA, ofB }));
        Assert.That((both.IsSuperseded, ofA.IsSuperseded), Is.EqualTo((true, false)));
        PublishedEvent again = Set(table, "k", EventTopics.Of(["b", "c", "a"]));
        Assert.That(table.Between(0, 4), Is.EqualTo(new[] { again }));
        Assert.That((table.Count, ofA.IsSuperseded, ofB.IsSuperseded), Is.EqualTo((3, true, true)));
    }

    /// <summary>Its keys are as many as its topics; one that has more than the table is the last that is left.</summary>
    [TestCase(2, 0)]
    [TestCase(3, 0)]
    [TestCase(4, 1)]
    [TestCase(5, 2)]
    public void KeysOfSeveralTopicsTakeTheRoomOfSeveral(int capacity, int left)
    {
        var table = new KeyTable(capacity);
        PublishedEvent[] events = [Set(table, "a"), Set(table, "b"), Set(table, "k", EventTopics.Of(["x", "y", "z"]))];
        Assert.That(table.Between(0, 3), Is.EqualTo(events[^(left + 1)..]));
        Assert.That(table.Count, Is.EqualTo(left + 3));
        PublishedEvent last = Set(table, "l");
        if (capacity < 4) Assert.That(table.Between(0, 4), Is.EqualTo(new[] { last }), "all its keys go with it");
        table.Clear();
        Assert.That((table.Count, table.Between(0, 9).Count()), Is.EqualTo((0, 0)));
        Set(table, "k", EventTopics.Of(["x", "y", "z"]));
        Assert.That(table.Count, Is.EqualTo(3));
    }

    private PublishedEvent Set(KeyTable table, string key, EventTopics topics = default)
    {
        var published = new PublishedEvent(++_sequence, $"{_sequence}", topics, key, null, null, [], 0);
        table.Set(published);
        return published;
    }
}
