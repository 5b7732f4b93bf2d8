using System.Security.Cryptography;
using Workerman.Connection;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Tls;

/// <summary>Clients that others have written: openssl, curl, and a browser.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
[Platform("Linux")]
internal sealed class ToolsTests(Type loopType)
{
    private const string Get = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    private TemporaryFolder _folder = null!;
    private string _authority = null!;

    [SetUp]
    public void WriteAuthority()
    {
        _folder = new TemporaryFolder();
        _authority = _folder.Write("ca.pem", Certificates.Default.Root.ExportCertificatePem());
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase("-tls1_2", "TLSv1.2")]
    [TestCase("-tls1_3", "TLSv1.3")]
    public async Task OpenSslVerifiesAndIsAnswered(string option, string version)
    {
        await using TestServer server = TlsServers.Https(loopType, (connection, _) => connection.Send("hello from TLS"));
        string output = await OpenSsl.ClientAsync(server, Get, option, "-CAfile", _authority, "-verify_return_error",
            "-verify_hostname", "localhost", "-alpn", "h2,http/1.1");
        Assert.That(output, Does.Contain("Verify return code: 0 (ok)").And.Contain("hello from TLS")
            .And.Contain("ALPN protocol: http/1.1").And.Contain(version));
    }

    [TestCase("-tls1_1")]
    [TestCase("-tls1")]
    public async Task OpenSslWithAnOldVersionIsRefused(string option)
    {
        await using TestServer server = TlsServers.Https(loopType, (connection, _) => connection.Send("hello from TLS"));
        string output = await OpenSsl.ClientAsync(server, Get, option, "-cipher", "ALL:@SECLEVEL=0");
        Assert.That(output, Does.Contain("alert protocol version").And.Not.Contain("hello from TLS"));
    }

    /// <summary>The same certificate context in every handshake: that is what a session is resumed with.</summary>
    [TestCase("-tls1_2")]
    [TestCase("-tls1_3")]
    public async Task SessionIsResumed(string option)
    {
        await using TestServer server = TlsServers.Https(loopType, (connection, _) => connection.Send("hello from TLS"));
        string session = _folder.PathOf("session");
        string first = await OpenSsl.ClientAsync(server, Get, option, "-sess_out", session);
        string second = await OpenSsl.ClientAsync(server, Get, option, "-sess_in", session);
        Assert.That(first, Does.Contain("New, TLSv1").And.Contain("hello from TLS"));
        Assert.That(second, Does.Contain("Reused, TLSv1").And.Contain("hello from TLS"));
    }

    [Test]
    public async Task NewKeysOfThePeerAreTaken()
    {
        await using TestServer server = TlsServers.Raw(loopType, (connection, bytes) =>
        {
            connection.Send(bytes);
            if (bytes.Span.IndexOf("last"u8) >= 0) connection.Close();
        });
        // A line that is K alone has s_client change its keys and ask for new ones of the server's. Words that it does not print
        // itself: "unable to verify the first certificate" comes with each ticket.
        string output = await OpenSsl.TalkAsync(server, ["-tls1_3", "-msg"], ("before it", "before it"), ("K", "KeyUpdate"),
            ("after it", "after it"), ("the last", "the last"));
        Assert.That(output, Does.Contain("<<< TLS 1.3, Handshake [length 0005], KeyUpdate"));
    }

    [TestCase("1.2")]
    [TestCase("1.3")]
    public async Task CurlKeepsItsConnectionUploadsAndDownloads(string version)
    {
        byte[] body = RandomNumberGenerator.GetBytes(3_000_000);
        string upload = _folder.PathOf("upload");
        string download = _folder.PathOf("download");
        await File.WriteAllBytesAsync(upload, body);
        int connects = 0;
        await using TestServer server = TlsServers.Https(loopType, (connection, request) =>
        {
            if (request.Path == "/file") connection.Send(new Response().WithFile(upload));
            else connection.Send(Convert.ToHexString(SHA256.HashData(request.RawBody.Span)));
        }, worker => worker.OnConnect = _ => connects++);
        string url = $"https://localhost:{server.EndPoint.Port}";
        string[] common = ["-sS", "--noproxy", "*", "--cacert", _authority, "--connect-to",
            $"localhost:{server.EndPoint.Port}:127.0.0.1:{server.EndPoint.Port}", "--tls-max", version, "--tlsv" + version];
        string answer = _folder.PathOf("answer");
        string output = await Curl.RunAsync(
            [.. common, "-v", "--stderr", "-", "-T", upload, "-o", answer, $"{url}/up", "-o", download, $"{url}/file"]);
        Assert.That(await File.ReadAllTextAsync(answer), Is.EqualTo(Convert.ToHexString(SHA256.HashData(body))));
        Assert.That(output, Does.Contain("SSL certificate verify ok").And.Contain("HTTP/1.1 200").And.Contain($"TLSv{version}"));
        Assert.That((await File.ReadAllBytesAsync(download)).AsSpan().SequenceEqual(body));
        Assert.That(connects, Is.EqualTo(1), output);
    }

    [Test]
    public async Task BrowserFetchesAndStreams()
    {
        if (Chromium.Path is null) Assert.Ignore("there is no Chromium here");
        await using TestServer server = TlsServers.Https(loopType, (connection, request) =>
        {
            if (request.Path == "/events") Stream(connection);
            else if (request.Method == "POST") connection.Send($"{request.BodyLength} {connection.SslProtocol}");
            else connection.Send(new Response(200, new()
            {
                ["Content-Type"] = "text/html"
            }, "<!doctype html><link rel=icon href=data:,><title>TLS</title>"));
        });
        await using Chromium browser =
            await Chromium.Open(new Uri($"https://127.0.0.1:{server.EndPoint.Port}/"), "--ignore-certificate-errors");
        Assert.That(await browser.Evaluate("document.title + ' ' + location.protocol"), Is.EqualTo("TLS https:"));
        Assert.That(await browser.Evaluate("fetch('/up', { method: 'POST', body: 'x'.repeat(1000000) }).then(r => r.text())"),
            Is.EqualTo("1000000 Tls13"));
        Assert.That(await browser.Evaluate("Promise.all([...Array(20).keys()].map(i => fetch('/' + i).then(r => "
            + "r.status))).then(all => all.join())"), Is.EqualTo(string.Join(',', Enumerable.Repeat(200, 20))));
        Assert.That(await browser.Evaluate("new Promise(done => { const s = new EventSource('/events'); const got = []; "
            + "s.onmessage = e => { got.push(e.data); if (got.length == 3) { s.close(); done(got.join()); } }; })"),
            Is.EqualTo("0,1,2"));
        Assert.That(browser.Errors, Is.Empty);
    }

    private static void Stream(TcpConnection connection)
    {
        connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }, "\r\n"));
        int next = 0;
        long timer = 0;
        timer = Timer.Add(0.01, () =>
        {
            if (connection.Status != ConnectionStatus.Established) Timer.Del(timer);
            else connection.Send(new ServerSentEvents { Data = $"{next++}" });
        });
    }
}
