using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Protocols.WebSocket;

namespace Workerman.EventStreams;

/// <summary>Makes a subscription of a WebSocket, which has its events as messages of JSON.</summary>
public sealed partial class EventStream
{
    /// <summary>
    /// Subscribes an open WebSocket to the stream. Each event is a text message, an object of JSON with the members that there
    /// are: <c>{"id":"…","event":"…","data":"…","topic":"…"}</c>, and <c>topics</c>, an array, if it has several. What an
    /// <c>EventSource</c> keeps to itself has members too, and no <c>data</c>: <c>id</c> alone to resume by, <c>retry</c>, the
    /// milliseconds to wait before connecting again; a gap is the event <see cref="EventStreamOptions.GapEvent"/>. A client
    /// resumes by the last <c>id</c> that it had, which the application takes from the query or a message and hands on in
    /// <see cref="SubscribeOptions.LastEventId"/>. The pings of the WebSocket find peers that are gone, so no keep-alive comments
    /// are sent; the application may send messages of its own in between. It ends with the connection. Any thread; on another
    /// than the connection's it is posted to the connection's loop.
    /// </summary>
    /// <param name="connection">The connection, whose WebSocket is open: in <c>OnWebSocketConnected</c>, in <c>OnMessage</c>, or
    /// after <c>UpgradeToWebSocket</c>.</param>
    /// <param name="options">What is wanted; header fields are not.</param>
    /// <returns>The subscription; it is not active if the connection is closed, or the stream completed.</returns>
    /// <exception cref="InvalidOperationException">The connection is no open WebSocket of a worker's, or is subscribed
    /// already.</exception>
    /// <exception cref="ArgumentException">There are header fields.</exception>
    /// <exception cref="BadRequestException">More is asked for than <see cref="EventStreamOptions"/> allow, or a pattern is not
    /// one. Catch it where a client chooses: a message of a WebSocket has no answer.</exception>
    public Subscription Subscribe(TcpConnection connection, SubscribeOptions options)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Headers.Count > 0)
            throw new ArgumentException("SubscribeOptions.Headers are those of an answer, which a WebSocket has had already. "
                + "Cure: leave them out, or set Request.UpgradeHeaders before.", nameof(options));
        CheckKeys(options);
        CheckWants(options, options.LastEventId);
        var subscription = new Subscription(this, connection, options, isWebSocket: true);
        if (connection.Loop.IsCurrent) Begin(subscription, options);
        else connection.Loop.Post(() => Begin(subscription, options));
        return subscription;
    }

    private void Begin(Subscription subscription, SubscribeOptions options)
    {
        TcpConnection connection = subscription.Connection;
        if (connection.Status != ConnectionStatus.Established) return;
        if (connection.Protocol is not WebSocketProtocol { IsServer: true } protocol)
            throw new InvalidOperationException($"This {connection.Protocol.Name} connection is no open WebSocket of a worker. "
                + "Cure: subscribe in OnWebSocketConnected or later; an HTTP request is subscribed together with its "
                + "connection.");
        if (connection.Source is not null)
            throw new InvalidOperationException("This connection is subscribed to a stream already. Cure: Unsubscribe first, "
                + "and go on by the last id; or subscribe to several topics of one stream.");
        // It is being closed.
        if (!protocol.TakesMessages) return;
        if (_completion is { TurnAway: true } && HasNothingFor(options.LastEventId, options)) connection.Close();
        else Join(subscription, options.LastEventId, options);
    }
}
