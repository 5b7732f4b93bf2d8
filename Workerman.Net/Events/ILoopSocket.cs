using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace Workerman.Events;

/// <summary>
/// A connected socket that a loop watches, and the calls on it. Belongs to the loop's thread, but for the two addresses. After
/// <see cref="IDisposable.Dispose"/> the loop does not watch it and nothing is called back; the socket stays open until
/// <see cref="Close"/>.
/// </summary>
public interface ILoopSocket : IDisposable
{
    /// <summary>Whether <see cref="ISocketHandler.OnReadable"/> is called while there is something to read.</summary>
    bool ReadEnabled { get; set; }

    /// <summary>
    /// The peer's address, asked of the system, as IPv4 where the peer speaks that; null if the connection is gone. Any thread.
    /// </summary>
    IPEndPoint? RemoteEndPoint { get; }

    /// <summary>
    /// The address that the peer connected to, asked of the system, as IPv4 where the peer speaks that; null if the connection is
    /// gone. Any thread.
    /// </summary>
    IPEndPoint? LocalEndPoint { get; }

    /// <summary>Whether there are bytes, or an end, that have not been received.</summary>
    bool HasUnread { get; }

    /// <summary>Receives what is there, once, without waiting.</summary>
    /// <returns>How many bytes; 0 for the peer's end, and for an error such as <see cref="SocketError.WouldBlock"/>.</returns>
    int Receive(Span<byte> buffer, out SocketError error);

    /// <summary>Sends what the socket takes, once, without waiting.</summary>
    /// <returns>How many bytes; 0 for an error such as <see cref="SocketError.WouldBlock"/>.</returns>
    int Send(ReadOnlySpan<byte> data, out SocketError error);

    /// <summary>
    /// Whether <see cref="IEventLoop.SendAll"/> can send what this one sends with others'. A socket that wraps another says how.
    /// </summary>
    internal bool JoinsBatches => true;

    /// <summary>
    /// Sends what the socket itself ends with, before it is closed in order: for TLS close_notify, for others nothing. Called
    /// again, it tells whether that has left.
    /// </summary>
    /// <returns>
    /// False if it waits for the peer to read; <see cref="ISocketHandler.OnSent"/> with 0 bytes follows when it has left.
    /// </returns>
    internal bool SendEnd() => true;

    /// <summary>Tells the peer that no more is sent.</summary>
    /// <returns>False if the connection is gone.</returns>
    bool ShutdownSend();

    /// <summary>Sets an option of the socket by the numbers that the operating system knows it by.</summary>
    /// <returns>Whether the system took it.</returns>
    bool SetOption(int level, int name, int value);

    /// <summary>
    /// Disposes of it and closes the socket; with <paramref name="reset"/> the peer gets a reset (RST) instead of an end (FIN).
    /// </summary>
    void Close(bool reset);

    /// <summary>
    /// Gives the socket away as it is, open and connected: the peer is told nothing, and nothing of it is received or sent here
    /// any more. It counts as closed here. Linux.
    /// </summary>
    /// <param name="sent">How many bytes of what <see cref="SendWhenWritable"/> was to send have been taken.</param>
    /// <returns>Its descriptor, which is the caller's from here on; -1 if it cannot be given away: it stays as it is.</returns>
    internal int Detach(out int sent)
    {
        sent = 0;
        return -1;
    }

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

    /// <summary>
    /// Whether files need not wait until the socket is found writable: a small one may leave with the bytes before it, and of
    /// others <see cref="SendFile"/> is tried.
    /// </summary>
    internal bool SendsFilesAtOnce => false;

    /// <summary>
    /// Sends as <see cref="Send"/> does bytes that <see cref="SendFile"/> follows at once: they may leave together.
    /// </summary>
    internal int SendBeforeFile(ReadOnlySpan<byte> data, out SocketError error) => Send(data, out error);

    /// <summary>
    /// Sends bytes of a file now, as far as the socket takes them, as <see cref="SendFileWhenWritable"/> does later. Nothing is
    /// called back.
    /// </summary>
    /// <param name="file">A regular file, open for reading.</param>
    /// <param name="offset">Where the bytes begin.</param>
    /// <param name="count">How many there are, at least 1.</param>
    /// <param name="error">The error, such as <see cref="SocketError.WouldBlock"/>, or <see cref="SocketError.Success"/>.</param>
    /// <returns>How many were sent; 0 without an error if the file has no bytes there any more or cannot be read.</returns>
    internal int SendFile(SafeFileHandle file, long offset, long count, out SocketError error)
    {
        error = SocketError.WouldBlock;
        return 0;
    }
}

/// <summary>What a loop calls for a connected socket, on its thread.</summary>
public interface ISocketHandler
{
    /// <summary>
    /// Whether <see cref="OnReadable"/> always begins with <see cref="ILoopSocket.Receive"/>, into a buffer of at least 4 KiB,
    /// and may be called once more after another handler has switched reading off. The loop may then receive for several sockets
    /// at once before it calls the first of them. Default false.
    /// </summary>
    internal bool ReceivesAtOnce => false;

    /// <summary>There are bytes, an end or an error to be received. Called again as long as that is so.</summary>
    void OnReadable();

    /// <summary>
    /// What <see cref="ILoopSocket.SendWhenWritable"/> or <see cref="ILoopSocket.SendFileWhenWritable"/> was asked for has ended.
    /// </summary>
    /// <param name="count">How many of its bytes were taken: possibly not all. For a file 0 means, if there is no error,
    /// that it has no bytes there any more or cannot be read.</param>
    /// <param name="error">The error, or <see cref="SocketError.Success"/>.</param>
    void OnSent(int count, SocketError error);

    /// <summary>
    /// The connection is reset or closed on both sides while reading is off. Called at most once; not every loop can tell.
    /// </summary>
    void OnHangup();

    /// <summary>
    /// The connection was reset, or given up by the system, while reading is on: what had arrived before may still be received,
    /// and then the error. Not every loop tells it apart from bytes that have arrived.
    /// </summary>
    internal void OnBroken() => OnReadable();
}
