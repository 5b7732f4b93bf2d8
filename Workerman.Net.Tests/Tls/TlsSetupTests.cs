using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Workerman.Hosting;
using Workerman.Tests.Support;
using Workerman.Tls;

namespace Workerman.Tests.Tls;

/// <summary>What cannot work is told at the start, with reason and cure, and no socket opens.</summary>
internal sealed class TlsSetupTests
{
    private static readonly Certificates Authority = Certificates.Default;

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void NoCertificate() => AssertRefused(_ => { }, "none is set", "Cure: set Options.Tls.CertificateFile");

    [Test]
    public void KeyWithoutCertificate() => AssertRefused(tls => tls.KeyFile = "key.pem", "no CertificateFile", "Cure: set both");

    [Test]
    public void CertificateWithoutKey() =>
        AssertRefused(tls => tls.Certificate = X509CertificateLoader.LoadCertificate(Authority.Server.RawData),
            "CN=localhost has no private key", "Cure: load it together with its key");

    [Test]
    public void MissingFile() =>
        AssertRefused(tls => tls.CertificateFile = _folder.PathOf("none.pem"), "none.pem cannot be read", "Cure: check its name");

    [Test]
    public void MissingKeyFile() => AssertRefused(tls =>
    {
        tls.CertificateFile = Pem();
        tls.KeyFile = _folder.PathOf("none.key");
    }, "the private key file", "none.key cannot be read");

    [Test]
    public void FileWithoutKey() =>
        AssertRefused(tls => tls.CertificateFile = Pem(), "holds no private key", "Cure: set KeyFile");

    [Test]
    public void KeyOfAnotherCertificate() => AssertRefused(tls =>
    {
        tls.CertificateFile = Pem();
        tls.KeyFile = _folder.Write("key.pem", Certificates.KeyPem(Authority.Other));
    }, "cannot be used", "Cure: check that the key is the certificate's");

    [Test]
    public void EncryptedKeyWithoutPassword() => AssertRefused(tls =>
    {
        tls.CertificateFile = Pem();
        tls.KeyFile = _folder.Write("key.pem", Certificates.KeyPem(Authority.Server, "secret"));
    }, "is encrypted", "Cure: set Password");

    [Test]
    public void EncryptedKeyWithAnotherPassword() => AssertRefused(tls =>
    {
        tls.CertificateFile = Pem();
        tls.KeyFile = _folder.Write("key.pem", Certificates.KeyPem(Authority.Server, "secret"));
        tls.Password = "wrong";
    }, "cannot be used", "and the Password");

    [Test]
    public void PfxWithAnotherPassword() => AssertRefused(tls =>
    {
        tls.CertificateFile = _folder.PathOf("cert.pfx");
        File.WriteAllBytes(tls.CertificateFile, Authority.Server.Export(X509ContentType.Pkcs12, "secret"));
        tls.Password = "wrong";
    }, "cannot be read", "set Password");

    [Test]
    public void PfxWithoutKey() => AssertRefused(tls =>
    {
        tls.CertificateFile = _folder.PathOf("cert.pfx");
        File.WriteAllBytes(tls.CertificateFile,
            X509CertificateLoader.LoadCertificate(Authority.Server.RawData).Export(X509ContentType.Pkcs12));
    }, "holds no private key", "Cure: export it with its key");

    [Test]
    public void FileOfSomethingElse() => AssertRefused(tls => tls.CertificateFile = _folder.Write("cert.pem", "hello"),
        "cannot be read", "Cure: check that it is a PEM or PFX file");

    [Test]
    public void SecureSchemeWithPlainTransport()
    {
        var worker = new Worker("https://127.0.0.1:0") { Transport = "tcp" };
        Assert.That(
            TestServer.Refusal(Loops.Available[0], worker),
            Is.EqualTo("Cannot listen on https://127.0.0.1:0: https:// means TLS, but Transport is tcp. "
                + "Cure: leave Transport alone, or use http:// or ws://."));
        Assert.That(worker.LocalEndPoint, Is.Null);
    }

    [TestCase("http://127.0.0.1:0", "tcp")]
    [TestCase("https://127.0.0.1:0", "ssl")]
    [TestCase("HTTPS://127.0.0.1:0", "ssl")]
    public async Task TransportIsWhatTheAddressSays(string address, string expected)
    {
        var worker = new Worker(address) { OnMessage = (connection, _) => connection.Send("ok") };
        worker.Options.Tls.Certificate = Authority.Server;
        Assert.That(worker.Transport, Is.EqualTo(expected));
        await using TestServer server = TestServer.Start(Loops.Available[0], worker);
        Assert.That(() => worker.Transport = "tcp", Throws.InvalidOperationException);
    }

    [TestCase("udp")]
    [TestCase("SSL")]
    [TestCase("")]
    public void OtherTransportIsRefused(string transport)
    {
        var worker = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0");
        Assert.That(() => worker.Transport = transport, Throws.ArgumentException.With.Message.Contains("\"ssl\" for TLS"));
        Assert.That(worker.Transport, Is.EqualTo("tcp"));
    }

    [Test]
    public void OptionsRefuseWhatMakesNoSense()
    {
        var options = new TlsOptions();
        Assert.That(() => options.HandshakeTimeout = TimeSpan.Zero, Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => options.ReloadInterval = TimeSpan.FromSeconds(-2), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => options.Protocols = SslProtocols.None, Throws.ArgumentException);
#pragma warning disable SYSLIB0039, CA5397 // It is here to be refused.
        Assert.That(() => options.Protocols = SslProtocols.Tls11 | SslProtocols.Tls12,
            Throws.ArgumentException.With.Message.Contains("Tls12"));
#pragma warning restore SYSLIB0039, CA5397
        Assert.That(options.ReloadCertificate, Throws.Nothing);
        Assert.That((options.HandshakeTimeout, options.ReloadInterval, options.Protocols),
            Is.EqualTo((TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(1), SslProtocols.Tls12 | SslProtocols.Tls13)));
    }

    /// <summary>It costs time and memory that a plain server does not owe.</summary>
    [Test]
    [Platform("Linux")]
    public void PlainServerLoadsNoCryptography()
    {
        using ServerProcess server = ServerProcess.Serve(["--port", "0"]).WaitForStart();
        using (var client = new RawClient(server.EndPoint)) client.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse();
        string maps = File.ReadAllText($"/proc/{server.Id}/maps");
        Assert.That(maps, Does.Contain("Workerman.Net.dll").And.Not.Contain("Cryptography").And.Not.Contain("System.Net.Security")
            .And.Not.Contain("libssl"));
    }

    private string Pem() => _folder.Write("cert.pem", Authority.Server.ExportCertificatePem());

    private static void AssertRefused(Action<TlsOptions> setUp, params string[] words)
    {
        var worker = new Worker("https://127.0.0.1:0");
        setUp(worker.Options.Tls);
        string refusal = TestServer.Refusal(Loops.Available[0], worker);
        Assert.That(refusal, Does.StartWith("Cannot listen on https://127.0.0.1:0: ").And.EndWith(".").And.Not.Contains("\n"));
        foreach (string word in words) Assert.That(refusal, Does.Contain(word));
        Assert.That(worker.LocalEndPoint, Is.Null);
    }
}
