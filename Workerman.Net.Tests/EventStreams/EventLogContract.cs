using Workerman.EventStreams;
using Workerman.Tests.Support;

namespace Workerman.Tests.EventStreams;

/// <summary>What every log behind an event stream does. Each kind of log runs these tests.</summary>
internal abstract class EventLogContract
{
    /// <summary>A log of its own for each test, which keeps so many events.</summary>
    protected abstract IEventLog Make(int maxCount = 1000);

    [Test]
    public async Task PlacesFollowEachOther()
    {
        IEventLog log = Make();
        EventPlace[] places = await AppendAsync(log, 5);
        Assert.That(places.Select(place => place.Number), Is.EqualTo(Enumerable.Range(1, 5)));
        Assert.That(places.Select(place => place.Epoch).Distinct().Count(), Is.EqualTo(1));
        Assert.That(log.Status.Head!.Value.Number, Is.EqualTo(5));
        Assert.That(log.Status.IsConnected);
        foreach (EventPlace place in places)
        {
            Assert.That(EventPlace.TryParse(place.ToString(), out EventPlace parsed));
            Assert.That(parsed, Is.EqualTo(place));
        }
    }

    [Test]
    public async Task IsReadInPages()
    {
        IEventLog log = Make();
        EventPlace[] places = await AppendAsync(log, 10);
        EventBatch page = await log.ReadAsync(null, 4);
        Assert.That(page.After.Number, Is.Zero);
        List<string?> read = [];
        for (; page.Events.Count > 0; page = await log.ReadAsync(page.End, 4))
        {
            Assert.That(page.Events, Has.Count.LessThanOrEqualTo(4));
            read.AddRange(page.Events.Select(record => record.Data));
        }
        Assert.That(read, Is.EqualTo(Enumerable.Range(0, 10).Select(i => $"{i}")));
        EventBatch middle = await log.ReadAsync(places[6], 100);
        Assert.That((middle.After, middle.End), Is.EqualTo((places[6], places[9])));
        EventBatch nothing = await log.ReadAsync(places[9], 100);
        Assert.That((nothing.After, nothing.Events.Count), Is.EqualTo((places[9], 0)));
    }

    /// <summary>A client that resumes by such an id could mean either of two events.</summary>
    [Test]
    public async Task IdThatAPlaceCouldHaveIsRefused()
    {
        IEventLog log = Make();
        EventPlace[] places = await AppendAsync(log, 3);
        string epoch = places[0].Epoch;
        foreach (string id in new[] { $"{places[1]}", $"{epoch}-0", $"{epoch}-2", $"{epoch}-99" })
        {
            Assert.That(async () => await log.AppendAsync(new EventRecord { Data = "forged", Id = id }),
                Throws.ArgumentException, id);
        }
        foreach (string id in new[] { $"x{epoch}-2", $"{epoch}", $"{epoch}-2-", $"{epoch}-a", "1-2" })
            await log.AppendAsync(new EventRecord { Data = "own", Id = id });
        EventBatch all = await log.ReadAsync(null, 100);
        Assert.That(string.Join(' ', all.Events.Select(record => record.Data)), Is.EqualTo("0 1 2 own own own own own"));
    }

    [Test]
    public async Task EmptyLogHasAPlaceBeforeTheFirst()
    {
        IEventLog log = Make();
        EventBatch empty = await log.ReadAsync(null, 1);
        Assert.That((empty.After.Number, empty.Events.Count), Is.EqualTo((0, 0)));
        EventPlace first = await log.AppendAsync(new EventRecord { Data = "first" });
        Assert.That(first.Epoch, Is.EqualTo(empty.After.Epoch));
        Assert.That((await log.ReadAsync(empty.After, 10)).Events.Single().Data, Is.EqualTo("first"));
    }

    [Test]
    public async Task KeepsAllOfAnEvent()
    {
        IEventLog log = Make();
        var record = new EventRecord
        {
            Id = "own \u00e9",
            Event = "name",
            Data = "one\ntwo\n\n\"\\ \u0001 \ud83d\ude00",
            Comment = "a\nb",
            Retry = 1234,
            Topics = ["topic/\u00fc"],
            Key = "key",
        };
        DateTimeOffset before = DateTimeOffset.UtcNow;
        await log.AppendAsync(record);
        await log.AppendAsync(new EventRecord());
        EventBatch page = await log.ReadAsync(null, 10);
        EventRecord read = page.Events[0];
        Assert.That((read.Id, read.Event, read.Data, read.Comment, read.Retry, read.Key),
            Is.EqualTo((record.Id, record.Event, record.Data, record.Comment, record.Retry, record.Key)));
        Assert.That(read.Topics, Is.EqualTo(record.Topics));
        Assert.That(read.Time, Is.EqualTo(before).Within(TimeSpan.FromSeconds(20)));
        Assert.That((page.Events[1].Id, page.Events[1].Event, page.Events[1].Data, page.Events[1].Topics.Count),
            Is.EqualTo(((string?)null, (string?)null, (string?)null, 0)));
    }

    [Test]
    public async Task FindsIdsOfTheApplication()
    {
        IEventLog log = Make();
        await AppendAsync(log, 2);
        EventPlace place = await log.AppendAsync(new EventRecord { Id = "own", Data = "a" });
        Assert.That(await log.FindAsync("own"), Is.EqualTo(place));
        Assert.That(await log.FindAsync("other"), Is.Null);
        Assert.That((await log.ReadAsync(place, 10)).After, Is.EqualTo(place));
    }

    [Test]
    public async Task IdIsTakenOnlyOnce()
    {
        IEventLog log = Make(maxCount: 3);
        Task<EventPlace>[] added =
            [.. new[] { "a", "b", "a", "c" }.Select(id => log.TryAppend(new EventRecord { Id = id, Data = id }))];
        Assert.That(async () => await added[2], Throws.ArgumentException.With.Message.Contains("'a'"));
        Assert.That((await added[3]).Number, Is.EqualTo(3));
        // Once it has been removed, so has its id.
        await AppendAsync(log, 4);
        Assert.That(await log.FindAsync("a"), Is.Null);
        Assert.That((await log.AppendAsync(new EventRecord { Id = "a" })).Number, Is.EqualTo(8));
    }

    [Test]
    public async Task PlaceThatIsNotThereIsTold()
    {
        IEventLog log = Make();
        EventPlace[] places = await AppendAsync(log, 3);
        EventPlace newest = places[2];
        EventPlace[] others = [newest with { Number = 4 }, newest with { Epoch = "1" }, newest with { Epoch = "x" }];
        foreach (EventPlace other in others)
        {
            EventBatch page = await log.ReadAsync(other, 10);
            Assert.That(page.After, Is.EqualTo(places[0] with { Number = 0, Tag = null }), other.ToString());
            Assert.That(page.Events, Has.Count.EqualTo(3));
        }
    }

    [Test]
    public async Task WhatIsRemovedIsTold()
    {
        IEventLog log = Make();
        EventPlace[] places = await AppendAsync(log, 6);
        await log.TrimAsync(places[3]);
        EventBatch page = await log.ReadAsync(places[1], 10);
        Assert.That((page.After.Number, page.Events.Count), Is.EqualTo((4, 2)));
        Assert.That((await log.ReadAsync(null, 10)).After.Number, Is.EqualTo(4));
        EventBatch exact = await log.ReadAsync(places[3], 10);
        Assert.That((exact.After.Number, exact.Events.Count), Is.EqualTo((4, 2)));
        await log.TrimAsync(places[5] with { Epoch = "1" });
        Assert.That((await log.ReadAsync(null, 10)).Events, Has.Count.EqualTo(2));
        await log.TrimAsync(places[5]);
        page = await log.ReadAsync(places[3], 10);
        Assert.That((page.After.Number, page.Events.Count), Is.EqualTo((6, 0)));
        Assert.That((await log.AppendAsync(new EventRecord())).Number, Is.EqualTo(7), "numbers go on");
    }

    [Test]
    public async Task KeepsTheNewest()
    {
        IEventLog log = Make(maxCount: 5);
        await AppendAsync(log, 20);
        EventBatch page = await log.ReadAsync(null, 100);
        Assert.That(page.End.Number, Is.EqualTo(20));
        Assert.That(page.Events, Has.Count.InRange(5, 6));
        Assert.That(page.Events[^1].Data, Is.EqualTo("19"));
    }

    [Test]
    public async Task FollowerOfAnEmptyLogHearsAtOnce()
    {
        IEventLog log = Make();
        await using Follower follower = new(log);
        EventBatch first = await follower.Next();
        Assert.That((first.After.Number, first.Events.Count), Is.EqualTo((0, 0)));
        EventPlace place = await log.AppendAsync(new EventRecord { Data = "live" });
        EventBatch live = await follower.Next();
        Assert.That((live.After.Number, live.End), Is.EqualTo((0, place)));
        Assert.That(live.Events.Single().Data, Is.EqualTo("live"));
    }

    [TestCase(0, "6")]
    [TestCase(2, "4 5 6")]
    [TestCase(int.MaxValue, "0 1 2 3 4 5 6")]
    public async Task FollowerBeginsWithTheTail(int tail, string expected)
    {
        IEventLog log = Make();
        await AppendAsync(log, 6);
        await using Follower follower = new(log, tail: tail);
        EventBatch first = await follower.Next();
        Assert.That(first.After.Number, Is.EqualTo(Math.Max(0, 6L - tail)));
        await AppendAsync(log, 1, from: 6);
        List<EventRecord> all = [.. first.Events];
        while (all.Count == 0 || all[^1].Data != "6") all.AddRange((await follower.Next()).Events);
        Assert.That(string.Join(' ', all.Select(record => record.Data)), Is.EqualTo(expected));
    }

    [Test]
    public async Task FollowerGoesOnFromAPlace()
    {
        IEventLog log = Make();
        EventPlace[] places = await AppendAsync(log, 600);
        await using Follower follower = new(log, places[1]);
        EventBatch first = await follower.Next();
        Assert.That(first.After, Is.EqualTo(places[1]));
        long number = first.End.Number;
        while (number < 600)
        {
            EventBatch next = await follower.Next();
            Assert.That(next.After.Number, Is.EqualTo(number));
            number = next.End.Number;
        }
    }

    [Test]
    public async Task FollowerIsToldOfWhatIsMissing()
    {
        IEventLog log = Make();
        EventPlace[] places = await AppendAsync(log, 6);
        await log.TrimAsync(places[3]);
        await using Follower follower = new(log, places[0]);
        EventBatch first = await follower.Next();
        Assert.That((first.After.Number, first.Events.Count), Is.EqualTo((4, 2)));
    }

    [Test]
    public async Task AllFollowersSeeOneOrder()
    {
        IEventLog log = Make(maxCount: 10_000);
        await using Follower one = new(log);
        await using Follower other = new(log);
        await one.Next();
        await other.Next();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async writer =>
        {
            for (int i = 0; i < 250; i++) await log.AppendAsync(new EventRecord { Key = $"{writer}", Data = $"{i}" });
        }));
        List<string> seen = await one.Read(1000);
        Assert.That(await other.Read(1000), Is.EqualTo(seen));
        Assert.That(seen, Is.Unique);
        // Each writer's own order.
        foreach (IGrouping<string, string> writer in seen.GroupBy(text => text.Split(' ')[1]))
            Assert.That(writer.Select(text => int.Parse(text.Split(' ')[2], null)), Is.EqualTo(Enumerable.Range(0, 250)));
    }

    [Test]
    public async Task AppendingManyAtOnceKeepsTheirOrder()
    {
        IEventLog log = Make(maxCount: 10_000);
        EventPlace[] places = await Task.WhenAll(Enumerable.Range(0, 500).Select(i =>
            log.AppendAsync(new EventRecord { Data = $"{i}" }).AsTask()));
        Assert.That(places.Select(place => place.Number), Is.EqualTo(Enumerable.Range(1, 500)));
    }

    [Test]
    public void WrongUseIsRefused()
    {
        IEventLog log = Make();
        Assert.That(async () => await log.AppendAsync(null!), Throws.ArgumentNullException);
        Assert.That(async () => await log.ReadAsync(null, 0), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(async () => await log.FindAsync(null!), Throws.ArgumentNullException);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.That(async () => await log.AppendAsync(new EventRecord(), cancelled.Token),
            Throws.InstanceOf<OperationCanceledException>());
    }

    protected static async Task<EventPlace[]> AppendAsync(IEventLog log, int count, int from = 0)
    {
        var places = new EventPlace[count];
        for (int i = 0; i < count; i++) places[i] = await log.AppendAsync(new EventRecord { Data = $"{from + i}" });
        return places;
    }

    /// <summary>Follows a log, a batch at a time.</summary>
    internal sealed class Follower : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly IAsyncEnumerator<EventBatch> _batches;
        private Task<bool>? _next;

        public Follower(IEventLog log, EventPlace? after = null, int tail = 0) =>
            _batches = log.FollowAsync(after, tail, _stop.Token).GetAsyncEnumerator();

        public async Task<EventBatch> Next()
        {
            _next = _batches.MoveNextAsync().AsTask();
            Assert.That(await _next.WaitAsync(Wait.Limit), "it has ended");
            return _batches.Current;
        }

        /// <summary>The next events, each as place, key and data.</summary>
        public async Task<List<string>> Read(int count)
        {
            List<string> seen = [];
            while (seen.Count < count)
            {
                EventBatch batch = await Next();
                seen.AddRange(batch.Events.Select((record, i) => $"{batch.PlaceOf(i)} {record.Key} {record.Data}"));
            }
            return seen;
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            if (_next is { IsCompleted: false })
                await _next.ContinueWith(static _ => { }, TaskScheduler.Default).WaitAsync(Wait.Limit);
            await _batches.DisposeAsync();
            _stop.Dispose();
        }
    }
}

internal static class EventLogExtensions
{
    /// <summary>The task, also where the log throws at once.</summary>
    public static async Task<EventPlace> TryAppend(this IEventLog log, EventRecord record) => await log.AppendAsync(record);
}

/// <summary>The log in memory, which is also what an event stream has built in.</summary>
internal sealed class MemoryEventLogTests : EventLogContract
{
    protected override IEventLog Make(int maxCount = 1000) => new MemoryEventLog(new() { ReplayCount = maxCount });
}
