namespace Workerman.Connection;

/// <summary>
/// What few connections have: callbacks that take the place of the worker's, and the header of a proxy. Made with the first of
/// it. Belongs to its connection.
/// </summary>
internal sealed class ConnectionCallbacks
{
    /// <summary>
    /// An action or a function of the connection and its message, of the type that the connection was made with.
    /// </summary>
    public Delegate? Message { get; set; }

    public Action<TcpConnection>? Close { get; set; }

    public Action<TcpConnection, ConnectionError, string>? Error { get; set; }

    public Action<TcpConnection>? BufferFull { get; set; }

    public Action<TcpConnection>? BufferDrain { get; set; }

    /// <summary>The header of the PROXY protocol that the connection begins with.</summary>
    public ProxiedPeer? Proxied { get; set; }

    /// <summary>What a layer above hangs on the connection: callbacks that this one does not know.</summary>
    public object? Extension { get; set; }
}
