using System.Buffers;
using Workerman.Connection;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// Makes a subscription of a request: answers it with the head of the stream, and finds where it begins in the log. The request
/// of a stream that has moved here from another process has its head already, and knows its place.
/// </summary>
public sealed partial class EventStream
{
    /// <summary>
    /// Answers a request with the stream: a <c>text/event-stream</c> head, what came after <c>Last-Event-ID</c>, then each event
    /// as it is published. It ends with the connection. A HEAD request gets the head and becomes no subscriber. Any thread; on
    /// another than the connection's it is posted to the connection's loop.
    /// </summary>
    /// <param name="connection">The connection that the request came on.</param>
    /// <param name="request">The request, which has no answer yet.</param>
    /// <param name="topics">The topics that are wanted; none for all.</param>
    /// <returns>The subscription; it is not active if the connection is closed, the request is HEAD, or the stream
    /// completed.</returns>
    /// <exception cref="InvalidOperationException">The request has been answered, or belongs to another connection.</exception>
    /// <exception cref="BadRequestException">There are more topics, or a longer one, than <see cref="EventStreamOptions"/>
    /// allow, or the id of the last event is too long. Unless it is caught, the client is answered with 400.</exception>
    public Subscription Subscribe(TcpConnection connection, Request request, params IReadOnlyCollection<string> topics)
    {
        ArgumentNullException.ThrowIfNull(topics);
        return Subscribe(connection, request, new SubscribeOptions { Topics = topics });
    }

    /// <inheritdoc cref="Subscribe(TcpConnection, Request, IReadOnlyCollection{string})" path="/summary|/returns|/exception"/>
    /// <param name="connection">The connection that the request came on.</param>
    /// <param name="request">The request, which has no answer yet.</param>
    /// <param name="options">What is wanted.</param>
    /// <exception cref="ArgumentException">Its header fields have one that the stream sets itself.</exception>
    /// <exception cref="BadRequestException">As above; or one of <see cref="SubscribeOptions.TopicPatterns"/> is not one.
    /// </exception>
    public Subscription Subscribe(TcpConnection connection, Request request, SubscribeOptions options)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        CheckKeys(options);
        string? lastId = request.IsMoved ? null : options.LastEventId ?? request.Header("last-event-id");
        CheckWants(options, lastId);
        var subscription = new Subscription(this, connection, options);
        if (connection.Loop.IsCurrent) Begin(subscription, request, options, lastId);
        else connection.Loop.Post(() => Begin(subscription, request, options, lastId));
        return subscription;
    }

    private void CheckKeys(SubscribeOptions options)
    {
        if (options.FromLatestPerKey && !Options.KeepsNewestPerKey)
            throw new InvalidOperationException("FromLatestPerKey needs the newest event of each key, which this stream does not "
                + "keep. Cure: set EventStreamOptions.LatestPerKey, and give a key to Publish.");
    }

    /// <summary>
    /// What a client can ask for is kept for as long as it is connected, and compared with every event: it is bounded.
    /// </summary>
    private void CheckWants(SubscribeOptions options, string? lastId)
    {
        if (options.Topics.Count + (long)options.TopicPatterns.Count > Options.MaxTopics)
            throw new BadRequestException($"more than {Options.MaxTopics} topics (EventStreamOptions.MaxTopics)");
        foreach (string topic in options.Topics.Concat(options.TopicPatterns))
        {
            if (topic?.Length > Options.MaxTopicLength)
                throw new BadRequestException(
                    $"a topic of more than {Options.MaxTopicLength} characters (EventStreamOptions.MaxTopicLength)");
        }
        if (lastId?.Length > Options.MaxIdLength)
            throw new BadRequestException(
                $"a Last-Event-ID of more than {Options.MaxIdLength} characters (EventStreamOptions.MaxIdLength)");
    }

    private void Begin(Subscription subscription, Request request, SubscribeOptions options, string? lastId)
    {
        TcpConnection connection = subscription.Connection;
        if (connection.Status != ConnectionStatus.Established) return;
        if (connection.Protocol is not HttpProtocol http || !http.IsUnanswered(request))
            throw new InvalidOperationException(
                "This request has been answered already (perhaps by a stream that is open), or belongs to another connection. "
                    + "Subscribe the connection that the request came on, once, in place of an answer.");
        if (http is MovedProtocol moved)
        {
            GoOn(subscription, moved, options);
            return;
        }
        if (_completion is { TurnAway: true } && HasNothingFor(lastId, options))
        {
            connection.Send(new Response(204).WithHeaders(options.Headers));
            return;
        }
        connection.Send(HeadOf(options.Headers));
        // Not for HEAD, or if the connection broke, or if something else had to be answered (a session that could not be saved).
        if (connection.Status != ConnectionStatus.Established || !http.IsStreaming) return;
        connection.LimitPeerSilence(Options.PeerTimeout);
        Join(subscription, lastId, options);
    }

    /// <summary>Goes on with a stream that has moved here: its client has the head, and is told nothing but of a gap.</summary>
    private void GoOn(Subscription subscription, MovedProtocol moved, SubscribeOptions options)
    {
        TcpConnection connection = subscription.Connection;
        moved.ExpectsStream = true;
        connection.SendControl();
        if (connection.Status != ConnectionStatus.Established || !moved.IsStreaming) return;
        connection.LimitPeerSilence(Options.PeerTimeout);
        if (Follower is not null)
        {
            Join(subscription, moved.Place.LastId, options, isMoved: true);
            return;
        }
        EventHub hub;
        StartingPoint start;
        lock (_log.Gate)
        {
            start = Locate(moved.Place);
            if (start.IsGap && options.FromLatestPerKey) start = _log.LocateNewest(isGap: true);
            hub = HubOf(connection);
            hub.Protect(start.After);
        }
        hub.Add(subscription, start);
        CountStart(lastId: null, start.IsGap);
        if (start.IsGap) connection.Feed(Opening(subscription, moved.Place.LastId, start));
        else subscription.Known = moved.Place.Known;
        // What waits in any case is not to become more.
        if (!connection.BufferIsEmpty) hub.OnBackPressured(subscription);
        OnEntered(subscription, options);
    }

    private bool HasNothingFor(string? lastId, SubscribeOptions options)
    {
        lock (_log.Gate)
            return TryLocate(lastId, options, out StartingPoint start) && !start.IsGap && !start.BeginsWithNewest
                && start.After == start.Head;
    }

    /// <summary>Under the log's lock.</summary>
    /// <returns>False if only the log that the stream stands on can say it.</returns>
    private bool TryLocate(string? lastId, SubscribeOptions options, out StartingPoint start)
    {
        if (options.FromLatestPerKey && string.IsNullOrEmpty(lastId))
        {
            start = _log.LocateNewest(isGap: false);
            return Follower is null || _log.IsReady;
        }
        if (Follower is null) start = _log.Locate(lastId, options.FromOldest);
        else if (!_log.TryLocateCached(lastId, options.FromOldest, out start)) return false;
        if (start.IsGap && options.FromLatestPerKey) start = _log.LocateNewest(isGap: true);
        return true;
    }

    /// <summary>Makes it a subscriber of its loop's hub.</summary>
    /// <param name="subscription">The subscription.</param>
    /// <param name="lastId">The id of the last event that its client has had.</param>
    /// <param name="options">What is wanted.</param>
    /// <param name="isMoved">Whether its client is in the middle of the stream, and is told nothing but of a gap.</param>
    private void Join(Subscription subscription, string? lastId, SubscribeOptions options, bool isMoved = false)
    {
        TcpConnection connection = subscription.Connection;
        EventHub hub;
        StartingPoint start;
        bool isPlaced;
        lock (_log.Gate)
        {
            isPlaced = TryLocate(lastId, options, out start);
            hub = HubOf(connection);
            if (isPlaced) hub.Protect(start.After);
        }
        // Nothing of the application is called in between: it could end the hub's last subscription, and the hub would be
        // removed.
        if (isPlaced) hub.Add(subscription, start);
        else hub.AddUnplaced(subscription, lastId, options, isMoved);
        if (isPlaced) CountStart(isMoved ? null : lastId, start.IsGap);
        ReadOnlySpan<byte> opening = isPlaced ? Opening(subscription, lastId, start, isMoved)
            : isMoved ? [] : EventBlocks.Retry(Options.Retry, subscription.IsWebSocket);
        if (!opening.IsEmpty) connection.Feed(opening);
        // What waits in any case is not to become more.
        if (isMoved && !connection.BufferIsEmpty) hub.OnBackPressured(subscription);
        OnEntered(subscription, options);
    }

    /// <summary>It is in a hub, and its client has been told so. It may have gone meanwhile.</summary>
    private void OnEntered(Subscription subscription, SubscribeOptions options)
    {
        if (!subscription.IsActive) return;
        _presence?.Add(subscription);
        if (OnSubscribed is { } subscribed) subscription.Connection.Loop.Post(() => subscribed(subscription));
        if (options.ExpiresAt is { } end) SubscriptionExpiry.Of(subscription.Connection.Loop).Add(subscription, end);
    }

    /// <summary>Under the log's lock.</summary>
    private EventHub HubOf(TcpConnection connection)
    {
        foreach (EventHub known in _hubs)
        {
            if (known.Loop == connection.Loop) return known;
        }
        var hub = new EventHub(this, connection.Loop);
        _hubs = [.. _hubs, hub];
        return hub;
    }

    private static Response HeadOf(ResponseHeaders headers)
    {
        Response head = new Response().WithHeader("Cache-Control", "no-cache").WithHeader("X-Accel-Buffering", "no");
        foreach ((string name, _) in headers) head.WithoutHeader(name);
        return head.WithHeaders(headers).WithHeader("Content-Type", "text/event-stream");
    }

    /// <summary>
    /// What is sent before the first event. A client without an id of this stream, or with one that is too old, is given an id to
    /// resume by: if it loses its connection before the first event, it does not miss what is published meanwhile. One that
    /// begins with the newest of each key has nothing before the first of them, and begins anew.
    /// </summary>
    internal ReadOnlySpan<byte> Opening(Subscription subscription, string? lastId, in StartingPoint start, bool isMoved = false,
        bool hasRetry = false)
    {
        var output = new ArrayBufferWriter<byte>();
        bool asFrames = subscription.IsWebSocket;
        if (!isMoved && !hasRetry) output.Write(EventBlocks.Retry(Options.Retry, asFrames));
        if (start.IsGap) output.Write(EventBlocks.Gap(Options.GapEvent, lastId, asFrames));
        if (!start.BeginsWithNewest && (start.IsGap || (string.IsNullOrEmpty(lastId) && !isMoved)))
            output.Write(EventBlocks.IdOnly(start.Id, asFrames));
        return output.WrittenSpan;
    }
}
