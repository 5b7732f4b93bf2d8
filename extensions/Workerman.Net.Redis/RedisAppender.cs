using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using StackExchange.Redis;
using Workerman.EventStreams;

namespace Workerman.Extensions.Redis;

/// <summary>
/// Adds the events of this node to a log, in their order: what is published meanwhile waits, and goes together as the next batch,
/// one at a time. A batch whose answer was lost is sent again; Redis knows by the tags which of its events it has already, so
/// that none is added twice. Bounded by the options. Owned by its log; any thread.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "A log has no end of its own; the timer runs only while events wait.")]
internal sealed class RedisAppender
{
    private const int MostAtOnce = 128;

    private const long MostBytesAtOnce = 1024 * 1024;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly RedisEventLog _log;
    private readonly System.Threading.Timer _expiry;
    private readonly Lock _gate = new();
    private readonly LinkedList<Waiting> _waiting = [];
    private long _size;
    private bool _runs;

    /// <summary>Why the last attempt failed; null if it did not.</summary>
    private Exception? _failure;

    /// <summary>The place that is known to be before what has not been added yet.</summary>
    private EventPlace? _before;

    public RedisAppender(RedisEventLog log)
    {
        _log = log;
        _expiry = new System.Threading.Timer(
            _ => Expire(Volatile.Read(ref _failure) ?? new TimeoutException("Redis did not answer.")));
    }

    /// <summary>Events that wait.</summary>
    public int Pending
    {
        get
        {
            lock (_gate) return _waiting.Count;
        }
    }

    public Task<EventPlace> AppendAsync(EventRecord record, CancellationToken cancellation)
    {
        RedisEventLogOptions options = _log.Options;
        var waiting = new Waiting(record.Id ?? "", NewTag(), RecordJson.Encode(record), cancellation)
        {
            Deadline = options.WhenUnavailable == WhenUnavailable.Wait
                ? long.MaxValue
                : Stopwatch.GetTimestamp() + (long)(options.PublishTimeout.TotalSeconds * Stopwatch.Frequency),
        };
        lock (_gate)
        {
            bool isTooMuch = _waiting.Count > 0 && _size + waiting.Json.Length > options.MaxPendingSize;
            if (isTooMuch || _waiting.Count >= options.MaxPending)
                throw new EventLogException($"{_waiting.Count} events wait for Redis already, so this one was not published. "
                    + "Cure: publish it later, or raise RedisEventLogOptions.MaxPending and MaxPendingSize.");
            _waiting.AddLast(waiting);
            _size += waiting.Json.Length;
            if (!_runs)
            {
                _runs = true;
                if (options.WhenUnavailable == WhenUnavailable.Fail) _expiry.Change(Pause, Pause);
                _ = Task.Run(RunAsync, CancellationToken.None);
            }
        }
        return cancellation.CanBeCanceled ? waiting.Added.Task.WaitAsync(cancellation) : waiting.Added.Task;
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever it is, those who wait are told, and the next ones go on.")]
    private async Task RunAsync()
    {
        while (NextBatch() is { } batch)
        {
            try
            {
                await AddAsync(batch).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                Exception cause = e is EventLogException { InnerException: { } inner } ? inner : e;
                if (cause is RedisServerException refusal) _log.OnRefused(refusal);
                else _log.OnFailed(cause);
                OnFailed(batch, cause);
                await Task.Delay(Pause).ConfigureAwait(false);
            }
        }
    }

    /// <summary>The next ones that go together; null if none waits, and then it has to be started again.</summary>
    private Waiting[]? NextBatch()
    {
        lock (_gate)
        {
            for (LinkedListNode<Waiting>? node = _waiting.First; node is not null;)
            {
                LinkedListNode<Waiting>? next = node.Next;
                if (node.Value.Cancellation.IsCancellationRequested)
                {
                    Remove(node.Value);
                    node.Value.Added.TrySetCanceled(node.Value.Cancellation);
                }
                node = next;
            }
            long size = 0;
            // One that is larger than a batch goes alone.
            Waiting[] batch = [.. _waiting.Take(MostAtOnce)
                .TakeWhile(one => (size += one.Json.Length) <= MostBytesAtOnce || size == one.Json.Length)];
            _runs = batch.Length > 0;
            if (_runs) return batch;
            _expiry.Change(Timeout.Infinite, Timeout.Infinite);
            return null;
        }
    }

    private async Task AddAsync(Waiting[] batch)
    {
        // What this node has seen is at least so far: these events are not before it.
        EventPlace before = _before ??= (await _log.ReadPageAsync(null, 0, 1, isSeen: false, CancellationToken.None)
            .ConfigureAwait(false)).Newest;
        EventPlace seen = _log.Seen is { } place && IsLater(place, before) ? place : before;
        foreach (Waiting one in batch) one.Before ??= seen;
        string since = RedisEventLog.IdOf(batch[0].Before!.Value);
        RedisValue[] values = [RedisEventLog.IdOf(seen), since, .. batch.SelectMany(static one => one.Values)];
        foreach (Waiting one in batch) one.IsInFlight = true;
        RedisResult result = await _log.EvaluateAsync(RedisScripts.Append, values).ConfigureAwait(false);
        _log.OnAdded();
        Volatile.Write(ref _failure, null);
        string epoch = result[0].ToString();
        long newest = 0;
        for (int i = 0; i < batch.Length; i++)
        {
            long number = (long)result[i + 1];
            newest = Math.Max(newest, number);
            Finish(batch[i], number == 0 ? null : new EventPlace(epoch, number, batch[i].Tag));
        }
        if (newest == 0) return;
        _before = new EventPlace(epoch, newest);
        _log.Note(_before.Value);
    }

    private static bool IsLater(EventPlace a, EventPlace b) => a.Epoch == b.Epoch
        ? a.Number > b.Number
        : ulong.Parse(a.Epoch, CultureInfo.InvariantCulture) > ulong.Parse(b.Epoch, CultureInfo.InvariantCulture);

    private void Finish(Waiting one, EventPlace? place)
    {
        Remove(one);
        if (place is { } at) one.Added.TrySetResult(at);
        else
            one.Added.TrySetException(new ArgumentException($"An event with id '{one.Id}' is in the log already, or the "
                + "id has the form of those that the log gives, so nobody could resume by it. Leave Id null to have one "
                + "assigned."));
    }

    /// <summary>Ends the waiting of those that trying again does not help; the others stay, until their time is over.</summary>
    private void OnFailed(Waiting[] batch, Exception e)
    {
        Volatile.Write(ref _failure, e);
        bool isKnown = e is RedisServerException or RedisConnectionException { CommandStatus: not CommandStatus.Sent }
            or RedisTimeoutException { Commandstatus: not CommandStatus.Sent };
        foreach (Waiting one in batch)
        {
            one.MayBeThere |= one.IsInFlight && !isKnown;
            one.IsInFlight = false;
        }
        bool isRefused = e is RedisServerException && !IsPassing(e.Message)
            && _log.Options.WhenUnavailable == WhenUnavailable.Fail;
        if (isRefused) Fail(batch, "Redis refused the event, which was not published", e);
        else if (e is ObjectDisposedException || !RedisEventLog.IsOfRedis(e)) Fail(batch, "The event could not be published", e);
        else Expire(e);
    }

    /// <summary>Ends the waiting of those that have waited for as long as they may.</summary>
    private void Expire(Exception e)
    {
        long now = Stopwatch.GetTimestamp();
        Waiting[] expired;
        lock (_gate) expired = [.. _waiting.Where(one => one.Deadline <= now)];
        Fail([.. expired.Where(static one => !one.MayBeThere && !one.IsInFlight)], "The event was not published in time", e);
        Fail([.. expired.Where(static one => one.MayBeThere || one.IsInFlight)],
            "Redis did not answer in time; the event may have been published or not", e);
    }

    private void Fail(Waiting[] those, string what, Exception e)
    {
        foreach (Waiting one in those)
        {
            Remove(one);
            one.Added.TrySetException(new EventLogException($"{what}: {e.Message} Cure: publish it again once Redis is there, "
                + "or let events wait (RedisEventLogOptions.WhenUnavailable).", e));
        }
    }

    /// <summary>A server that starts, or that another is about to take the place of.</summary>
    private static bool IsPassing(string message) =>
        Array.Exists(
            ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS", "MOVED", "ASK", "NOSCRIPT"],
            word => message.Contains(word, StringComparison.Ordinal));

    private void Remove(Waiting one)
    {
        lock (_gate)
        {
            if (_waiting.Remove(one)) _size -= one.Json.Length;
        }
    }

    /// <summary>Forty bits.</summary>
    private static string NewTag() => RandomNumberGenerator.GetString("0123456789abcdefghijklmnopqrstuv", 8);

    /// <summary>An event that is to be added.</summary>
    private sealed class Waiting(string id, string tag, byte[] json, CancellationToken cancellation)
    {
        public string Id => id;

        public string Tag => tag;

        public byte[] Json => json;

        public CancellationToken Cancellation => cancellation;

        public RedisValue[] Values => [id, tag, json];

        public required long Deadline { get; init; }

        /// <summary>The place that was there before it was sent first.</summary>
        public EventPlace? Before { get; set; }

        /// <summary>Whether it is being sent.</summary>
        public bool IsInFlight { get; set; }

        /// <summary>Whether Redis may have it: the answer to an attempt was lost.</summary>
        public bool MayBeThere { get; set; }

        public TaskCompletionSource<EventPlace> Added { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
