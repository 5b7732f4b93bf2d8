using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// One stream of server-sent events to any number of subscribers, on all loops and workers of the process: what is published is
/// encoded once and the same bytes go to everybody, in the same order. A client that loses its connection resumes by the id of
/// the last event, and gets each event exactly once. There is no queue per subscriber: a subscriber is a position in a shared
/// log, and a large event that it has not read is referenced there, so one that does not read takes next to no memory and delays
/// nobody. Create it once and keep it; any thread may use it. Subscribing is in <c>.Subscribe.cs</c>, how a stream goes on in
/// another process in <c>.Handover.cs</c>, and how it stands on a log of several processes in <c>.Log.cs</c>.
/// </summary>
[SuppressMessage("Naming", "CA1711", Justification = "Event stream is what the standard calls it; it is no System.IO.Stream.")]
public sealed partial class EventStream
{
    private readonly EventLog _log;
    private readonly Presence? _presence;
    private volatile EventHub[] _hubs = [];
    private volatile Completion? _completion;

    /// <summary>Creates a stream.</summary>
    /// <param name="name">Its name in the metrics, by which it is also known to the process that goes on with it after a
    /// reload.</param>
    /// <param name="options">Its settings, of which it takes a copy; null for the defaults.</param>
    public EventStream(string name = "events", EventStreamOptions? options = null)
        : this(name, options, StreamGroup.Process)
    {
    }

    internal EventStream(string name, EventStreamOptions? options, StreamGroup group)
    {
        ArgumentNullException.ThrowIfNull(name);
        Name = name;
        Options = options?.Copy() ?? new EventStreamOptions();
        Group = group;
        _log = new EventLog(Options);
        _presence = Options.Presence ? new Presence() : null;
        ByTopic = Options.MeasuredTopics > 0 ? new TopicFigures(Options.MeasuredTopics) : null;
        group.Add(this);
        if (Options.Log is not { } log) return;
        _following = new Following(new LogFollower(this, log, _log));
    }

    /// <summary>Its name in the metrics.</summary>
    public string Name { get; }

    /// <summary>Whether <see cref="Complete"/> was called.</summary>
    public bool IsCompleted => _completion is not null;

    internal EventStreamOptions Options { get; }

    internal EventLog Log => _log;

    /// <summary>How the subscriptions end; null while the stream is not completed.</summary>
    internal Completion? Ending => _completion;

    /// <summary>Publishes an event of data alone, for all. Any thread.</summary>
    /// <param name="data">Its data; may have several lines.</param>
    /// <returns>The id that it was given.</returns>
    /// <exception cref="ArgumentException">It is larger than <see cref="EventStreamOptions.MaxEventSize"/>.</exception>
    /// <exception cref="InvalidOperationException">The stream is completed, or its log has to ask somebody: use
    /// <see cref="PublishAsync(string, CancellationToken)"/>.</exception>
    public string Publish(string data)
    {
        ArgumentNullException.ThrowIfNull(data);
        return Publish(new ServerSentEvents { Data = data });
    }

    /// <summary>Publishes an event. Any thread; events of one thread keep their order. The event is copied.</summary>
    /// <param name="message">The event. Without an <c>Id</c> it is given one; an id of your own is unique among the events of the
    /// stream, not empty, and can be sent in a header field unchanged.</param>
    /// <param name="topic">The topic: subscribers that asked for it get the event, and those that asked for no topic; null: all
    /// do.</param>
    /// <param name="key">The key of which it is the newest event, for <see cref="SlowSubscribers.NewestPerKey"/> and
    /// <see cref="SubscribeOptions.FromLatestPerKey"/>; null for none. The same key in two topics is two keys.</param>
    /// <returns>Its id.</returns>
    /// <exception cref="ArgumentException">The id is not valid, the event is larger than
    /// <see cref="EventStreamOptions.MaxEventSize"/>, or the topic longer than
    /// <see cref="EventStreamOptions.MaxTopicLength"/>; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The stream is completed, or its log has to ask somebody: use
    /// <see cref="PublishAsync(ServerSentEvents, string?, string?, CancellationToken)"/>.</exception>
    public string Publish(ServerSentEvents message, string? topic = null, string? key = null) =>
        PublishOn(message, topic, key);

    /// <summary>
    /// Publishes an event on several topics: a subscriber that asked for any of them gets it, once. Any thread; events of one
    /// thread keep their order. The event and the topics are copied.
    /// </summary>
    /// <inheritdoc cref="Publish(ServerSentEvents, string?, string?)" path="/returns|/exception"/>
    /// <param name="message">The event.</param>
    /// <param name="topics">The topics; those that are named twice count once. None: all subscribers get the event.</param>
    /// <param name="key">The key of which it is the newest event, in each of the topics; null for none.</param>
    /// <exception cref="ArgumentException">As above; or there are more topics than
    /// <see cref="EventStreamOptions.MaxTopicsPerEvent"/>, or one is null.</exception>
    // So that null is no topic, as in the overload above.
    [OverloadResolutionPriority(-1)]
    public string Publish(ServerSentEvents message, IReadOnlyCollection<string> topics, string? key = null)
    {
        ArgumentNullException.ThrowIfNull(topics);
        return PublishOn(message, EventTopics.Of(topics), key);
    }

    internal string PublishOn(ServerSentEvents message, EventTopics topics, string? key)
    {
        ArgumentNullException.ThrowIfNull(message);
        topics.Check(Options);
        if (Options.Log is not null) return AppendNow(ToRecord(message, topics, key));
        if (message.Id is { } id) EventIds.Check(id, Options.MaxIdLength);
        PublishedEvent? published;
        while ((published = TryPublish(_log.Draft(message), topics, key, out ForwardEvent? forward)) is null)
        {
            // It waits for the other process, and so holds no lock.
            if (forward is not null) return forward(Name, Index, message, topics, key);
        }
        ByTopic?.CountPublished(published);
        WakeAll();
        return published.Id;
    }

    /// <summary>
    /// Ends all subscriptions: each subscriber that keeps up gets what is published already, then a last <c>retry</c>, and its
    /// connection is closed. A client that connects again gets what it has missed, and is ended in the same way. A second call
    /// does nothing, nor does one while the process is being replaced by a new one (a reload): the stream goes on there. Any
    /// thread.
    /// </summary>
    /// <param name="retry">How long clients are to wait before they connect again; null to leave it as it is. Zero or more, to
    /// the millisecond.</param>
    /// <param name="turnAway">Whether clients that connect again and have missed nothing get 204, after which an
    /// <c>EventSource</c> does not connect again. Otherwise they get a stream that ends at once: any other answer makes an
    /// <c>EventSource</c> fail for good.</param>
    /// <param name="window">How much longer than <paramref name="retry"/> a client may be told to wait, so that they do not all
    /// connect again in the same second: each time up to it is as likely as any other. Zero or more; with
    /// <paramref name="retry"/> 24 days at most.</param>
    public void Complete(TimeSpan? retry = null, bool turnAway = false, TimeSpan window = default)
    {
        retry = EventStreamOptions.RetryTime(retry);
        _ = EventStreamOptions.RetryTime(window);
        _ = EventStreamOptions.RetryTime((retry ?? TimeSpan.Zero) + window);
        lock (_log.Gate)
        {
            if (IsFrozen) return;
            _completion ??= new Completion(retry, window, turnAway);
        }
        WakeAll();
    }

    /// <summary>Removes a hub that has lost its last subscriber, or whose loop has ended.</summary>
    internal void Remove(EventHub hub)
    {
        lock (_log.Gate)
        {
            if (!_hubs.Contains(hub)) return;
            _hubs = [.. _hubs.Where(other => other != hub)];
            _delivered += hub.Delivered;
            _dropped += hub.Dropped;
            _replayed += hub.Replayed;
        }
    }

    /// <summary>Removes events from the log that all subscribers that keep up have had. Under the log's lock.</summary>
    internal void Trim() => _log.Trim(Math.Min(Floor(), FloorOfMoving));

    /// <returns>Null if it has to be drafted again, or is for <paramref name="forward"/>.</returns>
    private PublishedEvent? TryPublish(in EventDraft draft, EventTopics topics, string? key, out ForwardEvent? forward)
    {
        lock (_log.Gate)
        {
            forward = _forward;
            if (forward is not null) return null;
            if (_completion is not null) throw Completed();
            PublishedEvent? published = _log.TryAppend(in draft, topics, key);
            if (published is not null) Trim();
            return published;
        }
    }

    private static InvalidOperationException Completed() =>
        new("The stream is completed, so nobody would get the event; publish before Complete, or on a new stream.");

    private void WakeAll()
    {
        foreach (EventHub hub in _hubs)
        {
            if (!hub.Wake()) Remove(hub);
        }
    }

    /// <summary>The sequence up to which every hub has served its subscribers that keep up.</summary>
    private long Floor()
    {
        long floor = long.MaxValue;
        foreach (EventHub hub in _hubs) floor = Math.Min(floor, hub.Floor);
        return floor;
    }

    /// <summary>How a stream ends.</summary>
    /// <param name="Retry">How long clients are to wait; null for as long as they would by themselves.</param>
    /// <param name="Window">How much longer some of them wait.</param>
    /// <param name="TurnAway">Whether those that have missed nothing get 204.</param>
    internal sealed record Completion(TimeSpan? Retry, TimeSpan Window, bool TurnAway);
}
