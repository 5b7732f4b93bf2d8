using System.Runtime.CompilerServices;
using System.Threading.Channels;
using StackExchange.Redis;
using Workerman.EventStreams;

namespace Workerman.Extensions.Redis;

/// <summary>
/// Follows a log: events come with the messages of pub/sub; what was not told is read, which is looked for at every
/// <see cref="RedisEventLogOptions.CheckInterval"/>, after a message that does not follow on the one before, and when the
/// connection comes back. It verifies that what it has seen is still there: Redis that has lost it begins a new epoch. Used by
/// one follower, on any thread, one call at a time.
/// </summary>
internal sealed class RedisFollower(RedisEventLog log)
{
    /// <summary>Messages that may wait; beyond, they are read again from the log.</summary>
    private const int MostWaiting = 1024;

    private const int MostAtOnce = 256;

    private static readonly byte[] Check = [];

    /// <summary>Tags of the newest places, by number: a message that tells one of them anew must have the same.</summary>
    private readonly (long Number, string? Tag)[] _tags = new (long, string?)[256];

    private readonly Channel<byte[]> _messages = Channel.CreateBounded<byte[]>(
        new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private EventPlace? _at;

    public async IAsyncEnumerable<EventBatch> FollowAsync(EventPlace? after, int tail,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        _at = after;
        bool isFirst = true;
        await using var subscription = new RedisSubscription(log, message => _messages.Writer.TryWrite(message));
        using var check = new System.Threading.Timer(
            _ => CheckIfIdle(), null, TimeSpan.Zero, log.Options.CheckInterval);
        while (true)
        {
            byte[] message = await _messages.Reader.ReadAsync(cancellation).ConfigureAwait(false);
            if (message.Length == 0) await subscription.EnsureAsync().ConfigureAwait(false);
            // A large event is told without its contents, so that it is read in any case.
            bool isUntold = message.Length == 0 && !isFirst;
            if (!isFirst && message.Length > 0 && RedisMessage.TryRead(message) is { } told)
            {
                if (await TakeAsync(told, cancellation).ConfigureAwait(false) is { } batch) yield return batch;
                if (_at is { } at && at.Epoch == told.Last.Epoch && at.Number >= told.Last.Number) continue;
                isUntold = told.Events.Count > 0;
            }
            while (await TryReadAsync(tail, cancellation).ConfigureAwait(false) is { } read)
            {
                if (!isFirst && read.Events.Count == 0 && read.After == _at) break;
                if (isUntold && read.Events.Count > 0) log.CountGapRead();
                isUntold = isFirst = false;
                Keep(read);
                yield return read;
                if (read.Events.Count == 0) break;
            }
        }
    }

    /// <summary>Where messages wait there is something to read anyway.</summary>
    private void CheckIfIdle()
    {
        if (_messages.Reader.Count == 0) _messages.Writer.TryWrite(Check);
    }

    /// <summary>Takes what a message tells, if it follows.</summary>
    private async Task<EventBatch?> TakeAsync(RedisMessage told, CancellationToken cancellation)
    {
        // Another epoch: it is read what that is. A database with the same key may use the channel too.
        if (_at is not { } at || told.Last.Epoch != at.Epoch) return null;
        log.Note(told.Last);
        // The event before it must be the one that this node has seen, and not another with its number.
        bool follows = told.Before is null || at.Tag is null || told.Before == at.Tag;
        if (told.After == at.Number && told.Events.Count > 0 && follows)
        {
            var batch = new EventBatch(at, told.Events);
            Keep(batch);
            return batch;
        }
        for (int i = 0; i < told.Events.Count; i++)
        {
            (long number, string? tag) = _tags[(told.After + 1 + i) & (_tags.Length - 1)];
            if (number != told.After + 1 + i || tag == told.Events[i].Tag) continue;
            // Another event has a place that this node has told already.
            await RenewAsync(at.Epoch, cancellation).ConfigureAwait(false);
            return null;
        }
        return null;
    }

    private void Keep(EventBatch batch)
    {
        if (_at is { } at && at.Epoch != batch.After.Epoch) Array.Clear(_tags);
        for (int i = 0; i < batch.Events.Count; i++)
        {
            long number = batch.After.Number + 1 + i;
            _tags[number & (_tags.Length - 1)] = (number, batch.Events[i].Tag);
        }
        _at = batch.End;
        log.NoteSeen(batch.End);
    }

    /// <returns>Null if Redis does not answer: the next check tries again.</returns>
    private async Task<EventBatch?> TryReadAsync(int tail, CancellationToken cancellation)
    {
        try
        {
            RedisPage page = await log.ReadPageAsync(_at, tail == int.MaxValue ? null : tail, MostAtOnce, isSeen: true,
                cancellation).ConfigureAwait(false);
            if (!page.IsOther) return page.Batch;
            await log.RenewAsync(_at!.Value.Epoch, cancellation).ConfigureAwait(false);
            return await TryReadAsync(tail, cancellation).ConfigureAwait(false);
        }
        catch (EventLogException)
        {
            return null;
        }
    }

    private async Task RenewAsync(string epoch, CancellationToken cancellation)
    {
        try
        {
            await log.RenewAsync(epoch, cancellation).ConfigureAwait(false);
        }
        catch (EventLogException)
        {
            // The next check finds the same.
        }
    }
}

/// <summary>
/// The subscription of a follower to the channel of its log. It is made again where that failed; once made, the connection's
/// library makes it again by itself. Owned by its follower.
/// </summary>
internal sealed class RedisSubscription : IAsyncDisposable
{
    private readonly RedisEventLog _log;
    private readonly Action<byte[]> _onMessage;
    private readonly EventHandler<ConnectionFailedEventArgs> _restored;

    /// <summary>The subscription; null while there is none. It gives the messages in their order.</summary>
    private ChannelMessageQueue? _queue;

    public RedisSubscription(RedisEventLog log, Action<byte[]> onMessage)
    {
        _log = log;
        _onMessage = onMessage;
        _restored = (_, _) => onMessage([]);
        log.Connection.ConnectionRestored += _restored;
    }

    /// <summary>Makes it if it is not made; a failure is seen by what is read next.</summary>
    public async Task EnsureAsync()
    {
        if (_queue is not null) return;
        try
        {
            _queue = await _log.Connection.GetSubscriber().SubscribeAsync(_log.Channel).ConfigureAwait(false);
            _queue.OnMessage(message => _onMessage((byte[]?)message.Message ?? []));
        }
        catch (Exception e) when (RedisEventLog.IsOfRedis(e))
        {
            _log.OnFailed(e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _log.Connection.ConnectionRestored -= _restored;
        if (_queue is null) return;
        try
        {
            await _queue.UnsubscribeAsync(CommandFlags.FireAndForget).ConfigureAwait(false);
        }
        catch (Exception e) when (RedisEventLog.IsOfRedis(e))
        {
            // It ends with its connection.
        }
    }
}

/// <summary>
/// A message by which a log tells what was added: the place of the last event and, unless they are large, the events up to it,
/// each as tag, length and JSON. Immutable.
/// </summary>
/// <param name="Last">The place of the last event.</param>
/// <param name="Events">The events; none if they have to be read.</param>
/// <param name="Before">The tag of the event before the first of them; null if it is not told.</param>
internal sealed record RedisMessage(EventPlace Last, IReadOnlyList<EventRecord> Events, string? Before)
{
    /// <summary>The number before the first of them.</summary>
    public long After => Last.Number - Events.Count;

    /// <returns>Null if it is none: anybody may write to the channel.</returns>
    public static RedisMessage? TryRead(ReadOnlyMemory<byte> message)
    {
        int end = message.Span.IndexOf((byte)'\n');
        if (end < 0) return null;
        string[] place = System.Text.Encoding.ASCII.GetString(message[..end].Span).Split(' ');
        if (!RedisEventLog.TryReadId(place[0], out string epoch, out long number)) return null;
        List<EventRecord> events = [];
        for (ReadOnlyMemory<byte> rest = message[(end + 1)..]; !rest.IsEmpty;)
        {
            if ((end = rest.Span.IndexOf((byte)'\n')) < 0) return null;
            string[] head = System.Text.Encoding.ASCII.GetString(rest[..end].Span).Split(' ');
            if (head.Length != 2 || !int.TryParse(head[1], out int length) || length < 0 || length > rest.Length - end - 1)
                return null;
            if (RecordJson.TryDecode(rest.Slice(end + 1, length), head[0], DateTimeOffset.UtcNow) is not { } record) return null;
            events.Add(record);
            rest = rest[(end + 1 + length)..];
        }
        return new RedisMessage(new EventPlace(epoch, number), events, place.Length > 1 && place[1] != "" ? place[1] : null);
    }
}
