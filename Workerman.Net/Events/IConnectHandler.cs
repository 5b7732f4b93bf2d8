using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// What a loop calls for a connection that it was asked for, on its thread: one of the two methods, once, and never before
/// <see cref="IEventLoop.Connect"/> has returned.
/// </summary>
public interface IConnectHandler
{
    /// <summary>It is connected. The socket does not block; the handler owns it.</summary>
    void OnConnected(ConnectedSocket socket);

    /// <summary>It has failed. Its socket is closed.</summary>
    void OnConnectFailed(SocketError error);
}
