using System.Buffers;
using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Workerman.Connection;
using Workerman.Events;
using Workerman.Protocols;
using Workerman.Tests.Support;
using Workerman.Tls;

namespace Workerman.Tests.Tls;

/// <summary>The filter in the role of a client, against a server of .NET's, and what it holds and writes by itself.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class TlsFilterTests(Type loopType)
{
    private static readonly SslProtocols[] Versions = [SslProtocols.Tls12, SslProtocols.Tls13];

    [Test]
    public void ClientShakesHandsSendsAndReceives([ValueSource(nameof(Versions))] SslProtocols version)
    {
        using var loop = new LoopRunner(loopType);
        using var pair = new SocketPair();
        using var server = new SslStream(new System.Net.Sockets.NetworkStream(pair.Far));
        var handler = new ClientHandler(loop.Loop);
        TcpConnection client = Begin(loop, pair, handler, TlsClient.Options(version));
        server.AuthenticateAsServer(new SslServerAuthenticationOptions { ServerCertificate = Certificates.Default.Server });
        Wait.For(handler.Secured.Task);
        Assert.That(loop.Ask(() => (client.Status, client.SslProtocol, client.RemoteCertificate!.Subject)),
            Is.EqualTo((ConnectionStatus.Established, version, "CN=localhost")));
        // TLS 1.3: the server's tickets have come before this, and the read that they began waits.
        server.Write(Encoding.ASCII.GetBytes(new string('a', 100_000)));
        Wait.For(Wait.Until(() => handler.Received == 100_000, "100,000 bytes"));
        loop.Do(() => client.Send(new string('b', 100_000)));
        byte[] received = new byte[100_000];
        server.ReadExactly(received);
        Assert.That(received, Has.All.EqualTo((byte)'b'));
        loop.Do(client.Close);
        Assert.That(server.Read(received), Is.Zero);
        Wait.For(handler.Closed.Task);
        Assert.That((handler.Failure, loop.Errors), Is.EqualTo(((string?)null, new List<Exception>())));
    }

    [Test]
    public void ClientThatDoesNotTrustTheServerFails([ValueSource(nameof(Versions))] SslProtocols version, [Values] bool name)
    {
        using var loop = new LoopRunner(loopType);
        using var pair = new SocketPair();
        using var server = new SslStream(new System.Net.Sockets.NetworkStream(pair.Far));
        var handler = new ClientHandler(loop.Loop);
        Begin(loop, pair, handler, name ? TlsClient.Options(version, "wrong.test") : new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = version
        });
        Assert.That(() =>
        {
            server.AuthenticateAsServer(new SslServerAuthenticationOptions { ServerCertificate = Certificates.Default.Server });
            if (server.ReadByte() < 0) throw new IOException("closed");
        }, Throws.InstanceOf<IOException>().Or.InstanceOf<AuthenticationException>());
        pair.Far.Dispose();
        Wait.For(handler.Gone.Task);
        Assert.That(handler.Failure, Does.Contain("certificate is invalid"));
        Assert.That((handler.Secured.Task.IsCompleted, handler.Closed.Task.IsCompleted), Is.EqualTo((false, false)));
    }

    [Test]
    public void ClientWhoseServerIsSilentEndsInTime()
    {
        using var loop = new LoopRunner(loopType);
        using var pair = new SocketPair();
        var handler = new ClientHandler(loop.Loop);
        TcpConnection client = Begin(loop, pair, handler, TlsClient.Options(), TimeSpan.FromMilliseconds(20));
        byte[] hello = new byte[1000];
        Assert.That(pair.Far.Receive(hello), Is.GreaterThan(100));
        Wait.For(Wait.Until(() =>
        {
            loop.Do(client.Sweep);
            return handler.Failure is not null;
        }, "the end"));
        Assert.That(handler.Failure, Is.EqualTo("it took too long"));
        Assert.That(pair.Far.Receive(hello), Is.Zero);
    }

    /// <summary>
    /// In TLS 1.2 the client's Finished is an encrypted record of the type of a handshake. One that begins with the byte 1, as
    /// one of 256 does, <see cref="SslStream"/> takes for another ClientHello. It is given that byte here, and so fails.
    /// </summary>
    [Test]
    public void SelectorIsAskedOnceForEachHandshakeWhateverTheLastRecordBeginsWith()
    {
        var asked = new List<string>();
        var options = new TlsOptions
        {
            Certificate = Certificates.Default.Server,
            ServerCertificateSelector = name =>
            {
                asked.Add(name);
                return null;
            }
        };
        using TlsFilter server = new TlsServer(options, speaksHttp: false, _ => { }).NewFilter();
        using TlsFilter client = TlsFilter.ForClient(TlsClient.Options(SslProtocols.Tls12), Wait.Limit);
        client.Handshake(default);
        server.Handshake(client.TakeOutput().ToArray());
        client.Handshake(server.TakeOutput().ToArray());
        byte[] last = client.TakeOutput().ToArray();
        int record = 0;
        for (int next = 0; next < last.Length; next += 5 + (last[next + 3] << 8) + last[next + 4]) record = next;
        // The handshake of one in 256 has it by itself, and is whole.
        bool isWhole = last[record + 5] == 1;
        last[record + 5] = 1;
        Assert.That(server.Handshake(last), Is.EqualTo(isWhole ? TlsProgress.Secured : TlsProgress.Failed));
        Assert.That(asked, Is.EqualTo((string[])["localhost"]));
    }

    private static TcpConnection Begin(LoopRunner loop, SocketPair pair, ClientHandler handler,
        SslClientAuthenticationOptions options, TimeSpan? timeout = null) => loop.Ask(() =>
        {
            var connection = new TcpConnection(new ConnectedSocket(pair.Near), RawProtocol.Instance, handler,
                TlsFilter.ForClient(options, timeout ?? Wait.Limit));
            connection.TlsSocket!.Start(default);
            return connection;
        });

    private sealed class ClientHandler(IEventLoop loop) : ConnectionHandler(loop, new ConnectionBuffers(loop))
    {
        public TaskCompletionSource Secured { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Closed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Gone { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string? Failure { get; private set; }

        public long Received { get; private set; }

        public override object? Owner => null;

        public override Verdict ReadMessage(TcpConnection connection, ref ReadOnlySequence<byte> input)
        {
            Received += input.Length;
            input = input.Slice(input.End);
            return Verdict.Message;
        }

        public override void OnSecured(TcpConnection connection) => Secured.SetResult();

        public override void OnHandshakeFailed(TcpConnection connection, string reason) => Failure = reason;

        public override void OnClose(TcpConnection connection) => Closed.SetResult();

        public override void OnGone(TcpConnection connection) => Gone.SetResult();

        public override void OnError(TcpConnection connection, ConnectionError error, string reason)
        {
        }

        public override void OnBufferFull(TcpConnection connection)
        {
        }

        public override void OnBufferDrain(TcpConnection connection)
        {
        }

        public override void OnRejected(TcpConnection connection, Verdict verdict)
        {
        }

        public override void OnFault(TcpConnection connection, Exception exception)
        {
        }
    }
}
