using System.Net;
using Workerman.Connection;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual pages async-tcp-connection/construct (2 and 3), async-tcp-connection/transport,
/// appendices/about-ws, faq/as-wss-client and async-tcp-connection/reconnect on ws://, in C#, with a local server in the place of
/// echo.websocket.org. PHP tells of the handshake by onWebSocketConnect; here OnConnect comes after it.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class WebSocketClientPageTests(Type loopType)
{
    private readonly EventQueue _output = new();

    [TearDown]
    public void NothingIsLeft() => Assert.That(_output.Count, Is.Zero);

    [OneTimeTearDown]
    public void CleanUp() => _output.Dispose();

    /// <summary>
    /// construct, example 2, and as-wss-client, the first: a WebSocket elsewhere, from a local address of one's own choice.
    /// </summary>
    [ManualPage("async-tcp-connection/construct.md")]
    [ManualPage("faq/as-wss-client.md")]
    [Test]
    public async Task AccessAWebSocketService()
    {
        Worker<string> site = Echo(encrypted: false);
        var worker = new Worker();
        worker.OnWorkerStart = _ =>
        {
            var con = new AsyncTcpConnection<string>($"ws://{site.LocalEndPoint}")
            {
                BindTo = new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0)
            };
            con.OnConnect = con => con.Send("hello");
            con.OnMessage = (con, data) => _output.Add($"{data} {con.LocalIp}");
            con.Connect();
        };
        await using TestServer server = TestServer.Start(loopType, worker, site);
        Assert.That(_output.Next(), Is.EqualTo("echo: hello 127.0.0.2"));
    }

    /// <summary>
    /// construct, example 3, and as-wss-client, the second and third: ws:// with ssl below it is wss, with a certificate of the
    /// client's own.
    /// </summary>
    [ManualPage("async-tcp-connection/construct.md")]
    [ManualPage("faq/as-wss-client.md")]
    [Test]
    public async Task AccessAWssService([Values] bool byScheme)
    {
        using var folder = new TemporaryFolder();
        string pemFile = folder.Write("client.pem", Certificates.Default.Client.ExportCertificatePem() + "\n"
            + Certificates.KeyPem(Certificates.Default.Client, "your_pem_passphrase"));
        Worker<string> site = Echo(encrypted: true);
        var worker = new Worker();
        worker.OnWorkerStart = _ =>
        {
            var con = new AsyncTcpConnection<string>($"{(byScheme ? "wss" : "ws")}://localhost:{site.LocalEndPoint!.Port}");
            // ws and ssl are wss.
            if (!byScheme) con.Transport = "ssl";
            con.Tls.CertificateFile = pemFile;
            con.Tls.Password = "your_pem_passphrase";
            // The page trusts everybody (verify_peer => false), which is worth nothing; here it is this certificate, whoever has
            // signed it.
            con.Tls.CertificateValidation = (_, certificate, _, _) =>
                certificate?.GetCertHashString() == Certificates.Default.Server.Thumbprint;
            con.OnConnect = con => con.Send("hello");
            con.OnMessage = (_, data) => _output.Add(data);
            con.Connect();
        };
        await using TestServer server = TestServer.Start(loopType, worker, site);
        Assert.That(_output.Next(), Is.EqualTo("echo: hello from CN=client"));
    }

    /// <summary>as-wss-client, the last, and about-ws: pings, header fields, bytes, and connecting again.</summary>
    [ManualPage("faq/as-wss-client.md", Different = "a message says itself whether it is text or bytes")]
    [ManualPage("appendices/about-ws.md", Different = "a message says itself whether it is text or bytes")]
    [Test]
    public async Task OtherSettings()
    {
        var site = new Worker<WebSocketMessage>("websocket://127.0.0.1:0") { Name = "site" };
        site.OnWebSocketConnect = (_, request) => _output.Add($"token {request.Header("token")}");
        site.OnMessage = (connection, message) =>
        {
            connection.Send($"{(message.IsText ? "text" : "bytes")} {message.Text}");
            connection.Close();
        };
        var worker = new Worker();
        worker.OnWorkerStart = _ =>
        {
            int lives = 0;
            var connection = new AsyncTcpConnection<string>($"ws://{site.LocalEndPoint}");
            connection.WebSocket.Options.PingInterval = TimeSpan.FromSeconds(55);
            connection.WebSocket.Headers["token"] = "value";
            connection.OnConnect = connection => connection.Send("hello"u8);
            connection.OnMessage = (_, data) => _output.Add($"recv: {data}");
            connection.OnError = (_, _, message) => _output.Add($"error: {message}");
            connection.OnClose = connection =>
            {
                _output.Add("connection closed and try to reconnect");
                if (lives++ == 0) connection.Reconnect(0.01);
            };
            connection.Connect();
        };
        await using TestServer server = TestServer.Start(loopType, worker, site);
        for (int life = 0; life < 2; life++)
            Assert.That((_output.Next(), _output.Next(), _output.Next()),
                Is.EqualTo(("token value", "recv: bytes hello", "connection closed and try to reconnect")));
    }

    /// <summary>
    /// reconnect, both examples: after the connection is dropped, and with a greeting for the first time alone.
    /// </summary>
    [ManualPage("async-tcp-connection/reconnect.md")]
    [Test]
    public async Task ReconnectAfterTheConnectionIsDropped([Values] bool greetOnce)
    {
        int connected = 0;
        var site = new Worker<string>("websocket://127.0.0.1:0") { Name = "site" };
        site.OnWebSocketConnected = (connection, _) => connection.Send($"{++connected}");
        site.OnMessage = (connection, message) =>
        {
            connection.Send(message);
            if (connected == 1) connection.Destroy();
        };
        var worker = new Worker();
        worker.OnWorkerStart = _ =>
        {
            bool isFirstConnect = true;
            var con = new AsyncTcpConnection<string>($"ws://{site.LocalEndPoint}");
            con.OnConnect = con =>
            {
                if (greetOnce && !isFirstConnect) return;
                isFirstConnect = false;
                con.Send("hello");
            };
            con.OnMessage = (_, message) => _output.Add($"recv {message}");
            // The page waits for a second.
            con.OnClose = con => con.Reconnect(0.01);
            con.Connect();
        };
        await using TestServer server = TestServer.Start(loopType, worker, site);
        foreach (string expected in greetOnce ? new[] { "1", "hello", "2" } : ["1", "hello", "2", "hello"])
            Assert.That(_output.Next(), Is.EqualTo($"recv {expected}"));
    }

    /// <summary>construct, the list of addresses: text:// and frame:// as a client, and ssl:// for bytes over TLS.</summary>
    [Test]
    public async Task AddressesThatThereAre()
    {
        var text = new Worker<string>("text://127.0.0.1:0") { OnMessage = (connection, data) => connection.Send($"text {data}") };
        var frame =
            new Worker<string>("frame://127.0.0.1:0") { OnMessage = (connection, data) => connection.Send($"frame {data}") };
        var ssl = new Worker<string>("tcp://127.0.0.1:0")
        {
            Transport = "ssl",
            OnMessage = (connection, data) => connection.Send($"ssl {data}")
        };
        ssl.Options.Tls.Certificate = Certificates.Default.Server;
        var worker = new Worker();
        worker.OnWorkerStart = _ =>
        {
            foreach (string address in new[] { $"text://{text.LocalEndPoint}", $"frame://{frame.LocalEndPoint}",
                $"ssl://localhost:{ssl.LocalEndPoint!.Port}" })
            {
                var connection = new AsyncTcpConnection<string>(address);
                if (connection.Transport == "ssl") connection.Tls.Authorities = [Certificates.Default.Root];
                connection.OnConnect = connection => connection.Send("a");
                connection.OnMessage = (_, data) => _output.Add(data);
                connection.Connect();
            }
        };
        await using TestServer server = TestServer.Start(loopType, worker, text, frame, ssl);
        string[] answers = [_output.Next(), _output.Next(), _output.Next()];
        Assert.That(answers, Is.EquivalentTo(new[] { "text a", "frame a", "ssl a" }));
    }

    /// <summary>
    /// What stands in for echo.websocket.org. Made before the worker that connects to it, and so listening before that starts.
    /// </summary>
    private static Worker<string> Echo(bool encrypted)
    {
        var site = new Worker<string>("websocket://127.0.0.1:0") { Name = "site", Transport = encrypted ? "ssl" : "tcp" };
        site.Options.Tls.Certificate = Certificates.Default.Server;
        site.Options.Tls.AllowClientCertificate = true;
        site.Options.Tls.ClientAuthorities = [Certificates.Default.Root];
        site.OnMessage = (connection, message) => connection.Send(
            $"echo: {message}{(connection.RemoteCertificate is { } certificate ? $" from {certificate.Subject}" : "")}");
        return site;
    }
}
