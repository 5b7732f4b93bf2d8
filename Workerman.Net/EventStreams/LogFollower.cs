using System.Diagnostics.CodeAnalysis;

namespace Workerman.EventStreams;

/// <summary>
/// Connects a stream to the log that it stands on (<see cref="EventStreamOptions.Log"/>): it feeds what the log tells into the
/// stream's cache, one subscription for all subscribers, and reads from the log what the cache does not have. It ends when the
/// stream is no longer used. Owned by its stream, which it does not keep alive; any thread.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "They hold nothing of the system, and a stream is not disposed of.")]
internal sealed class LogFollower
{
    /// <summary>Events that are read at once.</summary>
    private const int PageSize = 256;

    /// <summary>How long to wait before the log is asked again after a failure.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly IEventLog _log;
    private readonly EventLog _cache;
    private readonly EventStreamOptions _options;
    private readonly WeakReference<EventStream> _stream;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();

    /// <summary>Pages that are being read: clients that have lost their connections together ask for the same.</summary>
    private readonly Dictionary<EventPlace, Task<EventBatch>> _pages = [];

    /// <summary>So that those who come back do not all ask the log at once.</summary>
    private readonly SemaphoreSlim _reading = new(8);

    private Exception? _failure;

    /// <summary>Is done when all have been added that were published here before the log was heard.</summary>
    private Task _early = Task.CompletedTask;

    /// <summary>The first place that one of them was given; null for none.</summary>
    private EventPlace? _earliest;

    /// <summary>The newest place when the log was first heard.</summary>
    private EventPlace? _first;

    public LogFollower(EventStream stream, IEventLog log, EventLog cache)
    {
        (_log, _cache, _options, _stream) = (log, cache, stream.Options, new WeakReference<EventStream>(stream));
        // The newest event of each key is known only to one that has read them all.
        int tail = _options.KeepsNewestPerKey ? int.MaxValue : _options.ReplayCount;
        _ = Task.Run(() => FollowAsync(tail));
    }

    /// <summary>Called with what the log has thrown that it is not meant to; set by the library.</summary>
    public static Action<string, Exception>? Report { get; set; }

    public IEventLog Log => _log;

    /// <summary>Is done when the log has been heard from.</summary>
    public Task Ready => _ready.Task;

    /// <summary>How many events the log is known to have that have not come here.</summary>
    public long Behind
    {
        get
        {
            EventLogStatus status = _log.Status;
            lock (_cache.Gate)
                return status.Head is { } head && head.Epoch == _cache.Epoch ? Math.Max(0, head.Number - _cache.Head) : 0;
        }
    }

    /// <summary>Nobody uses the stream any more.</summary>
    public void Stop() => _stop.Cancel();

    /// <summary>Adds an event to the log.</summary>
    public async Task<EventPlace> AppendAsync(EventRecord record, CancellationToken cancellation)
    {
        TaskCompletionSource? early = null;
        lock (_gate)
        {
            if (!_ready.Task.IsCompleted)
            {
                early = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _early = Task.WhenAll(_early, early.Task);
            }
        }
        try
        {
            EventPlace place = await _log.AppendAsync(record, cancellation).ConfigureAwait(false);
            if (early is null) return place;
            lock (_gate)
            {
                if (_earliest is not { } first || first.Epoch != place.Epoch || place.Number < first.Number) _earliest = place;
            }
            return place;
        }
        finally
        {
            early?.SetResult();
        }
    }

    /// <summary>Reads what comes after a place, once for all who ask for the same.</summary>
    public Task<EventBatch> ReadAsync(EventPlace after)
    {
        lock (_gate)
        {
            if (_pages.TryGetValue(after, out Task<EventBatch>? page)) return page;
            page = ReadFromLogAsync(after);
            if (!page.IsCompleted) _pages.Add(after, page);
            return page;
        }
    }

    /// <summary>
    /// Finds where a subscriber begins whose place the cache does not have, and the first events that come after it. It waits for
    /// a log that cannot be reached.
    /// </summary>
    /// <returns>Null if nobody waits for it any more.</returns>
    public async Task<LogPage?> LocateAsync(string? lastId, bool fromOldest, Func<bool> isWanted)
    {
        while (!Ready.IsCompleted)
        {
            if (!isWanted()) return null;
            await Task.WhenAny(Ready, Task.Delay(Pause, _stop.Token)).ConfigureAwait(false);
            _stop.Token.ThrowIfCancellationRequested();
        }
        if (string.IsNullOrEmpty(lastId) && !fromOldest)
        {
            Task early;
            lock (_gate) early = _early;
            await early.ConfigureAwait(false);
            return LocateEarly();
        }
        while (isWanted())
        {
            try
            {
                if (await TryLocateAsync(lastId, fromOldest).ConfigureAwait(false) is { } page) return page;
            }
            catch (Exception e) when (!_stop.IsCancellationRequested)
            {
                Note(e);
            }
            await Task.Delay(Pause, _stop.Token).ConfigureAwait(false);
        }
        return null;
    }

    /// <summary>
    /// Reads what comes after a sequence that the cache no longer has. It waits for a log that cannot be reached.
    /// </summary>
    /// <returns>Null if the sequences have become others meanwhile, or nobody waits for it any more.</returns>
    public async Task<LogPage?> ReadAfterAsync(long sequence, int generation, Func<bool> isWanted)
    {
        while (isWanted() && PlaceOf(sequence, generation) is { } after)
        {
            try
            {
                EventBatch batch = await ReadAsync(after).ConfigureAwait(false);
                if (ToPage(batch, isGap: !IsSame(batch.After, after)) is { } page) return page;
            }
            catch (Exception e) when (!_stop.IsCancellationRequested)
            {
                Note(e);
            }
            await Task.Delay(Pause, _stop.Token).ConfigureAwait(false);
        }
        return null;
    }

    private EventPlace? PlaceOf(long sequence, int generation)
    {
        lock (_cache.Gate) return generation == _cache.Generation ? new EventPlace(_cache.Epoch, sequence) : null;
    }

    /// <returns>Null if the cache has not come to where the log is.</returns>
    private async Task<LogPage?> TryLocateAsync(string? lastId, bool fromOldest)
    {
        lock (_cache.Gate)
        {
            if (_cache.TryLocateCached(lastId, fromOldest, out StartingPoint start))
                return new LogPage(start, []);
        }
        EventPlace? after = null;
        if (!string.IsNullOrEmpty(lastId))
        {
            after = await _log.FindAsync(lastId, _stop.Token).ConfigureAwait(false)
                ?? (EventPlace.TryParse(lastId, out EventPlace place) ? place : null);
            if (after is null)
            {
                // None of the log's: what can be replayed, as where there is no log.
                lock (_cache.Gate)
                {
                    StartingPoint unknown = _cache.LocateUnknown();
                    return new LogPage(unknown, []);
                }
            }
        }
        EventBatch batch = after is { } known
            ? await ReadAsync(known).ConfigureAwait(false)
            : await _log.ReadAsync(null, PageSize, _stop.Token).ConfigureAwait(false);
        return ToPage(batch, isGap: after is not null && !IsSame(batch.After, after.Value));
    }

    /// <summary>
    /// Where one begins that has subscribed before it was known where the log is: with what came after the log was first heard,
    /// or after this process itself began to publish.
    /// </summary>
    private LogPage LocateEarly()
    {
        lock (_cache.Gate)
        {
            long after = _first is { } first && first.Epoch == _cache.Epoch ? first.Number : _cache.Start.Number;
            lock (_gate)
            {
                if (_earliest is { } earliest && earliest.Epoch == _cache.Epoch) after = Math.Min(after, earliest.Number - 1);
            }
            return new LogPage(_cache.At(after, _cache.IdFor(after), isGap: false), []);
        }
    }

    private LogPage? ToPage(EventBatch batch, bool isGap)
    {
        lock (_cache.Gate)
        {
            if (batch.After.Epoch != _cache.Epoch) return null;
            StartingPoint start = _cache.At(batch.After.Number, batch.After.ToString(), isGap);
            return new LogPage(start, _cache.ToPublished(batch, PageSize));
        }
    }

    /// <summary>A place without a tag is as good as one with it.</summary>
    public static bool IsSame(EventPlace a, EventPlace b) =>
        a.Epoch == b.Epoch && a.Number == b.Number && (a.Tag is null || b.Tag is null || a.Tag == b.Tag);

    private async Task<EventBatch> ReadFromLogAsync(EventPlace after)
    {
        // So that it is in the table before it can be removed.
        await Task.Yield();
        await _reading.WaitAsync(_stop.Token).ConfigureAwait(false);
        try
        {
            return await _log.ReadAsync(after, PageSize, _stop.Token).ConfigureAwait(false);
        }
        finally
        {
            _reading.Release();
            lock (_gate) _pages.Remove(after);
        }
    }

    /// <summary>
    /// A log that cannot be reached says so in its status; what else it throws is reported, once for each kind in a row.
    /// </summary>
    private void Note(Exception e)
    {
        if (e is EventLogException) return;
        Exception? before = Interlocked.Exchange(ref _failure, e);
        if (e.GetType() != before?.GetType()) Report?.Invoke("The log of an event stream has failed", e);
    }

    [SuppressMessage("Design", "CA1031", Justification = "A log is the application's, and may throw anything.")]
    private async Task FollowAsync(int tail)
    {
        EventPlace? at = null;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await foreach (EventBatch batch in _log.FollowAsync(at, tail, _stop.Token).ConfigureAwait(false))
                {
                    if (!Deliver(batch)) return;
                    at = batch.End;
                    _failure = null;
                }
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Note(e);
            }
            await Task.Delay(Pause).ConfigureAwait(false);
        }
    }

    /// <returns>False if the stream is no longer there.</returns>
    private bool Deliver(EventBatch batch)
    {
        if (!_stream.TryGetTarget(out EventStream? stream)) return false;
        // Those that the log had when it was first heard come in several batches.
        _first ??= _log.Status.Head ?? batch.End;
        bool isReady = _first is { } first && (first.Epoch != batch.After.Epoch || first.Number <= batch.End.Number);
        stream.Take(batch, isReady);
        if (!isReady) return true;
        lock (_gate) _ready.TrySetResult();
        return true;
    }
}

/// <summary>Events that were read from a log for a subscriber.</summary>
/// <param name="Start">Where they begin.</param>
/// <param name="Events">The events; none where the cache has what follows.</param>
internal sealed record LogPage(StartingPoint Start, PublishedEvent[] Events);
