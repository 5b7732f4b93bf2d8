using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Workerman.Tls;

/// <summary>
/// Settings of a worker whose connections are encrypted (PHP: the <c>ssl</c> part of <c>$context</c>). They count when it begins
/// to listen, for all its loops, those of the certificate again with <see cref="ReloadCertificate"/>. What cannot work is told
/// then, before a socket opens.
/// </summary>
public sealed class TlsOptions
{
    /// <summary>The certificate with its private key. Takes the place of <see cref="CertificateFile"/>.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>
    /// A file with the certificate (PHP: <c>local_cert</c>): PEM, in which the rest of its chain may follow, or PFX (PKCS #12).
    /// </summary>
    public string? CertificateFile { get; set; }

    /// <summary>
    /// The PEM file with the private key (PHP: <c>local_pk</c>); not needed where <see cref="CertificateFile"/> has it too.
    /// </summary>
    public string? KeyFile { get; set; }

    /// <summary>What the private key, or the PFX file, is encrypted with (PHP: <c>passphrase</c>).</summary>
    public string? Password { get; set; }

    /// <summary>
    /// Certificates of the authorities between those that sign and those that clients trust. They are sent along with every
    /// certificate, also a selected one, that they belong to. With them the certificates of clients are followed to an authority
    /// too.
    /// </summary>
    public X509Certificate2Collection? Intermediates { get; set; }

    /// <summary>
    /// Chooses the certificate for the host name that a client asks for (SNI; PHP: <c>SNI_server_certs</c>): an empty text if it
    /// names none. Null as an answer means the usual certificate, or a failed handshake without one. Called for each handshake,
    /// on the connection's loop, so it must not wait; give the same object for the same name, because what is made of it is kept
    /// with it.
    /// </summary>
    public Func<string, X509Certificate2?>? ServerCertificateSelector { get; set; }

    /// <summary>Whether clients are asked for a certificate, which they may leave out. One that is given must be valid.</summary>
    public bool AllowClientCertificate { get; set; }

    /// <summary>Whether clients must give a valid certificate (PHP: <c>verify_peer</c>).</summary>
    public bool RequireClientCertificate { get; set; }

    /// <summary>
    /// The authorities whose client certificates are valid (PHP: <c>cafile</c>); null for those that the system trusts. Whether a
    /// certificate was revoked is not asked: the answer would be waited for.
    /// </summary>
    public X509Certificate2Collection? ClientAuthorities { get; set; }

    /// <summary>
    /// Has the last word on a client's certificate: gets it with what is wrong with it, and says whether it counts (PHP:
    /// <c>allow_self_signed</c> and the like). Not called for a client without one. On the connection's loop, so it must not
    /// wait. Null: nothing may be wrong.
    /// </summary>
    public RemoteCertificateValidationCallback? ClientCertificateValidation { get; set; }

    /// <summary>
    /// The cipher suites that may be chosen; null for what the system allows (PHP: <c>ciphers</c>). Only where .NET uses OpenSSL
    /// 1.1.1 or later, or Apple's: not on Windows, where the system's policy counts.
    /// </summary>
    [UnsupportedOSPlatform("windows")]
    [UnsupportedOSPlatform("android")]
    public CipherSuitesPolicy? CipherSuitesPolicy { get; set; }

    /// <summary>Versions that are spoken; TLS 1.2 and 1.3.</summary>
    /// <exception cref="ArgumentException">None, or older ones, which are broken.</exception>
    public SslProtocols Protocols { get; set => field = TlsVersions.Checked(value); } = TlsVersions.All;

    /// <summary>
    /// How long a client may take from the connection to the end of the handshake; 10 seconds,
    /// <see cref="Timeout.InfiniteTimeSpan"/> for ever. Beyond: the connection is closed. Checked about once a second.
    /// </summary>
    public TimeSpan HandshakeTimeout { get; set => field = PositiveOrInfinite(value); } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How often the files of the certificate are looked at; 1 minute, <see cref="Timeout.InfiniteTimeSpan"/> for never. When
    /// they have changed, new handshakes use what they hold, and a line in the log says so; open connections live on. Checked
    /// about once a second.
    /// </summary>
    public TimeSpan ReloadInterval { get; set => field = PositiveOrInfinite(value); } = TimeSpan.FromMinutes(1);

    /// <summary>What handshakes use, once a worker listens with these options.</summary>
    internal TlsCertificates? Certificates { get; private set; }

    /// <summary>
    /// Takes the certificate from the files, or from <see cref="Certificate"/>, again. New handshakes use it; open connections
    /// live on. Any thread; it reads the files before it returns. Before a worker listens it does nothing.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no usable certificate; the message says why. The present one
    /// stays.</exception>
    public void ReloadCertificate() => Certificates?.Load();

    /// <summary>Loads the certificate for the first worker that listens with these options; others share it.</summary>
    /// <exception cref="InvalidOperationException">There is no usable certificate; the message says why and what to
    /// do.</exception>
    internal TlsCertificates Open()
    {
        if (Certificates is not null) return Certificates;
        var certificates = new TlsCertificates(this);
        certificates.Load();
        return Certificates = certificates;
    }

    private static TimeSpan PositiveOrInfinite(TimeSpan value)
    {
        if (value != Timeout.InfiniteTimeSpan) ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
        return value;
    }
}
