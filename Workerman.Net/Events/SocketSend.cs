using System.Net.Sockets;

namespace Workerman.Events;

/// <summary>
/// One of the sends of an <see cref="IEventLoop.SendAll"/>: which bytes go to which socket, and what became of it. Lives for that
/// call, on the loop's thread.
/// </summary>
internal struct SocketSend
{
    /// <summary>Says what is to be sent.</summary>
    /// <param name="socket">The socket, watched by the loop that sends.</param>
    /// <param name="offset">Where its bytes begin among those that are given for all sends.</param>
    /// <param name="length">How many there are, at least 1.</param>
    public SocketSend(ILoopSocket socket, int offset, int length)
    {
        Socket = socket;
        Offset = offset;
        Length = length;
    }

    /// <summary>The socket.</summary>
    public ILoopSocket Socket { get; }

    /// <summary>Where its bytes begin.</summary>
    public int Offset { get; }

    /// <summary>How many bytes there are.</summary>
    public int Length { get; }

    /// <summary>How many of them the socket took; 0 for an error.</summary>
    public int Sent { get; private set; }

    /// <summary>The error, such as <see cref="SocketError.WouldBlock"/>, or <see cref="SocketError.Success"/>.</summary>
    public SocketError Error { get; private set; }

    /// <summary>Notes the outcome of a send that the loop has made.</summary>
    internal void End(int sent, SocketError error)
    {
        Sent = sent;
        Error = error;
    }

    /// <summary>Sends by a system call for this socket alone.</summary>
    internal void Send(ReadOnlySpan<byte> bytes)
    {
        Sent = Socket.Send(bytes.Slice(Offset, Length), out SocketError error);
        Error = error;
    }
}
