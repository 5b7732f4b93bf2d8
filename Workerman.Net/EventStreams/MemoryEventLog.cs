using System.Runtime.CompilerServices;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// A log in the memory of one process, for several streams of that process (of workers that do not share one, of tests) and as a
/// pattern for logs of your own. A single <see cref="EventStream"/> needs none: it has one built in. What it keeps is set by
/// <see cref="EventStreamOptions.ReplayCount"/>, <see cref="EventStreamOptions.ReplayAge"/> and
/// <see cref="EventStreamOptions.MaxLogSize"/>. Any thread.
/// </summary>
public sealed class MemoryEventLog : IEventLog
{
    private readonly EventStreamOptions _options;
    private readonly EventLog _log;
    private TaskCompletionSource _added = NewSignal();

    /// <summary>Creates an empty log.</summary>
    /// <param name="options">What it keeps, of which it takes a copy; null for the defaults.</param>
    public MemoryEventLog(EventStreamOptions? options = null)
    {
        _options = options?.Copy() ?? new EventStreamOptions();
        // Nothing waits here for a subscriber: what can be replayed is all there is.
        _options.MaxBacklog = 1;
        _log = new EventLog(_options);
    }

    /// <inheritdoc/>
    public bool IsLocal => true;

    /// <inheritdoc/>
    public EventLogStatus Status
    {
        get
        {
            lock (_log.Gate) return new EventLogStatus(IsConnected: true, PlaceAt(_log.Head));
        }
    }

    /// <inheritdoc/>
    public ValueTask<EventPlace> AppendAsync(EventRecord record, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (cancellation.IsCancellationRequested) return ValueTask.FromCanceled<EventPlace>(cancellation);
        PublishedEvent published = _log.Append(record.ToMessage(), EventTopics.Of(record.Topics), record.Key);
        TaskCompletionSource added;
        EventPlace place;
        lock (_log.Gate)
        {
            _log.Trim(long.MaxValue);
            place = PlaceAt(published.Sequence);
            (added, _added) = (_added, NewSignal());
        }
        added.SetResult();
        return ValueTask.FromResult(place);
    }

    /// <inheritdoc/>
    public ValueTask<EventBatch> ReadAsync(EventPlace? after, int limit, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        lock (_log.Gate) return ValueTask.FromResult(Read(after, limit));
    }

    /// <inheritdoc/>
    public ValueTask<EventPlace?> FindAsync(string id, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        lock (_log.Gate)
            return ValueTask.FromResult<EventPlace?>(_log.FindOwn(id) is { } sequence ? PlaceAt(sequence) : null);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<EventBatch> FollowAsync(EventPlace? after, int tail,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tail);
        bool isFirst = true;
        while (true)
        {
            EventBatch batch;
            Task added;
            lock (_log.Gate)
            {
                after ??= PlaceAt(Math.Max(_log.First - 1, _log.Head - tail));
                batch = Read(after, 256);
                added = _added.Task;
            }
            if (isFirst || batch.Events.Count > 0 || batch.After != after) yield return batch;
            (isFirst, after) = (false, batch.End);
            if (batch.Events.Count == 0) await added.WaitAsync(cancellation).ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <inheritdoc/>
    public ValueTask TrimAsync(EventPlace upTo, CancellationToken cancellation = default)
    {
        lock (_log.Gate)
        {
            if (upTo.Epoch == _log.Epoch) _log.RemoveUpTo(upTo.Number);
        }
        return ValueTask.CompletedTask;
    }

    /// <summary>Under the lock.</summary>
    private EventBatch Read(EventPlace? after, int limit)
    {
        _log.Trim(long.MaxValue);
        long first = _log.First;
        long start = after is { } place && place.Epoch == _log.Epoch && place.Number >= first - 1 && place.Number <= _log.Head
            ? place.Number
            : first - 1;
        PublishedEvent[] events = _log.Range(start, (int)Math.Min(limit, _log.Head - start));
        return new EventBatch(PlaceAt(start), [.. events.Select(ToRecord)]);
    }

    /// <summary>Under the lock.</summary>
    private EventPlace PlaceAt(long sequence) => new(_log.Epoch, sequence);

    private EventRecord ToRecord(PublishedEvent published)
    {
        (string? comment, int? retry) = published.ReadCommentAndRetry();
        return new EventRecord
        {
            Id = _log.FindOwn(published.Id) is null ? null : published.Id,
            Event = published.Event,
            Data = published.Data,
            Comment = comment,
            Retry = retry,
            Topics = published.Topics,
            Key = published.Key,
            Time = DateTimeOffset.UtcNow - TimeSpan.FromMilliseconds(_options.Clock() - published.Time),
        };
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
