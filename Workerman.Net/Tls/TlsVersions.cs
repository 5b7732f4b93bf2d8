using System.Security.Authentication;

namespace Workerman.Tls;

/// <summary>Which versions of TLS are spoken here. Pure.</summary>
internal static class TlsVersions
{
    public const SslProtocols All = SslProtocols.Tls12 | SslProtocols.Tls13;

    /// <exception cref="ArgumentException">None, or older ones, which are broken.</exception>
    public static SslProtocols Checked(SslProtocols value) => (value & All) != 0 && (value | All) == All
        ? value
        : throw new ArgumentException($"{value} is not spoken here; use SslProtocols.Tls12, SslProtocols.Tls13, or both.",
            nameof(value));
}
