using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// What a loop tells whoever asked for a connection, on the loop's thread: one of the two, once, and never before
/// <see cref="IEventLoop.Connect"/> has returned.
/// </summary>
public interface IConnectHandler
{
    /// <summary>The connection is there. The socket does not block; the handler owns it.</summary>
    void OnConnected(ConnectedSocket socket);

    /// <summary>There is none. Whatever it had is given back.</summary>
    void OnConnectFailed(SocketError error);
}
