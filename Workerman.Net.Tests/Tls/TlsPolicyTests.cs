using System.Net.Security;
using System.Runtime.Versioning;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.Tls;

/// <summary>Cipher suites and incomplete chains, for workers and clients.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Platform("Linux")]
[UnsupportedOSPlatform("windows")]
[UnsupportedOSPlatform("android")]
internal sealed class TlsPolicyTests(Type loopType)
{
    private static readonly CipherSuitesPolicy One =
        new([TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]);

    private static SslProtocols[] Versions => [SslProtocols.Tls12, SslProtocols.Tls13];

    private static TlsCipherSuite Expected(SslProtocols version) =>
        version == SslProtocols.Tls13
        ? TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256
        : TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;

    [Test]
    public async Task WorkerChoosesAmongItsCipherSuites([ValueSource(nameof(Versions))] SslProtocols version)
    {
        await using TestServer server = TlsServers.Raw(loopType, (connection, bytes) => connection.Send(bytes),
            worker => worker.Options.Tls.CipherSuitesPolicy = One);
        using var client = TlsClient.Connect(server.EndPoint, version);
        Assert.That(client.Stream.NegotiatedCipherSuite, Is.EqualTo(Expected(version)));
        Assert.That(client.Send("a").ReadExactly(1), Is.EqualTo("a"));
    }

    [Test]
    public void ClientOffersItsCipherSuites([ValueSource(nameof(Versions))] SslProtocols version)
    {
        using var loop = new LoopRunner(loopType);
        using var events = new EventQueue();
        using var peer = new Peer();
        Clients.Connect(loop, $"ssl://localhost:{peer.Port}", events, client =>
        {
            client.Tls.Authorities = [Certificates.Default.Root];
            client.Tls.CipherSuitesPolicy = One;
        });
        using var server = TlsPeer.Accept(peer, version);
        Assert.That(events.Next(), Is.EqualTo("connect Established"));
        Assert.That(server.Stream.NegotiatedCipherSuite, Is.EqualTo(Expected(version)));
    }

    [Test]
    public async Task ClientSendsIntermediatesAlong()
    {
        Certificates intermediate = Certificates.Default.Intermediate();
        await using TestServer server = Asking();
        using var loop = new LoopRunner(loopType);
        using var events = new EventQueue();
        Clients.Connect(loop, $"ssl://localhost:{server.EndPoint.Port}", events, client =>
        {
            client.Tls.Authorities = [Certificates.Default.Root];
            client.Tls.Certificate = intermediate.Client;
            client.Tls.Intermediates = [Bare(intermediate)];
            client.OnConnect = self => self.Send("hello");
        });
        Assert.That(events.Next(), Is.EqualTo("hello"));
    }

    [Test]
    public async Task WorkerFollowsClientsThatLeaveIntermediatesOut()
    {
        Certificates intermediate = Certificates.Default.Intermediate();
        await using TestServer server = Asking(worker => worker.Options.Tls.Intermediates = [Bare(intermediate)]);
        using var client = TlsClient.Connect(server.EndPoint, SslProtocols.Tls12, certificate: intermediate.Client);
        Assert.That(client.Send("a").ReadExactly(1), Is.EqualTo("a"));
    }

    [Test]
    public void ClientFollowsServersThatLeaveIntermediatesOut([Values] bool known)
    {
        Certificates intermediate = Certificates.Default.Intermediate();
        using var loop = new LoopRunner(loopType);
        using var events = new EventQueue();
        using var peer = new Peer();
        Clients.Connect(loop, $"ssl://localhost:{peer.Port}", events, client =>
        {
            client.Tls.Authorities = [Certificates.Default.Root];
            if (known) client.Tls.Intermediates = [Bare(intermediate)];
        });
        using var server = new TlsPeer(peer.Accept());
        try
        {
            server.Authenticate(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = SslStreamCertificateContext.Create(intermediate.Server, null, offline: true)
            });
        }
        catch (AuthenticationException) when (!known)
        {
            // The client says that it does not trust it.
        }
        Assert.That(events.Next(), known ? Is.EqualTo("connect Established") : Does.StartWith("error ConnectFail"));
    }

    private TestServer Asking(Action<Worker<ReadOnlyMemory<byte>>>? setUp = null) =>
        TlsServers.Raw(loopType, (connection, bytes) => connection.Send(bytes), worker =>
        {
            worker.Options.Tls.RequireClientCertificate = true;
            worker.Options.Tls.ClientAuthorities = [Certificates.Default.Root];
            setUp?.Invoke(worker);
        });

    /// <summary>The certificate of an authority, without its key.</summary>
    private static X509Certificate2 Bare(Certificates authority) => X509CertificateLoader.LoadCertificate(authority.Root.RawData);
}
