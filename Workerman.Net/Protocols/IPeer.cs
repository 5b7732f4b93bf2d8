using System.Net;

namespace Workerman.Protocols;

/// <summary>Who is at the other end, for a protocol that wants to know. It is a connection, which protocols do not know. On its
/// loop.</summary>
internal interface IPeer
{
    /// <summary>The peer's address; null on a Unix socket, and if it is gone.</summary>
    IPEndPoint? RemoteAddress { get; }
}
