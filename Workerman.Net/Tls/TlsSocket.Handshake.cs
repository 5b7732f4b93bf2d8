using Workerman.Events;

namespace Workerman.Tls;

/// <summary>
/// The handshake, on the loop's thread or, while the runtime checks a certificate, in part on another. It ends with
/// <see cref="ISecureSocketHandler.OnSecured"/>, or with why it has failed.
/// </summary>
internal sealed partial class TlsSocket
{
    /// <summary>Lets bytes pass as they are until <see cref="Start"/>. Before anything was received.</summary>
    public void WaitForStart() => _state = State.Clear;

    /// <summary>
    /// Begins the handshake: a client says hello, a server reads the peer's. By itself a server begins when that comes.
    /// </summary>
    /// <param name="received">What the peer has sent already, borrowed for this call.</param>
    public void Start(ReadOnlyMemory<byte> received)
    {
        _state = State.Handshake;
        Handshake(received);
    }

    void ITlsOwner.WakeHandshake() => _loop.Post(() =>
    {
        if (_disposed || _state is not (State.Handshake or State.HandshakeOffThread)) return;
        _state = State.Handshake;
        ReadEnabled = _readEnabled;
        Handshake(default);
    });

    private void Handshake(ReadOnlyMemory<byte> ciphertext)
    {
        TlsProgress progress = _filter.Handshake(ciphertext);
        // The application has the last word on a certificate, and may have ended the connection there.
        if (_disposed || _state == State.Ended) return;
        if (progress == TlsProgress.OffThread)
        {
            _state = State.HandshakeOffThread;
            ReadEnabled = _readEnabled;
            return;
        }
        bool sent = SendOwn();
        if (progress == TlsProgress.Failed)
        {
            _state = State.Ended;
            _handler.OnHandshakeFailed(_filter.Failure!);
        }
        else if (!sent)
        {
            _handler.OnReadable();
        }
        else if (progress == TlsProgress.Secured)
        {
            _state = State.Secured;
            _handler.OnSecured();
            ReceiveArrived();
        }
    }

    /// <summary>The first message often comes together with the end of the handshake.</summary>
    private void ReceiveArrived()
    {
        if (_disposed || _state != State.Secured || !_filter.HasArrived) return;
        _hasArrived = true;
        _handler.OnReadable();
        _hasArrived = false;
        TellRest();
    }
}
