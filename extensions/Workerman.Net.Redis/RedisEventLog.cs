using System.Globalization;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;
using Workerman.EventStreams;

namespace Workerman.Extensions.Redis;

/// <summary>
/// The log behind an <see cref="EventStream"/> as a stream of Redis (7 or newer) or Valkey, shared by all nodes that name the
/// same key: they see the same events in one order with the same ids, so that a client which is cut off resumes on any of them.
/// Events are added by a script in one step, told by pub/sub and, where a message was lost, read; nothing blocks in Redis. Redis
/// that has lost events begins a new epoch, of which subscribers are told by <c>gap</c>. It does not own the connection. Create
/// it once for a stream and keep it; any thread may use it. Adding is in <see cref="RedisAppender"/>, following in <see
/// cref="RedisFollower"/>.
/// </summary>
public sealed class RedisEventLog : IEventLog
{
    /// <summary>Bytes of events that are read at once, unless one has more.</summary>
    private const int SizeAtOnce = 256 * 1024;

    private readonly IConnectionMultiplexer _connection;
    private readonly IDatabase _database;
    private readonly RedisKey[] _keys;
    private readonly RedisValue[] _settings;
    private readonly RedisAppender _appender;
    private readonly Lock _gate = new();
    private EventPlace? _head;
    private EventPlace? _seen;
    private string? _failure;

    /// <summary>Why Redis has taken no event, though it answers; null if it has taken the last one.</summary>
    private string? _refusal;
    private bool _hasAnswered;
    private long _gapReads;

    /// <summary>Creates a log; it asks Redis nothing yet.</summary>
    /// <param name="connection">The connection, which may be lost and come back; see <c>AbortOnConnectFail</c> of its options for
    /// one that is not there at the start.</param>
    /// <param name="key">Key of the stream, the same on all nodes. A hash <c>{key}:ids</c> and a channel <c>{key}:events</c>
    /// belong to it.</param>
    /// <param name="options">What it keeps; null for the defaults.</param>
    /// <exception cref="ArgumentException">The key is empty, or has braces that are no hash tag of Redis Cluster.</exception>
    public RedisEventLog(IConnectionMultiplexer connection, string key, RedisEventLogOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentException.ThrowIfNullOrEmpty(key);
        _connection = connection;
        Options = options?.Copy() ?? new RedisEventLogOptions();
        _database = connection.GetDatabase(Options.Database);
        string tagged = WithHashTag(key);
        _keys = [key, tagged + ":ids"];
        // The library of the connection puts the prefix before the names of channels; the script has to do so too.
        // They know no databases.
        string channel = tagged + ":events" + (_database.Database > 0 ? $":{_database.Database}" : "");
        Channel = RedisChannel.Literal(channel);
        string prefix = (string?)ConfigurationOptions.Parse(connection.Configuration, ignoreUnknown: true).ChannelPrefix ?? "";
        _settings =
        [
            prefix + channel, Options.MaxCount,
            Options.MaxAge == Timeout.InfiniteTimeSpan ? 0 : Math.Max(1, (long)Options.MaxAge.TotalMilliseconds), Options.MaxSize,
        ];
        Key = key;
        _appender = new RedisAppender(this);
    }

    /// <summary>Key of the stream.</summary>
    public string Key { get; }

    /// <inheritdoc/>
    public bool IsLocal => false;

    /// <inheritdoc/>
    public EventLogStatus Status
    {
        get
        {
            lock (_gate)
            {
                return new EventLogStatus(_hasAnswered && _failure is null && _connection.IsConnected, _head, _gapReads,
                    _appender.Pending);
            }
        }
    }

    internal RedisEventLogOptions Options { get; }

    internal RedisChannel Channel { get; }

    internal IConnectionMultiplexer Connection => _connection;

    /// <inheritdoc/>
    public ValueTask<EventPlace> AppendAsync(EventRecord record, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(record);
        return cancellation.IsCancellationRequested
            ? ValueTask.FromCanceled<EventPlace>(cancellation)
            : new ValueTask<EventPlace>(_appender.AppendAsync(record, cancellation));
    }

    /// <inheritdoc/>
    public async ValueTask<EventBatch> ReadAsync(EventPlace? after, int limit, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        RedisPage page = await ReadPageAsync(after, null, limit, isSeen: false, cancellation).ConfigureAwait(false);
        if (!page.IsOther) return page.Batch;
        // Another event has the place now: all that there are.
        return (await ReadPageAsync(null, null, limit, isSeen: false, cancellation).ConfigureAwait(false)).Batch;
    }

    /// <inheritdoc/>
    public async ValueTask<EventPlace?> FindAsync(string id, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        return await AskAsync(async () =>
        {
            RedisValue at = await _database.HashGetAsync(_keys[1], id).ConfigureAwait(false);
            if (at.IsNull || !TryReadId(at, out string epoch, out long number)) return (EventPlace?)null;
            StreamEntry[] found = await _database.StreamRangeAsync(_keys[0], at, at, 1).ConfigureAwait(false);
            return found.Length == 0 ? null : new EventPlace(epoch, number, (string?)found[0]["t"]);
        }, cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<EventBatch> FollowAsync(EventPlace? after, int tail, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tail);
        return new RedisFollower(this).FollowAsync(after, tail, cancellation);
    }

    /// <inheritdoc/>
    public async ValueTask TrimAsync(EventPlace upTo, CancellationToken cancellation = default)
    {
        RedisValue place = IdOf(upTo);
        long removed;
        do
        {
            removed = (long)await AskAsync(() => EvaluateAsync(RedisScripts.Trim, place), cancellation).ConfigureAwait(false);
        }
        while (removed > 0);
    }

    /// <summary>Runs a script, whose settings come first.</summary>
    internal Task<RedisResult> EvaluateAsync(string script, params ReadOnlySpan<RedisValue> values) =>
        _database.ScriptEvaluateAsync(script, _keys, [.. _settings, .. values]);

    /// <summary>Reads what comes after a place.</summary>
    /// <param name="after">The place; null for none.</param>
    /// <param name="tail">Where there is none: how many of the newest events to begin with; null for all.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="isSeen">Whether this node has seen the place: that it is not there means that Redis has lost it.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    internal async Task<RedisPage> ReadPageAsync(EventPlace? after, int? tail, int limit, bool isSeen,
        CancellationToken cancellation)
    {
        RedisValue place = after is { } known && TryIdOf(known, out string id) ? id : "";
        RedisValue newest = tail is { } count ? count : RedisValue.EmptyString;
        RedisResult result = await AskAsync(
            () => EvaluateAsync(RedisScripts.Read, place, newest, limit + 1L, isSeen ? 1 : 0, SizeAtOnce), cancellation)
            .ConfigureAwait(false);
        RedisPage page = RedisPage.Of(result, after, limit);
        Note(page.Newest);
        return page;
    }

    /// <summary>Begins a new epoch, unless another node has done so already.</summary>
    internal Task RenewAsync(string epoch, CancellationToken cancellation) =>
        AskAsync(() => EvaluateAsync(RedisScripts.Renew, epoch), cancellation);

    /// <summary>Takes note of the newest place.</summary>
    internal void Note(EventPlace place)
    {
        lock (_gate)
        {
            if (_head is not { } head || head.Epoch != place.Epoch || head.Number < place.Number
                || (head.Number == place.Number && head.Tag is null)) _head = place;
        }
    }

    /// <summary>The newest place whose event has come to this node; null for none.</summary>
    internal EventPlace? Seen
    {
        get
        {
            lock (_gate) return _seen;
        }
    }

    /// <summary>An event has come to this node.</summary>
    internal void NoteSeen(EventPlace place)
    {
        lock (_gate)
        {
            if (_seen is not { } seen || seen.Epoch != place.Epoch || seen.Number < place.Number) _seen = place;
        }
        Note(place);
    }

    internal void CountGapRead() => Interlocked.Increment(ref _gapReads);

    /// <summary>Asks Redis, and takes note of whether it answers.</summary>
    /// <exception cref="EventLogException">It does not, or refuses.</exception>
    internal async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancellation)
    {
        try
        {
            T answer = await ask().WaitAsync(cancellation).ConfigureAwait(false);
            OnAnswered();
            return answer;
        }
        catch (Exception e) when (IsOfRedis(e))
        {
            OnFailed(e);
            throw new EventLogException($"Redis did not answer for the log '{Key}': {e.Message}", e);
        }
    }

    /// <summary>Whether it is what the connection throws when Redis does not do what it was asked.</summary>
    internal static bool IsOfRedis(Exception e) => e is RedisException or RedisCommandException or TimeoutException
        or ObjectDisposedException or InvalidCastException;

    internal void OnAnswered()
    {
        lock (_gate)
        {
            _hasAnswered = true;
            if (_failure is null) return;
            _failure = null;
        }
        (Options.Logger ?? Worker.Logger).LogAnswers(Key);
    }

    /// <summary>Events were added.</summary>
    internal void OnAdded()
    {
        OnAnswered();
        lock (_gate)
        {
            if (_refusal is null) return;
            _refusal = null;
        }
        (Options.Logger ?? Worker.Logger).LogAccepts(Key);
    }

    /// <summary>
    /// Redis answers, and does not add events: out of memory, a replica. Whoever publishes is told; reading goes on, so this is
    /// apart from <see cref="OnFailed"/>, or the two would take turns in the log.
    /// </summary>
    internal void OnRefused(RedisServerException e)
    {
        OnAnswered();
        lock (_gate)
        {
            if (_refusal == e.Message) return;
            _refusal = e.Message;
        }
        (Options.Logger ?? Worker.Logger).LogRefuses(Key, e.Message);
    }

    internal void OnFailed(Exception e)
    {
        string failure = e is RedisServerException ? e.Message : e.GetType().Name;
        lock (_gate)
        {
            if (_failure == failure) return;
            _failure = failure;
        }
        // What follows are the inner figures of the connection's library.
        (Options.Logger ?? Worker.Logger).LogFails(Key, e.Message.Split([" - ", ", command="], StringSplitOptions.None)[0]);
    }

    /// <summary>The id of the entry at a place.</summary>
    internal static string IdOf(EventPlace place) => TryIdOf(place, out string id) ? id : "0-0";

    /// <returns>False if no log of Redis has such an epoch.</returns>
    private static bool TryIdOf(EventPlace place, out string id)
    {
        bool isId = ulong.TryParse(place.Epoch, NumberStyles.None, CultureInfo.InvariantCulture, out ulong epoch)
            && epoch < 1UL << 53 && place.Number is >= 0 and < 1L << 53;
        id = isId ? string.Create(CultureInfo.InvariantCulture, $"{epoch}-{place.Number}") : "";
        return isId;
    }

    /// <summary>Reads the id of an entry.</summary>
    internal static bool TryReadId(RedisValue id, out string epoch, out long number)
    {
        string text = id.ToString();
        int dash = text.IndexOf('-', StringComparison.Ordinal);
        epoch = dash < 0 ? "" : text[..dash];
        number = 0;
        return dash > 0 && long.TryParse(text.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    /// <summary>So that the keys which belong to a stream are on its node of Redis Cluster.</summary>
    private static string WithHashTag(string key)
    {
        int open = key.IndexOf('{', StringComparison.Ordinal);
        int close = open < 0 ? -1 : key.IndexOf('}', open + 1);
        if (close > open + 1) return key;
        if (key.AsSpan().IndexOfAny('{', '}') >= 0)
            throw new ArgumentException("The key has a brace, but no hash tag (Redis Cluster: something between '{' and '}'). "
                + "Cure: choose another key.", nameof(key));
        return "{" + key + "}";
    }
}

/// <summary>What reading gives. Immutable.</summary>
/// <param name="Batch">The events, up to the first that is missing.</param>
/// <param name="Newest">The newest place there is.</param>
/// <param name="IsOther">Whether the place after which was read is another event's by now.</param>
internal sealed record RedisPage(EventBatch Batch, EventPlace Newest, bool IsOther)
{
    /// <summary>Reads what <see cref="RedisScripts.Read"/> returns.</summary>
    public static RedisPage Of(RedisResult result, EventPlace? after, int limit)
    {
        if (result.Length < 3 || !RedisEventLog.TryReadId((RedisValue)result[0], out string epoch, out long newest))
            throw new EventLogException("Redis answered what is no page of a log.");
        // Times are told by the clock here: that of Redis may be another.
        DateTimeOffset zero = DateTimeOffset.UtcNow - TimeSpan.FromMilliseconds((double)(RedisValue)result[1]);
        EventPlace? start = after is { } asked && asked.Epoch == epoch && asked.Number <= newest ? asked : null;
        bool isOther = false;
        long next = start?.Number + 1 ?? 0;
        List<EventRecord> events = [];
        EventPlace? before = start;
        bool hasOthers = false;
        foreach (RedisResult entry in (RedisResult[])result[2]!)
        {
            var fields = (RedisValue[])entry[1]!;
            if (!RedisEventLog.TryReadId((RedisValue)entry[0], out _, out long number)) continue;
            string? tag = (string?)Field(fields, "t");
            if (number == start?.Number)
            {
                isOther = start.Value.Tag is not null && tag != start.Value.Tag;
                if (isOther) break;
                before = start.Value with { Tag = tag };
                continue;
            }
            hasOthers = true;
            EventRecord? record = Decode(fields, tag, zero);
            // What cannot be read is as good as missing.
            if (events.Count == 0 && (record is null || number != next))
            {
                before = new EventPlace(epoch, record is null ? number : number - 1);
                next = number + (record is null ? 1 : 0);
            }
            if (record is null && events.Count == 0) continue;
            if (record is null || number != next || events.Count == limit) break;
            events.Add(record);
            next++;
        }
        // Those that follow have all been removed.
        if (!isOther && !hasOthers && before?.Number < newest) before = new EventPlace(epoch, newest);
        var head = new EventPlace(epoch, newest);
        return new RedisPage(new EventBatch(before ?? head, events), head, isOther);
    }

    private static EventRecord? Decode(RedisValue[] fields, string? tag, DateTimeOffset zero)
    {
        var json = (ReadOnlyMemory<byte>)Field(fields, "e");
        if (json.IsEmpty) return null;
        DateTimeOffset time = Field(fields, "m").TryParse(out long milliseconds) ? zero.AddMilliseconds(milliseconds) : default;
        return RecordJson.TryDecode(json, tag, time);
    }

    private static RedisValue Field(RedisValue[] fields, string name)
    {
        for (int i = 0; i + 1 < fields.Length; i += 2)
        {
            if (fields[i] == name) return fields[i + 1];
        }
        return RedisValue.Null;
    }
}

/// <summary>What the log tells the operator. Any thread.</summary>
internal static partial class RedisLogMessages
{
    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The log '{Key}' is not available in Redis: {Reason}. Open event streams stay")]
    public static partial void LogFails(this ILogger logger, string key, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The log '{Key}' is available in Redis again")]
    public static partial void LogAnswers(this ILogger logger, string key);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Redis takes no events for the log '{Key}': {Reason}")]
    public static partial void LogRefuses(this ILogger logger, string key, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Redis takes events for the log '{Key}' again")]
    public static partial void LogAccepts(this ILogger logger, string key);
}
