using System.Net.Sockets;
using Workerman.Events;

namespace Workerman.Connection;

/// <summary>
/// What a <see cref="ConnectAttempt"/> tells whoever started it, on the loop's thread: one of the two, once, and not before it
/// was started.
/// </summary>
internal interface IConnectOutcome
{
    /// <summary>The way to the target is open.</summary>
    /// <param name="socket">The socket; it is the callee's from here on.</param>
    /// <param name="received">What has arrived from the target already. It lives only during the call.</param>
    void OnOpened(ConnectedSocket socket, ReadOnlySpan<byte> received);

    /// <summary>There is none. <see cref="SocketError.TimedOut"/> is our own time limit, or the system's.</summary>
    void OnFailed(SocketError error, string reason);
}
