using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Workerman.Extensions.Redis;

/// <summary>
/// Carries the messages of a <see cref="Groups"/> between nodes by Redis (or Valkey) and its pub/sub: one channel, one
/// subscription for each node, whatever it has of groups and members. At most once: Redis keeps no message, so what is sent while
/// a node is not connected never reaches it. Publishing never waits for Redis: a message goes into a bounded queue, and is
/// dropped and counted where there is no connection or no room. Whoever may publish on the channel may send to all members.
/// One for each <see cref="Groups"/>; any number of them share a connection. Any thread.
/// </summary>
public sealed partial class RedisGroupBackplane : IGroupBackplane, IAsyncDisposable
{
    /// <summary>How many messages are on their way to Redis at a time.</summary>
    private const int MaxInFlight = 256;

    /// <summary>About what a message takes besides its bytes, while it waits.</summary>
    private const int Overhead = 100;

    /// <summary>
    /// So long nothing is dropped before the log says that messages leave again, in milliseconds: where some leave and some do
    /// not, there are not two lines for each of them.
    /// </summary>
    private const int QuietTime = 1000;

    private readonly ISubscriber _subscriber;
    private readonly RedisChannel _channel;
    private readonly Channel<ReadOnlyMemory<byte>> _queue =
        Channel.CreateUnbounded<ReadOnlyMemory<byte>>(new UnboundedChannelOptions { SingleReader = true });

    private ChannelMessageQueue? _subscription;
    private Task _pump = Task.CompletedTask;
    private int _started;
    private long _queued;
    private long _dropped;

    /// <summary>Messages that were dropped since the log was told last that they leave.</summary>
    private long _missed;

    private long _lastDrop;

    /// <summary>1 once the log has been told that messages are dropped, until it is told that they leave again.</summary>
    private int _isWarned;

    /// <summary>Makes one. It is connected once it belongs to a <see cref="Groups"/>.</summary>
    /// <param name="connection">The connection to Redis, which stays the caller's. With <c>AbortOnConnectFail = false</c> the
    /// program starts without Redis, and finds it later.</param>
    /// <param name="channel">The channel, the same on all nodes; another one for other groups, and for other programs on the same
    /// Redis.</param>
    /// <exception cref="ArgumentException">The channel has no name.</exception>
    public RedisGroupBackplane(IConnectionMultiplexer connection, string channel = "workerman:groups")
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentException.ThrowIfNullOrEmpty(channel);
        _subscriber = connection.GetSubscriber();
        _channel = RedisChannel.Literal(channel);
    }

    /// <summary>
    /// Bytes of messages that may wait for Redis; 16 MiB, 64 KiB to 2 GiB. Beyond, messages are dropped.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is less.</exception>
    public int MaxQueueSize
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 64 * 1024);
            field = value;
        }
    } = 16 * 1024 * 1024;

    /// <summary>
    /// Where it says that messages are dropped, and that they leave again; null, the default, for <see cref="Worker.Logger"/>.
    /// </summary>
    public ILogger? Logger { get; init; }

    /// <summary>
    /// Messages that did not leave for the other nodes so far, because Redis was away, too slow or refused them. What left and
    /// found a node that was not connected is not known, here or anywhere.
    /// </summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Whether Redis is connected and has this node's subscription.</summary>
    public bool IsConnected => _subscriber.SubscribedEndpoint(_channel) is not null && _subscriber.IsConnected(_channel);

    /// <inheritdoc/>
    public void Start(Action<ReadOnlyMemory<byte>> receive)
    {
        ArgumentNullException.ThrowIfNull(receive);
        if (Interlocked.Exchange(ref _started, 1) != 0)
            throw new InvalidOperationException("This backplane belongs to a Groups already, or was disposed of. Cure: make one "
                + "for each Groups, with a channel of its own; they may share a connection to Redis.");
        // Without an answer: the client subscribes now, or as soon as there is a connection, and again after each loss of it.
        _subscription = _subscriber.Subscribe(_channel, CommandFlags.FireAndForget);
        _subscription.OnMessage(message => receive((byte[]?)message.Message ?? []));
        _pump = Task.Run(Pump);
    }

    /// <inheritdoc/>
    public bool TryPublish(ReadOnlyMemory<byte> message)
    {
        if (!IsConnected) return Drop(null);
        int size = SizeOf(message);
        if (Interlocked.Add(ref _queued, size) <= MaxQueueSize && _queue.Writer.TryWrite(message)) return true;
        Interlocked.Add(ref _queued, -size);
        return Drop(null);
    }

    /// <summary>
    /// Ends the subscription, and sends what waits. The connection to Redis stays open. What is published from here on is
    /// dropped.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        Volatile.Write(ref _started, 1);
        _queue.Writer.TryComplete();
        await _pump.ConfigureAwait(false);
        try
        {
            if (_subscription is not null) await _subscription.UnsubscribeAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is RedisException or TimeoutException or ObjectDisposedException)
        {
            // It ends with the connection.
        }
    }

    private static int SizeOf(ReadOnlyMemory<byte> message) => message.Length + Overhead;

    /// <summary>
    /// Sends what waits, some messages at a time, each behind the one before it. Without a connection nothing is sent: messages
    /// of minutes ago are of no use to anybody.
    /// </summary>
    private async Task Pump()
    {
        var inFlight = new List<Task>(MaxInFlight);
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            long size = 0;
            while (inFlight.Count < MaxInFlight && _queue.Reader.TryRead(out ReadOnlyMemory<byte> message))
            {
                size += SizeOf(message);
                inFlight.Add(PublishAsync(message));
            }
            await Task.WhenAll(inFlight).ConfigureAwait(false);
            inFlight.Clear();
            Interlocked.Add(ref _queued, -size);
        }
    }

    private async Task PublishAsync(ReadOnlyMemory<byte> message)
    {
        try
        {
            if (!IsConnected)
            {
                Drop(null);
                return;
            }
            await _subscriber.PublishAsync(_channel, message).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Redis has gone, is too slow, or refuses it. Nothing else throws here, and the next messages are to be tried.
            Drop(e);
            return;
        }
        if (Volatile.Read(ref _isWarned) != 0) TellOfReturn();
    }

    private void TellOfReturn()
    {
        if (Environment.TickCount64 - Volatile.Read(ref _lastDrop) < QuietTime) return;
        // Another message of the same batch may be quicker.
        if (Interlocked.Exchange(ref _isWarned, 0) == 0) return;
        LeavesAgain(Logger ?? Worker.Logger, _channel.ToString(), Interlocked.Exchange(ref _missed, 0));
    }

    /// <returns>False.</returns>
    private bool Drop(Exception? cause)
    {
        Interlocked.Increment(ref _dropped);
        Interlocked.Increment(ref _missed);
        Volatile.Write(ref _lastDrop, Environment.TickCount64);
        if (Interlocked.Exchange(ref _isWarned, 1) == 0) IsDropped(Logger ?? Worker.Logger, _channel.ToString(), cause);
        return false;
    }

    [LoggerMessage(90, LogLevel.Warning, "Messages to groups do not leave for the other nodes and are dropped: Redis is not "
        + "connected, or does not take them fast enough (channel {Channel})")]
    private static partial void IsDropped(ILogger logger, string channel, Exception? exception);

    [LoggerMessage(91, LogLevel.Information,
        "Messages to groups leave for the other nodes again (channel {Channel}); {Count} were dropped")]
    private static partial void LeavesAgain(ILogger logger, string channel, long count);
}
