namespace Workerman.Connection;

/// <summary>What became of something sent (PHP: <c>true</c>, <c>null</c>, <c>false</c>).</summary>
public enum SendResult
{
    /// <summary>
    /// It left with this call, or leaves with all else that the loop's turn sends; if that fails, <c>OnError</c> tells. PHP:
    /// <c>true</c>.
    /// </summary>
    Sent,

    /// <summary>It waits for the peer to read, or for the connection's loop to take it over. PHP: <c>null</c>.</summary>
    Queued,

    /// <summary>It is lost: the connection is not open, or its send buffer is full. PHP: <c>false</c>.</summary>
    Dropped,
}
