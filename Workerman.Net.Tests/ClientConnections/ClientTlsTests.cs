using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Workerman.Connection;
using Workerman.Tests.Support;

namespace Workerman.Tests.ClientConnections;

/// <summary>
/// Encrypted client connections against .NET's own <see cref="SslStream"/>: the handshake, what is sent on the way, whom they
/// trust, and each way to fail.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Parallelizable]
internal sealed class ClientTlsTests(Type loopType)
{
    private LoopRunner _loop = null!;
    private EventQueue _events = null!;
    private Peer _peer = null!;

    private static SslProtocols[] Versions => [SslProtocols.Tls12, SslProtocols.Tls13];

    private static Fragmentation[] Cuts => Fragmentation.All;

    private string Address => $"ssl://localhost:{_peer.Port}";

    [SetUp]
    public void SetUp()
    {
        _events = new EventQueue();
        _peer = new Peer();
        _loop = new LoopRunner(loopType);
    }

    [TearDown]
    public void TearDown()
    {
        _loop.Dispose();
        Assert.That(_loop.Errors, Is.Empty);
        _events.Dispose();
        _peer.Dispose();
    }

    [Test]
    public void TalksOverTls([ValueSource(nameof(Versions))] SslProtocols version, [ValueSource(nameof(Cuts))] Fragmentation cut)
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            Connect(connection => Assert.That(connection.Send("early"), Is.EqualTo(SendResult.Queued)));
        using var server = TlsPeer.Accept(_peer, version, cut);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Assert.That((connection.IsEncrypted, connection.SslProtocol, connection.ServerName),
            Is.EqualTo((true, version, "localhost")));
        Assert.That(server.ReadExactly(5), Is.EqualTo("early"));
        server.Send("hello");
        Assert.That(ReadFromServer(5), Is.EqualTo("hello"));
        connection.Close("bye");
        Assert.That(server.ReadToEnd(), Is.EqualTo("bye"), "with a close_notify, or reading would fail");
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void WhatIsSentDuringTheHandshakeLeavesInOrderAfterIt()
    {
        byte[] large = new byte[300_000];
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            Connect(connection => connection.OnBufferDrain = _ => _events.Add("drain"));
        using RawClient accepted = _peer.Accept();
        Assert.That(accepted.Socket.Poll(Wait.Limit, SelectMode.SelectRead), "the client's hello");
        _loop.Do(() =>
        {
            Assert.That((connection.Status, connection.Send("a")), Is.EqualTo((ConnectionStatus.Connecting, SendResult.Queued)));
            Assert.That(connection.Send(large), Is.EqualTo(SendResult.Queued));
            Assert.That((connection.SendBufferQueueSize, connection.BufferIsEmpty), Is.EqualTo((300_001L, false)));
        });
        using var server = new TlsPeer(accepted)
            .Authenticate(new SslServerAuthenticationOptions { ServerCertificate = Certificates.Default.Server });
        Assert.That(server.ReadExactly(300_001)[..2], Is.EqualTo("a\0"));
        Assert.That((_events.Next(), _events.Next()), Is.EqualTo(("connect Established", "drain")));
    }

    [Test]
    public void FullBufferDuringTheHandshakeIsTold()
    {
        Connect(connection =>
        {
            connection.MaxSendBufferSize = 10;
            connection.OnBufferFull = _ => _events.Add("full");
            connection.OnError = (_, error, _) => _events.Add($"{error}");
        });
        using RawClient accepted = _peer.Accept();
        Assert.That(accepted.Socket.Poll(Wait.Limit, SelectMode.SelectRead), "the client's hello");
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = _last!;
        Assert.That(_loop.Ask(() => (connection.Send("0123456789"), connection.Send("x"))),
            Is.EqualTo((SendResult.Queued, SendResult.Dropped)));
        Assert.That((_events.Next(), _events.Next()), Is.EqualTo(("full", "SendFail")));
    }

    [Test]
    public void LargeMessagesPassBothWays()
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Connect(connection =>
        {
            connection.MaxSendBufferSize = 10_000_000;
            connection.OnMessage = (connection, bytes) => connection.Send(bytes);
        });
        using var server = TlsPeer.Accept(_peer);
        byte[] sent = new byte[3_000_000];
        new Random(1).NextBytes(sent);
        byte[] echoed = new byte[sent.Length];
        var reading = Task.Run(() => server.Stream.ReadExactly(echoed));
        server.Stream.Write(sent);
        Wait.For(reading);
        Assert.That(echoed, Is.EqualTo(sent));
        Assert.That(connection.BytesWritten, Is.GreaterThan(sent.Length));
    }

    [Test]
    public void CertificateOfAnUnknownAuthorityIsRefused([ValueSource(nameof(Versions))] SslProtocols version)
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Connect(connection => connection.Tls.Authorities = null);
        using var server = new TlsPeer(_peer.Accept());
        AcceptInVain(server, version);
        Assert.That(_events.Next(), Does.Match(@"^error ConnectFail \w+ connect ssl://localhost:\d+ failed: TLS: .*certificate"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        Assert.That(connection.IsEncrypted, Is.False);
    }

    [Test]
    public void CertificateHasToBeMadeOutToTheHost()
    {
        Connect(connection => connection.Tls.ServerName = "other.test");
        using (var server = new TlsPeer(_peer.Accept())) AcceptInVain(server, SslProtocols.Tls13);
        Assert.That(_events.Next(), Does.StartWith("error ConnectFail").And.Contain("RemoteCertificateNameMismatch"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        Connect(connection => connection.Tls.ServerName = "localhost", $"ssl://127.0.0.1:{_peer.Port}");
        using (TlsPeer.Accept(_peer)) Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        // The address's own name may be an IP address, which the certificate has too.
        Connect(address: $"ssl://127.0.0.1:{_peer.Port}");
        using (TlsPeer.Accept(_peer)) Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void ApplicationHasTheLastWordOnTheCertificate()
    {
        SslPolicyErrors wrong = default;
        Connect(connection =>
        {
            connection.Tls.Authorities = null;
            connection.Tls.ServerName = "other.test";
            connection.Tls.CertificateValidation = (_, certificate, _, errors) =>
            {
                wrong = errors;
                return certificate?.GetCertHashString() == Certificates.Default.Server.Thumbprint;
            };
        });
        using var server = TlsPeer.Accept(_peer);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Assert.That(wrong,
            Is.EqualTo(SslPolicyErrors.RemoteCertificateNameMismatch | SslPolicyErrors.RemoteCertificateChainErrors));
    }

    /// <summary>The callback runs within the handshake, which must not go on behind the end.</summary>
    [Test]
    public void EndedInItsValidationItStaysEnded([Values("Close", "Close with words", "End", "Destroy", "Reconnect")] string how,
        [Values] bool accepts)
    {
        int calls = 0;
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Connect(connection =>
        {
            connection.LingerTimeout = TimeSpan.FromMilliseconds(1);
            connection.Tls.CertificateValidation = (_, certificate, _, _) =>
            {
                if (calls++ > 0) return certificate is not null;
                if (how == "Close") connection.Close();
                else if (how == "Close with words") connection.Close("words");
                else if (how == "End") connection.End();
                else if (how == "Destroy") connection.Destroy();
                else connection.Reconnect();
                return accepts;
            };
        });
        using (var server = new TlsPeer(_peer.Accept())) AcceptInVain(server, SslProtocols.Tls13);
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        if (how != "Reconnect")
        {
            Assert.That((_events.Count, connection.Status), Is.EqualTo((0, ConnectionStatus.Closed)));
            return;
        }
        using var second = TlsPeer.Accept(_peer);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void FailureIsToldAtOnceHoweverMuchTheServerHasSent()
    {
        Connect(connection => connection.LingerTimeout = TimeSpan.FromMinutes(1));
        using RawClient server = _peer.Accept();
        server.ReadExactly(100);
        server.Send(new string('x', 200_000));
        Assert.That(_events.Next(), Does.StartWith("error ConnectFail").And.Contain("does not speak TLS"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void AuthoritiesCountWhenItConnects()
    {
        var authorities = new X509Certificate2Collection();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Connect(connection => connection.Tls.Authorities = authorities);
        using (var server = new TlsPeer(_peer.Accept())) AcceptInVain(server, SslProtocols.Tls13);
        Assert.That(_events.Next(), Does.StartWith("error ConnectFail"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        authorities.Add(Certificates.Default.Root);
        connection.Reconnect();
        using var second = TlsPeer.Accept(_peer);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
    }

    [Test]
    public void ValidationThatThrowsIsANo()
    {
        Connect(connection => connection.Tls.CertificateValidation = (_, _, _, _) =>
            throw new InvalidOperationException("what now"));
        using var server = new TlsPeer(_peer.Accept());
        AcceptInVain(server, SslProtocols.Tls13);
        Assert.That(_events.Next(), Does.StartWith("error ConnectFail").And.Contain("what now"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void ShowsItsCertificateToAServerThatAsks([ValueSource(nameof(Versions))] SslProtocols version, [Values] bool fromFile)
    {
        using var folder = new TemporaryFolder();
        Connect(connection =>
        {
            X509Certificate2 certificate = Certificates.Default.Client;
            if (!fromFile)
            {
                connection.Tls.Certificate = certificate;
                return;
            }
            connection.Tls.CertificateFile = folder.Write("client.pem", certificate.ExportCertificatePem());
            connection.Tls.KeyFile = folder.Write("client.key", Certificates.KeyPem(certificate, "secret"));
            connection.Tls.Password = "secret";
        });
        using TlsPeer server = new TlsPeer(_peer.Accept()).Authenticate(TlsPeer.AskingForACertificate(version));
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Assert.That(server.Stream.RemoteCertificate!.Subject, Is.EqualTo("CN=client"));
    }

    [Test]
    public void SilentServerIsGivenUpInTime()
    {
        // Long enough for a busy machine to connect in: nothing else runs meanwhile.
        Connect(connection => connection.ConnectTimeout = TimeSpan.FromMilliseconds(300));
        using RawClient server = _peer.Accept();
        Assert.That(_events.Next(), Does.StartWith("error ConnectFail").And.Contain("it took too long"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        Assert.That(server.ReadToEnd(), Is.Not.Empty, "the hello, and then an end");
    }

    [TestCase("HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS")]
    [TestCase("\u0016\u0003\u0003\0\0", "does not speak TLS")]
    [TestCase("", "ended during the handshake")]
    [TestCase("\u0016\u0003\u0003\0\u0005", "ended during the handshake")]
    public void ServerThatSpeaksSomethingElseIsAnError(string words, string reason)
    {
        Connect();
        using (RawClient server = _peer.Accept())
        {
            server.ReadExactly(100);
            server.Send(words);
            server.Socket.Shutdown(SocketShutdown.Send);
            Assert.That(_events.Next(), Does.StartWith("error ConnectFail").And.Contain(reason));
        }
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void ResetDuringTheHandshakeIsAnError()
    {
        Connect();
        using (RawClient server = _peer.Accept())
        {
            server.ReadExactly(100);
            server.Socket.LingerState = new LingerOption(true, 0);
        }
        Assert.That(_events.Next(), Does.StartWith("error ConnectFail").And.Contain("TLS:"));
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
    }

    [Test]
    public void ClosedDuringTheHandshakeItOnlyCloses([Values("Close", "Close with words", "End", "Destroy")] string how)
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection =
            Connect(connection => connection.LingerTimeout = TimeSpan.FromMilliseconds(1));
        using RawClient server = _peer.Accept();
        server.ReadExactly(100);
        _loop.Do(() =>
        {
            if (how == "Close") connection.Close();
            else if (how == "Close with words") connection.Close("words");
            else if (how == "End") connection.End();
            else connection.Destroy();
        });
        Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        server.ReadToEnd();
        Assert.That(_events.Count, Is.Zero);
    }

    [Test]
    public void ConnectsAgain([Values("after its end", "during the handshake", "while open")] string when)
    {
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Connect();
        using (RawClient accepted = _peer.Accept())
        {
            if (when == "during the handshake")
            {
                accepted.ReadExactly(100);
                connection.Reconnect();
            }
            else
            {
                using TlsPeer first = new TlsPeer(accepted)
                    .Authenticate(new SslServerAuthenticationOptions { ServerCertificate = Certificates.Default.Server });
                Assert.That(_events.Next(), Is.EqualTo("connect Established"));
                if (when == "while open") connection.Reconnect();
            }
            Assert.That(_events.Next(), Is.EqualTo("close Closed"));
        }
        if (when == "after its end") connection.Reconnect(0.001);
        using var second = TlsPeer.Accept(_peer);
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        Assert.That(connection.IsEncrypted);
        second.Send("again");
        Assert.That(ReadFromServer(5), Is.EqualTo("again"));
    }

    [Test]
    public void AwaitTellsOfSuccessAndFailure([Values] bool trusts)
    {
        Task connected = _loop.Ask(() =>
        {
            var connection = new AsyncTcpConnection<ReadOnlyMemory<byte>>(Address);
            if (trusts) connection.Tls.Authorities = [Certificates.Default.Root];
            return connection.ConnectAsync();
        });
        using var server = new TlsPeer(_peer.Accept());
        if (trusts)
        {
            server.Authenticate(new SslServerAuthenticationOptions { ServerCertificate = Certificates.Default.Server });
            Wait.For(connected);
        }
        else
        {
            AcceptInVain(server, SslProtocols.Tls13);
            Assert.That(() => Wait.For(connected), Throws.InstanceOf<AuthenticationException>().With.Message.Contains("TLS: "));
        }
    }

    [Test]
    public void GoesThroughAProxy()
    {
        Connect(connection => connection.ProxyHttp = $"{_peer.EndPoint}", "ssl://localhost:4433");
        using RawClient proxy = _peer.Accept();
        Assert.That(proxy.ReadUntil("\r\n\r\n"), Does.StartWith("CONNECT localhost:4433 HTTP/1.1"));
        proxy.Send("HTTP/1.1 200 OK\r\n\r\n");
        using var server = new TlsPeer(proxy)
            .Authenticate(new SslServerAuthenticationOptions { ServerCertificate = Certificates.Default.Server });
        Assert.That(_events.Next(), Is.EqualTo("connect Established"));
        server.Send("through");
        Assert.That(ReadFromServer(7), Is.EqualTo("through"));
    }

    [Test]
    public void PipedIntoItLeavesEncrypted()
    {
        using var front = new Peer();
        AsyncTcpConnection<ReadOnlyMemory<byte>> connection = Connect(connection =>
        {
            var source = new AsyncTcpConnection<ReadOnlyMemory<byte>>(front.Address);
            source.Pipe(connection);
            connection.Pipe(source);
            source.Connect();
        });
        using RawClient near = front.Accept();
        near.Send("before the handshake");
        using var server = TlsPeer.Accept(_peer);
        Assert.That(server.ReadExactly(20), Is.EqualTo("before the handshake"));
        server.Send("and back");
        Assert.That(near.ReadExactly(8), Is.EqualTo("and back"));
        near.Socket.Shutdown(SocketShutdown.Send);
        Assert.That(server.ReadToEnd(), Is.Empty);
        Assert.That(connection.IsEncrypted);
    }

    [Test]
    public void TransportMakesAnyProtocolAnEncryptedOne()
    {
        _loop.Do(() =>
        {
            var connection = new AsyncTcpConnection<string>($"text://localhost:{_peer.Port}")
            {
                Transport = "ssl",
                OnMessage = (connection, line) => connection.Send($"[{line}]")
            };
            connection.Tls.Authorities = [Certificates.Default.Root];
            connection.Connect();
        });
        using var server = TlsPeer.Accept(_peer);
        server.Send("one\ntwo\n");
        Assert.That(server.ReadExactly(12), Is.EqualTo("[one]\n[two]\n"));
    }

    [Test]
    public void WhatCannotWorkIsToldByConnect()
    {
        var connection = new AsyncTcpConnection<ReadOnlyMemory<byte>>("ssl://a.test:1");
        Assert.That(connection.Transport, Is.EqualTo("ssl"));
        Assert.That(() => connection.Transport = "tcp", Throws.ArgumentException.With.Message.Contain("tcp://"));
        Assert.That(() => connection.Transport = "udp", Throws.ArgumentException.With.Message.Contain("\"ssl\""));
        Assert.That(() => connection.Tls.Protocols = SslProtocols.None, Throws.ArgumentException);
        _loop.Do(() =>
        {
            connection.Tls.CertificateFile = "/nowhere/a.pem";
            Assert.That(connection.Connect,
                Throws.InvalidOperationException.With.Message.Contain("/nowhere/a.pem").And.Message.Contain("Cure: "));
            connection.Tls.CertificateFile = null;
            connection.Tls.Certificate = X509CertificateLoader.LoadCertificate(Certificates.Default.Client.RawData);
            Assert.That(connection.Connect, Throws.InvalidOperationException.With.Message.Contain("no private key"));
            var unix = new AsyncTcpConnection<ReadOnlyMemory<byte>>("unix:///tmp/none.sock") { Transport = "ssl" };
            Assert.That(unix.Connect, Throws.InvalidOperationException.With.Message.Contain("Tls.ServerName"));
            Assert.That(() => new AsyncTcpConnection<string>("https://a.test"), Throws.ArgumentException);
            connection.Tls.Certificate = null;
            connection.Tls.KeyFile = "a.key";
            Assert.That(connection.Connect, Throws.InvalidOperationException.With.Message.Contain("no Tls.CertificateFile"));
            foreach (string name in new[] { "", "a b", new string('a', 300) })
                Assert.That(() => connection.Tls.ServerName = name,
                    Throws.ArgumentException.With.Message.Contain("no host name"));
            var plain = new AsyncTcpConnection<string>("tcp://127.0.0.1:1");
            plain.Tls.ServerName = "a.test";
            Assert.That(plain.Connect, Throws.InvalidOperationException.With.Message.Contain("is not encrypted"));
        });
    }

    private AsyncTcpConnection<ReadOnlyMemory<byte>>? _last;

    private AsyncTcpConnection<ReadOnlyMemory<byte>> Connect(Action<AsyncTcpConnection<ReadOnlyMemory<byte>>>? setUp = null,
        string? address = null) =>
        _last = Clients.Connect(_loop, address ?? Address, _events, connection =>
        {
            connection.Tls.Authorities = [Certificates.Default.Root];
            setUp?.Invoke(connection);
        });

    /// <summary>What arrives may come in pieces.</summary>
    private string ReadFromServer(int count)
    {
        string text = "";
        while (text.Length < count) text += _events.Next();
        return text;
    }

    /// <summary>
    /// Shakes hands with a client that will have none of it: what the server makes of that depends on the version.
    /// </summary>
    private static void AcceptInVain(TlsPeer server, SslProtocols version)
    {
        try
        {
            server.Authenticate(new SslServerAuthenticationOptions
            {
                ServerCertificate = Certificates.Default.Server,
                EnabledSslProtocols = version
            });
            server.ReadToEnd();
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            // Told by an alert.
        }
    }
}
