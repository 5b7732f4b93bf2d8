using System.Runtime.CompilerServices;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// A stream that stands on a log of several processes (<see cref="EventStreamOptions.Log"/>): what it publishes goes there, and
/// comes back from there like what others publish. Any thread.
/// </summary>
public sealed partial class EventStream
{
    private readonly Following? _following;

    /// <summary>
    /// Is done when the stream knows what its log has: at once without <see cref="EventStreamOptions.Log"/>. Clients may
    /// subscribe before, and wait; those without a last id then begin with what is published after the log was first heard, or
    /// after this process published its first event. What other processes publish before that is not for them.
    /// </summary>
    public Task Ready => Follower?.Ready ?? Task.CompletedTask;

    /// <summary>How it stands with <see cref="EventStreamOptions.Log"/>; null without one.</summary>
    public EventLogStatus? LogStatus => Follower?.Log.Status;

    /// <summary>How many events its log is known to have that have not come here yet.</summary>
    public long LogBehind => Follower?.Behind ?? 0;

    internal LogFollower? Follower => _following?.Follower;

    /// <summary>Publishes an event of data alone, for all, on any log.</summary>
    /// <param name="data">Its data; may have several lines.</param>
    /// <param name="cancellation">Ends the waiting; the event may be published all the same.</param>
    /// <inheritdoc cref="PublishAsync(ServerSentEvents, string?, string?, CancellationToken)" path="/returns|/exception"/>
    public ValueTask<string> PublishAsync(string data, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(data);
        return PublishAsync(new ServerSentEvents { Data = data }, cancellation: cancellation);
    }

    /// <summary>
    /// Publishes an event, on any log: in the memory of this process, or one that has to ask somebody. Events that are published
    /// one after the other, each after the one before was given its id, keep their order. The event is copied.
    /// </summary>
    /// <param name="message">The event; see <see cref="Publish(ServerSentEvents, string?, string?)"/>.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="key">The key of which it is the newest event.</param>
    /// <param name="cancellation">Ends the waiting; the event may be published all the same.</param>
    /// <returns>Its id, once the log has it.</returns>
    /// <exception cref="ArgumentException">The id is not valid, or the event is too large; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The stream is completed.</exception>
    /// <exception cref="EventLogException">The log could not take it, or it is not known whether it did; the message says
    /// which.</exception>
    public ValueTask<string> PublishAsync(ServerSentEvents message, string? topic = null, string? key = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        return PublishAsync(message, (EventTopics)topic, key, cancellation);
    }

    /// <summary>Publishes an event on several topics, on any log.</summary>
    /// <inheritdoc cref="PublishAsync(ServerSentEvents, string?, string?, CancellationToken)" path="/returns|/exception"/>
    /// <param name="message">The event.</param>
    /// <param name="topics">The topics, as <c>Publish</c> takes them.</param>
    /// <param name="key">The key of which it is the newest event, in each of the topics.</param>
    /// <param name="cancellation">Ends the waiting; the event may be published all the same.</param>
    [OverloadResolutionPriority(-1)]
    public ValueTask<string> PublishAsync(ServerSentEvents message, IReadOnlyCollection<string> topics, string? key = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(topics);
        return PublishAsync(message, EventTopics.Of(topics), key, cancellation);
    }

    /// <summary>
    /// Reads events of the log, further back than <see cref="Read"/> where the stream stands on one
    /// (<see cref="EventStreamOptions.Log"/>).
    /// </summary>
    /// <param name="after">The id after which to read; null or empty to begin with the oldest.</param>
    /// <param name="limit">Events to read at most; 1 to 1,000,000. There may be fewer although more follow, see
    /// <see cref="EventPage.IsLast"/>.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="EventLogException">The log cannot be reached.</exception>
    public async ValueTask<EventPage> ReadAsync(string? after = null, int limit = 100, CancellationToken cancellation = default)
    {
        CheckLimit(limit);
        if (Follower is null) return Read(after, limit);
        EventPlace? place = null;
        if (!string.IsNullOrEmpty(after))
        {
            place = await Follower.Log.FindAsync(after, cancellation).ConfigureAwait(false)
                ?? (EventPlace.TryParse(after, out EventPlace parsed) ? parsed : null);
        }
        EventBatch batch = await Follower.Log.ReadAsync(place, limit, cancellation).ConfigureAwait(false);
        PublishedEvent[] events = _log.ToPublished(batch, limit);
        bool isGap = !string.IsNullOrEmpty(after) && !(place is { } known && LogFollower.IsSame(known, batch.After));
        bool isLast = Follower.Log.Status.Head is { } head
            ? head.Epoch != batch.End.Epoch || head.Number <= batch.End.Number
            : batch.Events.Count == 0;
        return new EventPage(events, events.Length > 0 ? events[^1].Id : batch.After.ToString(), isGap, isLast);
    }

    /// <summary>Takes the next events of its log.</summary>
    /// <param name="batch">The events.</param>
    /// <param name="isReady">Whether these are all that the log had when it was first heard.</param>
    internal void Take(EventBatch batch, bool isReady)
    {
        lock (_log.Gate)
        {
            _log.Take(batch);
            _log.IsReady |= isReady;
            if (ByTopic is { } figures)
                foreach (PublishedEvent published in _log.Newest(batch.Events.Count)) figures.CountPublished(published);
        }
        WakeAll();
    }

    private ValueTask<string> PublishAsync(ServerSentEvents message, EventTopics topics, string? key,
        CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested) return ValueTask.FromCanceled<string>(cancellation);
        if (Options.Log is null) return ValueTask.FromResult(PublishOn(message, topics, key));
        topics.Check(Options);
        return AppendAsync(ToRecord(message, topics, key), cancellation);
    }

    private async ValueTask<string> AppendAsync(EventRecord record, CancellationToken cancellation)
    {
        EventPlace place = await Follower!.AppendAsync(record, cancellation).ConfigureAwait(false);
        return record.Id ?? place.ToString();
    }

    /// <summary>Publishes on a log that asks nobody.</summary>
    /// <exception cref="InvalidOperationException">It has to ask somebody.</exception>
    private string AppendNow(EventRecord record)
    {
        if (!Follower!.Log.IsLocal)
            throw new InvalidOperationException("The stream stands on a log that has to ask another program, and Publish does "
                + "not wait. Cure: await PublishAsync.");
        EventPlace place = Follower.AppendAsync(record, CancellationToken.None).GetAwaiter().GetResult();
        return record.Id ?? place.ToString();
    }

    /// <exception cref="ArgumentException">No event can be so.</exception>
    private EventRecord ToRecord(ServerSentEvents message, EventTopics topics, string? key)
    {
        if (message.Id is { } id) EventIds.Check(id, Options.MaxIdLength);
        if (_completion is not null) throw Completed();
        foreach (string text in (ReadOnlySpan<string>)[key ?? "", .. topics.All])
        {
            if (!IsUnicode(text))
                throw new ArgumentException("A topic or the key has half a surrogate pair, which no other process could be told. "
                    + "Cure: remove it.");
        }
        // No place is longer.
        _ = new EventDraft(message, new EventIds(new string('0', 20)), long.MaxValue, Options.MaxEventSize);
        return EventRecord.Of(message, topics.All, key);
    }

    private static bool IsUnicode(string text)
    {
        for (int i = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1])) return false;
            i++;
        }
        return true;
    }

    /// <summary>Ends the following when the stream is collected: nobody disposes of one.</summary>
    private sealed class Following(LogFollower follower)
    {
        public LogFollower Follower => follower;

        ~Following() => follower.Stop();
    }
}
