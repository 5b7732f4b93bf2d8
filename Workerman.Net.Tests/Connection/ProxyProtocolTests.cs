using System.Net;
using System.Text;
using Workerman.Connection;
using Workerman.Protocols.WebSocket;
using Workerman.Tests.Protocols.Proxies;
using Workerman.Tests.Support;

namespace Workerman.Tests.Connection;

/// <summary>Connections that a proxy hands on with a header of the PROXY protocol: whose they are, over each protocol, and what
/// becomes of those without a right one.</summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ProxyProtocolTests(Type loopType)
{
    private const string Line = "PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\n";

    private const string Client = "192.0.2.1 4660 198.51.100.2 80";

    private static readonly byte[] Binary =
        ProxyHeaderTests.V2(0x21, 0x21, [.. IPAddress.Parse("2001:db8::1").GetAddressBytes(),
            .. IPAddress.Parse("2001:db8::2").GetAddressBytes(), 0x12, 0x34, 0, 80, 4, 0, 1, 0]);

    private static Fragmentation[] Cuts => Fragmentation.All;

    [Test]
    public async Task HttpKnowsTheClient([ValueSource(nameof(Cuts))] Fragmentation fragmentation)
    {
        using var events = new EventQueue();
        await using TestServer server = Http(events);
        const string Request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        using RawClient first = server.Connect().Send(Line + Request + Request, fragmentation);
        Assert.That(first.ReadResponse().Body + first.ReadResponse().Body, Is.EqualTo($"{Client} 192.0.2.1{Client} 192.0.2.1"));
        Assert.That(events.Next(), Is.EqualTo($"connect {Client}"));
        using RawClient second = server.Connect().Send([.. Binary, .. Encoding.ASCII.GetBytes(Request)], fragmentation);
        Assert.That(second.ReadResponse().Body, Is.EqualTo("2001:db8::1 4660 2001:db8::2 80 2001:db8::1"));
        Assert.That(events.Next(), Is.EqualTo("connect 2001:db8::1 4660 2001:db8::2 80"));
        second.Dispose();
        Assert.That(events.Next(), Is.EqualTo("close 2001:db8::1 4660"));
    }

    [Test]
    public async Task HeadersWithoutAClientLeaveTheProxysOwnAddress([ValueSource(nameof(Cuts))] Fragmentation fragmentation)
    {
        using var events = new EventQueue();
        await using TestServer server = Http(events);
        foreach (byte[] header in new[] { "PROXY UNKNOWN\r\n"u8.ToArray(), ProxyHeaderTests.V2(0x20, 0, []),
            ProxyHeaderTests.V2(0x21, 0x31, new byte[216]) })
        {
            using RawClient client = server.Connect();
            client.Send([.. header, .. "GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8], fragmentation);
            var own = (IPEndPoint)client.Socket.LocalEndPoint!;
            Assert.That(client.ReadResponse().Body,
                Is.EqualTo($"127.0.0.1 {own.Port} 127.0.0.1 {server.EndPoint.Port} 127.0.0.1"));
        }
    }

    [Test]
    public async Task HttpsKnowsTheClientBeforeTheHandshake([ValueSource(nameof(Cuts))] Fragmentation fragmentation)
    {
        using var events = new EventQueue();
        await using TestServer server = TlsServers.Https(loopType,
            (connection, request) => connection.Send($"{AddressesOf(connection)} {request.ClientScheme}"), worker =>
            {
                worker.Options.ProxyProtocol.TrustedProxies.Add("127.0.0.0/8");
                worker.OnConnect = connection => events.Add($"connect {AddressesOf(connection)} {connection.IsEncrypted}");
            });
        using var client = new TlsClient(server.EndPoint, fragmentation);
        foreach (Range piece in fragmentation.Cut(Line.Length)) client.Socket.Send(Encoding.ASCII.GetBytes(Line[piece]));
        client.Authenticate(TlsClient.Options()).Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Assert.That(client.ReadResponse(), Is.EqualTo($"{Client} https"));
        Assert.That(events.Next(), Is.EqualTo($"connect {Client} True"));
    }

    [Test]
    public async Task HeaderAndHelloMayComeTogether()
    {
        await using TestServer server = TlsServers.Https(loopType, (connection, _) => connection.Send(AddressesOf(connection)),
            worker => worker.Options.ProxyProtocol.TrustedProxies.Add("127.0.0.1"));
        using var client = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = TlsClient.Options(),
            ConnectCallback = async (_, stop) =>
            {
                var socket =
                    new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
                await socket.ConnectAsync(server.EndPoint, stop);
                return new PrefixedStream(new System.Net.Sockets.NetworkStream(socket, ownsSocket: true), Binary);
            },
        });
        Assert.That(await client.GetStringAsync(TlsServers.UriOf(server)), Is.EqualTo("2001:db8::1 4660 2001:db8::2 80"));
    }

    [Test]
    public async Task PlainProtocolsKnowTheClient([ValueSource(nameof(Cuts))] Fragmentation fragmentation)
    {
        var text = new Worker<string>("text://127.0.0.1:0")
        {
            OnMessage = (connection, line) => connection.Send($"{line} {AddressesOf(connection)}")
        };
        text.Options.ProxyProtocol.TrustedProxies.Add("127.0.0.1");
        await using (TestServer server = TestServer.Start(loopType, text))
        {
            using RawClient client = server.Connect().Send(Line + "one\ntwo\n", fragmentation);
            Assert.That(client.ReadUntil("two " + Client + "\n"), Is.EqualTo($"one {Client}\ntwo {Client}\n"));
        }
        await using TestServer raw = TestServer.Raw(loopType, (connection, bytes) => connection.Send(bytes), worker =>
        {
            worker.Options.ProxyProtocol.TrustedProxies.Add("127.0.0.1");
            worker.OnConnect = connection => connection.Send(connection.RemoteIp + "\n");
        });
        using RawClient echo = raw.Connect().Send(Line, fragmentation);
        Assert.That(echo.ReadUntil("\n"), Is.EqualTo("192.0.2.1\n"), "who speaks first need not wait for the client");
        Assert.That(echo.Send(Line, fragmentation).ReadExactly(Line.Length), Is.EqualTo(Line), "only the first is a header");
    }

    [Test]
    public async Task WebSocketKnowsTheClient([Values] bool secure)
    {
        var worker = new Worker<WebSocketMessage>(secure ? "wss://127.0.0.1:0" : "websocket://127.0.0.1:0")
        {
            OnMessage = (connection, message) => connection.Send($"{message.Text} {AddressesOf(connection)}")
        };
        worker.Options.ProxyProtocol.TrustedProxies.Add("127.0.0.1");
        worker.Options.Tls.Certificate = Certificates.Default.Server;
        await using TestServer server = TestServer.Start(loopType, worker);
        using var socket = new System.Net.WebSockets.ClientWebSocket();
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            SslOptions = TlsClient.Options(),
            ConnectCallback = async (_, stop) =>
            {
                var own =
                    new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
                await own.ConnectAsync(server.EndPoint, stop);
                return new PrefixedStream(new System.Net.Sockets.NetworkStream(own, ownsSocket: true),
                    Encoding.ASCII.GetBytes(Line));
            },
        });
        using var limit = new CancellationTokenSource(Wait.Limit);
        await socket.ConnectAsync(new Uri($"{(secure ? "wss" : "ws")}://localhost:{server.EndPoint.Port}/"), invoker,
            limit.Token);
        await socket.SendAsync("hello"u8.ToArray(), System.Net.WebSockets.WebSocketMessageType.Text, true, limit.Token);
        byte[] buffer = new byte[200];
        System.Net.WebSockets.WebSocketReceiveResult result = await socket.ReceiveAsync(buffer, limit.Token);
        Assert.That(Encoding.UTF8.GetString(buffer, 0, result.Count), Is.EqualTo($"hello {Client}"));
    }

    [TestCase("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "no PROXY protocol header")]
    [TestCase("PROXY TCP4 192.0.2.1 198.51.100.2 99999 80\r\n", "malformed")]
    [TestCase(
        "PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "too long")]
    [TestCase("\r\n\r\n\0\r\nQUIT\n\x21\x11\x20\x00", "MaxHeaderSize")]
    public async Task ProxyWithoutARightHeaderIsClosedWithALine(string bytes, string reason)
    {
        using var events = new EventQueue();
        foreach (Fragmentation fragmentation in Cuts)
        {
            await using TestServer server = Http(events);
            using RawClient client = server.Connect();
            try
            {
                client.Send(bytes, fragmentation);
                Assert.That(client.ReadToEnd(), Is.Empty);
            }
            catch (System.Net.Sockets.SocketException)
            {
                // It was closed over what it had not read.
            }
            await Wait.Until(() => server.Log.Text.Contains(reason, StringComparison.Ordinal), reason);
            Assert.That(server.Log.Text, Does.Contain("[Warning] Worker test: connection").And.Contain("127.0.0.1"));
        }
        Assert.That(events.Count, Is.Zero, "the application never knew of it");
    }

    [TestCase("")]
    [TestCase("PROXY TCP4 192.0.2.1 198.")]
    public async Task HeaderThatDoesNotComeIsNotWaitedForForEver(string begun)
    {
        using var events = new EventQueue();
        await using TestServer server =
            Http(events, worker => worker.Options.ProxyProtocol.HandshakeTimeout = TimeSpan.FromMilliseconds(100));
        using RawClient client = server.Connect().Send(begun);
        Assert.That(client.IsAtEnd(), Is.True);
        await Wait.Until(() => server.Log.Text.Contains("took too long", StringComparison.Ordinal), "a line in the log");
        Assert.That(events.Count, Is.Zero);
    }

    [TestCase("", false)]
    [TestCase("PROXY TCP4", true)]
    public async Task ProxyThatOnlyLooksWhetherAnybodyListensLeavesNoLine(string begun, bool line)
    {
        using var events = new EventQueue();
        await using TestServer server = Http(events);
        using (RawClient client = server.Connect().Send(begun)) Assert.That(client.HalfClose().IsAtEnd(), Is.True);
        if (line)
            await Wait.Until(() => server.Log.Text.Contains("ended within its header", StringComparison.Ordinal),
                "a line in the log");
        else Assert.That(server.Log.Text, Does.Not.Contain("[Warning]"));
        Assert.That(events.Count, Is.Zero);
        using RawClient next = server.Connect().Send(Line + "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(next.ReadResponse().Status, Is.EqualTo(200));
    }

    [Test]
    public async Task HeaderOfAStrangerIsWhatItIs([Values("10.0.0.0/8", null)] string? trusted)
    {
        await using TestServer server =
            TestServer.Http(loopType, (connection, _) => connection.Send(AddressesOf(connection)), worker =>
            {
                if (trusted is not null) worker.Options.ProxyProtocol.TrustedProxies.Add(trusted);
            });
        foreach (byte[] header in new[] { Encoding.ASCII.GetBytes(Line), Binary })
        {
            using RawClient client = server.Connect().Send([.. header, .. "GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8]);
            Assert.That(client.ReadResponse().Status, Is.EqualTo(400));
        }
        using RawClient plain = server.Connect().Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        Assert.That(plain.ReadResponse().Body, Does.StartWith("127.0.0.1 "), "and without one it is served");
    }

    [Test]
    [Platform("Linux")]
    public async Task ProxyMayComeByAUnixSocket()
    {
        using var folder = new TemporaryFolder();
        var worker = new Worker($"unix://{folder.PathOf("app.sock")}")
        {
            OnMessage = (connection, request) => connection.Send($"{AddressesOf(connection)} {request.ClientIp}")
        };
        worker.Options.ProxyProtocol.TrustedProxies.Add("unix:");
        await using TestServer server = TestServer.Start(loopType, worker);
        using var client = new RawClient(new System.Net.Sockets.UnixDomainSocketEndPoint(worker.LocalPath!));
        Assert.That(client.Send(Line + "GET / HTTP/1.1\r\nHost: a\r\n\r\n").ReadResponse().Body,
            Is.EqualTo($"{Client} 192.0.2.1"));
    }

    [Test]
    public async Task BothWaysOfTellingGoTogether()
    {
        using var events = new EventQueue();
        await using TestServer server = Http(events, worker => worker.Options.Http.TrustedProxies.Add("192.0.2.0/24"));
        using RawClient client =
            server.Connect().Send(Line + "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n");
        Assert.That(client.ReadResponse().Body, Is.EqualTo($"{Client} 203.0.113.7"));
    }

    [Test]
    public void WrongSettingsThrow()
    {
        var options = new WorkerOptions().ProxyProtocol;
        Assert.That((options.TrustedProxies.IsEmpty, options.HandshakeTimeout, options.MaxHeaderSize),
            Is.EqualTo((true, TimeSpan.FromSeconds(10), 4096)));
        Assert.Throws<ArgumentNullException>(() => options.TrustedProxies = null!);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.HandshakeTimeout = TimeSpan.Zero);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxHeaderSize = 231);
        Assert.Throws<ArgumentOutOfRangeException>(() => options.MaxHeaderSize = 65_552);
    }

    private TestServer Http(EventQueue events, Action<Worker>? setUp = null) =>
        TestServer.Http(loopType, (connection, request) => connection.Send($"{AddressesOf(connection)} {request.ClientIp}"),
            worker =>
            {
                worker.Options.ProxyProtocol.TrustedProxies.Add("127.0.0.1");
                worker.OnConnect = connection => events.Add($"connect {AddressesOf(connection)}");
                worker.OnClose = connection => events.Add($"close {connection.RemoteIp} {connection.RemotePort}");
                setUp?.Invoke(worker);
            });

    private static string AddressesOf(TcpConnection connection) =>
        $"{connection.RemoteIp} {connection.RemotePort} {connection.LocalIp} {connection.LocalPort}";

    /// <summary>Sends bytes of its own together with the first that it is given, as a proxy does.</summary>
    private sealed class PrefixedStream(Stream inner, byte[] prefix) : DelegatingStream(inner)
    {
        private byte[]? _prefix = prefix;

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            byte[] bytes = [.. _prefix ?? [], .. buffer.Span];
            _prefix = null;
            return Inner.WriteAsync(bytes, cancellationToken);
        }
    }

    private abstract class DelegatingStream(Stream inner) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        protected Stream Inner => inner;

        public override void Flush() => inner.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            inner.ReadAsync(buffer, cancellationToken);

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) =>
            WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
