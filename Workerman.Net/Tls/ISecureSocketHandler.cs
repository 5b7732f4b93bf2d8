using Workerman.Events;

namespace Workerman.Tls;

/// <summary>What a <see cref="TlsSocket"/> tells its owner beyond what any socket does, on the loop's thread.</summary>
internal interface ISecureSocketHandler : ISocketHandler
{
    /// <summary>Bytes have come from the wire, those of the handshake included.</summary>
    void OnReceived(int count);

    /// <summary>The system has taken bytes for the wire, those of the handshake included.</summary>
    void OnTaken(int count);

    /// <summary>The handshake has ended well: bytes can be sent, and received.</summary>
    void OnSecured();

    /// <summary>The handshake has failed. The alert that tells the peer has been sent, or waits.</summary>
    void OnHandshakeFailed(string reason);

    /// <summary>The peer's bytes are no records of this connection.</summary>
    void OnUndecipherable(string reason);
}
