namespace Workerman.Connection;

/// <summary>
/// What <c>OnError</c> is about (PHP: <c>ConnectionInterface::CONNECT_FAIL</c>, <c>SEND_FAIL</c>, the same values).
/// </summary>
public enum ConnectionError
{
    /// <summary>Not an error. Never reported.</summary>
    None = 0,

    /// <summary>The connection could not be made.</summary>
    ConnectFail = 1,

    /// <summary>Something could not be sent: the peer is gone or stalled, or the send buffer is full.</summary>
    SendFail = 2,
}
