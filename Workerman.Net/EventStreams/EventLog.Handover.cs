using Workerman.Handover;

namespace Workerman.EventStreams;

/// <summary>
/// A log as it was at one moment, for the stream that goes on with it in another process. Immutable, and for any thread.
/// </summary>
/// <param name="Epoch">That of its ids.</param>
/// <param name="Head">The sequence of the newest event.</param>
/// <param name="Floor">The sequence after which subscribers that keep up may still need all events.</param>
/// <param name="Now">The clock that the times of the events are of.</param>
/// <param name="Newest">The newest events of keys that the log itself does not have any more, in their order.</param>
/// <param name="Events">The events that are kept, in their order.</param>
internal sealed record LogImage(string Epoch, long Head, long Floor, long Now, IReadOnlyList<PublishedEvent> Newest,
    IReadOnlyList<PublishedEvent> Events);

/// <summary>
/// How the log of a stream goes on in another process: as an image, which a log there takes over. All under <see cref="Gate"/>.
/// </summary>
internal sealed partial class EventLog
{
    /// <summary>The log as it is now.</summary>
    /// <param name="floor">The sequence after which subscribers that keep up may still need all events.</param>
    public LogImage Capture(long floor) =>
        new(_ids.Epoch, _head, floor, options.Clock(), [.. _keys?.Between(0, _head - _count) ?? []], Kept());

    /// <summary>
    /// Goes on with another log. Its own events, if it has any already, come after those of that one, with new ids.
    /// </summary>
    public void GoOnWith(LogImage image)
    {
        (PublishedEvent[] own, EventIds before) = (Kept(), _ids);
        Clear();
        _ids = new EventIds(image.Epoch);
        long shift = options.Clock() - image.Now;
        foreach (PublishedEvent newest in image.Newest) _keys?.Set(newest.At(newest.Sequence, newest.Id, newest.Time + shift, 0));
        foreach (PublishedEvent kept in image.Events) AddWithId(kept, kept.Sequence, kept.Id, kept.Time + shift);
        Volatile.Write(ref _head, image.Head);
        foreach (PublishedEvent added in own) AddWithId(added, _head + 1, IdAfter(added, before), added.Time);
    }

    /// <summary>Where a subscriber begins that has moved here from the stream whose log this one goes on with.</summary>
    /// <param name="place">Where it stands.</param>
    /// <param name="skips">Whether one that is too slow just misses events; otherwise it is told of those that are gone.</param>
    public StartingPoint LocateMoved(MovedPlace place, bool skips)
    {
        bool isKept = place.LastSequence >= _head - _count || skips;
        return isKept && place.LastSequence <= _head
            ? At(place.LastSequence, place.LastId, isGap: false)
            : LocateUnknown();
    }

    /// <summary>Where one begins that comes from another stream: with all that can be replayed, and a gap before it.</summary>
    public StartingPoint LocateUnknown()
    {
        long start = ReplayStart();
        return At(start, IdOf(start), isGap: true);
    }

    /// <summary>The id that an event of its own has behind those that it goes on with.</summary>
    private string IdAfter(PublishedEvent own, EventIds before) =>
        before.TryRead(own.Id, out _) || _ids.TryRead(own.Id, out _) || _ownIds.ContainsKey(own.Id) ? _ids.Of(_head + 1) : own.Id;

    private void AddWithId(PublishedEvent published, long sequence, string id, long time)
    {
        Add(published.At(sequence, id, time, _written));
        if (!_ids.TryRead(id, out _)) _ownIds.TryAdd(id, sequence);
    }

    private PublishedEvent[] Kept() => Range(_head - _count, _count);

    private void Clear(bool keepsKeys = false)
    {
        _ring = new PublishedEvent?[16];
        (_count, _size, _written, _headId) = (0, 0, 0, null);
        _ownIds.Clear();
        if (!keepsKeys) _keys?.Clear();
    }
}
