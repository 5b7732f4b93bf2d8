using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// A listening socket that a loop accepts from. Belongs to the loop's thread. After <see cref="IDisposable.Dispose"/> the loop
/// does not accept from it; the listening socket stays open.
/// </summary>
public interface ILoopListener : IDisposable
{
    /// <summary>Whether connections are accepted; while not, they wait in the listening socket's backlog.</summary>
    bool Enabled { get; set; }

    /// <summary>
    /// Disposes of it; what was accepted before, or is being accepted, is still delivered where the loop cannot give it back to
    /// the backlog.
    /// </summary>
    internal void Finish() => Dispose();
}

/// <summary>What a loop calls for a listening socket, on its thread.</summary>
public interface IAcceptHandler
{
    /// <summary>A connection. The socket does not block; the handler owns it.</summary>
    void OnAccepted(ConnectedSocket socket);

    /// <summary>
    /// The process or the machine has no descriptor or memory left for a connection. That lasts: set
    /// <see cref="ILoopListener.Enabled"/> to false, and try again later.
    /// </summary>
    void OnAcceptError(SocketError error);
}
