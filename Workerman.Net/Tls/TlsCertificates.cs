using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace Workerman.Tls;

/// <summary>
/// The certificates of <see cref="TlsOptions"/> in the form that handshakes use, made once: that is what lets clients resume a
/// session. Loading takes the place of the usual one, or fails and leaves it. Any thread.
/// </summary>
internal sealed class TlsCertificates(TlsOptions options)
{
    private readonly Lock _gate = new();
    private readonly ConditionalWeakTable<X509Certificate2, SslStreamCertificateContext> _selected = [];
    private volatile SslStreamCertificateContext? _usual;
    private (FileStamp Certificate, FileStamp Key) _stamp;

    /// <summary>Loads the usual certificate.</summary>
    /// <exception cref="InvalidOperationException">It cannot be used; the message says why and what to do.</exception>
    public void Load()
    {
        lock (_gate)
        {
            (FileStamp, FileStamp) stamp = Stamp();
            _usual = Read();
            _stamp = stamp;
        }
    }

    /// <summary>Loads it if its files have changed.</summary>
    /// <returns>Whether they had.</returns>
    /// <exception cref="InvalidOperationException">They cannot be used.</exception>
    public bool LoadIfChanged()
    {
        if (options.Certificate is not null || options.CertificateFile is null) return false;
        lock (_gate)
        {
            if (Stamp() == _stamp) return false;
            Load();
            return true;
        }
    }

    /// <summary>What a client that asks for a host name is shown.</summary>
    /// <exception cref="AuthenticationException">There is none for it, or the application's selector failed.</exception>
    public SslStreamCertificateContext For(string serverName)
    {
        if (Select(serverName) is not { } certificate)
            return _usual ?? throw new AuthenticationException(
                "ServerCertificateSelector has no certificate for the host name, and there is no other");
        return _selected.GetValue(certificate, selected => Make(selected, options.Intermediates));
    }

    private X509Certificate2? Select(string serverName)
    {
        try
        {
            return options.ServerCertificateSelector?.Invoke(serverName);
        }
        catch (Exception e)
        {
            throw new AuthenticationException($"ServerCertificateSelector failed with {e.GetType().Name}: {e.Message}");
        }
    }

    private SslStreamCertificateContext? Read()
    {
        if (options.Certificate is { } given) return Make(given, options.Intermediates);
        if (options.CertificateFile is { } file)
        {
            (X509Certificate2 certificate, X509Certificate2Collection chain) =
                TlsCertificateFile.Load(file, options.KeyFile, options.Password);
            if (options.Intermediates is { } more) chain.AddRange(more);
            return Make(certificate, chain);
        }
        if (options.KeyFile is not null)
            throw new InvalidOperationException("KeyFile is set, but no CertificateFile. Cure: set both");
        if (options.ServerCertificateSelector is null)
            throw new InvalidOperationException("TLS needs a certificate, and none is set. Cure: "
                + "set Options.Tls.CertificateFile (and KeyFile), Certificate, or ServerCertificateSelector");
        return null;
    }

    private static SslStreamCertificateContext Make(X509Certificate2 certificate, X509Certificate2Collection? chain)
    {
        if (!certificate.HasPrivateKey)
            throw new InvalidOperationException(
                $"the certificate {certificate.Subject} has no private key. Cure: load it together with its key");
        // Offline: a loop must not wait for a download, neither of a missing authority nor of an OCSP answer.
        return SslStreamCertificateContext.Create(certificate, chain, offline: true);
    }

    private (FileStamp Certificate, FileStamp Key) Stamp() =>
        (FileStamp.Of(options.CertificateFile), FileStamp.Of(options.KeyFile));

    /// <summary>
    /// What tells a file from the one that takes its place; links, which is what renewals replace, are followed.
    /// </summary>
    private readonly record struct FileStamp(string Path, DateTime Written, long Length)
    {
        public static FileStamp Of(string? path)
        {
            if (path is null) return default;
            try
            {
                var file = new FileInfo(path);
                if (file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target) file = target;
                return new FileStamp(file.FullName, file.LastWriteTimeUtc, file.Exists ? file.Length : -1);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
            {
                // Gone, for a moment perhaps: reading it tells.
                return new FileStamp(path, default, -1);
            }
        }
    }
}
