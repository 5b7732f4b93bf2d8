using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Workerman.Events;
using Workerman.Tests.Support;
using Workerman.Tls;

namespace Workerman.Tests.Tls;

/// <summary>
/// Certificates: where they come from, which of them is shown, those of clients, and new ones without a restart.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class CertificateTests(Type loopType)
{
    private static readonly SslProtocols[] Versions = [SslProtocols.Tls12, SslProtocols.Tls13];
    private static readonly Certificates Authority = Certificates.Default;

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public async Task PemAndPfxFilesServe(
        [Values("pem and key", "pem with key", "encrypted key", "pfx", "pfx with password")] string kind)
    {
        await using TestServer server = Start(options =>
        {
            string pem = Authority.Server.ExportCertificatePem();
            switch (kind)
            {
                case "pem and key":
                    options.CertificateFile = _folder.Write("cert.pem", pem);
                    options.KeyFile = _folder.Write("key.pem", Certificates.KeyPem(Authority.Server));
                    break;
                case "pem with key":
                    options.CertificateFile = _folder.Write("both.pem", pem + "\n" + Certificates.KeyPem(Authority.Server));
                    break;
                case "encrypted key":
                    options.CertificateFile = _folder.Write("cert.pem", pem);
                    options.KeyFile = _folder.Write("key.pem", Certificates.KeyPem(Authority.Server, "secret"));
                    options.Password = "secret";
                    break;
                default:
                    options.Password = kind == "pfx" ? null : "secret";
                    options.CertificateFile = _folder.PathOf("cert.pfx");
                    File.WriteAllBytes(options.CertificateFile,
                        Authority.Server.Export(X509ContentType.Pkcs12, options.Password));
                    break;
            }
        });
        Assert.That(Shown(server), Is.EqualTo(Authority.Server.Thumbprint));
    }

    [Test]
    public async Task ChainIsSentAlong([Values("pem", "pfx", "intermediates", "selected")] string kind)
    {
        Certificates intermediate = Authority.Intermediate();
        X509Certificate2 authority = X509CertificateLoader.LoadCertificate(intermediate.Root.RawData);
        await using TestServer server = Start(options =>
        {
            switch (kind)
            {
                case "pem":
                    options.CertificateFile = _folder.Write("chain.pem",
                        intermediate.Server.ExportCertificatePem() + "\n" + authority.ExportCertificatePem());
                    options.KeyFile = _folder.Write("key.pem", Certificates.KeyPem(intermediate.Server));
                    break;
                case "pfx":
                    options.CertificateFile = _folder.PathOf("chain.pfx");
                    File.WriteAllBytes(options.CertificateFile,
                        new X509Certificate2Collection { authority, intermediate.Server }.Export(X509ContentType.Pkcs12, "x")!);
                    options.Password = "x";
                    break;
                case "intermediates":
                    options.Certificate = intermediate.Server;
                    options.Intermediates = [authority];
                    break;
                default:
                    options.ServerCertificateSelector = _ => intermediate.Server;
                    options.Intermediates = [authority];
                    break;
            }
        });
        // The client trusts the root alone, so it can only come to it by what the server sends.
        using TlsClient client = TlsClient.Connect(server.EndPoint);
        Assert.That(((X509Certificate2)client.Stream.RemoteCertificate!).Thumbprint, Is.EqualTo(intermediate.Server.Thumbprint));
    }

    [ManualPage("faq/ssl-support.md", Different = "a callback is asked for the certificate of a name")]
    [Test]
    public async Task HostNameSelectsTheCertificate([ValueSource(nameof(Versions))] SslProtocols version)
    {
        var asked = new List<string>();
        await using TestServer server = Start(options =>
        {
            options.Certificate = Authority.Server;
            options.ServerCertificateSelector = name =>
            {
                asked.Add($"{name} {EventLoop.Current is not null}");
                return name == "other.test" ? Authority.Other : null;
            };
        });
        Assert.That(Shown(server, version, "other.test"), Is.EqualTo(Authority.Other.Thumbprint));
        Assert.That(Shown(server, version), Is.EqualTo(Authority.Server.Thumbprint));
        Assert.That(asked, Is.EqualTo((string[])["other.test True", "localhost True"]));
    }

    /// <summary>
    /// Of the encrypted records of a TLS 1.2 handshake one in 256 begins with the byte that stands for a client's hello.
    /// </summary>
    [Test]
    public async Task SelectorIsAskedOncePerHandshake()
    {
        int asked = 0;
        await using TestServer server = Start(options => options.ServerCertificateSelector = _ =>
        {
            asked++;
            return Authority.Server;
        });
        for (int i = 1; i <= 500; i++)
        {
            Shown(server, SslProtocols.Tls12);
            Assert.That(asked, Is.EqualTo(i));
        }
    }

    [TestCase(false, "no certificate for the host name")]
    [TestCase(true, "failed with FormatException: oops")]
    public async Task SelectorThatHasNoneOrThrowsFailsThatHandshake(bool throws, string reason)
    {
        await using TestServer server = Start(options => options.ServerCertificateSelector = name =>
            name == "localhost" ? Authority.Server : throws ? throw new FormatException("oops") : null);
        Assert.That(() => Shown(server, SslProtocols.None, "who.test"),
            Throws.InstanceOf<IOException>().Or.InstanceOf<AuthenticationException>());
        await Wait.Until(() => server.Log.Text.Contains(reason, StringComparison.Ordinal), reason);
        Assert.That(Shown(server), Is.EqualTo(Authority.Server.Thumbprint));
    }

    [Test]
    public async Task ClientCertificateIsTakenWhereItIsAllowedAndNeededWhereItIsRequired(
        [ValueSource(nameof(Versions))] SslProtocols version, [Values] bool required)
    {
        await using TestServer server = Start(options =>
        {
            options.Certificate = Authority.Server;
            options.ClientAuthorities = [Authority.Root];
            options.RequireClientCertificate = required;
            options.AllowClientCertificate = !required;
        });
        Assert.That(Answer(server, version, Authority.Client), Is.EqualTo("CN=client"));
        if (required) await AssertRefused(server, version, null);
        else Assert.That(Answer(server, version, null), Is.EqualTo("none"));
        // Right name, wrong authority; and right authority, but not meant for clients.
        X509Certificate2 stranger = new Certificates("stranger").Client;
        await AssertRefused(server, version, stranger);
        await AssertRefused(server, version, Authority.Other);
        Assert.That(Answer(server, version, Authority.Client), Is.EqualTo("CN=client"));
    }

    [Test]
    public async Task ValidationHasTheLastWord([ValueSource(nameof(Versions))] SslProtocols version)
    {
        X509Certificate2 stranger = new Certificates("stranger").Client;
        await using TestServer server = Start(options =>
        {
            options.Certificate = Authority.Server;
            options.RequireClientCertificate = true;
            options.ClientCertificateValidation = (_, certificate, _, errors) =>
                errors == SslPolicyErrors.RemoteCertificateChainErrors
                && ((X509Certificate2)certificate!).Thumbprint == stranger.Thumbprint;
        });
        Assert.That(Answer(server, version, stranger), Is.EqualTo("CN=client"));
        await AssertRefused(server, version, Authority.Client);
        await AssertRefused(server, version, null);
    }

    [Test]
    public async Task ReloadedCertificateIsForNewHandshakesAndOpenConnectionsLiveOn()
    {
        TlsOptions tls = null!;
        await using TestServer server = Start(options =>
        {
            tls = options;
            WriteFiles(options, Authority.Server);
        });
        using TlsClient open = TlsClient.Connect(server.EndPoint);
        X509Certificate2 renewed = Authority.Sign("localhost");
        WriteFiles(tls, renewed);
        Assert.That(Shown(server), Is.EqualTo(Authority.Server.Thumbprint), "not yet");
        tls.ReloadCertificate();
        Assert.That(Shown(server), Is.EqualTo(renewed.Thumbprint));
        Assert.That(open.Send("who").ReadExactly(4), Is.EqualTo("none"));
        // A certificate that is not usable is refused, and the present one stays.
        _folder.Write("key.pem", Certificates.KeyPem(Authority.Other));
        Assert.That(tls.ReloadCertificate,
            Throws.InvalidOperationException.With.Message.Contains("check that the key is the certificate's"));
        Assert.That(Shown(server), Is.EqualTo(renewed.Thumbprint));
    }

    [Test]
    public async Task ChangedFilesAreFoundAndTakenOver()
    {
        TlsOptions tls = null!;
        await using TestServer server = Start(options =>
        {
            tls = options;
            options.ReloadInterval = TimeSpan.FromMilliseconds(1);
            WriteFiles(options, Authority.Server);
        });
        _folder.Write("cert.pem", "nonsense", DateTime.UtcNow);
        await Wait.Until(() => server.Log.Text.Contains("goes on with its old certificate: ", StringComparison.Ordinal),
            "the failure in the log");
        Assert.That(Shown(server), Is.EqualTo(Authority.Server.Thumbprint));
        X509Certificate2 renewed = Authority.Sign("localhost");
        WriteFiles(tls, renewed);
        await Wait.Until(() => server.Log.Text.Contains("uses the certificate that its files hold now", StringComparison.Ordinal),
            "the new certificate");
        Assert.That(Shown(server), Is.EqualTo(renewed.Thumbprint));
    }

    [Test]
    public async Task FilesBehindLinksAreFollowed()
    {
        string first =
            _folder.Write("1/cert.pem", Authority.Server.ExportCertificatePem() + "\n" + Certificates.KeyPem(Authority.Server));
        X509Certificate2 renewed = Authority.Sign("localhost");
        string second = _folder.Write("2/cert.pem", renewed.ExportCertificatePem() + "\n" + Certificates.KeyPem(renewed));
        string link = _folder.PathOf("live.pem");
        File.CreateSymbolicLink(link, first);
        await using TestServer server = Start(options =>
        {
            options.ReloadInterval = TimeSpan.FromMilliseconds(1);
            options.CertificateFile = link;
        });
        Assert.That(Shown(server), Is.EqualTo(Authority.Server.Thumbprint));
        File.Delete(link);
        File.CreateSymbolicLink(link, second);
        await Wait.Until(() => Shown(server) == renewed.Thumbprint, "the new certificate");
    }

    private void WriteFiles(TlsOptions options, X509Certificate2 certificate)
    {
        options.CertificateFile = _folder.Write("cert.pem", certificate.ExportCertificatePem(), DateTime.UtcNow);
        options.KeyFile = _folder.Write("key.pem", Certificates.KeyPem(certificate), DateTime.UtcNow);
    }

    /// <summary>A worker that tells who its client is.</summary>
    private TestServer Start(Action<TlsOptions> setUp)
    {
        var worker = new Worker<ReadOnlyMemory<byte>>("tcp://127.0.0.1:0")
        {
            Name = "test",
            Transport = "ssl",
            OnMessage = (connection, _) => connection.Send(connection.RemoteCertificate?.Subject ?? "none")
        };
        setUp(worker.Options.Tls);
        return TestServer.Start(loopType, worker);
    }

    /// <summary>The thumbprint of the certificate that a new client is shown, which is valid.</summary>
    private static string Shown(TestServer server, SslProtocols version = SslProtocols.None, string host = "localhost")
    {
        using TlsClient client = TlsClient.Connect(server.EndPoint, version, host: host);
        return ((X509Certificate2)client.Stream.RemoteCertificate!).Thumbprint;
    }

    private static string Answer(TestServer server, SslProtocols version, X509Certificate2? certificate)
    {
        using TlsClient client = TlsClient.Connect(server.EndPoint, version, certificate: certificate);
        return client.Send("who").Receive() == 0 ? "closed" : client.ReadExactly(certificate is null ? 4 : 9);
    }

    /// <summary>
    /// The client's own handshake may have ended by then; what it hears, an alert or only the end, is the runtime's business.
    /// </summary>
    private static async Task AssertRefused(TestServer server, SslProtocols version, X509Certificate2? certificate)
    {
        int before = server.Log.Lines.Count(IsFailure);
        try
        {
            Assert.That(Answer(server, version, certificate), Is.EqualTo("closed"));
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // An alert.
        }
        await Wait.Until(() => server.Log.Lines.Count(IsFailure) == before + 1, "a line in the log");
    }

    private static bool IsFailure(string line) => line.Contains("handshake", StringComparison.Ordinal);
}
