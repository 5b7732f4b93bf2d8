using System.Buffers;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tls;

namespace Workerman.Connection;

/// <summary>
/// Encryption: what arrives passes a <see cref="TlsFilter"/> before anything reads it, and what is sent passes it last, so that all else is the same with
/// and without. Until the handshake has ended the connection is <see cref="ConnectionStatus.Connecting"/>, and the application knows nothing of it.
/// </summary>
public partial class TcpConnection : ITlsOwner
{
    private TlsFilter? _tls;

    /// <summary>Whether the connection is encrypted (PHP: <c>$transport === 'ssl'</c>).</summary>
    public bool IsEncrypted => _tls is { IsSecured: true };

    /// <summary>The version of TLS that is spoken; none on a connection that is not encrypted.</summary>
    public SslProtocols SslProtocol => _tls?.Protocol ?? SslProtocols.None;

    /// <summary>The host name that the client asked for in its handshake (SNI), as it wrote it; an empty text for none.</summary>
    public string ServerName => _tls?.ServerName ?? "";

    /// <summary>The certificate that the peer gave and that counts; null for none. On the connection's loop, and not after <c>OnClose</c>.</summary>
    public X509Certificate2? RemoteCertificate => _tls?.RemoteCertificate;

    /// <summary>Begins the handshake of a client. On the loop, once connected; a server waits for the client's first bytes.</summary>
    /// <param name="received">What the peer has sent already, though it is not its turn.</param>
    internal void BeginHandshake(ReadOnlyMemory<byte> received = default) => Handshake(received);

    void ITlsOwner.WakeHandshake() => Loop.Post(() =>
    {
        if (Status != ConnectionStatus.Connecting) return;
        _watch.ReadEnabled = true;
        ContinueWith(default);
    });

    private void BeginTls(TlsFilter tls)
    {
        _tls = tls;
        tls.Owner = this;
        Status = ConnectionStatus.Connecting;
    }

    private void ReceiveEncrypted(int count)
    {
        ReadOnlyMemory<byte> ciphertext = Buffers.Receive.AsMemory(0, count);
        if (Status == ConnectionStatus.Connecting) ContinueWith(ciphertext);
        // Closing and ending: what still comes is read only to be thrown away.
        else if (Status == ConnectionStatus.Established) Decrypt(ciphertext);
    }

    private void ContinueWith(ReadOnlyMemory<byte> ciphertext)
    {
        Handshake(ciphertext);
        // The first message often comes together with the end of the handshake.
        if (Status == ConnectionStatus.Established) Decrypt(default);
    }

    private void Handshake(ReadOnlyMemory<byte> ciphertext)
    {
        TlsProgress progress = _tls!.Handshake(ciphertext);
        // The application has the last word on a certificate, and may have ended the connection there.
        if (Status != ConnectionStatus.Connecting) return;
        if (progress == TlsProgress.OffThread)
        {
            // What it writes there is not to be touched here, and it reads nothing.
            _watch.ReadEnabled = false;
            return;
        }
        if (progress == TlsProgress.Failed) FailHandshake(_tls.Failure!);
        else if (SendTlsOutput() && progress == TlsProgress.Secured) OnSecured();
    }

    private void OnSecured()
    {
        Status = ConnectionStatus.Established;
        _phaseSince = Loop.Now;
        _handler.OnSecured(this);
    }

    /// <summary>Ends the connection with an alert, if there is one. A client gets it whatever it still sends; of a server nothing more is waited for, its application is to know at once.</summary>
    private void FailHandshake(string reason)
    {
        ReportHandshake(reason);
        Status = IsClient ? ConnectionStatus.Closing : ConnectionStatus.Ending;
        if (!SendTlsOutput()) return;
        if (IsClient) Destroy();
        else AfterFlush();
    }

    private void ReportHandshake(string reason)
    {
        if (_tls is not null) _handler.OnHandshakeFailed(this, reason);
        else if (AwaitsProxyHeader) ReportLostProxyHeader();
    }

    /// <summary>A peer that stalls in the handshake holds a connection, and nothing else.</summary>
    private void SweepHandshake(long now)
    {
        if (AwaitsProxyHeader)
        {
            SweepProxyHeader(now);
            return;
        }
        if (_tls is null || _tls.HandshakeTimeout == Timeout.InfiniteTimeSpan || now - _phaseSince <= _tls.HandshakeTimeout.TotalMilliseconds) return;
        ReportHandshake("it took too long");
        Status = ConnectionStatus.Closing;
        Destroy();
    }

    private void Decrypt(ReadOnlyMemory<byte> ciphertext)
    {
        int length;
        try
        {
            length = _tls!.Decrypt(ciphertext, Buffers.Plaintext);
        }
        catch (IOException e)
        {
            // RFC 8446 section 5.2: what cannot be decrypted ends the connection.
            _handler.OnRejected(this, Verdict.Reject(0, e.GetBaseException().Message));
            Destroy();
            return;
        }
        if (!SendTlsOutput()) return;
        if (length > 0) OnReceived(Buffers.Plaintext, length);
        if (_tls.PeerEnded && !_peerClosed && Status != ConnectionStatus.Closed) OnPeerClosed();
    }

    /// <summary>Sends what the filter has to say of its own accord.</summary>
    /// <returns>False if the connection is gone.</returns>
    private bool SendTlsOutput()
    {
        ReadOnlySpan<byte> output = _tls!.TakeOutput();
        if (output.IsEmpty || WriteToSocket(output) != WriteOutcome.Failed) return true;
        PeerReset = true;
        TearDown();
        return false;
    }

    /// <summary>Encrypts a piece at a time into the loop's buffer: what the socket does not take is all that is kept.</summary>
    private WriteOutcome WriteEncrypted(ReadOnlySpan<byte> bytes)
    {
        WriteOutcome outcome = WriteOutcome.Sent;
        while (!bytes.IsEmpty && outcome != WriteOutcome.Failed)
        {
            ReadOnlySpan<byte> piece = bytes[..Math.Min(bytes.Length, TlsPiece.Size)];
            outcome = WriteCiphertext(piece, static (tls, piece, output) => tls.Encrypt(piece, output));
            bytes = bytes[piece.Length..];
        }
        return outcome;
    }

    private WriteOutcome WriteCiphertext(ReadOnlySpan<byte> plaintext, EncryptInto encrypt)
    {
        OutputBuffer ciphertext = Buffers.Ciphertext;
        try
        {
            encrypt(_tls!, plaintext, ciphertext);
            return WriteToSocket(ciphertext.Written);
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            return WriteOutcome.Failed;
        }
        finally
        {
            ciphertext.Clear();
        }
    }

    private delegate void EncryptInto(TlsFilter tls, ReadOnlySpan<byte> plaintext, OutputBuffer output);

    /// <summary>Before the end, once all has left: tells the peer that this is the end and no one has cut it off (RFC 8446 section 6.1).</summary>
    /// <returns>Whether that still has to leave, or the connection is gone.</returns>
    private bool SendsGoodbye()
    {
        if (Status < ConnectionStatus.Ending || _tls is not { IsSecured: true, HasEnded: false }) return false;
        if (WriteCiphertext(default, static (tls, _, output) => tls.End(output)) == WriteOutcome.Failed)
        {
            TearDown();
            return true;
        }
        return _output is not null;
    }

    /// <summary>The kernel cannot encrypt a file on its way, so it is read and encrypted piece by piece, one a turn.</summary>
    private void OrderEncryptedPiece()
    {
        TlsPiece piece = _tls!.Piece ??= new TlsPiece();
        if (piece.IsEmpty && !Fill(piece)) FileFailed();
        else _watch.SendWhenWritable(piece.Rest);
    }

    private bool Fill(TlsPiece piece)
    {
        byte[] plaintext = ArrayPool<byte>.Shared.Rent(TlsPiece.Size);
        OutputBuffer ciphertext = Buffers.Ciphertext;
        try
        {
            int length = FilePiece.Read(_file!.Handle, _file.Offset, plaintext.AsSpan(0, (int)Math.Min(_file.Remaining, TlsPiece.Size)));
            if (length == 0) return false;
            _file.Advance(length);
            _tls!.Encrypt(plaintext.AsSpan(0, length), ciphertext);
            piece.Set(ciphertext.Written);
            return true;
        }
        finally
        {
            ciphertext.Clear();
            ArrayPool<byte>.Shared.Return(plaintext);
        }
    }

    private void EncryptedPieceSent(int count)
    {
        TlsPiece piece = _tls!.Piece!;
        piece.Skip(count);
        if (!piece.IsEmpty || _file!.Remaining > 0) OrderFile();
        else EndFile();
    }
}
