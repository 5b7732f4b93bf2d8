using System.Net;

namespace Workerman.Connection;

/// <summary>
/// How a connection goes on in another process: it leaves this one without its peer being told anything, and begins there with
/// what has been received and not been answered.
/// </summary>
public partial class TcpConnection
{
    /// <summary>
    /// Whether nothing has happened on it for so long, nothing is on its way, and nothing has arrived. For a protocol that waits
    /// for a message.
    /// </summary>
    internal bool IsIdleFor(TimeSpan time) =>
        _life.IsEstablished && _input is null && !_life.ContinuesNextTurn && PendingWrites == 0 && BufferIsEmpty
        && Loop.Now - _life.Since >= time.TotalMilliseconds && !_socket.HasUnread;

    /// <summary>
    /// Lets go of the socket, which stays open and connected: for its peer nothing happens. Here the connection is closed, and
    /// <c>OnClose</c> is called at the end of the turn. On the loop, between the handling of its sockets: nothing is received
    /// for it then.
    /// </summary>
    /// <param name="mostUnsent">How many bytes may wait to be sent.</param>
    /// <param name="unsent">Those that do: they are the peer's next ones.</param>
    /// <returns>The descriptor, which is the caller's from here on; -1 if the connection cannot go: it stays as it is
    /// then.</returns>
    internal int Leave(int mostUnsent, out byte[] unsent)
    {
        unsent = [];
        FlushWrites();
        if (_life.Phase != ConnectionPhase.Open || _life.Peer != PeerSide.Sending || IsPiped) return -1;
        if (_queue is not null && !_queue.HasOnlyBytes(mostUnsent)) return -1;
        // Once it is gone the system cannot be asked any more.
        _addresses.Keep(_socket);
        int descriptor = _socket.Detach(out int sent);
        if (descriptor < 0) return -1;
        if (_queue is not null) unsent = _queue.TakeBytes(sent);
        TearDown();
        return descriptor;
    }

    /// <summary>The addresses that a proxy has named; null for those that are the socket's own. On the loop.</summary>
    internal (IPEndPoint? Remote, IPEndPoint? Local) ProxiedAddresses()
    {
        IPEndPoint? remote = RemoteAddress;
        IPEndPoint? local = LocalAddress;
        return (Equals(remote, _socket.RemoteEndPoint) ? null : remote, Equals(local, _socket.LocalEndPoint) ? null : local);
    }

    /// <summary>Sets what a proxy has named, in another process; null for what it has not. Before anything else.</summary>
    internal void SetProxiedAddresses(IPEndPoint? remote, IPEndPoint? local) => _addresses.Set(remote, local);

    /// <summary>Begins an accepted connection with what was received elsewhere, in the loop's next turn.</summary>
    internal void GoOnWith(ReadOnlySpan<byte> received)
    {
        if (_life.Phase == ConnectionPhase.Open) Begin(received);
    }
}
