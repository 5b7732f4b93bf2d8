using System.Diagnostics.CodeAnalysis;

namespace Workerman.EventStreams;

/// <summary>
/// The log as a cache of the tail of another one (<see cref="IEventLog"/>), whose places are its sequences. Nothing is published
/// here: it takes batches. All under <see cref="Gate"/>, unless it says otherwise.
/// </summary>
internal sealed partial class EventLog
{
    private int _generation;
    private string? _epochBefore;

    /// <summary>The place from which on it has taken all events of this generation.</summary>
    private EventPlace _start;

    /// <summary>Whether it has taken a batch.</summary>
    private bool _hasStarted;

    /// <summary>
    /// Whether it has come to where the log was when it was first heard: before that, nobody can be told where to begin. Changed
    /// by its stream.
    /// </summary>
    public bool IsReady { get; set; }

    /// <summary>
    /// How often its sequences have become others: places of one generation mean nothing in the next. 0 for ever if it is no
    /// cache. Any thread.
    /// </summary>
    public int Generation => Volatile.Read(ref _generation);

    /// <summary>Whether the generation before had the same epoch.</summary>
    public bool KeepsEpoch { get; private set; }

    /// <summary>Where a subscriber of the generation before goes on.</summary>
    public EventPlace Start => _start;

    public string Epoch => _ids.Epoch;

    /// <summary>Takes the next events of the log that it is a cache of.</summary>
    /// <returns>Whether a new generation has begun, because they do not follow on those before.</returns>
    public bool Take(EventBatch batch)
    {
        bool isFirst = !_hasStarted;
        bool follows = !isFirst && batch.After.Epoch == _ids.Epoch && batch.After.Number == _head;
        if (!follows) StartAt(batch.After);
        for (int i = 0; i < batch.Events.Count; i++)
        {
            PublishedEvent published;
            try
            {
                published = PublishedAt(batch, i);
            }
            catch (ArgumentException)
            {
                // No event can be so: it is as good as missing.
                StartAt(batch.PlaceOf(i));
                continue;
            }
            Add(published);
            if (batch.Events[i].Id is not null) _ownIds[published.Id] = published.Sequence;
        }
        // Whoever lacks what is removed reads it from the log itself.
        Trim(long.MaxValue);
        return !follows && !isFirst;
    }

    /// <summary>The events of a batch that was read from the log. Any thread.</summary>
    public PublishedEvent[] ToPublished(EventBatch batch, int limit) =>
        [.. Enumerable.Range(0, Math.Min(limit, batch.Events.Count)).Where(i => batch.Events[i].IsValid)
            .Select(i => PublishedAt(batch, i))];

    /// <summary>Where a subscriber begins, if that can be said without asking the log.</summary>
    /// <param name="lastId">The id of its last event; null or empty for none.</param>
    /// <param name="fromOldest">Whether one without an id begins with the oldest event that the log has.</param>
    /// <param name="start">Where.</param>
    public bool TryLocateCached(string? lastId, bool fromOldest, out StartingPoint start)
    {
        start = default;
        if (!IsReady || (string.IsNullOrEmpty(lastId) && fromOldest)) return false;
        if (string.IsNullOrEmpty(lastId))
        {
            start = At(_head, IdOf(_head), isGap: false);
            return true;
        }
        if (!_ownIds.TryGetValue(lastId, out long sequence))
        {
            if (!EventPlace.TryParse(lastId, out EventPlace place) || place.Epoch != _ids.Epoch || !Has(place, lastId))
                return false;
            sequence = place.Number;
        }
        start = At(sequence, lastId, isGap: false);
        return true;
    }

    /// <summary>The starting point at a place of this generation.</summary>
    public StartingPoint At(long after, string id, bool isGap) => new(after, _head, id, isGap) { Generation = _generation };

    /// <summary>
    /// The id by which a client resumes after a sequence of a generation. It takes the lock.
    /// </summary>
    /// <returns>False if the log has another generation by now.</returns>
    public bool TryIdFor(long sequence, int generation, [NotNullWhen(true)] out string? id)
    {
        lock (Gate)
        {
            id = generation == _generation ? IdOf(sequence) : null;
            return id is not null;
        }
    }

    /// <summary>The id by which a client of the generation before would have resumed after a sequence.</summary>
    public string IdBefore(long sequence) => new EventPlace(_epochBefore ?? "", sequence).ToString();

    /// <summary>The place of the event with an id of the application's own; null if there is none.</summary>
    public long? FindOwn(string id) => _ownIds.TryGetValue(id, out long sequence) ? sequence : null;

    /// <summary>The newest ones that are kept, so many at most.</summary>
    public PublishedEvent[] Newest(int count) => Range(_head - Math.Min(count, _count), Math.Min(count, _count));

    /// <summary>Removes the events up to a sequence; the numbers of those after it stay.</summary>
    public void RemoveUpTo(long sequence)
    {
        while (_count > 0 && _head - _count + 1 <= sequence) Remove(At(_head - _count + 1));
    }

    private void StartAt(EventPlace place)
    {
        _epochBefore = _ids.Epoch;
        // The newest events of keys are still that where only events between two places are missing.
        Clear(keepsKeys: KeepsEpoch = _epochBefore == place.Epoch);
        _ids = new EventIds(place.Epoch);
        _start = place;
        _headId = place.ToString();
        Volatile.Write(ref _head, place.Number);
        if (_hasStarted) Volatile.Write(ref _generation, _generation + 1);
        _hasStarted = true;
    }

    /// <summary>Whether the event of a place is known to be the one that the id was given for.</summary>
    private bool Has(EventPlace place, string id)
    {
        if (place.Number == _start.Number) return place.Tag is null || place.Tag == _start.Tag;
        if (place.Number > _head || place.Number <= _head - _count) return false;
        return place.Tag is null || At(place.Number).Id == id;
    }

    private PublishedEvent PublishedAt(EventBatch batch, int index)
    {
        EventRecord record = batch.Events[index];
        EventPlace place = batch.PlaceOf(index);
        var draft = new EventDraft(record.ToMessage(), record.Id ?? place.ToString());
        long age = (long)Math.Max(0, (DateTimeOffset.UtcNow - record.Time).TotalMilliseconds);
        return new PublishedEvent(place.Number, draft.Id, EventTopics.Of(record.Topics), record.Key, record.Event, record.Data,
            draft.Bytes, options.Clock() - age)
        {
            End = _written + draft.Bytes.Length,
            Began = StreamMeter.Delay.Enabled ? PublishedEvent.Microseconds() : 0,
        };
    }
}
