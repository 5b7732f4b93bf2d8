using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Workerman.Tests.Support;

/// <summary>An authority of the tests' own, and the certificates that it signs. Nothing of it is trusted by the system.</summary>
internal sealed class Certificates
{
    private const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    private const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    private static readonly Lazy<Certificates> Shared = new(() => new Certificates("Workerman test authority"));
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public Certificates(string name)
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(
            new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        Root = request.CreateSelfSigned(Now.AddDays(-1), Now.AddYears(1));
        Server = Sign("localhost");
        Other = Sign("other.test");
        Client = Sign("client", ClientUsage);
    }

    private Certificates(Certificates parent, string name)
    {
        var request = new CertificateRequest($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using X509Certificate2 own =
            request.Create(parent.Root, Now.AddDays(-1), Now.AddDays(300), RandomNumberGenerator.GetBytes(8));
        Root = own.CopyWithPrivateKey(_key);
        Server = Sign("localhost");
        Other = Sign("other.test");
        Client = Sign("client", ClientUsage);
    }

    /// <summary>One authority for all tests that need no other.</summary>
    public static Certificates Default => Shared.Value;

    /// <summary>The authority itself.</summary>
    public X509Certificate2 Root { get; }

    /// <summary>For <c>localhost</c> and <c>127.0.0.1</c>.</summary>
    public X509Certificate2 Server { get; }

    /// <summary>For <c>other.test</c>.</summary>
    public X509Certificate2 Other { get; }

    /// <summary>Of a client.</summary>
    public X509Certificate2 Client { get; }

    /// <summary>An authority that this one has signed.</summary>
    public Certificates Intermediate() => new(this, "Workerman test intermediate");

    public X509Certificate2 Sign(string name, string usage = ServerUsage)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        if (name == "localhost") names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        using X509Certificate2 certificate =
            request.Create(Root, Now.AddDays(-1), Now.AddDays(200), RandomNumberGenerator.GetBytes(8));
        return certificate.CopyWithPrivateKey(key);
    }

    /// <summary>Whether a chain ends at this authority, whatever the name.</summary>
    public bool Issued(X509Certificate2 certificate, X509Certificate2Collection? sent = null)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.Add(Root);
        if (sent is not null) chain.ChainPolicy.ExtraStore.AddRange(sent);
        return chain.Build(certificate);
    }

    /// <summary>The private key as PEM, encrypted if there is a password.</summary>
    public static string KeyPem(X509Certificate2 certificate, string? password = null)
    {
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        return password is null ? key.ExportPkcs8PrivateKeyPem()
            : key.ExportEncryptedPkcs8PrivateKeyPem(password,
                new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
    }
}
