namespace Workerman.Connection;

/// <summary>The callbacks of one connection that take the place of its worker's. Made when the first one is set, because few connections have any.</summary>
internal sealed class ConnectionCallbacks
{
    /// <summary>An action or a function of the connection and its message, of the type that the connection was made with.</summary>
    public Delegate? Message { get; set; }

    public Action<TcpConnection>? Close { get; set; }

    public Action<TcpConnection, ConnectionError, string>? Error { get; set; }

    public Action<TcpConnection>? BufferFull { get; set; }

    public Action<TcpConnection>? BufferDrain { get; set; }

    /// <summary>What a layer above hangs on the connection: callbacks that this one does not know.</summary>
    public object? Extension { get; set; }
}
