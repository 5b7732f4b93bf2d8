using System.Security.Authentication;
using Workerman.Tls;

namespace Workerman.Extensions.Hosting;

/// <summary>What the configuration says of <see cref="TlsOptions"/>. Belongs to its <see cref="WorkerSettings"/>.</summary>
public sealed class TlsSettings
{
    /// <inheritdoc cref="TlsOptions.CertificateFile"/>
    public string? CertificateFile { get; set; }

    /// <inheritdoc cref="TlsOptions.KeyFile"/>
    public string? KeyFile { get; set; }

    /// <inheritdoc cref="TlsOptions.Password"/>
    public string? Password { get; set; }

    /// <inheritdoc cref="TlsOptions.AllowClientCertificate"/>
    public bool? AllowClientCertificate { get; set; }

    /// <inheritdoc cref="TlsOptions.RequireClientCertificate"/>
    public bool? RequireClientCertificate { get; set; }

    /// <summary>Versions that are spoken: <c>Tls12, Tls13</c>.</summary>
    public SslProtocols? Protocols { get; set; }

    /// <inheritdoc cref="TlsOptions.HandshakeTimeout"/>
    public TimeSpan? HandshakeTimeout { get; set; }

    /// <inheritdoc cref="TlsOptions.ReloadInterval"/>
    public TimeSpan? ReloadInterval { get; set; }

    internal void ApplyTo(TlsOptions options, SettingPath path)
    {
        path.Set(CertificateFile, value => options.CertificateFile = value);
        path.Set(KeyFile, value => options.KeyFile = value);
        path.Set(Password, value => options.Password = value);
        path.Set(AllowClientCertificate, value => options.AllowClientCertificate = value);
        path.Set(RequireClientCertificate, value => options.RequireClientCertificate = value);
        path.Set(Protocols, value => options.Protocols = value);
        path.Set(HandshakeTimeout, value => options.HandshakeTimeout = value);
        path.Set(ReloadInterval, value => options.ReloadInterval = value);
    }
}
