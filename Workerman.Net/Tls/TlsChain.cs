using System.Security.Cryptography.X509Certificates;

namespace Workerman.Tls;

/// <summary>How a peer's certificate is followed to an authority. Pure.</summary>
internal static class TlsChain
{
    /// <param name="authorities">Who is trusted; null for those that the system trusts.</param>
    /// <param name="intermediates">Certificates between an authority and the peer's, for a peer that does not send them; null for
    /// none. They are not trusted.</param>
    public static X509ChainPolicy PolicyFor(X509Certificate2Collection? authorities, X509Certificate2Collection? intermediates)
    {
        // Nothing that a loop would have to wait for.
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (intermediates is not null) policy.ExtraStore.AddRange(intermediates);
        if (authorities is null) return policy;
        policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        policy.CustomTrustStore.AddRange(authorities);
        policy.ExtraStore.AddRange(authorities);
        return policy;
    }
}
