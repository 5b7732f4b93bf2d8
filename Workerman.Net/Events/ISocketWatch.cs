using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// A socket that a loop watches. Belongs to the loop's thread. Disposing ends the watch: from there on nothing of it calls
/// back; the socket stays open.
/// </summary>
public interface ISocketWatch : IDisposable
{
    /// <summary>Whether <see cref="ISocketHandler.OnReadable"/> is called while there is something to read.</summary>
    bool ReadEnabled { get; set; }

    /// <summary>
    /// Sends once the socket takes bytes again, then calls <see cref="ISocketHandler.OnSent"/>. One order at a time; the
    /// memory stays as it is until then, or until <see cref="IDisposable.Dispose"/>.
    /// </summary>
    void SendWhenWritable(ReadOnlyMemory<byte> data);
}

/// <summary>What a loop tells the owner of a watched socket, on the loop's thread.</summary>
public interface ISocketHandler
{
    /// <summary>There are bytes, an end or an error to be received. Comes again as long as that is so.</summary>
    void OnReadable();

    /// <summary>The end of an order given to <see cref="ISocketWatch.SendWhenWritable"/>.</summary>
    /// <param name="count">How many of its bytes were taken: possibly not all.</param>
    /// <param name="error">The error, or <see cref="SocketError.Success"/>.</param>
    void OnSent(int count, SocketError error);

    /// <summary>The connection is dead while reading is off. Comes at most once; not every driver can tell.</summary>
    void OnHangup();
}
