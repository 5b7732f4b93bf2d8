using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Workerman.Tls;

/// <summary>
/// Reads a certificate with its private key and chain from files, PEM or PFX. Keeps nothing and knows no options. Any thread.
/// </summary>
internal static class TlsCertificateFile
{
    /// <returns>The certificate with its key, and what else the file holds.</returns>
    /// <exception cref="InvalidOperationException">One line: which file, why not, and the cure.</exception>
    public static (X509Certificate2 Certificate, X509Certificate2Collection Chain) Load(string file, string? keyFile,
        string? password)
    {
        byte[] bytes = Read(file, "certificate");
        try
        {
            return bytes.AsSpan()
                .IndexOf("-----BEGIN"u8) < 0 ? LoadPfx(file, bytes, password) : LoadPem(file, bytes, keyFile, password);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
        }
    }

    private static (X509Certificate2 Certificate, X509Certificate2Collection Chain) LoadPfx(string file, byte[] bytes,
        string? password)
    {
        X509Certificate2Collection all;
        try
        {
            all = X509CertificateLoader.LoadPkcs12Collection(bytes, password);
        }
        catch (CryptographicException e)
        {
            throw new InvalidOperationException($"{file} cannot be read ({e.Message}). Cure: check that it is a PEM or PFX file, "
                + "and set Password to what it is encrypted with", e);
        }
        X509Certificate2 certificate = all.FirstOrDefault(each => each.HasPrivateKey)
            ?? throw new InvalidOperationException($"{file} holds no private key. Cure: export it with its key");
        all.Remove(certificate);
        return (certificate, all);
    }

    private static (X509Certificate2 Certificate, X509Certificate2Collection Chain) LoadPem(string file, byte[] bytes,
        string? keyFile, string? password)
    {
        string text = Encoding.UTF8.GetString(bytes);
        string key = keyFile is null ? text : Encoding.UTF8.GetString(Read(keyFile, "private key"));
        string where = keyFile ?? file;
        if (!key.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
            throw new InvalidOperationException($"{where} holds no private key. Cure: set KeyFile to the PEM file that does");
        bool encrypted = key.Contains("ENCRYPTED PRIVATE KEY-----", StringComparison.Ordinal);
        if (encrypted && password is null)
            throw new InvalidOperationException($"the private key in {where} is encrypted. Cure: set Password");
        var chain = new X509Certificate2Collection();
        X509Certificate2 certificate;
        try
        {
            certificate = encrypted
                ? X509Certificate2.CreateFromEncryptedPem(text, key, password)
                : X509Certificate2.CreateFromPem(text, key);
            chain.ImportFromPem(text);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new InvalidOperationException($"{file} and the key in {where} cannot be used ({e.Message}). Cure: "
                + "check that the key is the certificate's, that the certificate stands first in its file, and the Password", e);
        }
        chain.RemoveAt(0);
        return (Usable(certificate), chain);
    }

    /// <summary>On Windows only a key that comes from a PFX serves a handshake.</summary>
    private static X509Certificate2 Usable(X509Certificate2 certificate)
    {
        if (!OperatingSystem.IsWindows()) return certificate;
        using (certificate) return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), password: null);
    }

    private static byte[] Read(string file, string what)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InvalidOperationException(
                $"the {what} file {file} cannot be read ({e.Message}). Cure: check its name and who may read it", e);
        }
    }
}
