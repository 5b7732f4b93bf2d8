using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Workerman.Connection;
using Workerman.EventStreams;
using Workerman.Protocols.Http;
using Workerman.Tests.Support;

namespace Workerman.Tests.Tls;

/// <summary>
/// HTTP over TLS: everything that goes over a plain connection goes over an encrypted one, however its ciphertext is cut.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class HttpsTests(Type loopType)
{
    private const int Large = 10 * 1024 * 1024;

    private static readonly SslProtocols[] Versions = [SslProtocols.Tls12, SslProtocols.Tls13];

    [Test]
    public async Task RequestIsAnsweredHoweverItsCiphertextIsCut([ValueSource(nameof(Versions))] SslProtocols version,
        [ValueSource(typeof(Fragmentation), nameof(Fragmentation.All))] Fragmentation fragmentation)
    {
        await using TestServer server =
            TlsServers.Https(loopType, (connection, request) => connection.Send($"{request.Path} {request.Body}"));
        using TlsClient client = TlsClient.Connect(server.EndPoint, version, fragmentation);
        for (int i = 0; i < 3; i++)
        {
            client.Send($"POST /{i} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello");
            Assert.That(client.ReadResponse(), Is.EqualTo($"/{i} hello"));
        }
    }

    [Test]
    public async Task PipelinedRequestsAreAnsweredInOrder([ValueSource(nameof(Versions))] SslProtocols version)
    {
        await using TestServer server = TlsServers.Https(loopType, (connection, request) => connection.Send(request.Path));
        using TlsClient client = TlsClient.Connect(server.EndPoint, version);
        client.Send(string.Concat(Enumerable.Range(0, 2000).Select(i => $"GET /{i} HTTP/1.1\r\nHost: localhost\r\n\r\n")));
        for (int i = 0; i < 2000; i++) Assert.That(client.ReadResponse(), Is.EqualTo($"/{i}"));
    }

    [Test]
    public async Task LargeBodiesGoUpAndDown([ValueSource(nameof(Versions))] SslProtocols version)
    {
        byte[] body = Body(Large);
        await using TestServer server = TlsServers.Https(loopType, (connection, request) => connection.Send(request.RawBody),
            worker => worker.OnConnect = connection => connection.MaxPackageSize = 2 * Large);
        using HttpClient http = TlsServers.Http(version);
        using HttpResponseMessage answer = await http.PostAsync(TlsServers.UriOf(server), new ByteArrayContent(body))
            .WaitAsync(Wait.Limit);
        AssertSame(await answer.Content.ReadAsByteArrayAsync(), body);
    }

    [TestCase(1)]
    [TestCase(64 * 1024)]
    [TestCase(Large + 1)]
    public async Task FileIsReadAndEncryptedOnItsWay(int size)
    {
        using var folder = new TemporaryFolder();
        byte[] body = Body(size);
        string path = folder.PathOf("file.bin");
        await File.WriteAllBytesAsync(path, body);
        await using TestServer server =
            TlsServers.Https(loopType, (connection, request) => connection.Send(new Response().WithFile(path)));
        using HttpClient http = TlsServers.Http();
        for (int i = 0; i < 2; i++)
            AssertSame(await http.GetByteArrayAsync(TlsServers.UriOf(server)).WaitAsync(Wait.Limit), body);
        using var range =
            new HttpRequestMessage(HttpMethod.Get, TlsServers.UriOf(server)) { Headers = { Range = new(size / 2, null) } };
        using HttpResponseMessage part = await http.SendAsync(range).WaitAsync(Wait.Limit);
        AssertSame(await part.Content.ReadAsByteArrayAsync(), body[(size / 2)..]);
        await Wait.Until(() => OpenFiles.CountOf(path) == 0, "the file to be closed");
    }

    [Test]
    public async Task FileThatBecomesShorterIsNoWholeAnswer()
    {
        using var folder = new TemporaryFolder();
        string path = folder.WriteSparse("file.bin", Large);
        var failed = new TaskCompletionSource<string>();
        await using TestServer server = TlsServers.Https(loopType, (connection, request) => connection.Send(
            new Response().WithFile(path)), worker => worker.OnError = (_, _, reason) => failed.TrySetResult(reason));
        using TlsClient client = TlsClient.Connect(server.EndPoint, receiveBufferSize: 8 * 1024);
        client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").ReadUntil("\r\n\r\n");
        using (FileStream file = File.OpenWrite(path)) file.SetLength(100);
        int length = 0;
        try
        {
            for (int count; (count = client.Receive()) > 0;) length += count;
        }
        catch (IOException)
        {
            // Reset: as good a sign that it is not whole.
        }
        Assert.That(length, Is.LessThan(Large));
        Assert.That(Wait.For(failed.Task), Does.Contain("became shorter"));
    }

    [Test]
    public async Task EventsLeaveAsTheyArePublished()
    {
        var stream = new EventStream();
        await using TestServer server =
            TlsServers.Https(loopType, (connection, request) => stream.Subscribe(connection, request));
        using TlsClient client = TlsClient.Connect(server.EndPoint);
        client.Send("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n").ReadUntil("\r\n\r\n");
        await Wait.Until(() => stream.Subscribers == 1, "the subscriber");
        for (int i = 0; i < 100; i++) stream.Publish(new ServerSentEvents { Data = $"{i}" });
        string events = client.ReadUntil("data: 99\n\n");
        Assert.That(events.Split("data: ").Skip(1).Select(each => int.Parse(each.Split('\n')[0], null)),
            Is.EqualTo(Enumerable.Range(0, 100)));
        client.Dispose();
        await Wait.Until(() => stream.Subscribers == 0, "the subscriber to be gone");
    }

    [Test]
    public async Task TimerOfEventsPushesThem()
    {
        await using TestServer server = TlsServers.Https(loopType, (connection, _) =>
        {
            connection.Send(new Response(200, new() { ["Content-Type"] = "text/event-stream" }, "\r\n"));
            Timer.Add(0.01, () => connection.Send(new ServerSentEvents { Data = "tick" }));
        });
        using TlsClient client = TlsClient.Connect(server.EndPoint);
        client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").ReadUntil("data: tick\n\ndata: tick\n\n");
    }

    /// <summary>RFC 9110 section 7.4: an https target is right over TLS.</summary>
    [TestCase("https://localhost/a?b", "/a localhost")]
    [TestCase("http://localhost/a", "/a localhost")]
    public async Task AbsoluteTargetOfEitherSchemeIsTaken(string target, string expected)
    {
        await using TestServer server =
            TlsServers.Https(loopType, (connection, request) => connection.Send($"{request.Path} {request.Host}"));
        using TlsClient client = TlsClient.Connect(server.EndPoint);
        Assert.That(client.Send($"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n").ReadResponse(), Is.EqualTo(expected));
    }

    [Test]
    public async Task ConnectionTellsHowItIsEncrypted([ValueSource(nameof(Versions))] SslProtocols version)
    {
        string? told = null;
        await using TestServer server = TlsServers.Https(loopType, (connection, _) => connection.Send(
            $"{connection.IsEncrypted} {connection.SslProtocol} {connection.ServerName} {connection.RemoteCertificate is null}"),
            worker => worker.OnConnect = connection => told = $"{connection.Status} {connection.SslProtocol}");
        using TlsClient client = TlsClient.Connect(server.EndPoint, version);
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").ReadResponse(),
            Is.EqualTo($"True {version} localhost True"));
        Assert.That(told, Is.EqualTo($"Established {version}"));
    }

    [Test]
    public async Task PlainConnectionTellsThatItIsNot()
    {
        await using TestServer server = TestServer.Http(loopType, (connection, _) => connection.Send($"{connection.IsEncrypted} "
            + $"{connection.SslProtocol} '{connection.ServerName}' {connection.RemoteCertificate is null}"));
        using RawClient client = server.Connect();
        Assert.That(client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").ReadResponse().Body,
            Is.EqualTo("False None '' True"));
    }

    [Test]
    public async Task HttpIsAgreedOnByAlpn()
    {
        await using TestServer server = TlsServers.Https(loopType, (connection, request) => connection.Send("ok"));
        SslClientAuthenticationOptions options = TlsClient.Options();
        options.ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];
        using TlsClient client = new TlsClient(server.EndPoint).Authenticate(options);
        Assert.That(client.Stream.NegotiatedApplicationProtocol, Is.EqualTo(SslApplicationProtocol.Http11));
        // RFC 7301 section 3.2: no common protocol ends the handshake.
        options.ApplicationProtocols = [SslApplicationProtocol.Http2];
        using var other = new TlsClient(server.EndPoint);
        Assert.That(() => other.Authenticate(options), Throws.InstanceOf<AuthenticationException>());
        await Wait.Until(() => server.Log.Text.Contains("handshake", StringComparison.Ordinal), "the line in the log");
    }

    /// <summary>The other way round: what is sent while a message is being read belongs to the same connection.</summary>
    [Test]
    public async Task ManyClientsAreServedAtOnce()
    {
        await using TestServer server = TlsServers.Https(loopType,
            (connection, request) => connection.Send(request.Path + new string('x', 20_000)), worker => worker.Count = 2);
        using HttpClient http = TlsServers.Http();
        await Parallel.ForEachAsync(Enumerable.Range(0, 200), new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (i, stop) =>
            Assert.That(await http.GetStringAsync(new Uri(TlsServers.UriOf(server), $"/{i}"), stop),
                Is.EqualTo($"/{i}" + new string('x', 20_000))));
    }

    [Test]
    public async Task AnswerOfAnotherThreadArrives()
    {
        await using TestServer server =
            TlsServers.Https(loopType, onMessage: null, worker => worker.OnMessageAsync = async (connection, _) =>
            {
                await Task.Run(() => connection.Send("from elsewhere")).ConfigureAwait(false);
            });
        using HttpClient http = TlsServers.Http();
        Assert.That(await http.GetStringAsync(TlsServers.UriOf(server)).WaitAsync(Wait.Limit), Is.EqualTo("from elsewhere"));
    }

    /// <summary>Millions of bytes at once, not one by one.</summary>
    private static void AssertSame(byte[] actual, byte[] expected) => Assert.That(actual.AsSpan().SequenceEqual(expected),
        $"{actual.Length} bytes are not the {expected.Length} that were sent");

    private static byte[] Body(int size)
    {
        byte[] body = new byte[size];
        new Random(1).NextBytes(body);
        return body;
    }
}
