using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Workerman.Tls;

/// <summary>
/// Settings of a client whose connection is encrypted (PHP: the <c>ssl</c> part of <c>$context_option</c>). They belong to that
/// connection and count when it connects. What cannot work is told by <c>Connect()</c>.
/// </summary>
public sealed class TlsClientOptions
{
    private SslStreamCertificateContext? _certificate;

    /// <summary>
    /// The name that the server is asked for (SNI) and that its certificate has to be made out to; null for the host of the
    /// address (PHP: <c>peer_name</c>).
    /// </summary>
    /// <exception cref="ArgumentException">It is no host name and no IP address.</exception>
    public string? ServerName
    {
        get;
        set
        {
            if (value is not null && (value.Length > 255 || Uri.CheckHostName(value) == UriHostNameType.Unknown))
                throw new ArgumentException("It is no host name; give the one in the server's certificate, "
                    + "or null for the host of the address.", nameof(value));
            field = Changed(value);
        }
    }

    /// <summary>
    /// The authorities whose certificates count (PHP: <c>cafile</c>); null for those that the system trusts. Whether a
    /// certificate was revoked is not asked: the answer would be waited for.
    /// </summary>
    public X509Certificate2Collection? Authorities { get; set => field = Changed(value); }

    /// <summary>
    /// Has the last word on the server's certificate: gets it with what is wrong with it, and says whether it counts (PHP:
    /// <c>verify_peer</c>, <c>allow_self_signed</c>). On the connection's loop, so it must not wait. Null: nothing may be wrong.
    /// One that always says yes makes the encryption worthless to everybody between here and the server.
    /// </summary>
    public RemoteCertificateValidationCallback? CertificateValidation { get; set => field = Changed(value); }

    /// <summary>
    /// The certificate, with its private key, that is shown to a server that asks for one. Takes the place of
    /// <see cref="CertificateFile"/>.
    /// </summary>
    public X509Certificate2? Certificate { get; set => field = Changed(value); }

    /// <summary>
    /// A file with that certificate (PHP: <c>local_cert</c>): PEM, in which the rest of its chain may follow, or PFX (PKCS #12).
    /// Read when it is first needed; assign it again to have it read again.
    /// </summary>
    public string? CertificateFile { get; set => field = Changed(value); }

    /// <summary>
    /// The PEM file with the private key (PHP: <c>local_pk</c>); not needed where <see cref="CertificateFile"/> has it too.
    /// </summary>
    public string? KeyFile { get; set => field = Changed(value); }

    /// <summary>
    /// Certificates of the authorities between those that sign and those that are trusted: sent along with the client's
    /// certificate, and used to follow the server's to an authority where the server leaves them out.
    /// </summary>
    public X509Certificate2Collection? Intermediates { get; set => field = Changed(value); }

    /// <summary>What the private key, or the PFX file, is encrypted with (PHP: <c>passphrase</c>).</summary>
    public string? Password { get; set => field = Changed(value); }

    /// <summary>
    /// The cipher suites that may be chosen; null for what the system allows (PHP: <c>ciphers</c>). Only where .NET uses OpenSSL
    /// 1.1.1 or later, or Apple's: not on Windows, where the system's policy counts.
    /// </summary>
    [UnsupportedOSPlatform("windows")]
    [UnsupportedOSPlatform("android")]
    public CipherSuitesPolicy? CipherSuitesPolicy { get; set => field = Changed(value); }

    /// <summary>Versions that are spoken; TLS 1.2 and 1.3.</summary>
    /// <exception cref="ArgumentException">None, or older ones, which are broken.</exception>
    public SslProtocols Protocols { get; set => field = Changed(TlsVersions.Checked(value)); } = TlsVersions.All;

    /// <summary>Whether anything of it was set.</summary>
    internal bool IsSet { get; private set; }

    /// <summary>What a handshake is made with.</summary>
    /// <param name="host">The host of the address.</param>
    /// <param name="speaksHttp">Whether the connection begins with HTTP/1.1, which the server is told (RFC 7301).</param>
    /// <exception cref="InvalidOperationException">There is no name, or no usable certificate; the message says why and what to
    /// do.</exception>
    internal SslClientAuthenticationOptions For(string host, bool speaksHttp)
    {
        string name = ServerName ?? host;
        if (name.Length == 0)
            throw new InvalidOperationException("TLS needs the name that the server's certificate is made out to, "
                + "and a Unix socket's address has none. Cure: set Tls.ServerName.");
        return new SslClientAuthenticationOptions
        {
            TargetHost = name,
            EnabledSslProtocols = Protocols,
            ApplicationProtocols = speaksHttp ? [SslApplicationProtocol.Http11] : null,
            CipherSuitesPolicy = OperatingSystem.IsWindows() || OperatingSystem.IsAndroid() ? null : CipherSuitesPolicy,
            AllowRenegotiation = false,
            // Made once: reading and following it takes far longer than the rest.
            ClientCertificateContext = _certificate ??= ReadCertificate(),
            CertificateChainPolicy = TlsChain.PolicyFor(Authorities, Intermediates),
            RemoteCertificateValidationCallback = CertificateValidation,
        };
    }

    private T Changed<T>(T value)
    {
        IsSet = true;
        _certificate = null;
        return value;
    }

    private SslStreamCertificateContext? ReadCertificate()
    {
        if (CertificateFile is null && KeyFile is not null)
            throw new InvalidOperationException("Tls.KeyFile is set, but no Tls.CertificateFile. Cure: set both.");
        try
        {
            X509Certificate2? certificate = Certificate;
            X509Certificate2Collection chain = [];
            if (certificate is null && CertificateFile is { } file)
                (certificate, chain) = TlsCertificateFile.Load(file, KeyFile, Password);
            if (certificate is null) return null;
            if (!certificate.HasPrivateKey)
                throw new InvalidOperationException(
                    $"the certificate {certificate.Subject} has no private key. Cure: load it together with its key");
            if (Intermediates is not null) chain.AddRange(Intermediates);
            return SslStreamCertificateContext.Create(certificate, chain, offline: true);
        }
        catch (Exception e) when (e is InvalidOperationException or CryptographicException)
        {
            throw new InvalidOperationException($"Tls: {e.Message}.", e);
        }
    }
}
