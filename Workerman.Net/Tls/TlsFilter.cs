using System.Buffers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Workerman.Tls;

/// <summary>How far a handshake has come.</summary>
internal enum TlsProgress
{
    /// <summary>The peer's turn.</summary>
    Waiting,

    /// <summary>It has ended well.</summary>
    Secured,

    /// <summary><see cref="TlsFilter.Failure"/> says why.</summary>
    Failed,

    /// <summary>The runtime goes on with it on another thread, and wakes the owner.</summary>
    OffThread,
}

/// <summary>Whose connection a filter is. Called from any thread.</summary>
internal interface ITlsOwner
{
    /// <summary>
    /// The handshake comes back from another thread, and is to be continued by <see cref="TlsFilter.Handshake"/>.
    /// </summary>
    void WakeHandshake();
}

/// <summary>
/// The cryptography of a <see cref="TlsSocket"/>, server or client: ciphertext in, plaintext out, and back. It drives an
/// <see cref="SslStream"/> whose wire is memory (<see cref="TlsRecords"/>), so that all of it happens within these calls, on the
/// connection's thread; it knows no socket and sends nothing. It calls back for one thing, a handshake that comes back from
/// another thread (<see cref="ITlsOwner"/>), and from any thread. One per connection; it holds no buffers while nothing is under
/// way.
/// </summary>
/// <param name="authenticate">Begins the handshake, in the role that the connection has.</param>
/// <param name="handshakeTimeout">How long the handshake may take; for the connection, which has the clock.</param>
internal sealed class TlsFilter(Func<SslStream, Task> authenticate, TimeSpan handshakeTimeout) : IDisposable
{
    private SslStream? _ssl;
    private TlsRecords? _records;
    private Task? _handshake;
    private ValueTask<int> _read;
    private int _readAt;
    private bool _reading;
    private bool _awaited;

    /// <summary>What the peer's next bytes are refused for, once those before them have been handed on.</summary>
    private IOException? _refusal;

    public TimeSpan HandshakeTimeout => handshakeTimeout;

    /// <summary>
    /// Whom to wake when a handshake that was <see cref="TlsProgress.OffThread"/> is to be continued by <see cref="Handshake"/>.
    /// </summary>
    public ITlsOwner? Owner { get; set; }

    /// <summary>Whether the handshake has ended well.</summary>
    public bool IsSecured { get; private set; }

    /// <summary>Why the handshake failed.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether the peer has said that it sends no more (close_notify, RFC 8446 section 6.1).</summary>
    public bool PeerEnded { get; private set; }

    /// <summary>Whether records have arrived that are not decrypted yet.</summary>
    public bool HasArrived => _records is { } records && (records.HasRecord || records.IsNotTls || records.IsTooLong);

    /// <summary>Whether the next <see cref="Decrypt"/> throws.</summary>
    public bool IsRefusing => _refusal is not null;

    /// <summary>The version that was agreed on.</summary>
    public SslProtocols Protocol { get; private set; }

    /// <summary>The host name that the client asked for (RFC 6066 section 3), or an empty text.</summary>
    public string ServerName { get; private set; } = "";

    /// <summary>The peer's certificate, null if it gave none.</summary>
    public X509Certificate2? RemoteCertificate =>
        field ??= IsSecured && _ssl is not null ? _ssl.RemoteCertificate as X509Certificate2 : null;

    /// <summary>The role of a client.</summary>
    /// <param name="options">What to ask for; its target host is the name that the server's certificate is checked for.</param>
    /// <param name="handshakeTimeout">How long the handshake may take.</param>
    public static TlsFilter ForClient(SslClientAuthenticationOptions options, TimeSpan handshakeTimeout) =>
        new(ssl => ssl.AuthenticateAsClientAsync(options), handshakeTimeout);

    /// <summary>Goes on with the handshake, as far as it comes with what has arrived. A client begins it with nothing.</summary>
    /// <param name="ciphertext">What has arrived, borrowed for this call.</param>
    public TlsProgress Handshake(ReadOnlyMemory<byte> ciphertext)
    {
        if (IsSecured || Failure is not null) throw new InvalidOperationException("The handshake has ended.");
        _records ??= new TlsRecords(Owner);
        _records.Add(ciphertext);
        if (JudgeNext() is { } refusal) return Refuse(refusal);
        OutsideOfContext(static filter => filter.AdvanceHandshake());
        _records.Keep();
        if (!_handshake!.IsCompleted)
            // What came behind the records that were read is judged as if it came by itself.
            return _records.IsReading && JudgeNext() is { } rest ? Refuse(rest) : WaitForHandshake();
        if (!_handshake.IsCompletedSuccessfully)
            return Refuse((_handshake.Exception!.InnerException!.GetBaseException().Message, TlsAlert.HandshakeFailure));
        IsSecured = true;
        _handshake = null;
        Protocol = _ssl!.SslProtocol;
        ServerName = _ssl.TargetHostName;
        return TlsProgress.Secured;
    }

    /// <summary>Decrypts what has arrived, and what was left over from before.</summary>
    /// <param name="ciphertext">What has arrived, borrowed for this call.</param>
    /// <param name="plaintext">Where to: the same in each call, as long as a receive and two records.</param>
    /// <returns>How many bytes there are now.</returns>
    /// <exception cref="IOException">The peer's bytes are no records of this connection. What came before them was returned
    /// earlier.</exception>
    public int Decrypt(ReadOnlyMemory<byte> ciphertext, byte[] plaintext)
    {
        TlsRecords records = _records!;
        if (_refusal is null) records.Add(ciphertext);
        int length = _refusal is null ? DecryptRecords(records, plaintext) : 0;
        if (_refusal is null && !PeerEnded && JudgeNext() is { } refusal) _refusal = new IOException(refusal.Reason);
        // What comes after the peer's end is no part of it, and what is refused is read no further.
        if (PeerEnded || _refusal is not null) records.Discard();
        else records.Keep();
        return _refusal is not null && length == 0 ? throw _refusal : length;
    }

    private int DecryptRecords(TlsRecords records, byte[] plaintext)
    {
        int length = 0;
        while (records.HasRecord && !PeerEnded)
        {
            if (_reading)
            {
                OutsideOfContext(static filter => filter._records!.Complete());
            }
            else
            {
                _readAt = length;
                _reading = true;
#pragma warning disable CA2012 // It is consumed once, in the call in which it ends.
                _read = _ssl!.ReadAsync(plaintext.AsMemory(length));
#pragma warning restore CA2012
            }
            // The record had no data, tickets or new keys perhaps: the read waits for the next one.
            if (!_read.IsCompleted) break;
            _reading = false;
            int count;
            try
            {
                count = _read.GetAwaiter().GetResult();
            }
            catch (IOException e)
            {
                _refusal = e;
                return length;
            }
            PeerEnded = count == 0;
            if (_readAt != length) plaintext.AsSpan(_readAt, count).CopyTo(plaintext.AsSpan(length));
            length += count;
        }
        return length;
    }

    /// <summary>Why what comes next is refused before it is read; null if it is not.</summary>
    private (string Reason, TlsAlert Alert)? JudgeNext()
    {
        if (_records!.IsNotTls)
            return (IsSecured ? "the peer's bytes are no TLS record" : "the peer does not speak TLS", TlsAlert.UnexpectedMessage);
        return _records.IsTooLong ? ("the peer's record is longer than TLS has any", TlsAlert.RecordOverflow) : null;
    }

    /// <summary>Encrypts bytes.</summary>
    /// <exception cref="IOException">They cannot be encrypted any more.</exception>
    public void Encrypt(ReadOnlySpan<byte> plaintext, IBufferWriter<byte> output)
    {
        _records!.Output = output;
        try
        {
            _ssl!.Write(plaintext);
        }
        finally
        {
            _records.Output = null;
        }
    }

    /// <summary>Tells the peer that no more is sent (close_notify).</summary>
    /// <exception cref="IOException">It cannot be told any more.</exception>
    public void End(IBufferWriter<byte> output)
    {
        _records!.Output = output;
        try
        {
            _ssl!.ShutdownAsync().GetAwaiter().GetResult();
        }
        finally
        {
            _records.Output = null;
        }
    }

    /// <summary>What is to be sent of the filter's own accord. Not while the handshake is elsewhere.</summary>
    public ReadOnlySpan<byte> TakeOutput() => _records is null ? default : _records.TakeOutput();

    public void Dispose()
    {
        if (_ssl is null) return;
        OutsideOfContext(static filter => filter._ssl!.Dispose());
        // Both were ended by that; a failure that nobody looks at would be reported.
        _ = _handshake?.Exception;
        if (_reading && _read.IsCompleted) _ = _read.AsTask().Exception;
        _reading = false;
        _ssl = null;
        IsSecured = false;
    }

    private void AdvanceHandshake()
    {
        if (_handshake is not null)
        {
            _records!.Complete();
            return;
        }
        _ssl = new SslStream(_records!);
        try
        {
            _handshake = authenticate(_ssl);
        }
        catch (Exception e)
        {
            _handshake = Task.FromException(e);
        }
    }

    private TlsProgress WaitForHandshake()
    {
        if (_records!.IsReading) return TlsProgress.Waiting;
        if (!_awaited)
            _ = _handshake!.ContinueWith(static (_, filter) => ((TlsFilter)filter!).Owner?.WakeHandshake(), this,
                TaskScheduler.Default);
        _awaited = true;
        return TlsProgress.OffThread;
    }

    /// <summary>
    /// RFC 8446 section 6.2: the peer is told. Once there are keys alerts are encrypted, and the runtime sends its own; what it
    /// finds out after the handshake it tells nobody, and has no way to.
    /// </summary>
    private TlsProgress Refuse((string Reason, TlsAlert Alert) refusal)
    {
        if (_records!.IsWithoutKeys) _records.WriteAlert(refusal.Alert);
        Failure = refusal.Reason;
        return TlsProgress.Failed;
    }

    /// <summary>
    /// With a context of the loop's own in place, the runtime would let its continuations run on the thread pool instead of
    /// within the call.
    /// </summary>
    private void OutsideOfContext(Action<TlsFilter> action)
    {
        SynchronizationContext? context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            action(this);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }
}
