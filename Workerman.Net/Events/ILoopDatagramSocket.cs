using System.Net;
using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// A datagram socket that a loop watches, and the calls on it. Belongs to the loop's thread. After
/// <see cref="IDisposable.Dispose"/> the loop does not watch it and nothing is called back; the socket stays open, because other
/// loops may watch it, too.
/// </summary>
public interface ILoopDatagramSocket : IDisposable
{
    /// <summary>Whether <see cref="IDatagramHandler.OnReadable"/> is called while there is something to receive.</summary>
    bool ReadEnabled { get; set; }

    /// <summary>Receives one datagram, without waiting. What it has beyond the buffer is lost.</summary>
    /// <param name="buffer">Where to; 64 KiB hold any datagram.</param>
    /// <param name="from">Who sent it; null where there is none.</param>
    /// <param name="error">
    /// <see cref="SocketError.Success"/>, also for an empty datagram; <see cref="SocketError.WouldBlock"/> where there is none.
    /// <see cref="SocketError.ConnectionRefused"/> and <see cref="SocketError.ConnectionReset"/> say that a datagram sent before
    /// did not arrive (RFC 1122 section 4.1.3.3).
    /// </param>
    /// <returns>How many bytes.</returns>
    int Receive(Span<byte> buffer, out IPEndPoint? from, out SocketError error);

    /// <summary>Sends one datagram, whole or not at all, without waiting.</summary>
    /// <param name="data">At most 65,507 bytes.</param>
    /// <param name="to">Where to; null for the peer of a connected socket.</param>
    SocketError Send(ReadOnlySpan<byte> data, IPEndPoint? to);
}

/// <summary>What a loop calls for a datagram socket, on its thread.</summary>
public interface IDatagramHandler
{
    /// <summary>There are datagrams, or an error, to be received. Called again as long as that is so.</summary>
    void OnReadable();
}
