using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Workerman.Connection;
using Workerman.Protocols;
using Workerman.Tests.Support;

namespace Workerman.Tests.Manual;

/// <summary>
/// The examples of Workerman's manual pages protocols/why-protocols, protocols/how-protocols, protocols/example,
/// appendices/about-text, appendices/about-frame and tcp-connection/protocol, and the protocol of worker/construct, in C#,
/// against a real client. The protocols themselves are in <see cref="PageProtocols"/>.
/// </summary>
[TestFixtureSource(typeof(Loops), nameof(Loops.Available))]
internal sealed class ProtocolsPageTests(Type loopType)
{
    /// <summary>why-protocols: what an address may be.</summary>
    [ManualPage("protocols/why-protocols.md", Different = "UDP is a class, UdpWorker")]
    [ManualPage("worker/construct.md", Different = "UDP is a class, UdpWorker")]
    [Test]
    public async Task ProtocolsThatThereAre()
    {
        using var folder = new TemporaryFolder();

        // The text protocol.
        var textWorker = new Worker<string>("text://127.0.0.1:0");
        // The frame protocol.
        var frameWorker = new Worker<string>("frame://127.0.0.1:0");
        // TCP without a protocol.
        var tcpWorker = new Worker<string>("tcp://127.0.0.1:0");
        // UDP without a protocol.
        var udpWorker = new UdpWorker<string>("udp://127.0.0.1:0");
        // A Unix socket without a protocol.
        var unixWorker = new Worker<string>($"unix://{folder.PathOf("wm.sock")}");

        foreach (Worker<string> worker in new[] { textWorker, frameWorker, tcpWorker, unixWorker })
            worker.OnMessage = (connection, data) => connection.Send($"got {data}");
        udpWorker.OnMessage = (connection, data) => connection.Send($"got {data}");
        await using TestServer server = TestServer.Start(loopType, textWorker, frameWorker, tcpWorker, udpWorker, unixWorker);
        using var text = new RawClient(textWorker.LocalEndPoint!);
        Assert.That(text.Send("a\n").ReadExactly(6), Is.EqualTo("got a\n"));
        using var frame = new RawClient(frameWorker.LocalEndPoint!);
        Assert.That(frame.Send("\0\0\0\u0005a").ReadExactly(9), Is.EqualTo("\0\0\0\u0009got a"));
        using var tcp = new RawClient(tcpWorker.LocalEndPoint!);
        Assert.That(tcp.Send("a").ReadExactly(5), Is.EqualTo("got a"));
        using var udp = new UdpClientSocket(udpWorker.LocalEndPoint!);
        Assert.That(udp.Send("a").Receive(), Is.EqualTo("got a"));
        using var unix = new RawClient(new System.Net.Sockets.UnixDomainSocketEndPoint(unixWorker.LocalPath!));
        Assert.That(unix.Send("a").ReadExactly(5), Is.EqualTo("got a"));
    }

    /// <summary>how-protocols: JSON and a line end.</summary>
    [ManualPage("protocols/how-protocols.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [ManualPage("protocols/how-protocols.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [Test]
    public async Task JsonNewLine()
    {
        var jsonWorker = new Worker<JsonElement>("tcp://127.0.0.1:0") { Protocol = () => new JsonNL() };
        jsonWorker.OnMessage = (connection, data) =>
        {
            connection.Send(
                JsonSerializer.SerializeToElement(new { code = 0, msg = "ok", got = data.GetProperty("content").GetString() }));
        };
        await using TestServer server = TestServer.Start(loopType, jsonWorker);
        using RawClient client = server.Connect();
        client.Send("{\"type\":\"message\",\"content\":\"hello\"}\n", Fragmentation.ByteByByte);
        Assert.That(client.ReadUntil("\n"), Is.EqualTo("{\"code\":0,\"msg\":\"ok\",\"got\":\"hello\"}\n"));
    }

    /// <summary>example, one: ten digits with the length of the whole, then XML.</summary>
    [ManualPage("protocols/example.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [ManualPage("protocols/example.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [Test]
    public async Task XmlWithItsLengthInTenDigits()
    {
        const string Xml = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<request>\n    <module>user</module>\n"
            + "    <action>getInfo</action>\n</request>\n";
        var worker = new Worker<XElement>("tcp://127.0.0.1:0") { Protocol = () => new XmlProtocol() };
        worker.OnMessage = (connection, request) =>
            connection.Send(new XElement("reply", (string?)request.Element("module") + "." + (string?)request.Element("action")));
        await using TestServer server = TestServer.Start(loopType, worker);
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            client.Send($"{Xml.Length + 10:d10}{Xml}", fragmentation);
            Assert.That(client.ReadUntil("</reply>"), Is.EqualTo("0000000037<reply>user.getInfo</reply>"), $"{fragmentation}");
        }
        using RawClient evil = server.Connect();
        Assert.That(evil.Send("not a number").ReadToEnd(), Is.Empty);
    }

    /// <summary>example, two: four bytes with the length of the whole, then JSON.</summary>
    [ManualPage("protocols/example.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [ManualPage("protocols/example.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [Test]
    public async Task JsonWithItsLengthInFourBytes()
    {
        var worker = new Worker<JsonElement>("tcp://127.0.0.1:0") { Protocol = () => new JsonInt() };
        worker.OnMessage = (connection, message) => connection.Send(message);
        await using TestServer server = TestServer.Start(loopType, worker);
        const string Message = "{\"type\":\"message\",\"content\":\"hello all\"}";
        string sent = $"\0\0\0{(char)(4 + Message.Length)}{Message}";
        foreach (Fragmentation fragmentation in Fragmentation.All)
        {
            using RawClient client = server.Connect();
            Assert.That(client.Send(sent, fragmentation).ReadExactly(sent.Length), Is.EqualTo(sent), $"{fragmentation}");
        }
    }

    /// <summary>example, three: a file with its name, in binary.</summary>
    [ManualPage("protocols/example.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [ManualPage("protocols/example.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [Test]
    public async Task FileInBinary()
    {
        using var folder = new TemporaryFolder();
        var worker = new Worker<NamedFile>("tcp://127.0.0.1:0") { Protocol = () => new BinaryTransfer() };
        worker.OnMessage = (connection, file) =>
        {
            // The name is the client's: only its last part is taken.
            string savePath = folder.PathOf(Path.GetFileName(file.Name));
            File.WriteAllBytes(savePath, file.Data);
            connection.SendRaw($"upload success. save path {savePath}");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        byte[] image = new byte[100_000];
        new Random(3).NextBytes(image);
        byte[] upload = [.. BitConverter.GetBytes(System.Net.IPAddress.HostToNetworkOrder(5 + 8 + image.Length)), 8,
            .. "logo.png"u8, .. image];
        using RawClient client = server.Connect();
        client.Send(upload, Fragmentation.AtRandom(Random.Shared.Next()));
        Assert.That(client.ReadUntil("logo.png"), Is.EqualTo($"upload success. save path {folder.PathOf("logo.png")}"));
        Assert.That(File.ReadAllBytes(folder.PathOf("logo.png")), Is.EqualTo(image));
    }

    /// <summary>example, four: the same as a line of JSON.</summary>
    [ManualPage("protocols/example.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [ManualPage("protocols/example.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [Test]
    public async Task FileInALineOfJson()
    {
        using var folder = new TemporaryFolder();
        var worker = new Worker<NamedFile>("tcp://127.0.0.1:0") { Protocol = () => new TextTransfer() };
        worker.OnMessage = (connection, file) =>
        {
            string savePath = folder.PathOf(Path.GetFileName(file.Name));
            File.WriteAllBytes(savePath, file.Data);
            connection.SendRaw($"upload success. save path {savePath}");
        };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        client.Send(JsonSerializer.Serialize(new { file_name = "logo.png", file_data = Convert.ToBase64String("picture"u8) })
            + "\n", Fragmentation.AtRandom(Random.Shared.Next()));
        Assert.That(client.ReadUntil("logo.png"), Is.EqualTo($"upload success. save path {folder.PathOf("logo.png")}"));
        Assert.That(File.ReadAllText(folder.PathOf("logo.png")), Is.EqualTo("picture"));
    }

    /// <summary>
    /// tcp-connection/protocol: PHP sets the protocol of a connection of tcp:// when it comes; here the worker makes one for
    /// each.
    /// </summary>
    [ManualPage("tcp-connection/protocol.md", Different = "the worker makes a protocol for each connection")]
    [ManualPage("worker/protocol.md", Different = "the worker makes a protocol for each connection")]
    [Test]
    public async Task ProtocolOfAConnection()
    {
        var worker = new Worker<string>("tcp://127.0.0.1:0") { Protocol = () => new TextProtocol() };
        // What is sent is packed by the protocol.
        worker.OnMessage = (connection, data) => connection.Send($"hello {data}");
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        Assert.That(client.Send("tom\n").ReadUntil("\n"), Is.EqualTo("hello tom\n"));
    }

    /// <summary>worker/construct: a protocol of the application's own, talked to with telnet.</summary>
    [ManualPage("worker/construct.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [ManualPage("worker/construct.md",
        Different = "a protocol is a class that the worker is given; its name is no scheme of addresses")]
    [Test]
    public async Task MyTextProtocolOnAWorker()
    {
        var textWorker = new Worker<string>("tcp://127.0.0.1:0") { Protocol = () => new MyTextProtocol() };
        textWorker.OnMessage = (connection, data) =>
        {
            Assert.That(data, Is.EqualTo("hi"));
            connection.Send("hello world");
        };
        await using TestServer server = TestServer.Start(loopType, textWorker);
        using RawClient telnet = server.Connect();
        Assert.That(telnet.Send("hi\r\n").ReadExactly(12), Is.EqualTo("hello world\n"));
    }

    /// <summary>about-frame: the protocol as the page writes it, and ours, understand each other.</summary>
    [ManualPage("appendices/about-frame.md")]
    [Test]
    public async Task FrameOfThePageIsTheFrameOfTheLibrary()
    {
        var worker =
            new Worker<ReadOnlyMemory<byte>>("frame://127.0.0.1:0") { OnMessage = (connection, data) => connection.Send(data) };
        await using TestServer server = TestServer.Start(loopType, worker);
        using RawClient client = server.Connect();
        byte[] body = Encoding.UTF8.GetBytes("text or binary data");
        byte[] frame = [.. BitConverter.GetBytes(System.Net.IPAddress.HostToNetworkOrder(4 + body.Length)), .. body];
        Assert.That(Encoding.Latin1.GetBytes(client.Send(frame).ReadExactly(frame.Length)), Is.EqualTo(frame));
    }
}
