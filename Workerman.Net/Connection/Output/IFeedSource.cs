namespace Workerman.Connection;

/// <summary>
/// Whoever feeds a connection (<see cref="TcpConnection.Feed(ReadOnlySpan{byte})"/>) from a store of its own, which an
/// application's callbacks take no place from. Called on the loop's thread; must not throw.
/// </summary>
internal interface IFeedSource
{
    /// <summary>The peer does not read as fast as it is sent to: some bytes wait, and more should not be fed.</summary>
    void OnBackPressured(TcpConnection connection);

    /// <summary>All that waited has left: there is room for more.</summary>
    void OnDrained(TcpConnection connection);

    /// <summary>The connection is closed. It may happen while it is being fed.</summary>
    void OnGone(TcpConnection connection);
}
