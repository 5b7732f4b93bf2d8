using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>Where a new subscriber begins.</summary>
/// <param name="After">The sequence after which it gets events.</param>
/// <param name="Head">The sequence of the newest event.</param>
/// <param name="Id">An id by which a client resumes after <paramref name="After"/>.</param>
/// <param name="IsGap">Whether events before it may be missing.</param>
internal readonly record struct StartingPoint(long After, long Head, string Id, bool IsGap)
{
    /// <summary>Whether it first gets the newest event of each key.</summary>
    public bool BeginsWithNewest { get; init; }

    /// <summary>Which generation of the log it is a place of (<see cref="EventLog.Generation"/>).</summary>
    public int Generation { get; init; }
}

/// <summary>
/// The events of a stream in their order, one copy for all subscribers, each of which has a position in it. A ring buffer: the
/// newest events are kept for replay and for subscribers that are catching up. It sends nothing and knows no subscriber. Owned by
/// its stream; each member takes the lock, or says that its caller holds it. How it goes to another process is in
/// <c>.Handover.cs</c>, how it is a cache of another log in <c>.Cache.cs</c>.
/// </summary>
internal sealed partial class EventLog(EventStreamOptions options)
{
    private EventIds _ids = new();
    private readonly Dictionary<string, long> _ownIds = [];
    private readonly KeyTable? _keys = options.KeepsNewestPerKey ? new KeyTable(options.MaxKeys, options.MaxLogSize) : null;
    private PublishedEvent?[] _ring = new PublishedEvent?[16];
    private int _count;
    private long _size;

    /// <summary>Bytes of all events that there have been.</summary>
    private long _written;

    private long _head;
    private string? _headId;

    /// <summary>Guards the log, and what the stream changes together with it.</summary>
    public Lock Gate { get; } = new();

    /// <summary>The sequence of the newest event; 0 before the first. Any thread.</summary>
    public long Head => Volatile.Read(ref _head);

    /// <summary>The sequence of the oldest event that is kept, or the next one's if none is.</summary>
    public long First
    {
        get
        {
            lock (Gate) return _head - _count + 1;
        }
    }

    /// <summary>Events that are kept.</summary>
    public int Count
    {
        get
        {
            lock (Gate) return _count;
        }
    }

    /// <summary>Bytes of the events that are kept.</summary>
    public long Size
    {
        get
        {
            lock (Gate) return _size;
        }
    }

    /// <summary>Encodes an event, for <see cref="TryAppend"/>. Holds no lock.</summary>
    /// <exception cref="ArgumentException">It is larger than an event may be.</exception>
    public EventDraft Draft(ServerSentEvents message) => new(message, _ids, Head + 1, options.MaxEventSize);

    /// <summary>Adds an event: gives it its sequence. Under <see cref="Gate"/>.</summary>
    /// <returns>Null if it has to be drafted again, because its id has become longer.</returns>
    /// <exception cref="ArgumentException">Its id is that of an event which is still kept.</exception>
    public PublishedEvent? TryAppend(in EventDraft draft, EventTopics topics, string? key)
    {
        long sequence = _head + 1;
        ServerSentEvents message = draft.Message;
        if (message.Id is { } own && (_ownIds.ContainsKey(own) || _ids.TryRead(own, out _)))
            throw new ArgumentException($"An event with id '{own}' is in the log already, or has the form of the ids that the "
                + "stream gives, so nobody could resume by it; ids are unique. Leave Id null to have one assigned.",
                nameof(draft));
        if (!draft.TryPlace(_ids, sequence, out string id)) return null;
        if (message.Id is not null) _ownIds.Add(id, sequence);
        var published =
            new PublishedEvent(sequence, id, topics, key, message.Event, message.Data, draft.Bytes, options.Clock())
            {
                End = _written + draft.Bytes.Length,
                Began = draft.Began,
            };
        Add(published);
        return published;
    }

    /// <summary>Both in one call.</summary>
    /// <inheritdoc cref="TryAppend"/>
    public PublishedEvent Append(ServerSentEvents message, EventTopics topics, string? key)
    {
        while (true)
        {
            EventDraft draft = Draft(message);
            lock (Gate)
            {
                if (TryAppend(in draft, topics, key) is { } published) return published;
            }
        }
    }

    /// <summary>
    /// Removes events that are too old or too many. Those after <paramref name="floor"/> are still to be sent to subscribers that
    /// keep up, and are removed only if the log is too large. Under <see cref="Gate"/>.
    /// </summary>
    public void Trim(long floor)
    {
        long kept = (long)options.ReplayCount + options.MaxBacklog;
        while (_count > 1)
        {
            PublishedEvent oldest = At(_head - _count + 1);
            bool spare = oldest.Sequence <= floor && (_count > kept || (_count > options.MaxBacklog && IsTooOld(oldest)));
            if (!spare && _size <= options.MaxLogSize) break;
            Remove(oldest);
        }
        // The memory of one burst is not kept for the life of the stream.
        if (_ring.Length > 64 && _count < _ring.Length / 8) Resize(_ring.Length / 4);
    }

    /// <summary>Where a subscriber begins whose last event has this id. Under <see cref="Gate"/>.</summary>
    /// <param name="lastId">The id; null or empty for none.</param>
    /// <param name="fromOldest">Whether a subscriber without an id begins with all events that can be replayed.</param>
    public StartingPoint Locate(string? lastId, bool fromOldest)
    {
        if (string.IsNullOrEmpty(lastId) && !fromOldest) return At(_head, IdOf(_head), isGap: false);
        long start = ReplayStart();
        if (string.IsNullOrEmpty(lastId)) return At(start, IdOf(start), isGap: false);
        bool known = _ownIds.TryGetValue(lastId, out long sequence) || _ids.TryRead(lastId, out sequence);
        return known && sequence >= start && sequence <= _head
            ? At(sequence, lastId, isGap: false)
            : LocateUnknown();
    }

    /// <summary>
    /// Where a subscriber begins that first gets the newest event of each key, in place of what was published before. Under
    /// <see cref="Gate"/>.
    /// </summary>
    public StartingPoint LocateNewest(bool isGap) =>
        At(_head, IdOf(_head), isGap) with { BeginsWithNewest = _keys is { Count: > 0 } };

    /// <summary>The id by which a client resumes after a sequence.</summary>
    public string IdFor(long sequence)
    {
        lock (Gate) return IdOf(sequence);
    }

    /// <summary>The events after a sequence, all of which are kept. Under <see cref="Gate"/>.</summary>
    public PublishedEvent[] Range(long after, int count)
    {
        var events = new PublishedEvent[count];
        for (int i = 0; i < count; i++) events[i] = At(after + 1 + i);
        return events;
    }

    /// <summary>
    /// Copies the events after a sequence, up to another: as many as fit, and no more than <paramref name="limit"/> bytes of
    /// them, but at least one.
    /// </summary>
    /// <returns>How many; -1 if some that come after it are no longer kept; 0 if the log has another generation.</returns>
    public int Copy(long after, long upTo, int limit, Span<PublishedEvent?> into, int generation = 0)
    {
        lock (Gate)
        {
            if (generation != _generation) return 0;
            if (after < _head - _count) return -1;
            int count = 0;
            long size = 0;
            for (long next = after + 1; next <= upTo && count < into.Length; next++)
            {
                PublishedEvent published = At(next);
                size += published.Bytes.Length;
                if (size > limit && count > 0) break;
                into[count++] = published;
            }
            return count;
        }
    }

    /// <summary>
    /// The sequence after which the kept events up to another have no more than <paramref name="limit"/> bytes; the last of them
    /// may have more.
    /// </summary>
    public long OldestWithin(long upTo, long limit, int generation = 0)
    {
        lock (Gate)
        {
            if (generation != _generation) return upTo;
            long first = Math.Max(0, _head - _count);
            if (upTo <= first) return first;
            long last = At(upTo).End;
            long found = first;
            long end = upTo - 1;
            // The sizes add up from event to event, so a binary search finds the first after which they fit.
            while (found < end)
            {
                long middle = found + (end - found) / 2;
                PublishedEvent next = At(middle + 1);
                if (last - (next.End - next.Bytes.Length) <= limit) end = middle;
                else found = middle + 1;
            }
            return found;
        }
    }

    /// <summary>
    /// Copies the newest events of keys within a range of sequences: as many as fit, and no more than <paramref name="limit"/>
    /// bytes of them, but at least one.
    /// </summary>
    /// <param name="after">The sequence after which they stand.</param>
    /// <param name="upTo">The sequence up to which they stand.</param>
    /// <param name="wanted">The topics whose keys these are.</param>
    /// <param name="limit">The bytes.</param>
    /// <param name="into">Where they go.</param>
    /// <param name="generation">The generation that the sequences are of.</param>
    /// <returns>How many; 0 if the log has another generation.</returns>
    public int CopyNewest(long after, long upTo, WantedTopics wanted, int limit, Span<PublishedEvent?> into, int generation = 0)
    {
        lock (Gate)
        {
            if (generation != _generation) return 0;
            int count = 0;
            long size = 0;
            foreach (PublishedEvent published in Newest(after, upTo, wanted))
            {
                size += published.Bytes.Length;
                if (count == into.Length || (size > limit && count > 0)) break;
                into[count++] = published;
            }
            return count;
        }
    }

    /// <summary>The newest event of each key within a range of sequences, also if the log no longer has it.</summary>
    /// <param name="after">The sequence after which they stand.</param>
    /// <param name="upTo">The sequence up to which they stand.</param>
    /// <param name="wanted">The topics whose keys these are.</param>
    /// <param name="generation">The generation that the sequences are of.</param>
    public List<PublishedEvent> NewestPerKey(long after, long upTo, WantedTopics wanted = default, int generation = 0)
    {
        lock (Gate) return generation == _generation ? [.. Newest(after, upTo, wanted)] : [];
    }

    private IEnumerable<PublishedEvent> Newest(long after, long upTo, WantedTopics wanted) =>
        _keys?.Between(after, upTo).Where(published => _keys.IsNewest(published, wanted)) ?? [];

    /// <summary>The sequence after which all events can be replayed.</summary>
    private long ReplayStart()
    {
        long start = _head - Math.Min(_count, options.ReplayCount);
        long end = _head;
        // Events are in the order of their age, so a binary search finds the first that is young enough. Publishers wait for the
        // lock meanwhile.
        while (start < end)
        {
            long middle = start + (end - start) / 2;
            if (IsTooOld(At(middle + 1))) start = middle + 1;
            else end = middle;
        }
        return start;
    }

    private bool IsTooOld(PublishedEvent published) =>
        options.ReplayAge != Timeout.InfiniteTimeSpan && options.Clock() - published.Time > options.ReplayAge.TotalMilliseconds;

    private string IdOf(long sequence)
    {
        if (sequence == _head && _headId is not null) return _headId;
        // The ids of a cache have tags, which only the events know.
        return _hasStarted && sequence > _head - _count && sequence < _head ? At(sequence).Id : _ids.Of(sequence);
    }

    private PublishedEvent At(long sequence) => _ring[sequence & (_ring.Length - 1)]!;

    /// <summary>Adds the event that follows the newest.</summary>
    private void Add(PublishedEvent published)
    {
        if (_count == _ring.Length) Resize(_ring.Length * 2);
        _ring[published.Sequence & (_ring.Length - 1)] = published;
        _count++;
        _size += published.Bytes.Length;
        _written = published.End;
        _headId = published.Id;
        Volatile.Write(ref _head, published.Sequence);
        if (published.Key is not null) _keys?.Set(published);
    }

    private void Remove(PublishedEvent oldest)
    {
        _ring[oldest.Sequence & (_ring.Length - 1)] = null;
        _count--;
        _size -= oldest.Bytes.Length;
        _ownIds.Remove(oldest.Id);
    }

    private void Resize(int length)
    {
        var ring = new PublishedEvent?[length];
        for (long sequence = _head - _count + 1; sequence <= _head; sequence++) ring[sequence & (length - 1)] = At(sequence);
        _ring = ring;
    }
}
