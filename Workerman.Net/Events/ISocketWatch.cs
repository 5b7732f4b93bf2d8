using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

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

    /// <summary>
    /// Sends bytes of a file once the socket takes bytes again, then calls <see cref="ISocketHandler.OnSent"/>: as many as one
    /// connection may have at a time without keeping the others of the loop waiting. It counts as an order like
    /// <see cref="SendWhenWritable"/>; the file stays open until it has ended, or until <see cref="IDisposable.Dispose"/>.
    /// </summary>
    /// <param name="file">A regular file, open for reading.</param>
    /// <param name="offset">Where the bytes begin.</param>
    /// <param name="count">How many there are, at least 1.</param>
    void SendFileWhenWritable(SafeFileHandle file, long offset, long count);
}

/// <summary>What a loop tells the owner of a watched socket, on the loop's thread.</summary>
public interface ISocketHandler
{
    /// <summary>There are bytes, an end or an error to be received. Comes again as long as that is so.</summary>
    void OnReadable();

    /// <summary>The end of an order given to <see cref="ISocketWatch.SendWhenWritable"/> or <see cref="ISocketWatch.SendFileWhenWritable"/>.</summary>
    /// <param name="count">How many of its bytes were taken: possibly not all. For a file 0 means, if there is no error,
    /// that it has no bytes there any more or cannot be read.</param>
    /// <param name="error">The error, or <see cref="SocketError.Success"/>.</param>
    void OnSent(int count, SocketError error);

    /// <summary>The connection is dead while reading is off. Comes at most once; not every driver can tell.</summary>
    void OnHangup();
}
