using Workerman.Connection;
using Workerman.Handover;
using Workerman.Protocols.Http;

namespace Workerman.EventStreams;

/// <summary>
/// What becomes of the open event streams of a process that is replaced: they move, or are ended so that their clients do not all
/// come back at once. No state; on the connection's loop.
/// </summary>
internal static class MovingStreams
{
    /// <summary>
    /// Bytes that may wait for a peer whose subscription moves: they go from process to process with it, in one message.
    /// </summary>
    public const int MostUnsent = 256 * 1024;

    /// <summary>
    /// Takes the subscription of a connection out of this process; the connection is closed here without its peer being told
    /// anything, and <c>OnClose</c> follows.
    /// </summary>
    /// <param name="connection">A connection of HTTP.</param>
    /// <param name="worker">Address of the worker that it came through.</param>
    /// <param name="window">The time over which those are spread that have to connect again.</param>
    /// <returns>Null if it has none, or one that cannot move: over TLS, of a request with a body or after another protocol, too
    /// much of which is unsent. Then it is as before.</returns>
    public static MovedSubscription? TryMove(TcpConnection connection, string worker, TimeSpan window)
    {
        if (connection.HasOwnProtocol || connection.Protocol is not HttpProtocol { IsOpening: false } http
            || PlaceOf(connection, http) is not { } place || http.RepeatableHead is not { } head) return null;
        var proxied = connection.ProxiedAddresses();
        if (connection.Source is Subscription leaving) leaving.Moves = true;
        int descriptor = connection.Leave(MostUnsent, out byte[] unsent);
        if (descriptor < 0)
        {
            if (connection.Source is Subscription stays) stays.Moves = false;
            return null;
        }
        return new MovedSubscription(descriptor)
        {
            Worker = worker,
            Head = head,
            Place = place,
            Unsent = unsent,
            Remote = proxied.Remote,
            Local = proxied.Local,
            Window = window,
        };
    }

    /// <summary>Ends an event stream that is open: its client is told when to connect again.</summary>
    public static void End(TcpConnection connection, TimeSpan window)
    {
        TimeSpan retry = HandoverPlan.RandomTime(window);
        if (connection.Source is Subscription subscription)
        {
            subscription.EndNow(retry);
            return;
        }
        connection.Feed(EventBlocks.Retry(retry));
        connection.Close();
    }

    /// <summary>Ends one that has moved here, and that nobody takes.</summary>
    public static void End(MovedSubscription moved)
    {
        byte[] retry = EventBlocks.Retry(HandoverPlan.RandomTime(moved.Window));
        if (OperatingSystem.IsLinux()) moved.End(retry);
        else moved.Dispose();
    }

    /// <summary>Where a connection stands; one that has moved here a moment ago stands where it was.</summary>
    private static MovedPlace? PlaceOf(TcpConnection connection, HttpProtocol http)
    {
        if (http is MovedProtocol { IsUndecided: true } moved) return moved.Place;
        // Where one stands that is being sent the newest of each key cannot be said by a place in the log.
        if (connection.Source is not Subscription { Stream: var stream, BeginsWithNewest: false, IsPlaced: true } subscription)
            return null;
        int generation = stream.Log.Generation;
        return subscription.Generation == (byte)generation
            && stream.Log.TryIdFor(subscription.Known, generation, out string? lastId)
            ? new MovedPlace(stream.Name, stream.Index, subscription.Cursor, subscription.Known, lastId)
            : null;
    }
}
