using System.Text;
using Workerman.EventStreams;
using Workerman.Protocols.Http;

namespace Workerman.Tests.EventStreams;

/// <summary>How large an event may be, and that publishers encode side by side, each event with its own id.</summary>
internal sealed class EventSizeTests
{
    /// <summary>With texts of all that counts otherwise than as one byte: line ends, other alphabets, halves of pairs.</summary>
    [Test]
    public void SizeIsCountedBeforeAnythingIsMade()
    {
        var random = new Random(1);
        string[] pieces = ["\r", "\n", "\r\n", "x", "é", "€", "𝄞", "\ud834", "\udd1e", "data: ", ""];
        string Text() => string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => pieces[random.Next(pieces.Length)]));
        for (int i = 0; i < 3000; i++)
        {
            var message = new ServerSentEvents
            {
                Event = random.Next(2) == 0 ? null : Text().Replace("\r", "", StringComparison.Ordinal).Replace('\n', ' '),
                Comment = random.Next(2) == 0 ? null : Text(),
                Retry = random.Next(2) == 0 ? null : random.Next(),
                Data = random.Next(8) == 0 ? null : Text(),
            };
            EventLog log = new(new EventStreamOptions());
            PublishedEvent published = log.Append(message, null, null);
            message.Id = published.Id;
            Assert.That(Encoding.UTF8.GetString(published.Bytes), Is.EqualTo(message.ToString()), $"case {i}");
            Assert.That(message.SizeWith(published.Id, long.MaxValue, out int idAt), Is.EqualTo(published.Bytes.Length));
            Assert.That(Encoding.UTF8.GetString(published.Bytes.AsSpan(idAt)), Does.StartWith(published.Id + "\n"));
        }
    }

    [TestCase("x", 1)]
    [TestCase("\n", 7)]
    [TestCase("\r\n", 7)]
    [TestCase("é", 2)]
    public void EventIsAsLargeAsItMayBeAndNoLarger(string piece, int size)
    {
        var stream = new EventStream("test", new() { MaxEventSize = 4096 });
        var empty = new ServerSentEvents { Id = "id", Data = "" };
        int room = 4096 - empty.ToString().Length;
        stream.Publish(new ServerSentEvents
        {
            Id = "id",
            Data = new string('x', room % size) + string.Concat(Enumerable.Repeat(piece, room / size)),
        });
        Assert.That(stream.Log.Size, Is.EqualTo(4096));
        string refused = Assert.Throws<ArgumentException>(() => stream.Publish(new ServerSentEvents
        {
            Id = "il",
            Data = new string('x', room % size + 1) + string.Concat(Enumerable.Repeat(piece, room / size)),
        }))!.Message;
        Assert.That(refused, Does.Contain("4096").And.Contain("Cure:").And.Contain("MaxEventSize"));
        Assert.That(stream.Published, Is.EqualTo(1));
    }

    [Test]
    public void LargestEventIsAMebibyteByDefault()
    {
        var stream = new EventStream();
        Assert.Throws<ArgumentException>(() => stream.Publish(new string('x', 1024 * 1024)));
        Assert.Throws<ArgumentException>(() => stream.Publish(new string('\n', 200_000)));
        Assert.Throws<ArgumentException>(() => stream.Publish(new ServerSentEvents { Comment = new string('\n', 500_000) }));
        stream.Publish(new string('x', 1024 * 1024 - 100));
        Assert.That(stream.Published, Is.EqualTo(1));
    }

    /// <summary>Nothing is made for an event that is refused, however long it would be on the wire.</summary>
    [Test]
    public void RefusedEventTakesNoMemory()
    {
        var stream = new EventStream();
        var message = new ServerSentEvents { Data = new string('\n', 1_000_000) };
        Assert.Throws<ArgumentException>(() => stream.Publish(message));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ArgumentException>(() => stream.Publish(message));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(50_000));
    }

    /// <summary>Ids of one more digit, and others in between, while an event is encoded.</summary>
    [Test]
    public void EventsOfManyThreadsHaveTheIdsOfTheirPlaces()
    {
        EventLog log = new(new EventStreamOptions { ReplayCount = 100_000 });
        Parallel.For(0, 8, thread =>
        {
            for (int i = 0; i < 2000; i++) log.Append(new ServerSentEvents { Event = "e", Data = $"{thread} {i}" }, null, null);
        });
        var events = new PublishedEvent?[16_000];
        Assert.That(log.Copy(0, 16_000, int.MaxValue, events), Is.EqualTo(16_000));
        long size = 0;
        string prefix = events[0]!.Id[..^1];
        var last = new int[8];
        foreach (PublishedEvent? published in events)
        {
            size += published!.Bytes.Length;
            Assert.That((published.Id, published.End), Is.EqualTo(($"{prefix}{published.Sequence}", size)));
            Assert.That(Encoding.UTF8.GetString(published.Bytes),
                Is.EqualTo($"event: e\nid: {published.Id}\ndata: {published.Data}\n\n"));
            string[] parts = published.Data!.Split(' ');
            Assert.That(last[int.Parse(parts[0], null)]++, Is.EqualTo(int.Parse(parts[1], null)), "the order of its thread");
        }
    }

    [Test]
    public void PlaceIsFoundFromWhichBytesFit()
    {
        EventLog log = new(new EventStreamOptions { ReplayCount = 5, MaxBacklog = 1 });
        Assert.That(log.OldestWithin(0, 100), Is.Zero);
        int size = 0;
        for (int i = 0; i < 9; i++) size = log.Append(new ServerSentEvents { Data = "x" }, null, null).Bytes.Length;
        Assert.That(log.OldestWithin(9, size * 4), Is.EqualTo(5));
        Assert.That(log.OldestWithin(9, size * 4 - 1), Is.EqualTo(6));
        Assert.That(log.OldestWithin(7, size), Is.EqualTo(6));
        Assert.That(log.OldestWithin(9, 1), Is.EqualTo(8), "the newest in any case");
        Assert.That(log.OldestWithin(9, long.MaxValue), Is.Zero);
        log.Trim(floor: 9);
        Assert.That(log.OldestWithin(9, long.MaxValue), Is.EqualTo(3), "what the log has");
        Assert.That(log.OldestWithin(2, long.MaxValue), Is.EqualTo(3));
    }

    /// <summary>The newest of its key is kept beyond the log, but not without a bound in bytes.</summary>
    [Test]
    public void NewestOfKeysAreBoundedInBytes()
    {
        var table = new KeyTable(100, maxSize: 30);
        PublishedEvent Set(long sequence, string key, int size)
        {
            var published = new PublishedEvent(sequence, $"{sequence}", null, key, null, null, new byte[size], 0);
            table.Set(published);
            return published;
        }
        Set(1, "a", 10);
        PublishedEvent b = Set(2, "b", 10);
        PublishedEvent c = Set(3, "c", 10);
        Assert.That(table.Count, Is.EqualTo(3), "exactly the limit");
        PublishedEvent newer = Set(4, "a", 10);
        Assert.That(table.Between(0, 9), Is.EqualTo(new[] { b, c, newer }), "the older one of a key does not count");
        PublishedEvent d = Set(5, "d", 1);
        Assert.That(table.Between(0, 9), Is.EqualTo(new[] { c, newer, d }), "one beyond");
        PublishedEvent large = Set(6, "e", 31);
        Assert.That(table.Between(0, 9), Is.EqualTo(new[] { large }), "the newest in any case");
    }
}
